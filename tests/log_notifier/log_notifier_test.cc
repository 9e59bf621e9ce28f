#include "plugins/notifiers/log/log_notifier.h"

#include <gmock/gmock.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "heald/testing.h"
#include "tests/log_notifier/sample.h"

namespace heald::log_notifier {
namespace {

using support::RecordJson;
using ::testing::HasSubstr;

class LogNotifierTest : public ::testing::Test {
 protected:
  LogNotifierTest() { config_.path = std::string(host_.host().StateDir()) + "/events.jsonl"; }
  static std::vector<std::string> Lines(const std::string& path) {
    std::vector<std::string> lines;
    std::ifstream file(path);
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  // The text of the failure; empty when it was delivered.
  std::string Notify(LogNotifier& notifier) {
    try {
      notifier.Notify(sample_.event, config_);
    } catch (const sdk::Failure& failure) {
      EXPECT_TRUE(failure.retryable());
      return failure.what();
    }
    return "";
  }

  sdk::testing::FakeHost host_;
  Config config_;
  Sample sample_;
};

TEST_F(LogNotifierTest, AppendsOneLinePerEvent) {
  config_.fsync = true;
  {
    LogNotifier notifier(host_.host(), config_);
    EXPECT_EQ(Notify(notifier), "");
  }
  LogNotifier notifier(host_.host(), config_);
  EXPECT_EQ(Notify(notifier), "");
  const auto lines = Lines(config_.path);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0], lines[1]);
  EXPECT_EQ(RecordJson::parse(lines[0]).at("text"), "healed \"payments\"\nin 7.2 s");
}

TEST_F(LogNotifierTest, WritesToStdout) {
  config_.path = "-";
  LogNotifier notifier(host_.host(), config_);
  ::testing::internal::CaptureStdout();
  EXPECT_EQ(Notify(notifier), "");
  EXPECT_THAT(::testing::internal::GetCapturedStdout(), HasSubstr("\"event_id\":\"e1\""));
}

TEST_F(LogNotifierTest, FollowsARotationAndARemoval) {
  LogNotifier notifier(host_.host(), config_);
  EXPECT_EQ(Notify(notifier), "");
  std::filesystem::rename(config_.path, config_.path + ".1");
  EXPECT_EQ(Notify(notifier), "");
  EXPECT_EQ(Lines(config_.path).size(), 1U);
  EXPECT_EQ(Lines(config_.path + ".1").size(), 1U);
  std::filesystem::remove(config_.path);
  EXPECT_EQ(Notify(notifier), "");
  EXPECT_EQ(Lines(config_.path).size(), 1U);
}

TEST_F(LogNotifierTest, UnwritablePathIsAnErrorThatPasses) {
  const std::string folder = std::string(host_.host().StateDir()) + "/later";
  config_.path = folder + "/events.jsonl";
  LogNotifier notifier(host_.host(), config_);
  EXPECT_EQ(Notify(notifier),
            "cannot write the event: " + config_.path + ": No such file or directory");
  std::filesystem::create_directory(folder);
  EXPECT_EQ(Notify(notifier), "");
}

TEST_F(LogNotifierTest, FullDiskIsAnError) {
  config_.path = "/dev/full";
  LogNotifier notifier(host_.host(), config_);
  EXPECT_EQ(Notify(notifier), "cannot write the event: /dev/full: No space left on device");
}

TEST_F(LogNotifierTest, HalfALineIsTakenBack) {
  LogNotifier notifier(host_.host(), config_);
  ASSERT_EQ(Notify(notifier), "");
  const auto size = std::filesystem::file_size(config_.path);
  // A file size limit ends a write in the middle, as a disk that fills up does.
  signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const rlimit tight{size + 100, before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &tight);
  const std::string problem = Notify(notifier);
  setrlimit(RLIMIT_FSIZE, &before);
  EXPECT_THAT(problem, HasSubstr("File too large"));
  EXPECT_EQ(std::filesystem::file_size(config_.path), size);
  EXPECT_EQ(Notify(notifier), "");
  EXPECT_EQ(Lines(config_.path).size(), 2U);
}

TEST_F(LogNotifierTest, ABatchEndsAtTheFirstThatFailsSoThatTheOrderStays) {
  config_.path = "/dev/full";
  LogNotifier notifier(host_.host(), config_);
  heald_value params{};
  params.kind = HEALD_VALUE_MAP;
  sample_.event.params = &params;
  const heald_notification items[2] = {sample_.event, sample_.event};
  int32_t results[2] = {HEALD_OK, HEALD_OK};
  heald_error error = sdk::detail::NewError();
  EXPECT_EQ(LogNotifier::VTable()->notify(&notifier, items, 2, sizeof items[0], results, &error),
            HEALD_OK);
  EXPECT_EQ(results[0], HEALD_UNAVAILABLE);
  EXPECT_EQ(results[1], HEALD_CANCELLED) << "not tried";
  EXPECT_EQ(error.retryable, 1U);
}

}  // namespace
}  // namespace heald::log_notifier
