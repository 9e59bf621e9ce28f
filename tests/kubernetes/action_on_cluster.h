// The kubernetes action on the cluster of a suite, asked as the host does. Used by the contract and
// fault suites.
// Thread rule: the test's thread.
#pragma once

#include <chrono>
#include <string>
#include <thread>

#include "heald/testing.h"
#include "plugins/actions/kubernetes/kubernetes_action.h"
#include "tests/kubernetes/test_cluster.h"

namespace heald::kubernetes_test {

class ActionOnCluster {
 public:
  ActionOnCluster(TestCluster& cluster, kubernetes::Operation operation, sdk::LabelSet target)
      : cluster_(cluster) {
    config.operation = operation;
    config.kubeconfig = cluster.kubeconfig();
    config.stable_for = {};
    config.eviction_retry = sdk::Milliseconds(200);
    request_.decision = "4c1f00d2";
    request_.policy = "heal";
    request_.incident = 7;
    request_.target = std::move(target);
    request_.deadline_ns = host_.now_ns() + sdk::Seconds(180).ns;
  }

  void Plan() { plan_ = Action().MakePlan(request_, config); }
  // What the host does after a plan: execute, and look again for as long as it must.
  sdk::Effect Do() {
    sdk::Effect effect;
    try {
      effect = Action().Execute(request_, plan_, config);
    } catch (const sdk::Failure& failure) {
      if (!failure.retryable()) throw;
    }
    return effect.state == sdk::EffectState::kPending ? Settled() : effect;
  }
  sdk::Effect Settled() {
    sdk::Effect effect;
    cluster_.Wait([&] {
      try {
        effect = Action().Observe(request_, plan_, config);
      } catch (const sdk::Failure& failure) {
        if (!failure.retryable()) throw;
        return false;
      }
      return effect.state != sdk::EffectState::kPending;
    });
    return effect;
  }
  sdk::Effect DryRun() { return Action().DryRun(request_, plan_, config); }
  sdk::Effect Undo() { return Action().Undo(request_, plan_, config); }
  const sdk::Plan& plan() const { return plan_; }
  // What of the target the following is about.
  void Take(sdk::Part part) { request_.part = part; }
  // As after a kill -9: another process's action.
  void Restart() { action_.reset(); }

  kubernetes::Config config;

 private:
  kubernetes::KubernetesAction& Action() {
    if (action_ == nullptr)
      action_ = std::make_unique<kubernetes::KubernetesAction>(host_.host(), config);
    return *action_;
  }

  TestCluster& cluster_;
  sdk::testing::FakeHost host_{"kubernetes"};
  sdk::Request request_;
  sdk::Plan plan_;
  std::unique_ptr<kubernetes::KubernetesAction> action_;
};

}  // namespace heald::kubernetes_test
