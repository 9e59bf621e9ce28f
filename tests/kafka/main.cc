// Runs the cases in four processes at once: they wait for brokers more than they compute. With any
// argument (a filter) it is a test program like every other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace {

constexpr int kProcesses = 4;

int RunSideBySide(char** argv) {
  for (int i = 0; i < kProcesses; ++i) {
    if (fork() != 0) continue;
    setenv("GTEST_TOTAL_SHARDS", std::to_string(kProcesses).c_str(), 1);
    setenv("GTEST_SHARD_INDEX", std::to_string(i).c_str(), 1);
    execv("/proc/self/exe", argv);
    _exit(127);
  }
  int failed = 0;
  for (int status = 0; wait(&status) > 0;) failed += status == 0 ? 0 : 1;
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
#ifdef __SANITIZE_THREAD__
  // librdkafka starts its threads in C11's way, which the thread sanitizer doesn't know.
  ::testing::GTEST_FLAG(filter) =
      "-KafkaSourceTest.*:KafkaDeliveryTest.*:KafkaSecurityTest.*:KafkaConfigTest.*:"
      "KafkaSourceConfigTest.*";
#endif
  if (argc == 1 && std::getenv("GTEST_TOTAL_SHARDS") == nullptr) return RunSideBySide(argv);
  ::testing::InitGoogleMock(&argc, argv);
  return RUN_ALL_TESTS();
}
