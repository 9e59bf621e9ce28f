#include "plugins/support/kubernetes/event_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "core/base/units.h"
#include "tests/fakes/http_server.h"

namespace heald::kubernetes {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using ::testing::HasSubstr;

constexpr int64_t kNow = 1'763'800'000 * kSecond;  // 2025-11-22T08:26:40Z

class KubernetesEventTest : public ::testing::Test {
 protected:
  KubernetesEventTest()
      : server_([this](const FakeRequest& request) -> FakeReply {
          if (request.method != "PATCH" || !gone_) return {.body = "{}"};
          return {.status = 404,
                  .body = R"({"kind":"Status","code":404,"details":{"name":"web.1"}})"};
        }),
        client_([this] {
          Cluster cluster;
          cluster.http.url = server_.url();
          return cluster;
        }()) {}
  std::optional<std::string> Write(const std::string& message, int64_t now_ns = kNow) {
    return writer_.Write(client_,
                         {.target = target_,
                          .reason = "HealdRestarted",
                          .action = "rolling_restart",
                          .message = message},
                         now_ns);
  }
  Json Body(size_t i) const { return Json::parse(server_.requests().at(i).body); }

  const Json target_{{"kind", "Deployment"},
                     {"apiVersion", "apps/v1"},
                     {"metadata",
                      {{"name", "web"},
                       {"namespace", "prod"},
                       {"uid", "u-1"},
                       {"resourceVersion", "644"},
                       {"labels", {{"a", "b"}}}}}};
  std::atomic<bool> gone_ = false;
  HttpServer server_;
  Client client_;
  EventWriter writer_{"heald-0"};
};

TEST_F(KubernetesEventTest, WritesWhatKubectlShows) {
  EXPECT_EQ(Write("restarted web: error rate 12 %"), std::nullopt);
  ASSERT_EQ(server_.requests().size(), 1u);
  EXPECT_EQ(server_.requests()[0].path, "/api/v1/namespaces/prod/events");
  Json body = Body(0);
  EXPECT_THAT(body["metadata"]["name"].get<std::string>(), ::testing::StartsWith("web."));
  body["metadata"].erase("name");
  EXPECT_EQ(body, (Json{{"apiVersion", "v1"},
                        {"kind", "Event"},
                        {"metadata", {{"namespace", "prod"}}},
                        {"involvedObject",
                         {{"kind", "Deployment"},
                          {"apiVersion", "apps/v1"},
                          {"name", "web"},
                          {"namespace", "prod"},
                          {"uid", "u-1"},
                          {"resourceVersion", "644"}}},
                        {"reason", "HealdRestarted"},
                        {"action", "rolling_restart"},
                        {"message", "restarted web: error rate 12 %"},
                        {"type", "Normal"},
                        {"source", {{"component", "heald"}}},
                        {"reportingComponent", "heald"},
                        {"reportingInstance", "heald-0"},
                        {"firstTimestamp", "2025-11-22T08:26:40Z"},
                        {"lastTimestamp", "2025-11-22T08:26:40Z"},
                        {"count", 1}}));
}

TEST_F(KubernetesEventTest, TheSameAgainIsCountedUp) {
  EXPECT_EQ(Write("same"), std::nullopt);
  EXPECT_EQ(Write("same", kNow + 60 * kSecond), std::nullopt);
  EXPECT_EQ(Write("same", kNow + 90 * kSecond), std::nullopt);
  EXPECT_EQ(Write("another", kNow + 90 * kSecond), std::nullopt);
  EXPECT_EQ(Write("same", kNow + 3600 * kSecond), std::nullopt);
  const auto requests = server_.requests();
  ASSERT_EQ(requests.size(), 5u);
  const std::string name = Body(0)["metadata"]["name"];
  EXPECT_EQ(requests[2].path, "/api/v1/namespaces/prod/events/" + name);
  EXPECT_EQ(Body(2), (Json{{"count", 3}, {"lastTimestamp", "2025-11-22T08:28:10Z"}}));
  EXPECT_EQ(requests[3].method, "POST");
  EXPECT_EQ(requests[4].method, "POST") << "an hour later it is news";
}

TEST_F(KubernetesEventTest, WhatTheServerForgotIsWrittenAnew) {
  EXPECT_EQ(Write("same"), std::nullopt);
  gone_ = true;
  EXPECT_EQ(Write("same", kNow + kSecond), std::nullopt);
  EXPECT_EQ(server_.requests().back().method, "POST");
  EXPECT_EQ(Body(2)["count"], 1);
}

TEST_F(KubernetesEventTest, NodesEventsAreWhereKubectlLooks) {
  const Json node{{"metadata", {{"name", "node-1"}, {"uid", "u-2"}}}};
  writer_.Write(client_, {.target = node, .resource = &kNodes, .reason = "HealdCordoned"}, kNow);
  EXPECT_EQ(server_.requests().at(0).path, "/api/v1/namespaces/default/events");
  EXPECT_EQ(Body(0)["involvedObject"],
            (Json{{"kind", "Node"}, {"apiVersion", "v1"}, {"name", "node-1"}, {"uid", "u-2"}}));
}

TEST_F(KubernetesEventTest, LongWordsAreCutAtACharacter) {
  std::string text = "x";
  for (int i = 0; i < 1000; ++i) text += "é";
  EXPECT_EQ(Write(text), std::nullopt);
  const std::string sent = Body(0)["message"];
  EXPECT_LE(sent.size(), 1024u);
  EXPECT_TRUE(sent.ends_with("é…"));
}

TEST_F(KubernetesEventTest, NeverStopsARepair) {
  server_.Stop();
  client_.SetTimeout(50'000'000);
  const auto why = Write("web");
  ASSERT_TRUE(why.has_value());
  EXPECT_THAT(*why, HasSubstr("can't create events in prod: connection refused"));
}

}  // namespace
}  // namespace heald::kubernetes
