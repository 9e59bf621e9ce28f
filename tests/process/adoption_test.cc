#include <gmock/gmock.h>
#include <spawn.h>
#include <sys/wait.h>

#include "plugins/actions/process/service.h"
#include "tests/process/fixture.h"

namespace heald::process::testing {
namespace {

using ::testing::HasSubstr;

// Each test is a moment at which an agent died, and what the next one finds.
class ProcessAdoptionTest : public ProcessFixture {
 protected:
  std::string RecordPath() const { return state_dir_ + "/svc.service.json"; }
  Record Recorded() const {
    std::string problem;
    return ReadRecord(RecordPath(), &problem).value_or(Record{});
  }
  // An agent in a process of its own, with the service of `spec`.
  pid_t StartHolder(const ServiceSpec& spec) {
    std::vector<std::string> texts = {kHolder, state_dir_, "svc"};
    texts.insert(texts.end(), spec.command.argv.begin(), spec.command.argv.end());
    std::vector<char*> arguments;
    for (std::string& text : texts) arguments.push_back(text.data());
    arguments.push_back(nullptr);
    pid_t pid = 0;
    EXPECT_EQ(posix_spawn(&pid, kHolder.c_str(), nullptr, nullptr, arguments.data(), environ), 0);
    return pid;
  }
  void Kill9(pid_t holder) {
    kill(holder, SIGKILL);
    waitpid(holder, nullptr, 0);
  }
  // Leaves a running service behind, as a killed agent does.
  Record Orphan(const ServiceSpec& spec) {
    const pid_t holder = StartHolder(spec);
    EXPECT_TRUE(WaitFor([&] { return Recorded().pid != 0; }));
    Kill9(holder);
    return Recorded();
  }
};

TEST_F(ProcessAdoptionTest, ServiceSurvivesKilledAgentAndIsAdopted) {
  const ServiceSpec spec = ListeningSpec();
  const Record orphan = Orphan(spec);
  ASSERT_TRUE(Runs(orphan.pid));
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  EXPECT_EQ(service->status().pid, orphan.pid);
  EXPECT_EQ(service->status().instance, orphan.instance);
  EXPECT_EQ(Copies(), 1U);
  // Adopted is as good as own: its end is noticed, and it can be restarted.
  std::string problem;
  ASSERT_TRUE(service->Restart(orphan.instance, &problem));
  ASSERT_TRUE(WaitFor([&] { return service->status().instance != orphan.instance; }));
  ASSERT_TRUE(WaitReady(*service));
  EXPECT_FALSE(Runs(orphan.pid));
  EXPECT_EQ(Copies(), 1U);
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, EndOfAnAdoptedServiceIsNoticed) {
  const ServiceSpec spec = ListeningSpec();
  const Record orphan = Orphan(spec);
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  kill(orphan.pid, SIGKILL);
  EXPECT_TRUE(WaitFor([&] { return !service->status().running; }));
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, KilledBetweenStartAndNote) {
  const ServiceSpec spec = ListeningSpec();
  const Record orphan = Orphan(spec);
  Record before = orphan;
  before.pid = 0;
  before.start_ticks = 0;
  ASSERT_EQ(WriteRecord(RecordPath(), before), "");
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  EXPECT_EQ(service->status().pid, orphan.pid);
  EXPECT_EQ(Copies(), 1U);
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, KilledBeforeTheStart) {
  const ServiceSpec spec = ListeningSpec();
  ASSERT_EQ(WriteRecord(RecordPath(),
                        {"never-started", "", true, 0, 0, BootId(), spec.command.Fingerprint()}),
            "");
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  EXPECT_NE(service->status().instance, "never-started");
  EXPECT_EQ(Copies(), 1U);
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, LostRecordIsMadeUpForByTheMarker) {
  const ServiceSpec spec = ListeningSpec();
  const Record orphan = Orphan(spec);
  std::filesystem::remove(RecordPath());
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  EXPECT_EQ(service->status().pid, orphan.pid);
  EXPECT_EQ(service->status().instance, orphan.instance);
  EXPECT_EQ(Copies(), 1U);
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, RestartUnderWayIsFinished) {
  const ServiceSpec spec = ListeningSpec();
  Record orphan = Orphan(spec);
  orphan.replacing = orphan.instance;
  ASSERT_EQ(WriteRecord(RecordPath(), orphan), "");
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitFor([&] {
    const Status now = service->status();
    return now.phase == Phase::kReady && now.instance != orphan.instance;
  }));
  EXPECT_FALSE(Runs(orphan.pid));
  EXPECT_EQ(Copies(), 1U);
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, StoppedByAnActionItStaysStopped) {
  const ServiceSpec spec = ListeningSpec();
  Record orphan = Orphan(spec);
  orphan.want_up = false;
  ASSERT_EQ(WriteRecord(RecordPath(), orphan), "");
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitFor([&] { return service->status().phase == Phase::kDown && Copies() == 0; }));
  EXPECT_FALSE(service->status().want_up);
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, ChangedCommandIsRestarted) {
  const Record orphan = Orphan(ListeningSpec());
  const auto service = Make(ListeningSpec());  // another port
  service->Start();
  ASSERT_TRUE(WaitFor([&] {
    const Status now = service->status();
    return now.phase == Phase::kReady && now.instance != orphan.instance;
  }));
  EXPECT_TRUE(Logged("its command was changed"));
  EXPECT_EQ(Copies(), 1U);
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, RecordOfAnEarlierBootIsForgotten) {
  // Our own pid stands for a process that got the recorded pid after the boot.
  ProcessStat self;
  ReadStat(getpid(), &self);
  ASSERT_EQ(
      WriteRecord(RecordPath(), {"x", "", false, self.pid, self.start_ticks, "other boot", ""}),
      "");
  const ServiceSpec spec = ListeningSpec();
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service)) << "want_up false was of the earlier boot, too";
  EXPECT_NE(service->status().pid, getpid());
  service->Close(true);
}

TEST_F(ProcessAdoptionTest, ServiceNoLongerConfiguredIsEnded) {
  const Record orphan = Orphan(ListeningSpec());
  ServiceSpec retired;
  retired.name = "svc";
  retired.retired = true;
  const auto service = Make(retired);
  service->Start();
  EXPECT_TRUE(WaitFor([&] { return !Runs(orphan.pid) && !std::filesystem::exists(RecordPath()); }));
  service->Close(false);
}

TEST_F(ProcessAdoptionTest, LeftRunningForTheNextInstanceOfThisAgent) {
  const ServiceSpec spec = ListeningSpec();
  auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  const Status before = service->status();
  service->Close(false);
  EXPECT_TRUE(Runs(before.pid));
  service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  EXPECT_EQ(service->status().pid, before.pid);
  kill(before.pid, SIGKILL);
  ASSERT_TRUE(WaitFor([&] { return !service->status().running; }));
  EXPECT_THAT(service->status().problem, HasSubstr("signal 9")) << "our own child: reaped by us";
  service->Close(true);
}

}  // namespace
}  // namespace heald::process::testing
