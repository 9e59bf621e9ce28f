#include "plugins/support/kubernetes/watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <deque>
#include <map>
#include <set>

#include "core/base/units.h"
#include "tests/fakes/http_server.h"

namespace heald::kubernetes {
namespace {

using namespace std::chrono_literals;
using fakes::FakeReply;
using fakes::FakeRequest;
using fakes::HttpServer;
using ::testing::HasSubstr;

std::string Event(const std::string& type, const std::string& name, int version) {
  return Json{{"type", type},
              {"object",
               {{"metadata",
                 {{"name", name},
                  {"resourceVersion", std::to_string(version)},
                  {"managedFields", {{{"manager", "x"}}}}}}}}}
             .dump() +
         "\n";
}

const std::string kGone =
    R"({"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}})"
    "\n";

FakeReply Stream(const std::string& events) {
  FakeReply reply{.body = events};
  reply.keep_open = true;
  return reply;
}

FakeReply Status(int code) {
  return {.status = code, .body = Json{{"kind", "Status"}, {"code", code}}.dump()};
}

class KubernetesWatchTest : public ::testing::Test {
 protected:
  KubernetesWatchTest()
      : server_([this](const FakeRequest& request) -> FakeReply {
          const std::lock_guard lock(mutex_);
          if (request.query.find("watch=true") == std::string::npos) {
            if (request.query == "limit=1") ++probes_;
            return {.body = list_};
          }
          if (replies_.empty()) return Stream("");
          FakeReply reply = replies_.front();
          replies_.pop_front();
          return reply;
        }) {
    SetList(10, {"a", "b"});
  }
  ~KubernetesWatchTest() override { watch_.reset(); }

  void SetList(int version, const std::vector<std::string>& names) {
    Json items = Json::array();
    for (const std::string& name : names) items.push_back({{"metadata", {{"name", name}}}});
    const std::lock_guard lock(mutex_);
    list_ =
        Json{{"metadata", {{"resourceVersion", std::to_string(version)}}}, {"items", items}}.dump();
  }
  void Answer(std::deque<FakeReply> replies) {
    const std::lock_guard lock(mutex_);
    replies_ = std::move(replies);
  }
  void Start(WatchOptions options = {}) {
    Cluster cluster;
    cluster.http.url = server_.url();
    options.first_pause_ns = 2 * kMillisecond;
    options.most_pause_ns = 20 * kMillisecond;
    WatchHandlers handlers;
    handlers.listing = [this] {
      const std::lock_guard lock(mutex_);
      said_.push_back("listing");
    };
    handlers.synced = [this] {
      const std::lock_guard lock(mutex_);
      said_.push_back("synced");
    };
    handlers.object = [this](Change change, Json& object) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(object["metadata"].contains("managedFields"));
      const char* const kWords[] = {"+", "~", "-"};
      said_.push_back(kWords[static_cast<int>(change)] +
                      object["metadata"]["name"].get<std::string>());
    };
    watch_ = std::make_unique<Watch>(cluster, Ref{kPods, "prod"}, options, handlers);
    watch_->Start();
  }
  // Waits until this much was said, and returns it.
  std::vector<std::string> Said(size_t count) {
    Eventually([&] {
      const std::lock_guard lock(mutex_);
      return said_.size() >= count;
    });
    const std::lock_guard lock(mutex_);
    return said_;
  }
  template <typename Condition>
  static bool Eventually(Condition condition) {
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > until) return false;
      std::this_thread::sleep_for(2ms);
    }
    return true;
  }
  std::vector<std::string> Versions() const {
    std::vector<std::string> versions;
    for (const FakeRequest& request : server_.requests()) {
      const size_t at = request.query.find("resourceVersion=");
      if (at != std::string::npos)
        versions.push_back(request.query.substr(at + 16, request.query.find('&', at) - at - 16));
    }
    return versions;
  }

  std::mutex mutex_;
  std::string list_;               // guarded by mutex_
  std::deque<FakeReply> replies_;  // guarded by mutex_
  std::vector<std::string> said_;  // guarded by mutex_
  std::atomic<int> probes_ = 0;
  HttpServer server_;
  std::unique_ptr<Watch> watch_;
};

using Words = std::vector<std::string>;

TEST_F(KubernetesWatchTest, ListsAndThenFollows) {
  Answer(
      {Stream(Event("ADDED", "c", 11) + Event("MODIFIED", "a", 12) + Event("DELETED", "b", 13))});
  Start({.label_selector = "app=web", .field_selector = "spec.nodeName=n1", .page_size = 50});
  EXPECT_EQ(Said(7), (Words{"listing", "+a", "+b", "synced", "+c", "~a", "-b"}));
  EXPECT_EQ(watch_->lists_total(), 1u);
  EXPECT_EQ(watch_->events_total(), 3u);
  const auto requests = server_.requests();
  EXPECT_EQ(requests.at(0).query,
            "fieldSelector=spec.nodeName%3Dn1&labelSelector=app%3Dweb&limit=50");
  EXPECT_EQ(requests.at(1).query,
            "allowWatchBookmarks=true&fieldSelector=spec.nodeName%3Dn1&labelSelector=app%3Dweb&"
            "resourceVersion=10&timeoutSeconds=120&watch=true");
}

TEST_F(KubernetesWatchTest, ResumesFromTheLatestBookmark) {
  Answer({{.body = Event("ADDED", "c", 11) + Event("BOOKMARK", "", 40)},
          Stream(Event("ADDED", "d", 41))});
  Start();
  EXPECT_EQ(Said(6), (Words{"listing", "+a", "+b", "synced", "+c", "+d"}));
  EXPECT_EQ(Versions(), (Words{"10", "40"}));
  EXPECT_EQ(watch_->events_total(), 2u) << "a bookmark is no event";
}

TEST_F(KubernetesWatchTest, ListsAnewWhenItsVersionIsGone) {
  for (const FakeReply& gone : {FakeReply{.body = kGone}, Status(410)}) {
    SetList(10, {"a", "b"});
    Answer({gone, Stream(Event("ADDED", "d", 91))});
    {
      const std::lock_guard lock(mutex_);
      said_.clear();
    }
    Start();
    EXPECT_EQ(Said(9),
              (Words{"listing", "+a", "+b", "synced", "listing", "+a", "+b", "synced", "+d"}));
    EXPECT_EQ(watch_->trouble().since_ns, 0) << "it is how watches end";
    watch_.reset();
  }
}

TEST_F(KubernetesWatchTest, ListsAnewWhenItsVersionIsNotUnderstood) {
  Answer({Status(500), Stream(Event("ADDED", "c", 11))});
  Start();
  EXPECT_EQ(Said(9).back(), "+c");
  EXPECT_EQ(watch_->lists_total(), 2u);
}

TEST_F(KubernetesWatchTest, TakesEventsInPieces) {
  FakeReply pieces = Stream(Event("ADDED", "c", 11) + Event("MODIFIED", "c", 12));
  pieces.chunk_bytes = 7;
  Answer({pieces});
  Start();
  EXPECT_EQ(Said(6), (Words{"listing", "+a", "+b", "synced", "+c", "~c"}));
}

TEST_F(KubernetesWatchTest, AHalfEventIsAskedForAgain) {
  const std::string whole = Event("ADDED", "c", 11);
  FakeReply half{.body = whole + Event("ADDED", "d", 12)};
  half.cut_after_bytes = static_cast<int64_t>(whole.size()) + 20;
  Answer({half, Stream(Event("ADDED", "d", 12))});
  Start();
  EXPECT_EQ(Said(6), (Words{"listing", "+a", "+b", "synced", "+c", "+d"}));
  EXPECT_EQ(Versions(), (Words{"10", "11"}));
  EXPECT_TRUE(Eventually([&] { return watch_->trouble().since_ns == 0; }));
}

TEST_F(KubernetesWatchTest, SaysWhatIsWrongAndWhenItIsOver) {
  Answer({Stream("")});
  Start();
  Said(4);
  server_.Stop();
  EXPECT_TRUE(Eventually([&] { return watch_->trouble().since_ns != 0; }));
  EXPECT_TRUE(Eventually(
      [&] { return watch_->trouble().why.find("connection refused by") != std::string::npos; }));
  EXPECT_EQ(watch_->trouble().code, HEALD_UNAVAILABLE);
  server_.Start();
  EXPECT_TRUE(Eventually([&] { return watch_->trouble().since_ns == 0; }));
  EXPECT_GE(probes_, 1) << "an open stream says nothing";
  EXPECT_EQ(watch_->lists_total(), 1u) << "it goes on from where it was";
}

TEST_F(KubernetesWatchTest, TellsOfRightsThatAreMissing) {
  Answer({{.status = 403,
           .body = Json{{"kind", "Status"},
                        {"code", 403},
                        {"message", "User \"x\" cannot watch resource \"pods\""}}
                       .dump()}});
  Start();
  EXPECT_TRUE(Eventually([&] { return watch_->trouble().since_ns != 0 || probes_ > 0; }));
  EXPECT_TRUE(Eventually([&] { return watch_->trouble().since_ns == 0; }));
}

TEST_F(KubernetesWatchTest, GarbageIsNoEvent) {
  Answer(
      {{.body = "<html>log in</html>"}, {.body = "{\"type\":1}"}, Stream(Event("ADDED", "c", 11))});
  Start();
  EXPECT_EQ(Said(5).back(), "+c");
}

TEST_F(KubernetesWatchTest, DoesNotHammerAServerThatClosesAtOnce) {
  std::deque<FakeReply> empty(1000, FakeReply{});
  Answer(empty);
  Start();
  Said(4);
  std::this_thread::sleep_for(300ms);
  EXPECT_LT(server_.requests().size(), 60u) << "pauses grow to 20 ms";
}

TEST_F(KubernetesWatchTest, StopsAtOnce) {
  Answer({Stream("")});
  Start();
  Said(4);
  EXPECT_TRUE(server_.WaitForRequests(2, 5s));
  const auto began = std::chrono::steady_clock::now();
  watch_->Stop();
  EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
}

}  // namespace
}  // namespace heald::kubernetes
