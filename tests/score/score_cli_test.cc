// `heald score` as a process, as people and scripts run it.
#include <gmock/gmock.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

namespace heald {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using ::testing::StartsWith;

struct Scored {
  std::string time, severity, alert, contributors;
  double score;
};

class ScoreCliTest : public ::testing::Test {
 protected:
  ScoreCliTest() {
    std::string pattern = ::testing::TempDir() + "heald-score-XXXXXX";
    dir_ = mkdtemp(pattern.data());
  }
  ~ScoreCliTest() override { fs::remove_all(dir_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ / name) << text;
  }
  // Two metrics around 10 and 20; from row 40 on the second one is far off.
  static std::string Normal(int rows, bool fault = false) {
    std::string text = "timestamp,a,b\n";
    for (int i = 0; i < rows; ++i)
      text += std::to_string(1'000'000 + 60 * i) + "," + std::to_string(10 + i % 3 * 0.5) + "," +
              std::to_string(fault && i >= 40 ? 90 : 20 + i % 5) + "\n";
    return text;
  }
  // Exit code; what it said is in said_.
  int Run(const std::string& arguments) {
    const std::string command =
        "cd " + dir_.string() + " && " + HEALD_PROGRAM + " score " + arguments + " 2>&1";
    std::FILE* const pipe = popen(command.c_str(), "r");
    said_.clear();
    char buffer[4096];
    while (const size_t got = std::fread(buffer, 1, sizeof buffer, pipe)) said_.append(buffer, got);
    return WEXITSTATUS(pclose(pipe));
  }
  std::vector<Scored> Rows(const std::string& name = "out.csv") {
    std::ifstream in(dir_ / name);
    std::string line;
    std::getline(in, line);
    EXPECT_EQ(line, "timestamp,score,severity,alert,contributors");
    std::vector<Scored> rows;
    while (std::getline(in, line)) {
      std::stringstream cells(line);
      std::string score;
      Scored& row = rows.emplace_back();
      std::getline(cells, row.time, ',');
      std::getline(cells, score, ',');
      std::getline(cells, row.severity, ',');
      std::getline(cells, row.alert, ',');
      std::getline(cells, row.contributors);
      row.score = std::stod(score);
    }
    return rows;
  }

  fs::path dir_;
  std::string said_;
};

TEST_F(ScoreCliTest, SaysOnceThatColumnsAreLeftOut) {
  Write("in.csv", Normal(50));
  Write("one.yaml", "max_features: 1\n");
  ASSERT_EQ(Run("--plugin isolation_forest --config one.yaml --input in.csv --output out.csv"), 0)
      << said_;
  EXPECT_EQ(said_,
            "heald: in.csv (2 columns): an entity has more than 1 series (max_features): `b` and "
            "what comes after it is left out\n");
  EXPECT_EQ(Rows().size(), 50u);
  ASSERT_EQ(Run("--plugin isolation_forest --input in.csv --output out.csv"), 0);
  EXPECT_EQ(said_, "");
}

TEST_F(ScoreCliTest, WritesARowForEachRow) {
  Write("in.csv", Normal(50, true));
  ASSERT_EQ(Run("--plugin zscore --input in.csv --output out.csv"), 0) << said_;
  const std::vector<Scored> rows = Rows();
  ASSERT_EQ(rows.size(), 50u);
  EXPECT_EQ(rows[0].time, "1000000");
  EXPECT_EQ(rows[0].score, 0);
  EXPECT_EQ(rows[0].severity, "normal");
  EXPECT_GT(rows[30].score, 0);  // nothing is wrong, a score all the same
  EXPECT_EQ(rows[30].contributors, "");
  EXPECT_EQ(rows[40].severity, "critical");
  EXPECT_EQ(rows[40].alert, "1");
  EXPECT_EQ(rows[40].contributors, "b:1");
  EXPECT_GT(rows[40].score, 5 * rows[30].score);
  EXPECT_EQ(rows[41].severity, "critical");
  EXPECT_EQ(rows[41].alert, "0");
  EXPECT_FALSE(fs::exists(dir_ / "out.csv.part"));
}

TEST_F(ScoreCliTest, TrainingComesFirstAndIsNotWritten) {
  std::string numbers;
  for (int i = 0; i < 30; ++i) numbers += std::to_string(5 + i % 3) + "\n";
  Write("train.csv", numbers);
  Write("in.csv", "6\n60\n6\n");
  ASSERT_EQ(Run("--plugin zscore --train train.csv --input in.csv --output out.csv"), 0) << said_;
  const std::vector<Scored> rows = Rows();
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].time, "2000-01-01T00:30:00.000Z");
  EXPECT_EQ(rows[1].alert, "1");
  EXPECT_EQ(rows[1].contributors, "m1:1");
}

TEST_F(ScoreCliTest, ConfigIsThePluginsOwn) {
  Write("in.csv", "timestamp,disk free\n1,50\n2,\n3,15\n4,\n5,30\n");
  Write("config.yaml", "below: {warning: 20}\n");
  ASSERT_EQ(Run("--plugin threshold --config config.yaml --input in.csv --output -"), 0) << said_;
  EXPECT_EQ(said_,
            "timestamp,score,severity,alert,contributors\n"
            "1,0,normal,0,\n"
            "2,0,normal,0,\n"
            "3,0.25,warning,1,disk free:1\n"
            "4,0.25,warning,0,disk free:1\n"
            "5,0,normal,0,\n");
}

TEST_F(ScoreCliTest, APluginMayBeGivenByItsPath) {
  Write("in.csv", Normal(50, true));
  const std::string plugin = std::string(HEALD_TEST_PLUGIN_DIR) + "/heald_detector_zscore.so";
  ASSERT_EQ(Run("--plugin " + plugin + " --input in.csv --output out.csv"), 0) << said_;
  EXPECT_EQ(Rows()[40].alert, "1");
}

TEST_F(ScoreCliTest, MistakesAreNamedAndLeaveNothingBehind) {
  Write("in.csv", Normal(50) + "oops,1,2\n");
  Write("config.yaml", "windo: 20\n");
  EXPECT_EQ(Run("--plugin zscore --input in.csv --output out.csv"), 1);
  EXPECT_THAT(said_, HasSubstr("in.csv:52: column 1: "));
  EXPECT_EQ(Run("--plugin zscore --config config.yaml --input in.csv --output out.csv"), 1);
  EXPECT_THAT(said_, StartsWith("config.yaml:1:1: error: "));
  EXPECT_THAT(said_, HasSubstr("window"));
  EXPECT_EQ(Run("--plugin threshold --input in.csv --output out.csv"), 1);
  EXPECT_THAT(said_, HasSubstr("no bounds"));
  EXPECT_EQ(Run("--plugin zscor --input in.csv --output out.csv"), 1);
  EXPECT_THAT(said_, HasSubstr("there is no detector plugin 'zscor'"));
  Write("train.csv", Normal(10));
  EXPECT_EQ(Run("--plugin zscore --train train.csv --input in.csv --output out.csv"), 1);
  EXPECT_THAT(said_, HasSubstr("before the end of --train"));
  Write("train.csv", "1,2\n");
  EXPECT_EQ(Run("--plugin zscore --train train.csv --input in.csv --output out.csv"), 1);
  EXPECT_THAT(said_, HasSubstr("don't have the same columns"));
  Write("in.csv", Normal(5));
  EXPECT_EQ(Run("--plugin zscore --input in.csv --output nowhere/out.csv"), 3);
  EXPECT_THAT(said_, HasSubstr("can't write nowhere/out.csv"));
  EXPECT_EQ(Run("--plugin zscore --input in.csv"), 2);
  EXPECT_FALSE(fs::exists(dir_ / "out.csv"));
  EXPECT_FALSE(fs::exists(dir_ / "out.csv.part"));
}

TEST_F(ScoreCliTest, WhatIsReadIsNotReplaced) {
  Write("in.csv", Normal(50));
  Write("train.csv", "");
  fs::create_symlink("in.csv", dir_ / "same.csv");
  EXPECT_EQ(Run("--plugin zscore --input in.csv --output ./in.csv"), 2);
  EXPECT_THAT(said_, HasSubstr("is the file in.csv that is read"));
  EXPECT_EQ(Run("--plugin zscore --input in.csv --output same.csv"), 2);
  EXPECT_EQ(Run("--plugin zscore --train train.csv --input in.csv --output train.csv"), 2);
  EXPECT_EQ(fs::file_size(dir_ / "in.csv"), Normal(50).size());
}

}  // namespace
}  // namespace heald
