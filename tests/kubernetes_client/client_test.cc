// What the client does by itself: sends again, gives up, meets others who write too.
#include "plugins/support/kubernetes/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <deque>
#include <thread>

#include "core/base/units.h"
#include "tests/fakes/http_server.h"

namespace heald::kubernetes {
namespace {

using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using ::testing::HasSubstr;

FakeReply Refusal(int code, const std::string& reason, const Json& details = Json::object(),
                  const char* retry_after = nullptr) {
  FakeReply reply{.status = code};
  reply.body = Json{
      {"kind", "Status"},
      {"code", code},
      {"reason", reason},
      {"message", reason},
      {"details",
       details}}.dump();
  if (retry_after != nullptr) reply.headers.emplace_back("Retry-After", retry_after);
  return reply;
}

FakeReply Object(const std::string& name, const std::string& version = "1") {
  return {.body = Json{{"metadata", {{"name", name}, {"resourceVersion", version}}}}.dump()};
}

class KubernetesClientTest : public ::testing::Test {
 protected:
  KubernetesClientTest()
      : server_([this](const FakeRequest&) {
          const std::lock_guard lock(mutex_);
          if (replies_.empty()) return Object("web");
          FakeReply reply = replies_.front();
          replies_.pop_front();
          return reply;
        }) {
    cluster_.http.url = server_.url();
    cluster_.http.timeout = sdk::Seconds(5);
  }
  void Answer(std::deque<FakeReply> replies) {
    const std::lock_guard lock(mutex_);
    replies_ = std::move(replies);
  }
  template <typename Call>
  static ApiError Failing(Call call) {
    try {
      call();
    } catch (const ApiError& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return ApiError(0, "", {});
  }

  std::mutex mutex_;
  std::deque<FakeReply> replies_;  // guarded by mutex_
  HttpServer server_;
  Cluster cluster_;
};

TEST_F(KubernetesClientTest, KeepsItsConnection) {
  Client client(cluster_);
  for (int i = 0; i < 20; ++i) client.Get({kPods, "prod", "web"});
  client.Patch({kPods, "prod", "web"}, PatchType::kMerge, {{"metadata", {{"labels", {}}}}});
  client.Evict({kPods, "prod", "web"}, {.uid = "u"});
  EXPECT_EQ(server_.connection_count(), 1u);
}

TEST_F(KubernetesClientTest, SendsReadsAgain) {
  Answer({Refusal(503, "ServiceUnavailable"), {.reset = true}, Refusal(429, "TooManyRequests")});
  Client client(cluster_);
  EXPECT_EQ(client.Get({kPods, "prod", "web"})["metadata"]["name"], "web");
  EXPECT_EQ(server_.requests().size(), 4u);
}

TEST_F(KubernetesClientTest, WaitsAsLongAsTheServerWishes) {
  Answer({Refusal(429, "TooManyRequests", {}, "1")});
  Client client(cluster_);
  const auto began = std::chrono::steady_clock::now();
  client.Create({kPods, "prod"}, Json::object());
  EXPECT_GE(std::chrono::steady_clock::now() - began, std::chrono::seconds(1));
}

TEST_F(KubernetesClientTest, DoesNotWaitBeyondItsTime) {
  Answer({Refusal(429, "TooManyRequests", {}, "30")});
  Client client(cluster_);
  const ApiError error = Failing([&] { client.Get({kPods, "prod", "web"}); });
  EXPECT_TRUE(error.Throttled());
  EXPECT_EQ(error.retry_after_ns(), 30'000 * kMillisecond);
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(KubernetesClientTest, CreatesOnlyOnce) {
  Answer({Refusal(503, "ServiceUnavailable")});
  Client client(cluster_);
  EXPECT_TRUE(Failing([&] { client.Create({kPods, "prod"}, Json::object()); }).retryable());
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(KubernetesClientTest, DeletesAgainOnlyWhatIsMeant) {
  Answer({{.close_silently = true}});
  Client client(cluster_);
  EXPECT_EQ(Failing([&] { client.Delete({kPods, "prod", "db-0"}); }).status().code, 0);
  EXPECT_EQ(server_.requests().size(), 1u) << "its successor has the same name";
  Answer({{.close_silently = true}});
  client.Delete({kPods, "prod", "db-0"}, {.uid = "u", .resource_version = "7"});
  ASSERT_EQ(server_.requests().size(), 3u);
  EXPECT_EQ(Json::parse(server_.requests()[2].body)["preconditions"],
            (Json{{"uid", "u"}, {"resourceVersion", "7"}}));
}

TEST_F(KubernetesClientTest, AsksABudgetOnce) {
  Answer({Refusal(429, "TooManyRequests", {{"causes", {{{"reason", "DisruptionBudget"}}}}})});
  Client client(cluster_);
  EXPECT_TRUE(Failing([&] {
                client.Evict({kPods, "prod", "web"}, {.uid = "u"});
              }).DisruptionBudget());
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(KubernetesClientTest, EditsAnewWhenSomebodyElseWrote) {
  Answer({Object("web", "7"), Refusal(409, "Conflict"), Object("web", "8"), Object("web", "9")});
  Client client(cluster_);
  std::vector<std::string> seen;
  const Json after = client.Edit({kDeployments, "prod", "web"}, PatchType::kStrategic,
                                 [&](const Json& object) -> std::optional<Json> {
                                   seen.push_back(object["metadata"]["resourceVersion"]);
                                   return Json{{"spec", {{"replicas", 3}}}};
                                 });
  EXPECT_EQ(seen, (std::vector<std::string>{"7", "8"}));
  EXPECT_EQ(after["metadata"]["resourceVersion"], "9");
  EXPECT_EQ(Json::parse(server_.requests()[3].body),
            (Json{{"spec", {{"replicas", 3}}}, {"metadata", {{"resourceVersion", "8"}}}}));
}

TEST_F(KubernetesClientTest, EditsWithAJsonPatchTestTheVersion) {
  Answer({Object("web", "7"), Refusal(422, "Invalid"), Object("web", "8"), Object("web", "9")});
  Client client(cluster_);
  client.Edit({kDeployments, "prod", "web"}, PatchType::kJson,
              [](const Json&) -> std::optional<Json> {
                return Json::array({{{"op", "remove"}, {"path", "/spec/paused"}}});
              });
  EXPECT_EQ(Json::parse(server_.requests()[3].body)[0],
            (Json{{"op", "test"}, {"path", "/metadata/resourceVersion"}, {"value", "8"}}));
}

TEST_F(KubernetesClientTest, EditsNothingWhereNothingIsToDo) {
  Client client(cluster_);
  client.Edit({kDeployments, "prod", "web"}, PatchType::kMerge,
              [](const Json&) { return std::nullopt; });
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(KubernetesClientTest, GivesUpEditingInTheEnd) {
  Answer({Object("web"), Refusal(409, "Conflict"), Object("web"), Refusal(409, "Conflict")});
  Client client(cluster_);
  EXPECT_TRUE(Failing([&] {
                client.Edit(
                    {kDeployments, "prod", "web"}, PatchType::kMerge,
                    [](const Json&) -> std::optional<Json> { return Json::object(); }, {}, 2);
              }).Conflict());
}

TEST_F(KubernetesClientTest, FindsNothingWithoutAnError) {
  Answer({Refusal(404, "NotFound", {{"name", "web"}})});
  Client client(cluster_);
  EXPECT_EQ(client.Find({kPods, "prod", "web"}), std::nullopt);
}

TEST_F(KubernetesClientTest, ListsPageByPage) {
  const auto page = [](const std::string& name, const std::string& next) -> FakeReply {
    return {.body = Json{{"metadata", {{"resourceVersion", "5"}, {"continue", next}}},
                         {"items", {{{"metadata", {{"name", name}, {"managedFields", {1}}}}}}}}
                        .dump()};
  };
  Answer({Refusal(503, ""), page("a", "t+1"), Refusal(503, ""), page("b", "")});
  Client client(cluster_);
  std::vector<std::string> names;
  const std::string version =
      client.ForEach({kPods}, {.label_selector = "a in (b,c)", .page_size = 1}, [&](Json&& item) {
        names.push_back(item["metadata"]["name"]);
        EXPECT_FALSE(item["metadata"].contains("managedFields"));
      });
  EXPECT_EQ(version, "5");
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(server_.requests()[3].query,
            "labelSelector=a%20in%20%28b%2Cc%29&limit=1&continue=t%2B1");
}

TEST_F(KubernetesClientTest, ABrokenListIsNotOneThatIsShort) {
  FakeReply cut{.body = R"({"metadata":{"resourceVersion":"5"},"items":[{"a":1},{"b":2}]})"};
  cut.cut_after_bytes = 55;
  Answer({cut});
  Client client(cluster_);
  size_t items = 0;
  EXPECT_EQ(Failing([&] { client.ForEach({kPods}, {}, [&](Json&&) { ++items; }); }).fault(),
            support::HttpFault::kBroken);
  EXPECT_EQ(items, 1u);
  EXPECT_EQ(server_.requests().size(), 1u) << "items that were handed over can't be taken back";
  // Whole for HTTP, but not for the API.
  Answer({{.body = R"({"metadata":{"resourceVersion":"5"},"items":[{"a":1},{"b")"}});
  EXPECT_THAT(Failing([&] { client.List({kPods}); }).what(),
              ::testing::AllOf(HasSubstr("the list broke off; whole items that came: 1"),
                               ::testing::Not(HasSubstr("API server's address"))));
}

TEST_F(KubernetesClientTest, WhatIsNoListIsNotTakenForAnEmptyOne) {
  Client client(cluster_);
  for (const char* body :
       {"<html>log in</html>", "", R"({"kind":"PodList","metadata":{},"items":{"a":1}})",
        R"({"kind":"Pod","metadata":{"name":"web"}})", R"({"metadata":{},"items":"none"})"}) {
    Answer({{.body = body}});
    EXPECT_THAT(Failing([&] { client.List({kPods}); }).what(),
                HasSubstr("is this the API server's address?"))
        << body;
  }
  Answer({{.body = R"({"metadata":{},"items":null})"}});
  EXPECT_TRUE(client.List({kPods}).empty());
}

TEST_F(KubernetesClientTest, WhatAReaderThrowsComesOutOfTheCall) {
  Answer({{.body = R"({"metadata":{},"items":[{"a":1}]})"}});
  Client client(cluster_);
  EXPECT_THROW(client.ForEach({kPods}, {}, [](Json&&) { throw std::out_of_range("no"); }),
               std::out_of_range);
  EXPECT_EQ(client.Get({kPods, "prod", "web"})["metadata"]["name"], "web");
}

TEST_F(KubernetesClientTest, AsksWhatItMayDo) {
  Answer({{.body = R"({"status":{"allowed":true}})"}, {.body = R"({"status":{"allowed":false}})"}});
  Client client(cluster_);
  const Ref evictions{kPods, "prod", "", "eviction"};
  EXPECT_EQ(client.MayNot("create", evictions), std::nullopt);
  EXPECT_EQ(
      client.MayNot("create", evictions),
      "may not create pods/eviction in prod: add to a Role in namespace prod of heald's user: "
      "- {apiGroups: [\"\"], resources: [\"pods/eviction\"], verbs: [\"create\"]}");
  EXPECT_EQ(Json::parse(server_.requests()[0].body)["spec"]["resourceAttributes"],
            (Json{{"group", ""},
                  {"namespace", "prod"},
                  {"resource", "pods"},
                  {"subresource", "eviction"},
                  {"verb", "create"}}));
}

TEST_F(KubernetesClientTest, EndsWhenItIsCancelled) {
  FakeReply slow = Object("web");
  slow.delay = std::chrono::seconds(20);
  Answer({slow});
  Client client(cluster_);
  std::thread other([&] {
    server_.WaitForRequests(1, std::chrono::seconds(5));
    client.Cancel();
  });
  EXPECT_EQ(Failing([&] { client.Get({kPods, "prod", "web"}); }).code(), HEALD_CANCELLED);
  other.join();
}

TEST_F(KubernetesClientTest, KeepsToItsDeadline) {
  FakeReply slow = Object("web");
  slow.delay = std::chrono::seconds(20);
  Answer({slow});
  Client client(cluster_);
  client.SetTimeout(100 * kMillisecond);
  const ApiError error = Failing([&] { client.Get({kPods, "prod", "web"}); });
  EXPECT_EQ(error.code(), HEALD_DEADLINE);
  EXPECT_TRUE(error.retryable());
}

}  // namespace
}  // namespace heald::kubernetes
