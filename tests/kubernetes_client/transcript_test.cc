// The client against the exact bytes of a real API server (1.26.5): each exchange of the
// transcripts that the client can make is made, its answer comes as it was recorded, and what the
// client sent is held against what was sent then.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <map>
#include <regex>

#include "plugins/support/kubernetes/client.h"
#include "tests/fakes/http_server.h"

namespace heald::kubernetes {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;

std::filesystem::path Folder() {
  const char* shared = std::getenv("HEALD_SHARED");  // NOLINT(concurrency-mt-unsafe)
  const std::filesystem::path root =
      shared != nullptr ? shared : std::filesystem::path(HEALD_SOURCE_DIR) / ".." / "shared";
  return root / "transcripts" / "k8s";
}

std::string Unescape(const std::string& text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

// What a query asks for, without what says only who asks and how much at once.
std::map<std::string, std::string> Query(const std::string& text) {
  std::map<std::string, std::string> query;
  std::stringstream parts(text);
  for (std::string part; std::getline(parts, part, '&');) {
    const size_t equals = part.find('=');
    query[part.substr(0, equals)] = Unescape(part.substr(equals + 1));
  }
  query.erase("fieldManager");
  query.erase("limit");
  return query;
}

struct Exchange {
  std::string file;
  std::string note;
  std::string method;
  std::string path;
  std::string query;
  std::string media_type;
  bool with_token = false;
  Json body;  // null: none; discarded: not JSON
  int status = 0;
  std::string raw;  // the answer's bytes
  std::string answer;
  bool made = false;
  std::string Shown() const { return file + ": " + method + " " + path + "?" + query + " " + note; }
};

std::string RawAnswer(const Json& exchange, std::string* body) {
  std::string raw = exchange["status_line"].get<std::string>() + "\r\n";
  *body = exchange["response_body"];
  bool chunked = false;
  for (const Json& header : exchange["response_headers"]) {
    const std::string name = header[0];
    chunked = chunked || name == "Transfer-Encoding";
    raw += name + ": " + header[1].get<std::string>() + "\r\n";
  }
  raw += "\r\n";
  static const std::regex framed("^[0-9a-f]+\r\n\\{");
  if (!chunked || std::regex_search(*body, framed)) return raw + *body;
  std::stringstream size;
  size << std::hex << body->size();
  return raw + (body->empty() ? "" : size.str() + "\r\n" + *body + "\r\n") + "0\r\n\r\n";
}

std::list<Exchange> Load(const std::filesystem::path& path) {
  std::list<Exchange> exchanges;
  std::ifstream file(path);
  const Json scenario = Json::parse(file);
  for (const Json& one : scenario["exchanges"]) {
    Exchange& exchange = exchanges.emplace_back();
    exchange.file = path.filename();
    exchange.note = one["note"];
    exchange.method = one["method"];
    exchange.path = one["path"];
    exchange.query = one["query"];
    const Json& headers = one["request_headers"];
    exchange.media_type = headers.value("Content-Type", "");
    exchange.with_token = headers.contains("Authorization");
    if (one["request_body"].is_string())
      exchange.body = Json::parse(one["request_body"].get<std::string>(), nullptr, false);
    exchange.status = one["status"];
    exchange.raw = RawAnswer(one, &exchange.answer);
  }
  return exchanges;
}

// The path taken apart; texts live in `texts`. False: nothing that a Ref can name.
bool RefOf(const std::string& path, std::list<std::string>* texts, Ref* ref) {
  static const std::regex form(
      "/(?:api|apis/([a-z0-9.]+))/(v[a-z0-9]+)(?:/namespaces/([^/]+))?/([a-z]+)(?:/([^/]+))?"
      "(?:/([a-z]+))?");
  std::smatch part;
  if (!std::regex_match(path, part, form)) return false;
  const auto keep = [&](size_t i) -> std::string_view { return texts->emplace_back(part[i]); };
  ref->resource = {keep(1), keep(2), keep(4), keep(4), part[3].matched};
  ref->name_space = part[3];
  ref->name = part[5];
  ref->subresource = part[6];
  return true;
}

DeleteOptions OptionsOf(const Json& body, bool dry_run) {
  DeleteOptions options{.dry_run = dry_run};
  if (!body.is_object()) return options;
  if (body.contains("preconditions")) options.uid = body["preconditions"].value("uid", "");
  if (body.contains("gracePeriodSeconds"))
    options.grace_period_s = body["gracePeriodSeconds"].get<int64_t>();
  return options;
}

// Makes the call. False: nothing that the client would ever send.
bool Make(Client& client, const Exchange& exchange, Json* answer) {
  std::list<std::string> texts;
  Ref ref{kPods};
  auto query = Query(exchange.query);
  const bool dry_run = query["dryRun"] == "All";
  if (exchange.path == "/version") {
    *answer = {{"gitVersion", client.Version()}};
    return true;
  }
  if (!RefOf(exchange.path, &texts, &ref) || exchange.body.is_discarded() ||
      query.contains("watch") || query.contains("fieldValidation") || query["dryRun"] == "Some" ||
      query.contains("resourceVersionMatch") || query.contains("continue"))
    return false;
  if (exchange.method == "GET") {
    if (ref.subresource == "log") return false;
    if (!ref.name.empty()) {
      *answer = client.Get(ref);
      return true;
    }
    *answer = Json::array();
    client.ForEach(ref, {query["labelSelector"], query["fieldSelector"], 2},
                   [&](Json&& item) { answer->push_back(std::move(item)); });
    return true;
  }
  if (exchange.method == "DELETE") {
    *answer = client.Delete(ref, OptionsOf(exchange.body, dry_run));
  } else if (exchange.method == "PUT") {
    *answer = client.Replace(ref, exchange.body, {dry_run});
  } else if (exchange.method == "PATCH") {
    if (exchange.media_type == "application/json-patch+json")
      *answer = client.Patch(ref, PatchType::kJson, exchange.body, {dry_run});
    else if (exchange.media_type == "application/merge-patch+json")
      *answer = client.Patch(ref, PatchType::kMerge, exchange.body, {dry_run});
    else if (exchange.media_type == "application/strategic-merge-patch+json")
      *answer = client.Patch(ref, PatchType::kStrategic, exchange.body, {dry_run});
    else
      return false;
  } else if (ref.subresource == "eviction") {
    if (exchange.body["apiVersion"] != "policy/v1" || exchange.body["metadata"]["name"] != ref.name)
      return false;
    ref.subresource.clear();
    client.Evict(ref, OptionsOf(exchange.body.value("deleteOptions", Json()), dry_run));
    *answer = Json::parse(exchange.answer);
  } else {
    *answer = client.Create(ref, exchange.body, {dry_run});
  }
  return true;
}

int32_t CodeOf(const Exchange& exchange) {
  switch (exchange.status) {
    case 401:
    case 403:
      return HEALD_DENIED;
    case 404:
      return HEALD_NOT_FOUND;
    case 405:
      return HEALD_UNSUPPORTED;
    case 409:
      return HEALD_CONFLICT;
    case 400:
    case 415:
      return HEALD_INVALID;
    case 422:
      // The `test` of a JSON patch.
      return exchange.body.is_array() && exchange.body[0]["op"] == "test" ? HEALD_CONFLICT
                                                                          : HEALD_INVALID;
    default:
      return HEALD_UNAVAILABLE;
  }
}

void ExpectAnswer(const Exchange& exchange, const Json& answer) {
  const Json wanted = Json::parse(exchange.answer);
  if (exchange.path == "/version") {
    EXPECT_EQ(answer["gitVersion"], wanted["gitVersion"]);
  } else if (!wanted.contains("items")) {
    EXPECT_EQ(answer, wanted);
  } else {
    ASSERT_EQ(answer.size() >= wanted["items"].size(), true);
    for (size_t i = 0; i < wanted["items"].size(); ++i) {
      Json item = wanted["items"][i];
      item["metadata"].erase("managedFields");
      EXPECT_EQ(answer[i], item);
    }
  }
}

TEST(KubernetesTranscriptTest, EveryExchangeThatTheClientMakes) {
  if (!std::filesystem::exists(Folder()))
    GTEST_SKIP() << "no transcripts at " << Folder() << ": set HEALD_SHARED";
  size_t made = 0;
  for (const auto& entry : std::filesystem::directory_iterator(Folder())) {
    std::list<Exchange> exchanges = Load(entry.path());
    Exchange* current = nullptr;
    std::string sent;
    HttpServer server([&](const FakeRequest& request) -> FakeReply {
      // The following pages of a list are exchanges of their own.
      for (Exchange& exchange : exchanges) {
        const bool fits =
            current == &exchange || request.query.find("continue=") != std::string::npos;
        if (!fits || exchange.method != request.method || exchange.path != request.path ||
            Query(exchange.query) != Query(request.query))
          continue;
        exchange.made = true;
        return {.raw = exchange.raw};
      }
      if (request.query.find("continue=") != std::string::npos)
        return {.body = R"({"metadata":{"resourceVersion":"1"},"items":[]})"};
      sent = request.method + " " + request.path + "?" + request.query;
      return {.status = 400};
    });
    for (Exchange& exchange : exchanges) {
      SCOPED_TRACE(exchange.Shown());
      current = &exchange;
      sent.clear();
      Cluster cluster;
      cluster.http.url = server.url();
      if (exchange.with_token) cluster.http.bearer_token = "agent";
      Client client(cluster);
      const size_t before = server.requests().size();
      Json answer;
      try {
        if (!Make(client, exchange, &answer)) continue;
        ASSERT_TRUE(exchange.made) << "sent instead: " << sent;
        ASSERT_LT(exchange.status, 300);
        ExpectAnswer(exchange, answer);
      } catch (const ApiError& error) {
        ASSERT_TRUE(exchange.made) << error.what() << "; sent instead: " << sent;
        // A list of which a later page is gone.
        if (exchange.status < 300) {
          EXPECT_TRUE(error.Gone() && exchange.file == "14-gone.json") << error.what();
          continue;
        }
        const Json said = Json::parse(exchange.answer, nullptr, false);
        EXPECT_EQ(error.status().code, exchange.status) << error.what();
        EXPECT_EQ(error.code(), CodeOf(exchange)) << error.what();
        if (said.is_object()) {
          EXPECT_EQ(error.status().reason, said.value("reason", ""));
        }
        // A token that is just being rotated is refused for a moment.
        EXPECT_EQ(error.retryable(),
                  exchange.status == 401 || exchange.status == 429 || exchange.status >= 500);
      }
      ++made;
      const std::vector<FakeRequest> requests = server.requests();
      ASSERT_GT(requests.size(), before);
      const FakeRequest& request = requests[before];
      EXPECT_EQ(request.Header("authorization"), exchange.with_token ? "Bearer agent" : "");
      EXPECT_EQ(request.Header("accept"), "application/json");
      EXPECT_EQ(request.Header("content-type"), exchange.media_type);
      if (exchange.body.is_null()) {
        EXPECT_EQ(request.body, "");
      } else {
        EXPECT_EQ(Json::parse(request.body), exchange.body);
      }
      // Nothing that a server refuses is asked twice.
      if (exchange.status >= 400) {
        EXPECT_EQ(requests.size(), before + 1);
      }
    }
  }
  EXPECT_GE(made, 110u);
}

}  // namespace
}  // namespace heald::kubernetes
