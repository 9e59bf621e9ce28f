#include <gmock/gmock.h>

#include <csignal>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/base/units.h"
#include "demo/support/http_client.h"
#include "demo/tests/demo_process.h"

namespace heald::demo {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kToolTimeout_ns = 20 * kSecond;

// The three services, and the tool started as people start it: through demo/chaos.
struct DemoToolTest : ::testing::Test {
  std::vector<std::string> Arguments(std::vector<std::string> arguments) {
    for (const auto& [name, url] : std::map<std::string, std::string>{
             {"users", users.url()}, {"payments", payments.url()}, {"orders", orders.url()}}) {
      arguments.push_back("--url");
      arguments.push_back(std::string(name).append("=").append(url));
    }
    return arguments;
  }
  static std::string Script() { return std::string(HEALD_SOURCE_DIR) + "/demo/chaos"; }
  static std::map<std::string, std::string> Build() {
    return {{"HEALD_BUILD_DIR", HEALD_BINARY_DIR}};
  }
  std::string Run(const std::vector<std::string>& arguments, int expected_code = 0) {
    DemoProcess tool(Script(), Arguments(arguments), Build());
    EXPECT_EQ(tool.Wait(kToolTimeout_ns), expected_code) << tool.output();
    return tool.output();
  }
  json Chaos(const DemoService& service) {
    const auto reply = client.Send("GET", service.url() + "/chaos", "", kToolTimeout_ns);
    return reply ? json::parse(reply->body) : json();
  }

  DemoService users{"users"};
  DemoService payments{"payments"};
  DemoService orders{"orders", {"--users-url", users.url(), "--payments-url", payments.url()}};
  HttpClient client;
};

TEST_F(DemoToolTest, ShowsHealthOfAllServices) {
  EXPECT_THAT(Run({"health"}), AllOf(ContainsRegex("orders +http.* ok .* none"),
                                     ContainsRegex("users +http.* ok .* none"),
                                     ContainsRegex("payments +http.* ok .* none")));
}

TEST_F(DemoToolTest, SaysWhichServiceIsDownAndWhatToDo) {
  users.Signal(SIGKILL);
  users.Wait(kToolTimeout_ns);
  const auto message =
      AllOf(HasSubstr("users does not answer at " + users.url()), HasSubstr("Connection refused"),
            HasSubstr("./demo/run"), HasSubstr("--ports users=PORT"));
  EXPECT_THAT(Run({"health"}, 1), AllOf(ContainsRegex("payments +http.* ok"), message));
  for (const char* verb : {"load", "steady", "chaos", "clear"})
    EXPECT_THAT(Run({verb}, 1), message) << verb;
  EXPECT_THAT(Run({"spike", "--service", "users"}, 1), message);
}

TEST_F(DemoToolTest, LoadSendsExactlyTheRequestsAsked) {
  const std::string output = Run({"load", "--requests", "91"});
  EXPECT_THAT(output, AllOf(HasSubstr("load: 91 requests"), HasSubstr(", 0 errors"),
                            ContainsRegex("payments +[0-9]+ +0 +[0-9.]+ m?s")));
  EXPECT_THAT(Run({"load", "--requests", "7", "--service", "users"}),
              AllOf(HasSubstr("load: 7 requests"), ContainsRegex("users +7 +0"),
                    Not(HasSubstr("payments "))));
}

TEST_F(DemoToolTest, LoadKeepsToARate) {
  const std::string output =
      Run({"load", "--rate", "50", "--duration", "1s", "--service", "users"});
  EXPECT_THAT(output, ContainsRegex("users +(49|50|51) +0"));
}

TEST_F(DemoToolTest, CountsErrors) {
  ASSERT_TRUE(
      client.Send("PUT", users.url() + "/chaos", R"({"failure_rate":1})", kToolTimeout_ns).ok());
  EXPECT_THAT(Run({"load", "--requests", "10", "--service", "users"}),
              AllOf(ContainsRegex("users +10 +10"), HasSubstr("status 500")));
}

TEST_F(DemoToolTest, SteadyEndsWithASummaryOnInterrupt) {
  DemoProcess tool(Script(), Arguments({"steady", "--rate", "20"}), Build());
  const auto served = [&] {
    const auto metrics = client.Send("GET", users.url() + "/metrics", "", kToolTimeout_ns);
    return metrics && metrics->body.find("code=\"200\",method=\"GET\",route=\"/users\"} 0\n") ==
                          std::string::npos;
  };
  for (int i = 0; i < 500 && !served(); ++i) tool.WaitForOutput("p99", 20 * kMillisecond);
  tool.Signal(SIGINT);
  EXPECT_EQ(tool.Wait(kToolTimeout_ns), 0);
  EXPECT_THAT(tool.output(),
              AllOf(HasSubstr("steady: "), ContainsRegex("users +[1-9]"), Not(HasSubstr("\r"))));
}

TEST_F(DemoToolTest, SpikeSlowsPaymentsUnlessToldOtherwise) {
  EXPECT_THAT(Run({"spike"}), HasSubstr("payments: faults: +1.5 s on 100 % of requests"));
  EXPECT_EQ(Chaos(payments)["faults"]["latency_ms"], 1500.0);
  EXPECT_EQ(Chaos(users)["active"], false);
  Run({"spike", "--service", "users", "--latency", "200ms", "--rate", "50%", "--duration", "30s"});
  EXPECT_EQ(Chaos(users)["faults"]["latency_ms"], 200.0);
  EXPECT_EQ(Chaos(users)["faults"]["latency_rate"], 0.5);
  EXPECT_GT(Chaos(users)["remaining_s"], 20);
  Run({"clear"});
  EXPECT_EQ(Chaos(payments)["active"], false);
  EXPECT_EQ(Chaos(users)["active"], false);
}

TEST_F(DemoToolTest, LeakTakesMemoryOfPaymentsUnlessToldOtherwise) {
  EXPECT_THAT(Run({"leak"}), HasSubstr("payments: faults: 8 MiB a second leak"));
  EXPECT_EQ(Chaos(payments)["faults"]["leak_mib_s"], 8.0);
  Run({"leak", "--service", "users", "--mib", "0.5", "--duration", "30s"});
  EXPECT_EQ(Chaos(users)["faults"]["leak_mib_s"], 0.5);
  EXPECT_GT(Chaos(users)["remaining_s"], 20);
  EXPECT_THAT(Run({"leak", "--mib", "1000"}, 2), HasSubstr("--mib"));
  Run({"clear"});
}

TEST_F(DemoToolTest, BreaksWhatHasAName) {
  EXPECT_THAT(Run({"break", "cpu", "--duration", "30s"}),
              HasSubstr("payments: computes for nobody on 4 cores"));
  EXPECT_EQ(Chaos(payments)["faults"]["cpu_cores"], 4.0);
  EXPECT_THAT(Run({"health"}), HasSubstr("4 cores busy, "));
  Run({"break", "pool", "--service", "orders"});
  EXPECT_EQ(Chaos(orders)["faults"]["pool_loss_rate"], 0.5);
  EXPECT_THAT(Run({"break", "drift"}, 1), HasSubstr("start the service with --data"));
  EXPECT_THAT(Run({"break", "everything"}, 2), HasSubstr("crash-loop"));
  Run({"clear"});
}

TEST_F(DemoToolTest, ChaosPrintsItsSeedAndLeavesNothingBehind) {
  const std::string output = Run({"chaos", "--duration", "500ms", "--seed", "4", "--rate", "20"});
  EXPECT_THAT(output,
              AllOf(HasSubstr("chaos for 0.5 s, seed 4"), ContainsRegex(": .* for [0-9.]+ s"),
                    HasSubstr("faults: 1, ended on all services")));
  for (const DemoService* service : {&orders, &users, &payments})
    EXPECT_EQ(Chaos(*service)["active"], false);
}

TEST_F(DemoToolTest, RefusesBadUsage) {
  EXPECT_THAT(Run({"spike", "--latency", "3"}, 2), HasSubstr("'3' is not a duration"));
  EXPECT_THAT(Run({"spike", "--rate", "1.5"}, 2), HasSubstr("not from 0 to 1"));
  EXPECT_THAT(Run({"load", "--requests", "0"}, 2), HasSubstr("--requests"));
  EXPECT_THAT(Run({"load", "--service", "carts"}, 2), HasSubstr("carts"));
  EXPECT_THAT(Run({"health", "--ports", "users=x"}, 2), HasSubstr("users=x"));
  EXPECT_THAT(Run({"brake"}, 2), HasSubstr("no verb 'brake': use health, load"));
}

TEST_F(DemoToolTest, ScriptSaysHowToBuildWhenNothingIsBuilt) {
  DemoProcess tool(Script(), {"health"}, {{"HEALD_BUILD_DIR", "/nonexistent"}});
  EXPECT_EQ(tool.Wait(kToolTimeout_ns), 1);
  EXPECT_THAT(tool.output(), AllOf(HasSubstr("/nonexistent/bin/heald-demo-chaos is not built"),
                                   HasSubstr("cmake --preset release")));
}

}  // namespace
}  // namespace heald::demo
