// What the tests of the argocd action share: a fake Argo CD, the action on it, and asking as the
// host does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "heald/testing.h"
#include "plugins/actions/argocd/argocd_action.h"
#include "tests/fakes/argocd_server.h"

namespace heald::argocd::testing {

using nlohmann::json;
using sdk::Effect;
using sdk::EffectState;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

inline const std::string kA(40, 'a');
inline const std::string kB(40, 'b');
inline const std::string kC(40, 'c');
inline const std::string kD(40, 'd');

class ArgocdTest : public ::testing::Test {
 protected:
  ArgocdTest() {
    server_.Put("checkout", {kA, kB, kC});
    server_.SetHealth(kC, "Degraded");
    Restart();
  }

  Config With(Operation operation) const {
    Config config;
    config.url = server_.url();
    config.bearer_token = fakes::ArgocdServer::kToken;
    config.operation = operation;
    config.connect_timeout = sdk::Milliseconds(500);
    config.timeout = sdk::Seconds(2);
    return config;
  }
  // The next agent, with what the last one left on disk.
  void Restart(Operation operation = Operation::kRollback) { Restart(With(operation)); }
  void Restart(const Config& config) {
    config_ = config;
    action_.reset();
    action_ = std::make_unique<ArgocdAction>(host_.host(), config_);
  }
  sdk::Request Request() const {
    sdk::Request request;
    request.decision = decision_;
    request.target = target_;
    request.deadline_ns = host_.now_ns() + deadline_.ns;
    return request;
  }
  sdk::Plan PlanOf() { return action_->MakePlan(Request(), config_); }
  Effect Execute(const sdk::Plan& plan) { return action_->Execute(Request(), plan, config_); }
  Effect Observe(const sdk::Plan& plan) { return action_->Observe(Request(), plan, config_); }
  Effect DryRun(const sdk::Plan& plan) { return action_->DryRun(Request(), plan, config_); }
  Effect Undo(const sdk::Plan& plan) { return action_->Undo(Request(), plan, config_); }
  // Observes until it is `wanted`, or time is up.
  Effect Settled(const sdk::Plan& plan, EffectState wanted = EffectState::kDone) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    for (;;) {
      Effect effect = Observe(plan);
      if (effect.state == wanted || std::chrono::steady_clock::now() > until) return effect;
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  template <typename Call>
  static sdk::Failure FailureOf(Call call) {
    try {
      call();
    } catch (const sdk::Failure& failure) {
      return failure;
    }
    ADD_FAILURE() << "it didn't fail";
    return {HEALD_OK, ""};
  }
  sdk::Failure PlanFailure() {
    return FailureOf([this] { PlanOf(); });
  }
  size_t Rollbacks() { return server_.Count("POST", "/rollback"); }
  std::string Logged() const {
    std::string all;
    for (const auto& line : host_.log()) all += line.message + "\n";
    return all;
  }

  // The folders of its nodes are beside each other, and nothing else is.
  class Folder {
   public:
    Folder() {
      std::string pattern = ::testing::TempDir() + "/heald-argocd-XXXXXX";
      path_ = mkdtemp(pattern.data());
      setenv("TMPDIR", path_.c_str(), 1);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() {
      unsetenv("TMPDIR");
      std::filesystem::remove_all(path_);
    }

   private:
    std::string path_;
  };

  fakes::ArgocdServer server_;
  const Folder folder_;
  sdk::testing::FakeHost host_;
  std::unique_ptr<ArgocdAction> action_;
  Config config_;
  sdk::LabelSet target_{{"name", "checkout"}};
  std::string decision_ = "d1";
  sdk::Duration deadline_ = sdk::Seconds(10);
};

inline const json kAutomated{{"prune", true}, {"selfHeal", true}};

}  // namespace heald::argocd::testing
