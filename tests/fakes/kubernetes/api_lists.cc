// Lists, their pages, and the start of watches.
#include <algorithm>
#include <memory>

#include "tests/fakes/kubernetes/api.h"
#include "tests/fakes/kubernetes/selectors.h"
#include "tests/fakes/kubernetes/watch.h"

namespace heald::fakes::kubernetes {
namespace {

constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

// As continue tokens are written: base64 for URLs, without padding.
std::string Encoded(const std::string& text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    bits = (bits << 8U) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out += kDigits[(bits >> (count - 6)) & 63U];
  }
  if (count > 0) out += kDigits[(bits << (6 - count)) & 63U];
  return out;
}

std::string Decoded(const std::string& text) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const char* digit = std::find(kDigits, kDigits + 64, c);
    if (digit == kDigits + 64) return {};
    bits = (bits << 6U) | static_cast<uint32_t>(digit - kDigits);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out += static_cast<char>((bits >> count) & 255U);
  }
  return out;
}

std::string Token(int64_t version, const std::string& start) {
  return Encoded(R"({"v":"meta.k8s.io/v1","rv":)" + std::to_string(version) + R"(,"start":")" +
                 start + R"(\u0000"})");
}

// The key within what the list covers: the name, or with its namespace.
std::string KeyOf(const Json& object, bool with_space) {
  return with_space && !NamespaceOf(object).empty() ? NamespaceOf(object) + "/" + NameOf(object)
                                                    : NameOf(object);
}

int64_t ParseVersion(const std::string& text) {
  if (text.empty() || text.find_first_not_of("0123456789") == std::string::npos)
    return text.empty() ? 0 : std::stoll(text);
  Refusal refusal(
      500, StatusBody(500, "",
                      "resourceVersion: Invalid value: \"" + text +
                          "\": strconv.ParseUint: parsing \"" + text + "\": invalid syntax"));
  throw refusal;
}

}  // namespace

FakeReply Api::List(const Request& request) {
  const Resource& resource = *request.resource;
  const LabelSelector labels = LabelSelector::Parse(request.Query("labelSelector"));
  const FieldSelector fields = FieldSelector::Parse(resource, request.Query("fieldSelector"));
  Store& store = cluster_.store;
  const int64_t asked = ParseVersion(request.Query("resourceVersion"));
  if (request.Query("resourceVersionMatch") == "Exact" && asked <= store.compacted())
    throw Expired("The resourceVersion for the provided list is too old.");

  int64_t version = store.version();
  std::string start;
  std::vector<Object> objects;
  if (const std::string token = request.Query("continue"); !token.empty()) {
    const Json position = Json::parse(Decoded(token), nullptr, false);
    if (!position.is_object()) throw BadRequest("continue key is not valid: illegal base64 data");
    const int64_t from = position.value("rv", int64_t{0});
    start = position.value("start", "");
    start = start.substr(0, start.find('\0'));
    if (from >= 0) {
      if (from <= store.compacted() || from < continue_floor_)
        throw Expired(
            "The provided continue parameter is too old to display a consistent list result. You "
            "can start a new list without the continue parameter, or use the continue token in "
            "this response to retrieve the remainder of the results. Continuing with the provided "
            "token results in an inconsistent list - objects that were created, modified, or "
            "deleted between the time the first chunk was returned and now may show up in the "
            "list.",
            Token(-1, start));
      version = from;
    }
    const auto kept = store.Snapshot(resource, from);
    objects = kept ? *kept : store.List(resource, request.space);
  } else {
    objects = store.List(resource, request.space);
  }

  const bool wide = request.space.empty() && resource.namespaced;
  const std::string limit_text = request.Query("limit");
  const size_t limit = limit_text.empty() ? 0 : std::stoul(limit_text);
  const bool partial =
      request.http.Header("accept").find("as=PartialObjectMetadata") != std::string_view::npos;
  Json items = Json::array();
  Json metadata = {{"resourceVersion", std::to_string(version)}};
  size_t left = 0;
  std::string last;
  for (const Object& object : objects) {
    const std::string key = KeyOf(*object, wide);
    if (!start.empty() && key <= start) continue;
    if (!request.space.empty() && resource.namespaced && NamespaceOf(*object) != request.space)
      continue;
    if (!labels.Matches(*object) || !fields.Matches(*object)) continue;
    if (limit > 0 && items.size() == limit) {
      ++left;
      continue;
    }
    last = key;
    Json item = Shown(request, *object);
    if (!partial) {
      item.erase("kind");
      item.erase("apiVersion");
    }
    items.push_back(std::move(item));
  }
  if (left > 0) {
    metadata["continue"] = Token(version, last);
    if (labels.empty() && fields.empty()) metadata["remainingItemCount"] = left;
    store.KeepSnapshot(resource, version, objects);
  }
  return Reply(200, {{"kind", partial ? "PartialObjectMetadataList" : resource.kind + "List"},
                     {"apiVersion", partial ? "meta.k8s.io/v1" : request.ApiVersion()},
                     {"metadata", std::move(metadata)},
                     {"items", std::move(items)}});
}

FakeReply Api::StartWatch(const Request& request) {
  WatchPlan plan;
  plan.resource = request.resource;
  plan.api_version = request.ApiVersion();
  if (request.resource->namespaced) plan.space = request.space;
  plan.labels = LabelSelector::Parse(request.Query("labelSelector"));
  plan.fields = FieldSelector::Parse(*request.resource, request.Query("fieldSelector"));
  if (const int64_t from = ParseVersion(request.Query("resourceVersion")); from > 0)
    plan.from = from;
  plan.bookmarks = request.Flag("allowWatchBookmarks");
  if (const std::string timeout = request.Query("timeoutSeconds"); !timeout.empty())
    plan.timeout = std::chrono::milliseconds(
        static_cast<int64_t>(std::stod(timeout) * 1000 / cluster_.speed()));
  FakeReply reply;
  reply.headers = {{"Cache-Control", "no-cache, private"}, {"Content-Type", "application/json"}};
  reply.stream = [watch = std::make_shared<Watch>(cluster_, std::move(plan))] {
    return watch->Next();
  };
  return reply;
}

}  // namespace heald::fakes::kubernetes
