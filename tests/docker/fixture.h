// What the tests with a real Engine share: the Engine, the action on it, and asking as the host
// does.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "heald/testing.h"
#include "plugins/actions/docker/docker_action.h"
#include "tests/integration/docker_engine.h"

namespace heald::docker::testing {

class EngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;
  void TearDown() override;

  // Fills in the Engine's address.
  Config With(Config config) const;
  sdk::Plan PlanOf(const Config& config);
  // execute, then observe until it isn't pending or absent any more.
  sdk::Effect Do(const sdk::Plan& plan, const Config& config);
  sdk::Effect Observe(const sdk::Plan& plan, const Config& config);
  sdk::Effect Settled(const sdk::Plan& plan, const Config& config);
  // The failure of planning; fails the test when there is none.
  sdk::Failure PlanFailure(const Config& config);
  // State.StartedAt and State.Status of a container.
  std::string StartedAt(const std::string& name);
  std::string StatusOf(const std::string& name);
  bool Exists(const std::string& name);
  sdk::Request Request() const;

  static std::unique_ptr<heald::testing::DockerEngine> engine_;
  sdk::testing::FakeHost host_;
  std::unique_ptr<DockerAction> action_;
};

// A command that ends at once when told to, so that tests needn't wait for SIGKILL.
nlohmann::json Sleeper();
// The same as replica `number` of a compose service.
nlohmann::json Replica(const std::string& project, const std::string& service, int number);

}  // namespace heald::docker::testing
