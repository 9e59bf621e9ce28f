// What the tests of the kubernetes action share: a test cluster, the action on it with no more
// rights than its operation says it needs, and asking as the host does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>

#include "heald/testing.h"
#include "plugins/actions/kubernetes/kubernetes_action.h"
#include "tests/fakes/kubernetes/server.h"

namespace heald::kubernetes::testing {

class ActionTest : public ::testing::Test {
 protected:
  explicit ActionTest(fakes::KubernetesOptions options = {.speed = 20}) : server_(options) {}

  // A config of this operation, for the test cluster; gives the agent what it needs.
  Config For(Operation operation);
  sdk::Request Request(sdk::LabelSet target) const;
  sdk::Plan PlanOf(const Config& config, const sdk::Request& request);
  // execute, then observe until it isn't pending or absent any more.
  sdk::Effect Do(const sdk::Plan& plan, const Config& config, const sdk::Request& request);
  sdk::Effect Settled(const sdk::Plan& plan, const Config& config, const sdk::Request& request);
  // The failure of planning, or of what is given; fails the test when there is none.
  sdk::Failure PlanFailure(const Config& config, const sdk::Request& request);
  static sdk::Failure FailureOf(const std::function<void()>& call);
  // As after a kill -9: another process's action.
  void Restart() { action_.reset(); }
  KubernetesAction& action(const Config& config);

  // The names of the Events on an object, by reason.
  std::vector<std::string> EventsOn(const std::string& name) const;
  // The first pod of this app.
  Json PodOf(const std::string& app, const std::string& space = "prod") const;
  void AddBudget(const std::string& app, const Json& spec);
  // A Deployment whose pods are ready.
  void Deploy(const std::string& name, int replicas, const Json& spec = Json::object());
  // As an autoscaler does; its new pods are ready.
  void Scale(const std::string& name, int replicas);
  void Rollout(const std::string& name, const std::string& image);
  void AddStatefulSet(const std::string& name, int replicas);
  void AddDaemonSet(const std::string& name);
  Json Get(const std::string& kind, const std::string& name) const;

  // To the agent; an empty space: everywhere.
  void Grant(const std::string& name, const std::string& space, const Json& rules);

  fakes::KubernetesServer server_;
  sdk::testing::FakeHost host_{"kubernetes"};
  std::unique_ptr<KubernetesAction> action_;
};

std::string NameOf(const Json& object);
std::string UidOf(const Json& object);

}  // namespace heald::kubernetes::testing
