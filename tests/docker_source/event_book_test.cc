#include "plugins/sources/docker/event_book.h"

#include <gtest/gtest.h>

#include "tests/docker_source/harness.h"

namespace heald::docker {
namespace {

constexpr int64_t kNow = 1'795'294'950 * kSecond;

class DockerEventBookTest : public ::testing::Test {
 protected:
  bool Tell(double second, const std::string& action, int64_t exit_code = -1,
            const std::string& signal = "") {
    Event event;
    event.ts_ns = kNow + static_cast<int64_t>(second * kSecond);
    event.id = "3f2a";
    event.name = "payments";
    event.action = action;
    event.exit_code = exit_code;
    event.signal = signal;
    return book_.Take(event);
  }
  EventBook::Counts Counts(double second = 60) {
    return book_.CountsOf("payments", kNow + static_cast<int64_t>(second * kSecond));
  }
  EventBook book_{600 * kSecond};
};

TEST_F(DockerEventBookTest, AnEndWithAnErrorIsACrashAndWhatFollowsARestart) {
  Tell(1, "start");
  Tell(5, "die", 3);
  Tell(5.2, "start");
  EXPECT_EQ(Counts().crashes, 1u);
  EXPECT_EQ(Counts().restarts, 1u);
}

TEST_F(DockerEventBookTest, WhatSomeoneAskedForIsNoCrash) {
  Tell(1, "start");
  Tell(5, "kill", -1, "15");
  Tell(15, "kill", -1, "9");
  Tell(15.1, "die", 137);
  Tell(15.2, "stop");
  Tell(15.5, "start");
  EXPECT_EQ(Counts().crashes, 0u);
  EXPECT_EQ(Counts().restarts, 0u);
  Tell(20, "die", 1);
  EXPECT_EQ(Counts().crashes, 1u) << "the wish ends with the next start";
}

TEST_F(DockerEventBookTest, TheWordThatItWasAskedForMayComeLate) {
  Tell(5, "die", 143);
  Tell(5.1, "kill", -1, "SIGTERM");
  Tell(6, "start");
  EXPECT_EQ(Counts().crashes, 0u);
  EXPECT_EQ(Counts().restarts, 0u);
}

TEST_F(DockerEventBookTest, ASignalThatOnlyTellsSomethingIsNoWishToEnd) {
  Tell(1, "kill", -1, "1");
  Tell(5, "die", 139);
  EXPECT_EQ(Counts().crashes, 1u);
}

TEST_F(DockerEventBookTest, AnEndWithoutAnErrorIsNoCrashButItsRestartCounts) {
  Tell(5, "die", 0);
  Tell(5.2, "start");
  EXPECT_EQ(Counts().crashes, 0u);
  EXPECT_EQ(Counts().restarts, 1u);
}

TEST_F(DockerEventBookTest, NothingIsCountedTwiceWhereStreamsOverlap) {
  for (int stream = 0; stream < 3; ++stream) {
    EXPECT_EQ(Tell(5, "die", 3), stream == 0);
    EXPECT_EQ(Tell(5.2, "start"), stream == 0);
    EXPECT_EQ(Tell(5.3, "oom"), stream == 0);
  }
  EXPECT_EQ(Counts().crashes, 1u);
  EXPECT_EQ(Counts().oom_kills, 1u);
  EXPECT_LT(book_.SinceNs(), kNow + 5 * kSecond);
}

TEST_F(DockerEventBookTest, CountsOnlyWhatIsWithinTheWindow) {
  Tell(0, "die", 3);
  Tell(1, "start");
  Tell(500, "die", 3);
  EXPECT_EQ(Counts(550).crashes, 2u);
  EXPECT_EQ(Counts(650).crashes, 1u);
  EXPECT_EQ(Counts(1200).crashes, 0u);
}

TEST_F(DockerEventBookTest, WhatNoEventToldIsLearntFromALook) {
  Tell(1, "start");
  book_.Reconcile("payments", {.finished_ns = kNow + 10 * kSecond, .exit_code = 3});
  EXPECT_EQ(Counts().crashes, 1u);
  EXPECT_TRUE(Tell(10.1, "die", 3)) << "late";
  EXPECT_EQ(Counts().crashes, 1u);
  book_.Reconcile("payments", {.running = true, .started_ns = kNow + 12 * kSecond});
  EXPECT_EQ(Counts().restarts, 1u);
  Tell(12, "start");
  EXPECT_EQ(Counts().restarts, 1u);
}

TEST_F(DockerEventBookTest, ALookCannotTellWhoStoppedIt) {
  Tell(1, "start");
  book_.Reconcile("payments", {.finished_ns = kNow + 10 * kSecond, .exit_code = 143});
  EXPECT_EQ(Counts().crashes, 0u);
  book_.Reconcile("payments",
                  {.oom_killed = true, .finished_ns = kNow + 10 * kSecond, .exit_code = 137});
  EXPECT_EQ(Counts().crashes, 1u);
}

TEST_F(DockerEventBookTest, ReadsWhatAnEngineWrites) {
  const Event event = ReadEvent(nlohmann::json::parse(
      R"({"status":"die","id":"3f2a","Type":"container","Action":"die","Actor":{"ID":"3f2a",)"
      R"("Attributes":{"exitCode":"137","name":"payments","com.docker.compose.service":"web"}},)"
      R"("scope":"local","time":1795290124,"timeNano":1795290124000000005})"));
  EXPECT_EQ(event.action, "die");
  EXPECT_EQ(event.exit_code, 137);
  EXPECT_EQ(event.name, "payments");
  EXPECT_EQ(event.ts_ns, 1'795'290'124'000'000'005);
  for (const char* other : {"{}", R"({"Type":"network","Action":"connect","time":1})",
                            R"({"Type":"container","Action":"die","Actor":5,"time":1})"})
    EXPECT_EQ(ReadEvent(nlohmann::json::parse(other)).action, "") << other;
}

}  // namespace
}  // namespace heald::docker
