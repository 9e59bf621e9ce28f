#include "plugins/actions/process/record.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "plugins/support/log_file.h"
#include "tests/process/fixture.h"

namespace heald::process::testing {
namespace {

using ::testing::HasSubstr;

class ProcessFilesTest : public ProcessFixture {
 protected:
  std::string Path(const std::string& name) const { return state_dir_ + "/" + name; }
  void Append(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name), std::ios::app) << text;
  }
  std::string Read(const std::string& name) const {
    std::ostringstream text;
    text << std::ifstream(Path(name)).rdbuf();
    return text.str();
  }
};

TEST_F(ProcessFilesTest, RecordComesBackAsWritten) {
  const Record record{"new", "old", false, 42, 77, "boot", "print"};
  ASSERT_EQ(WriteRecord(Path("r"), record), "");
  std::string problem;
  const auto read = ReadRecord(Path("r"), &problem);
  ASSERT_TRUE(read) << problem;
  EXPECT_EQ(read->instance, "new");
  EXPECT_EQ(read->replacing, "old");
  EXPECT_FALSE(read->want_up);
  EXPECT_EQ(read->pid, 42);
  EXPECT_EQ(read->start_ticks, 77U);
  EXPECT_EQ(read->boot_id, "boot");
  EXPECT_EQ(read->fingerprint, "print");
}

TEST_F(ProcessFilesTest, DamagedRecordIsSaidAndIgnored) {
  Append("r", "{\"instance\": 1");
  std::string problem;
  EXPECT_FALSE(ReadRecord(Path("r"), &problem));
  EXPECT_THAT(problem, HasSubstr("not a record of a service"));
}

TEST_F(ProcessFilesTest, UnwritableRecordIsAnError) {
  EXPECT_THAT(WriteRecord(Path("no/such/folder/r"), {}), HasSubstr("No such file or directory"));
}

TEST_F(ProcessFilesTest, RotationKeepsTheWritersDescriptorGood) {
  std::ofstream writer(Path("log"), std::ios::app);
  writer << "first" << std::flush;
  EXPECT_EQ(RotateLog(Path("log"), 5, 2), "");
  EXPECT_EQ(Read("log"), "first");
  EXPECT_EQ(RotateLog(Path("log"), 4, 2), "");
  writer << "second" << std::flush;
  EXPECT_EQ(Read("log"), "second");
  EXPECT_EQ(RotateLog(Path("log"), 4, 2), "");
  writer << "third" << std::flush;
  EXPECT_EQ(RotateLog(Path("log"), 4, 2), "");
  EXPECT_EQ(Read("log.1"), "third");
  EXPECT_EQ(Read("log.2"), "second");
  EXPECT_FALSE(std::filesystem::exists(Path("log.3")));
}

TEST_F(ProcessFilesTest, TailStartsAtALine) {
  Append("log", "one\ntwo\nthree\n");
  EXPECT_EQ(LogTail(Path("log"), 100), "one\ntwo\nthree");
  EXPECT_EQ(LogTail(Path("log"), 8), "three");
  EXPECT_EQ(LogTail(Path("none"), 8), "");
}

}  // namespace
}  // namespace heald::process::testing
