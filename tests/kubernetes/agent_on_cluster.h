// The whole agent beside the test cluster, and what its tests ask of it. Thread rule: one thread.
#pragma once

#include <fstream>
#include <string>

#include "tests/agent/fixture.h"
#include "tests/fakes/kubernetes/server.h"

namespace heald::testing {

class AgentOnClusterTest : public AgentTest {
 protected:
  using Json = nlohmann::json;

  AgentOnClusterTest() { std::ofstream(dir_ + "/kubeconfig") << cluster_.Kubeconfig(); }

  // Of the first incident; empty while there is none.
  std::string State() {
    const Json page = Get("/api/v1/incidents");
    if (!page.contains("incidents") || page["incidents"].empty()) return {};
    return page["incidents"][0]["state"];
  }
  std::string Explained() { return Get("/api/v1/incidents/1").dump(2); }
  // Deployment web of namespace shop gets another image.
  void RollOut(const std::string& image) {
    cluster_.Patch(
        "Deployment", "shop", "web",
        {{"spec",
          {{"template",
            {{"spec", {{"containers", Json::array({{{"name", "main"}, {"image", image}}})}}}}}}}});
  }

  fakes::KubernetesServer cluster_;
};

}  // namespace heald::testing
