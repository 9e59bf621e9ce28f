// `heald record` as a process: live, and from a source that can look back.
#include <gmock/gmock.h>

#include "plugins/support/recording/history_file.h"
#include "plugins/support/recording/series_name.h"
#include "tests/agent/fixture.h"

namespace heald::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::StartsWith;

namespace fs = std::filesystem;
constexpr int64_t kPatience = 20'000'000'000;

class AgentRecordTest : public AgentTest {
 protected:
  struct Read {
    std::vector<std::string> series;  // "page.sick{service="a"}"
    size_t samples = 0;
    int64_t from_ns = INT64_MAX;
    int64_t to_ns = INT64_MIN;
    bool ordered = true;
    std::string remark;
  };
  static Read ReadAll(const std::string& path) {
    Read read;
    std::string error;
    const auto file = recording::HistoryFile::Open(path, &error);
    EXPECT_TRUE(file) << error;
    if (!file) return read;
    recording::Moment moment;
    recording::Step step = recording::Step::kNext;
    while ((step = file->Next(&moment)) == recording::Step::kNext) {
      read.ordered &= moment.ts_ns >= read.to_ns;
      read.from_ns = std::min(read.from_ns, moment.ts_ns);
      read.to_ns = std::max(read.to_ns, moment.ts_ns);
      read.samples += moment.samples.size();
    }
    EXPECT_EQ(step, recording::Step::kEnd) << file->error();
    for (const auto& series : file->series())
      read.series.push_back(series.source + "." + SeriesName(series));
    read.remark = file->remark();
    return read;
  }
  void Record(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"record", dir_ + "/pipeline.yaml"});
    heald_ = std::make_unique<demo::DemoProcess>("heald", arguments,
                                                 std::map<std::string, std::string>{});
  }
  demo::DemoProcess& heald() { return *heald_; }
  // Until so many samples are in the file that is being written.
  bool WaitForSamples(const std::string& path, size_t samples) {
    return Eventually([&] {
      std::string error;
      const auto file = recording::HistoryFile::Open(path, &error);
      if (!file) return false;
      recording::Moment moment;
      size_t count = 0;
      while (file->Next(&moment) == recording::Step::kNext) count += moment.samples.size();
      return count >= samples;
    });
  }
  // A day and a half at 15 s, from 2026-11-01 on, with an hour's gap.
  void WritePast(const std::string& name) {
    std::string text = "timestamp,cpu{service='a'},cpu{service='b'}\n";
    for (int i = 0; i < 8640; ++i)
      if (i < 3000 || i >= 3240)
        text += std::to_string(1'793'491'200 + 15 * i) + "," + std::to_string(i) + ",7\n";
    Write(text, name);
  }
  std::string PastPipeline() {
    return "version: 1\nagent: {listen: '127.0.0.1:0', state_dir: state}\n"
           "sources:\n"
           "  past: {plugin: replay, config: {file: '" +
           dir_ +
           "/past.csv', shift: original, interval: 15s}}\n"
           "detectors:\n"
           "  high: {plugin: threshold, inputs: [past.cpu], config: {above: {critical: 1e9}}}\n"
           "policies:\n"
           "  tell: {inputs: [high], action: alert}\n";
  }

 private:
  std::unique_ptr<demo::DemoProcess> heald_;
};

TEST_F(AgentRecordTest, RecordsWhatComesForSoLong) {
  Write(HealingPipeline());
  const std::string file = dir_ + "/rec.jsonl.gz";
  Record({"--output", file, "--for", "3s", "--format", "json"});
  ASSERT_EQ(heald().Wait(kPatience), 0) << heald().output();
  const Read read = ReadAll(file);
  EXPECT_THAT(read.series, Contains(AllOf(StartsWith("page.sick{"), HasSubstr("service=\"a\""))));
  EXPECT_GE(read.samples, 4u) << "two series each second";
  EXPECT_EQ(read.remark, "");
  EXPECT_FALSE(fs::exists(file + ".part"));
  const std::string& said = heald().output();
  const nlohmann::json summary =
      nlohmann::json::parse(said.substr(said.find("{\n  \"file\"")), nullptr, false);
  EXPECT_EQ(summary["samples"], read.samples) << said;
  EXPECT_EQ(summary["series"], read.series.size());
  EXPECT_TRUE(Starts().empty()) << "no action was made";
  // Not over what is there.
  Record({"--output", file, "--for", "3s"});
  EXPECT_EQ(heald().Wait(kPatience), 1);
  EXPECT_THAT(heald().output(), HasSubstr("rec.jsonl.gz is there already"));
}

TEST_F(AgentRecordTest, EndsWellOnSigtermAndUsablyOnKill) {
  Write(HealingPipeline());
  const std::string file = dir_ + "/rec.jsonl.gz";
  Record({"--output", file});
  ASSERT_TRUE(WaitForSamples(file + ".part", 4)) << heald().output();
  heald().Signal(SIGTERM);
  ASSERT_EQ(heald().Wait(kPatience), 0) << heald().output();
  EXPECT_EQ(ReadAll(file).remark, "");
  EXPECT_THAT(heald().output(), HasSubstr("rec.jsonl.gz: 2 series, "));

  Record({"--output", file, "--overwrite"});
  ASSERT_TRUE(WaitForSamples(file + ".part", 4)) << heald().output();
  heald().Signal(SIGKILL);
  heald().Wait(kPatience);
  const Read read = ReadAll(file + ".part");
  EXPECT_GE(read.samples, 4u);
  EXPECT_THAT(read.remark, HasSubstr("wasn't finished"));
  EXPECT_EQ(ReadAll(file).remark, "") << "the one before is as it was";
}

TEST_F(AgentRecordTest, TheWaysToGetItWrongAreSaid) {
  WritePast("past.csv");
  Write(PastPipeline());
  const auto refused = [&](std::vector<std::string> arguments, int code) {
    arguments.insert(arguments.end(), {"--output", dir_ + "/x.jsonl"});
    Record(arguments);
    EXPECT_EQ(heald().Wait(kPatience), code) << heald().output();
    EXPECT_FALSE(fs::exists(dir_ + "/x.jsonl"));
    EXPECT_FALSE(fs::exists(dir_ + "/x.jsonl.part"));
    return heald().output();
  };
  EXPECT_THAT(refused({"--source", "prom"}, 1),
              HasSubstr("there is no source 'prom' in " + dir_ + "/pipeline.yaml; it has past"));
  EXPECT_THAT(refused({"--from", "-1h", "--for", "1h"}, 2), HasSubstr("one of them"));
  EXPECT_THAT(refused({"--to", "now"}, 2), HasSubstr("--to: say --from too"));
  EXPECT_THAT(refused({"--from", "yesterday"}, 2), HasSubstr("--from: 'yesterday' is not a time"));
  EXPECT_THAT(refused({"--from", "now", "--to", "-1h"}, 2), HasSubstr("--from is not before --to"));
  EXPECT_THAT(refused({"--for", "soon"}, 2), HasSubstr("--for: 'soon' is not a duration"));
  EXPECT_THAT(refused({"--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"}, 1),
              HasSubstr("no source has samples of that time"));
  Record({"--for", "1s", "--output", dir_ + "/none/x.jsonl"});
  EXPECT_EQ(heald().Wait(kPatience), 3);
  EXPECT_THAT(heald().output(), HasSubstr("none/x.jsonl.part: No such file or directory"));
  Write(HealingPipeline());
  EXPECT_THAT(refused({"--from", "-1h"}, 1), HasSubstr("source page"));
}

TEST_F(AgentRecordTest, RecordsThePastInTheOrderOfTime) {
  WritePast("past.csv");
  Write(PastPipeline());
  const std::string file = dir_ + "/rec.jsonl";
  Record({"--output", file, "--from", "2026-11-01T00:00:00Z", "--to", "2026-11-02T00:00:00Z"});
  ASSERT_EQ(heald().Wait(kPatience), 0) << heald().output();
  const Read read = ReadAll(file);
  EXPECT_THAT(read.series,
              ::testing::ElementsAre("past.cpu{service=\"a\"}", "past.cpu{service=\"b\"}"));
  EXPECT_EQ(read.samples, 2 * (5760u - 240u));
  EXPECT_TRUE(read.ordered);
  EXPECT_EQ(read.from_ns, 1'793'491'200'000'000'000);
  EXPECT_EQ(read.to_ns, 1'793'491'200'000'000'000 + 5759 * 15'000'000'000);
  EXPECT_THAT(heald().output(),
              AllOf(HasSubstr("2 series, 11,040 samples, 2026-11-01T00:00:00.000Z to "
                              "2026-11-01T23:59:45.000Z (24 h)"),
                    HasSubstr("2 gaps; the longest: past.cpu{service=\"a\"}, 60.2 min without")))
      << "one for each series";
}

}  // namespace
}  // namespace heald::testing
