#include <gmock/gmock.h>

#include "core/api/contract.h"
#include "core/api/routes.h"
#include "tests/contract/contract_fixture.h"

namespace heald::testing {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ContractDocumentTest, IsWellFormedAndItsExamplesFitTheirSchemas) {
  EXPECT_EQ(CheckContract({"document", CONTRACT_JSON}), "");
}

TEST(ContractDocumentTest, AgreesWithTheRoutesOnEveryPathMethodAndRole) {
  std::set<std::string> documented;
  for (const Operation& operation : Operations())
    documented.insert(operation.method + " " + operation.path + " " + operation.role);
  std::set<std::string> routes;
  for (const std::span<const api::Route> table :
       {api::ReadRoutes(), api::ReportRoutes(), api::ChangeRoutes(), api::AgentRoutes(),
        api::ReceiveRoutes()})
    for (const api::Route& route : table)
      routes.insert(std::string(route.method) + " " + std::string(route.pattern) + " " +
                    std::string(route.role ? ToString(*route.role) : "none"));
  EXPECT_THAT(documented, ElementsAreArray(routes));
  EXPECT_GE(routes.size(), 29u);
}

TEST(ContractDocumentTest, OrderIsForPeopleFirstWhatIsNow) {
  const std::string_view yaml = api::ContractYaml();
  size_t last = 0;
  for (const char* path : {"/api/v1/status:", "/api/v1/services:", "/api/v1/incidents:",
                           "/api/v1/pipeline:", "components:"}) {
    const size_t at = yaml.find(path);
    ASSERT_NE(at, std::string_view::npos) << path;
    EXPECT_GT(at, last) << path;
    last = at;
  }
}

TEST(ContractDocumentTest, JsonHoldsWhatTheYamlSays) {
  const auto json = nlohmann::json::parse(api::ContractJson());
  EXPECT_EQ(json["openapi"], "3.1.0");
  EXPECT_EQ(json.at("/components/parameters/Limit/schema/maximum"_json_pointer), 200);
  EXPECT_EQ(json.at("/components/examples/Status/value/reloaded"_json_pointer), nullptr);
  EXPECT_EQ(json.at("/components/schemas/Finding/unevaluatedProperties"_json_pointer), false);
  EXPECT_EQ(json.at("/components/parameters/Cursor/example"_json_pointer), "6") << "quoted is text";
  EXPECT_EQ(json.at("/components/examples/Predictions/value/predictions/0/score"_json_pointer),
            0.82);
  EXPECT_THAT(json.at("/info/description"_json_pointer).get<std::string>(),
              HasSubstr("**Access.**"));
  EXPECT_THAT(std::string(api::ContractYaml()), StartsWith("openapi: 3.1.0\n"));
}

// The judge itself: a wrong answer must not pass.
class ContractJudgeTest : public ::testing::Test {
 protected:
  std::string Judged(int status, const std::string& path, const nlohmann::json& body,
                     const std::string& type = "application/json") {
    const std::string file = ::testing::TempDir() + "heald-judged-" + std::to_string(getpid());
    std::ofstream(file) << nlohmann::json{
        {"method", "GET"},
        {"path", path},
        {"status", status},
        {"headers", {{"content-type", type}}},
        {"body", body.is_string() ? body.get<std::string>() : body.dump()}};
    const std::string out = CheckContract({"exchanges", CONTRACT_JSON, file});
    std::filesystem::remove(file);
    return out;
  }
  nlohmann::json switch_ = {
      {"enabled", true}, {"actor", "config"}, {"changed", "2026-11-21T23:18:02.120Z"}};
};

TEST_F(ContractJudgeTest, TakesARightAnswer) {
  EXPECT_EQ(Judged(200, "/api/v1/switch", switch_), "");
}

TEST_F(ContractJudgeTest, FindsAMissingAnAddedAndAMistypedMember) {
  nlohmann::json less = switch_, more = switch_, other = switch_;
  less.erase("actor");
  more["since"] = 1;
  other["changed"] = "yesterday";
  EXPECT_THAT(Judged(200, "/api/v1/switch", less), HasSubstr("'actor' is a required"));
  EXPECT_THAT(Judged(200, "/api/v1/switch", more), HasSubstr("'since' was unexpected"));
  EXPECT_THAT(Judged(200, "/api/v1/switch", other), HasSubstr("changed: 'yesterday'"));
}

TEST_F(ContractJudgeTest, FindsAnUnknownStatusTypeAndEvent) {
  EXPECT_THAT(Judged(204, "/api/v1/switch", switch_), HasSubstr("status 204 is not in"));
  EXPECT_THAT(Judged(200, "/api/v1/switch", switch_, "text/html"), HasSubstr("content type"));
  EXPECT_THAT(Judged(200, "/api/v1/events", "event: news\ndata: {}\n\n", "text/event-stream"),
              HasSubstr("event news is not in"));
  EXPECT_THAT(Judged(200, "/api/v1/events", "event: switch\ndata: {}\n\n", "text/event-stream"),
              HasSubstr("'enabled' is a required"));
}

}  // namespace
}  // namespace heald::testing
