// The benchmark's own scorers against ../shared/tools on the given data.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "core/backtest/metric_csv.h"
#include "tests/bench/detection/data.h"
#include "tests/bench/detection/nab_score.h"
#include "tests/bench/detection/vus_pr.h"

namespace heald::bench {
namespace {

namespace fs = std::filesystem;

std::string OutputOf(const std::string& command) {
  std::FILE* const pipe = popen(command.c_str(), "r");
  std::string text;
  std::array<char, 4096> buffer{};
  while (const size_t got = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), got);
  return pclose(pipe) == 0 ? text : "";
}

// How much each metric of a row changed, summed up: good enough a score for comparing scorers.
std::vector<double> Changes(const std::string& path) {
  std::vector<double> scores, before;
  auto csv = backtest::MetricCsv::Open(path);
  if (!csv) return scores;
  for (;;) {
    const auto row = (*csv)->Next();
    if (!row || *row == nullptr) return scores;
    double sum = 0;
    for (size_t i = 0; i < before.size(); ++i) sum += std::fabs((*row)->values[i] - before[i]);
    scores.push_back(sum);
    before = (*row)->values;
  }
}

class DetectionReferenceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const shared = std::getenv("HEALD_SHARED");
    shared_ = shared != nullptr ? fs::path(shared) : fs::path(HEALD_SOURCE_DIR) / ".." / "shared";
    if (!fs::exists(shared_ / "tools" / "vus_pr.py") || !fs::exists(shared_ / "data"))
      GTEST_SKIP() << "no ../shared (or $HEALD_SHARED) with tools and data: the generated rows of "
                      "DetectionMetricsTest stand in";
    for (const char* python : {"/usr/bin/python3", "python3"})
      if (!OutputOf(std::string(python) + " -c 'import numpy; print(1)' 2>/dev/null").empty()) {
        python_ = python;
        break;
      }
    if (python_.empty()) GTEST_SKIP() << "no python3 with numpy (package python3-numpy)";
    std::string pattern = ::testing::TempDir() + "heald-metrics-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  void TearDown() override {
    if (!dir_.empty()) fs::remove_all(dir_);
  }
  std::string Tool(const std::string& arguments) {
    return OutputOf(python_ + " " + (shared_ / "tools").string() + "/" + arguments);
  }

  fs::path shared_, dir_;
  std::string python_;
};

TEST_F(DetectionReferenceTest, VusPrAgreesOnTheGivenHosts) {
  const std::vector<Host> hosts = LoadHosts((shared_ / "data" / "smd").string());
  ASSERT_FALSE(hosts.empty());
  for (const Host& host : hosts) {
    const std::vector<double> scores = Changes(host.test);
    ASSERT_EQ(scores.size(), host.labels.size());
    std::ofstream out(dir_ / "scores");
    out.precision(17);
    for (const double score : scores) out << score << '\n';
    out.close();
    const std::string said = Tool("vus_pr.py " + (shared_ / "data" / "smd" / "labels").string() +
                                  "/" + host.name + ".txt " + (dir_ / "scores").string() +
                                  " --max-buffer " + std::to_string(host.max_buffer));
    ASSERT_NE(said, "");
    EXPECT_NEAR(VusPr(host.labels, scores, host.max_buffer), std::stod(said), 5.1e-5) << host.name;
  }
}

TEST_F(DetectionReferenceTest, NabScoresAgreeOnTheGivenFiles) {
  const std::string folder = (shared_ / "data" / "nab").string();
  std::vector<NabFile> files;
  for (const WindowedFile& file : LoadWindowed(folder)) {
    files.push_back({Changes(file.path), file.windows});
    fs::create_directories((dir_ / file.name).parent_path());
    std::ofstream out(dir_ / file.name);
    out.precision(17);
    out << "score\n";
    for (const double score : files.back().scores) out << score << '\n';
  }
  ASSERT_EQ(files.size(), 35u);
  const std::string said = Tool("nab_score.py " + folder + " " + dir_.string() + " --threshold 30");
  const auto results = NabScore(files, 30);
  std::string expected;
  for (size_t i = 0; i < results.size(); ++i) {
    constexpr const char* kNames[] = {"standard", "low_fp", "low_fn"};
    char line[128];
    std::snprintf(line, sizeof line, "%-9s best %6.2f at %.6g  fixed %7.2f\n", kNames[i],
                  results[i].best, results[i].best_threshold, results[i].fixed);
    expected += line;
  }
  EXPECT_EQ(said, expected);
}

}  // namespace
}  // namespace heald::bench
