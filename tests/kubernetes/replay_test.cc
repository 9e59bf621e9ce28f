// The test server against a real one: every recorded exchange is played again, in order, and each
// answer compared with the real one's.
#include <gtest/gtest.h>

#include <algorithm>
#include <iostream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "tests/fakes/kubernetes/server.h"
#include "tests/kubernetes/transcripts.h"

namespace heald::kubernetes_test {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::KubernetesOptions;
using fakes::KubernetesServer;

// What is compared less closely, and why.
Leniency LeniencyOf(const Exchange& exchange) {
  Leniency leniency;
  leniency.status = exchange.poll || exchange.where == "08-scale 8";  // not yet scaled down
  // Which pods are on a node, which events and kinds there are, is another cluster's affair.
  leniency.items = exchange.query.find("spec.nodeName") != std::string::npos ||
                   exchange.where == "13-events 4" || exchange.path == "/apis" ||
                   exchange.path == "/api/v1" || exchange.path == "/apis/apps/v1" ||
                   exchange.where == "11-auth 8";
  return leniency;
}

// Who owns which field decides a server-side apply; nothing here does one.
bool LeftOut(const Exchange& exchange) {
  return exchange.where == "12-bad-patches 15";
}

// The events of a watch as it was recorded, with or without the framing of its chunks.
std::vector<Json> EventsOf(const std::string& stream) {
  std::vector<Json> events;
  std::istringstream lines(stream);
  for (std::string line; std::getline(lines, line);)
    if (!line.empty() && line[0] == '{') events.push_back(Json::parse(line));
  return events;
}

class Replay {
 public:
  Replay() : server_(Options()) {
    server_.UseRbac();
    server_.SetReadyDelay(std::chrono::milliseconds(300));
  }

  // The differences of one exchange, after the time that passed before it.
  std::vector<std::string> Play(const Exchange& exchange) {
    // Within one second the controllers act between two exchanges as well, mostly.
    server_.Advance(exchange.at_s > last_s_ && last_s_ != 0
                        ? std::chrono::seconds(exchange.at_s - last_s_)
                        : std::chrono::milliseconds(200));
    last_s_ = std::max(last_s_, exchange.at_s);
    if (exchange.where == "14-gone 1") server_.Compact();  // as etcd was, by hand
    const FakeReply reply = server_.Ask(Request(exchange));
    std::vector<std::string> differences;
    if (reply.status != exchange.status)
      differences.push_back("status: is " + std::to_string(reply.status) + " " + reply.body +
                            ", was " + std::to_string(exchange.status));
    const Json recorded = Json::parse(exchange.reply, nullptr, false);
    if (reply.stream) {
      Follow(exchange, reply, differences);
    } else if (!recorded.is_discarded()) {
      const Json ours = Json::parse(reply.body, nullptr, false);
      Learn(recorded, ours);
      for (const std::string& line :
           Differences(names_.Translate(recorded), ours, LeniencyOf(exchange)))
        differences.push_back(line);
    } else if (exchange.reply != reply.body) {
      differences.push_back("body: is " + reply.body + ", was " + exchange.reply);
    }
    return differences;
  }

 private:
  static KubernetesOptions Options() {
    KubernetesOptions options;
    options.manual = true;
    options.speed = 100;  // for the time-outs of watches
    return options;
  }

  // Twice: a list's pods are told apart by the names of what owns them.
  void Learn(const Json& recorded, const Json& ours) {
    for (int i = 0; i < 2; ++i) names_.Learn(recorded, ours);
    const auto at = "/metadata/resourceVersion"_json_pointer;
    if (recorded.contains(at) && ours.contains(at))
      versions_[recorded.at(at).get<std::string>()] = ours.at(at).get<std::string>();
  }

  FakeRequest Request(const Exchange& exchange) {
    FakeRequest request;
    request.method = exchange.method;
    request.path = names_.Translate(exchange.path);
    request.query = names_.Translate(exchange.query);
    request.headers = {{"accept", exchange.accept}, {"user-agent", "curl/8"}};
    if (!exchange.token.empty())
      request.headers.emplace_back("authorization", "Bearer " + exchange.token);
    if (!exchange.content_type.empty())
      request.headers.emplace_back("content-type", exchange.content_type);
    request.body = names_.Translate(exchange.body);
    Json body = Json::parse(request.body, nullptr, false);
    const auto at = "/metadata/resourceVersion"_json_pointer;
    if (body.is_object() && body.contains(at)) {
      if (const auto known = versions_.find(body.at(at).get<std::string>());
          known != versions_.end())
        body[at] = known->second;
      request.body = body.dump();
    }
    static const std::string kVersion = "resourceVersion=";
    if (const size_t from = request.query.find(kVersion); from != std::string::npos) {
      const size_t digits = from + kVersion.size();
      const size_t end = std::min(request.query.find('&', digits), request.query.size());
      if (const auto known = versions_.find(request.query.substr(digits, end - digits));
          known != versions_.end())
        request.query.replace(digits, end - digits, known->second);
    }
    return request;
  }

  // A watch, to its end: as the clock goes on, every kind of event that was recorded must come.
  void Follow(const Exchange& exchange, const FakeReply& reply,
              std::vector<std::string>& differences) {
    std::string stream;
    while (const auto piece = reply.stream()) {
      stream += *piece;
      if (piece->empty()) server_.Advance(std::chrono::milliseconds(500));
    }
    const std::vector<Json> ours = EventsOf(stream);
    if (exchange.where.rfind("14-gone", 0) == 0) {
      // The real server still remembered; one that doesn't answers so (README of the recordings).
      if (ours.size() != 1 || ours[0]["type"] != "ERROR" || ours[0]["object"]["code"] != 410)
        differences.push_back("stream: is " + stream + ", is to be one ERROR of 410");
      return;
    }
    for (const Json& event : EventsOf(exchange.reply)) {
      const auto same = std::find_if(ours.begin(), ours.end(), [&](const Json& other) {
        return other["type"] == event["type"];
      });
      if (same == ours.end()) {
        differences.push_back("stream: no " + event["type"].get<std::string>() + " came");
        continue;
      }
      if (event["type"] == "BOOKMARK") {
        for (const std::string& line : Differences(event["object"], (*same)["object"], {}))
          differences.push_back("bookmark " + line);
      } else if ((*same)["object"]["kind"] != event["object"]["kind"] ||
                 (*same)["object"]["apiVersion"] != event["object"]["apiVersion"]) {
        differences.push_back("stream: is of " + (*same)["object"]["kind"].dump());
      }
    }
  }

  KubernetesServer server_;
  Names names_;
  std::map<std::string, std::string> versions_;
  int64_t last_s_ = 0;
};

TEST(KubernetesReplayTest, AnswersAsTheRecordedServer) {
  std::string folder = SharedFolder();
  if (folder.empty()) {
    folder = std::string(HEALD_SOURCE_DIR) + "/tests/data/kubernetes";
    std::cout << "no ../shared/transcripts (or $HEALD_SHARED): a few recorded exchanges stand in\n";
  } else {
    folder += "/transcripts/k8s";
  }
  Replay replay;
  size_t played = 0;
  for (const Exchange& exchange : ReadTranscripts(folder)) {
    if (LeftOut(exchange)) continue;
    ++played;
    std::string text;
    for (const std::string& line : replay.Play(exchange)) text += "\n  " + line;
    EXPECT_TRUE(text.empty()) << exchange.where << " " << exchange.method << " " << exchange.path
                              << " " << exchange.note << text;
  }
  EXPECT_GT(played, 20U);
}

}  // namespace
}  // namespace heald::kubernetes_test
