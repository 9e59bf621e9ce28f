#include "plugins/sources/replay/settings.h"

#include <gmock/gmock.h>

#include <fstream>

#include "tests/replay/files.h"

namespace heald::replay {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ReplaySettingsTest : public ::testing::Test {
 protected:
  // "pointer: message" of the only problem, with FILES for the folder.
  std::string Problem(const ReplayConfig& config) {
    const std::vector<replay::Problem> problems = CheckConfig(config);
    if (problems.size() != 1) return std::to_string(problems.size()) + " problems";
    return files_.Short(problems[0].pointer + ": " + problems[0].message);
  }
  ReplayConfig Of(const std::string& name) {
    ReplayConfig config;
    config.file = files_.Path(name);
    return config;
  }

  Files files_;
};

TEST_F(ReplaySettingsTest, TheHeadTellsTheOutputs) {
  files_.Write("wide.csv", "timestamp,cpu,lat{a='1'},lat{a='2'}\n");
  EXPECT_THAT(OutputNames(Of("wide.csv")), ElementsAre("cpu", "lat"));
  files_.Write("rec.jsonl",
               "{\"heald_recording\":1,\"sources\":{\"prom\":[\"x\",\"y\"],\"web\":[\"z\"]}}\n");
  ReplayConfig config = Of("rec.jsonl");
  EXPECT_THAT(OutputNames(config), ElementsAre("x", "y", "z"));
  config.sources = {"web"};
  EXPECT_THAT(OutputNames(config), ElementsAre("z"));
}

TEST_F(ReplaySettingsTest, WhereTheHeadDoesntTellAllOfTheFileIsRead) {
  files_.Write("long.csv", "timestamp,metric,value\n1,b,1\n2,a,1\n");
  EXPECT_THAT(OutputNames(Of("long.csv")), ElementsAre("a", "b"));
  files_.Write("rec.jsonl",
               "{\"heald_recording\":1,\"sources\":{\"prom\":[\"x\"],\"open\":[]}}\n"
               "{\"series\":0,\"source\":\"open\",\"name\":\"late\"}\n");
  EXPECT_THAT(OutputNames(Of("rec.jsonl")), ElementsAre("late", "x"));
}

TEST_F(ReplaySettingsTest, APatternIsPlayedByName) {
  files_.Write("day-2.csv", "timestamp,b\n");
  files_.Write("day-1.csv", "timestamp,a\n");
  EXPECT_THAT(FilesOf(Of("day-*.csv")),
              ElementsAre(files_.Path("day-1.csv"), files_.Path("day-2.csv")));
  EXPECT_THAT(CheckConfig(Of("day-*.csv")), IsEmpty());
}

TEST_F(ReplaySettingsTest, SaysWhatIsWrong) {
  files_.Write("a.csv", "timestamp,cpu\n1,2\n");
  files_.Write("untimed.csv", "cpu\n1\n");
  files_.Write("bad.csv", "timestamp,cpu,cpu\n");
  files_.Write("rec.jsonl", "{\"heald_recording\":1,\"sources\":{\"prom\":[\"x\"]}}\n");
  EXPECT_EQ(Problem({}), ": say what to play: file or files");
  EXPECT_EQ(Problem(Of("none.csv")), "/file: can't read FILES/none.csv: No such file or directory");
  EXPECT_EQ(Problem(Of("none-*.csv")),
            "/file: can't read FILES/none-*.csv: No such file or directory");
  EXPECT_EQ(Problem(Of("bad.csv")),
            "/file: FILES/bad.csv:1: column 3: two columns are called 'cpu'");
  ReplayConfig config = Of("a.csv");
  config.files = {files_.Path("a.csv"), files_.Path("none.csv")};
  EXPECT_THAT(CheckConfig(config)[0].message, HasSubstr("file or files, not both"));
  config.file.clear();
  EXPECT_THAT(Problem(config), HasSubstr("/files/1: can't read"));
  config = Of("a.csv");
  config.loop = true;
  config.speed = "max";
  EXPECT_EQ(Problem(config), "/loop: all at once, for ever, is too much: give a speed");
  config.speed = "60";
  config.shift = Shift::kOriginal;
  EXPECT_THAT(Problem(config), HasSubstr("/loop: original times can't begin again"));
  config.loop = false;
  config.speed = "0";
  EXPECT_THAT(Problem(config), HasSubstr("/speed: slower than a thousandth"));
  config = Of("untimed.csv");
  config.shift = Shift::kOriginal;
  EXPECT_EQ(Problem(config),
            "/shift: FILES/untimed.csv has no times that could be kept: leave shift at now");
  config = Of("rec.jsonl");
  config.sources = {"prom", "web"};
  EXPECT_EQ(Problem(config), "/sources/1: there is no source 'web' in it; it has prom");
  config = Of("a.csv");
  config.labels = {{"__name__", "x"}};
  EXPECT_EQ(Problem(config), "/labels/__name__: the metric's name can't be set");
}

}  // namespace
}  // namespace heald::replay
