#include "plugins/actions/process/service.h"

#include <gmock/gmock.h>

#include "tests/process/fixture.h"

namespace heald::process::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class ProcessServiceTest : public ProcessFixture {};

TEST_F(ProcessServiceTest, IsReadyWhenItsPortAccepts) {
  const auto service = Make(ListeningSpec({"--delay", "150"}));
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  const Status status = service->status();
  EXPECT_GE(status.ready_after_s, 0.15);
  EXPECT_LT(status.ready_after_s, 3.0);
  service->Close(true);
  EXPECT_FALSE(Runs(status.pid));
}

TEST_F(ProcessServiceTest, IsReadyWhenItsHealthPageAnswers) {
  ServiceSpec spec = ListeningSpec();
  spec.ready.http = "http://127.0.0.1:" + std::to_string(spec.ready.port) + "/health";
  spec.ready.port = 0;
  const auto service = Make(spec);
  service->Start();
  EXPECT_TRUE(WaitReady(*service));
  service->Close(true);
}

TEST_F(ProcessServiceTest, IsLateWhenItsHealthPageSaysNo) {
  ServiceSpec spec = ListeningSpec({"--status", "503"});
  spec.ready.http = "http://127.0.0.1:" + std::to_string(spec.ready.port) + "/health";
  spec.ready.port = 0;
  spec.ready.timeout = milliseconds(300);
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitFor([&] { return service->status().late; }));
  EXPECT_THAT(service->status().problem, HasSubstr("503"));
  EXPECT_TRUE(service->status().running);
  service->Close(true);
}

TEST_F(ProcessServiceTest, RestartGivesOneNewProcess) {
  const auto service = Make(ListeningSpec());
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  const Status before = service->status();
  std::string problem;
  ASSERT_TRUE(service->Restart(before.instance, &problem)) << problem;
  ASSERT_TRUE(WaitFor([&] {
    const Status now = service->status();
    return now.instance != before.instance && now.phase == Phase::kReady;
  }));
  EXPECT_FALSE(Runs(before.pid));
  EXPECT_EQ(Copies(), 1U);
  EXPECT_FALSE(service->Restart(before.instance, &problem)) << "that one is gone";
  service->Close(true);
}

TEST_F(ProcessServiceTest, AskedTwiceItRestartsOnce) {
  const auto service = Make(ListeningSpec());
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  const Status before = service->status();
  std::string problem;
  std::vector<std::thread> askers;
  for (int i = 0; i < 8; ++i)
    askers.emplace_back([&] {
      std::string ignored;
      service->Restart(before.instance, &ignored);
    });
  for (std::thread& asker : askers) asker.join();
  ASSERT_TRUE(WaitFor([&] { return service->status().instance != before.instance; }));
  ASSERT_TRUE(WaitReady(*service));
  const std::string after = service->status().instance;
  EXPECT_FALSE(service->Restart(before.instance, &problem));
  EXPECT_EQ(service->status().instance, after);
  EXPECT_EQ(Copies(), 1U);
  service->Close(true);
}

TEST_F(ProcessServiceTest, StaysDownWhenItEndsByItself) {
  const auto service = Make(Spec({"--say", "out of cheese", "--exit", "3"}));
  service->Start();
  ASSERT_TRUE(WaitFor([&] {
    const Status now = service->status();
    return now.phase == Phase::kDown && !now.problem.empty();
  }));
  EXPECT_THAT(service->status().problem, HasSubstr("exit code 3 after"));
  EXPECT_TRUE(WaitFor([&] { return Logged("its last lines: out of cheese"); }));
  EXPECT_EQ(Copies(), 0U);
  service->Close(true);
}

TEST_F(ProcessServiceTest, ComesBackWithBackoffWhenAskedTo) {
  ServiceSpec spec = ListeningSpec();
  spec.restart_on_exit = true;
  const auto service = Make(spec);
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  const Status before = service->status();
  kill(before.pid, SIGKILL);
  ASSERT_TRUE(WaitFor([&] { return service->status().phase == Phase::kWaiting; }));
  EXPECT_TRUE(WaitFor([&] {
    const Status now = service->status();
    return now.phase == Phase::kReady && now.instance != before.instance;
  }));
  EXPECT_TRUE(Logged("starting again in 0.5 s"));
  service->Close(true);
}

TEST_F(ProcessServiceTest, ACommandThatCannotStartIsSaid) {
  ServiceSpec spec = Spec();
  spec.command.argv = {"/no/such/program"};
  const auto service = Make(spec);
  service->Start();
  EXPECT_TRUE(WaitFor([&] {
    return service->status().problem == "'/no/such/program': No such file or directory";
  }));
  service->Close(true);
}

TEST_F(ProcessServiceTest, StopAndStartByWish) {
  const auto service = Make(ListeningSpec());
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  const pid_t pid = service->status().pid;
  std::string problem;
  service->SetWanted(false, &problem);
  ASSERT_TRUE(WaitFor([&] { return !service->status().running; }));
  EXPECT_FALSE(Runs(pid));
  service->SetWanted(true, &problem);
  EXPECT_TRUE(WaitReady(*service));
  service->Close(true);
}

TEST_F(ProcessServiceTest, WithoutAutostartItWaitsToBeTold) {
  ServiceSpec spec = ListeningSpec();
  spec.autostart = false;
  const auto service = Make(spec);
  service->Start();
  std::string problem;
  EXPECT_FALSE(service->status().running);
  service->SetWanted(true, &problem);
  EXPECT_TRUE(WaitReady(*service));
  service->Close(true);
}

TEST_F(ProcessServiceTest, ClosesAtOnceWhileNothingHappens) {
  const auto service = Make(ListeningSpec());
  service->Start();
  ASSERT_TRUE(WaitReady(*service));
  const auto begin = std::chrono::steady_clock::now();
  service->Close(true);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
  EXPECT_FALSE(std::filesystem::exists(state_dir_ + "/svc.service.json"));
}

}  // namespace
}  // namespace heald::process::testing
