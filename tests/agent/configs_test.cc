// The pipelines that are shipped pass the check and the tests that people are told to run on
// theirs.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <vector>

#include "demo/tests/demo_process.h"

namespace heald::testing {
namespace {

std::vector<std::string> Files() {
  std::vector<std::string> files;
  for (const char* folder : {HEALD_SOURCE_DIR "/configs", HEALD_SOURCE_DIR "/configs/packs"})
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      if (entry.path().extension() == ".yaml" && !entry.path().stem().string().ends_with("_test"))
        files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

class AgentConfigsTest : public ::testing::TestWithParam<std::string> {};

TEST_P(AgentConfigsTest, PassesTheCheckWithoutAWord) {
  demo::DemoProcess check("heald", {"check", GetParam()});
  EXPECT_EQ(check.Wait(20'000'000'000), 0);
  EXPECT_EQ(check.output(), GetParam() + ": ok\n");
}

// So who can't have several files somewhere has one that is the same.
TEST_P(AgentConfigsTest, PassesTheCheckAsItIsPrintedToo) {
  demo::DemoProcess print("heald", {"check", "--print", GetParam()});
  ASSERT_EQ(print.Wait(20'000'000'000), 0) << print.output();
  std::string text = print.output();
  // A secret that stands in the file isn't printed: whoever copies it fills it in.
  const std::string hidden = "********", secret = "https://hooks.slack.com/services/T0/B0/x";
  for (size_t at; (at = text.find(hidden)) != std::string::npos;)
    text.replace(at, hidden.size(), secret);
  const std::filesystem::path copy =
      ::testing::TempDir() + "printed_" + std::filesystem::path(GetParam()).filename().string();
  std::ofstream(copy) << text;
  demo::DemoProcess check("heald", {"check", copy});
  EXPECT_EQ(check.Wait(20'000'000'000), 0);
  EXPECT_EQ(check.output(), copy.string() + ": ok\n");
  std::filesystem::remove(copy);
}

TEST_P(AgentConfigsTest, PassesItsOwnTests) {
  demo::DemoProcess test("heald", {"test", GetParam()});
  EXPECT_EQ(test.Wait(20'000'000'000), 0) << test.output();
}

INSTANTIATE_TEST_SUITE_P(Files, AgentConfigsTest, ::testing::ValuesIn(Files()),
                         [](const auto& file) {
                           std::string name = std::filesystem::path(file.param).stem().string();
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(AgentConfigsFilesTest, ThereAreSome) {
  EXPECT_GE(Files().size(), 3u);
}

}  // namespace
}  // namespace heald::testing
