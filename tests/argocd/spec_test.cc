// Every exchange between the action and the fake is one that Argo CD's own description knows: path,
// method, names in the query, fields of the body and of the answer.
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/argocd/fixture.h"

namespace heald::argocd::testing {
namespace {

std::filesystem::path SpecPath() {
  const char* shared = std::getenv("HEALD_SHARED");  // NOLINT(concurrency-mt-unsafe)
  const std::filesystem::path folder =
      shared != nullptr ? std::filesystem::path(shared)
                        : std::filesystem::path(HEALD_SOURCE_DIR) / ".." / "shared";
  return folder / "specs/argo-cd-v2.14.0-swagger.json";
}

class ArgocdSpecTest : public ArgocdTest {
 protected:
  void SetUp() override {
    std::ifstream file(SpecPath());
    if (!file) GTEST_SKIP() << "no API description at " << SpecPath() << ": set HEALD_SHARED";
    spec_ = json::parse(file);
  }

  // Appends where `value` isn't what `schema` describes.
  void Check(const json& value, const json& schema, const std::string& at) {
    if (schema.contains("$ref")) {
      const std::string name = schema.at("$ref").get<std::string>().substr(14);
      return Check(value, spec_.at("definitions").at(name), at);
    }
    const std::string type = schema.value("type", "object");
    const bool fits = type == "object"    ? value.is_object() || value.is_string()
                      : type == "array"   ? value.is_array()
                      : type == "string"  ? value.is_string()
                      : type == "boolean" ? value.is_boolean()
                                          : value.is_number();
    // v1Time is described as an object and written as a text.
    if (!fits || (value.is_string() && type == "object" && !schema.contains("properties")))
      problems_.push_back(at + ": " + value.dump() + " is no " + type);
    if (value.is_array())
      for (size_t i = 0; i < value.size(); ++i)
        Check(value[i], schema.at("items"), at + "/" + std::to_string(i));
    if (!value.is_object()) return;
    const json properties = schema.value("properties", json::object());
    for (const auto& [key, member] : value.items()) {
      if (properties.contains(key))
        Check(member, properties.at(key), at + "/" + key);
      else if (schema.contains("additionalProperties"))
        Check(member, schema.at("additionalProperties"), at + "/" + key);
      else
        problems_.push_back(at + "/" + key + ": not in the description");
    }
  }

  // The description of a request; null where there is none.
  const json* Described(const fakes::FakeRequest& request) {
    for (const auto& [path, methods] : spec_.at("paths").items()) {
      const size_t name = path.find("{name}");
      if (name == std::string::npos) continue;
      const std::string before = path.substr(0, name);
      const std::string after = path.substr(name + 6);
      if (!request.path.starts_with(before) || !request.path.ends_with(after)) continue;
      const std::string filled =
          request.path.substr(before.size(), request.path.size() - before.size() - after.size());
      if (filled.empty() || filled.find('/') != std::string::npos) continue;
      std::string method = request.method;
      for (char& c : method) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      if (methods.contains(method)) return &methods.at(method);
    }
    return nullptr;
  }

  void CheckExchange(const fakes::FakeRequest& request, const fakes::FakeReply& reply) {
    const std::string at = request.method + " " + request.path;
    const json* described = Described(request);
    if (described == nullptr) return problems_.push_back(at + ": no such call");
    json parameters = json::object();
    for (const json& parameter : described->at("parameters"))
      parameters[parameter.at("in").get<std::string>() + " " +
                 parameter.at("name").get<std::string>()] = parameter;
    for (size_t begin = 0; begin < request.query.size();) {
      const size_t end = std::min(request.query.find('&', begin), request.query.size());
      const std::string pair = request.query.substr(begin, end - begin);
      if (!parameters.contains("query " + pair.substr(0, pair.find('='))))
        problems_.push_back(at + "?" + pair + ": not in the description");
      begin = end + 1;
    }
    if (!request.body.empty()) {
      if (parameters.contains("body body"))
        Check(json::parse(request.body), parameters["body body"].at("schema"), at);
      else
        problems_.push_back(at + ": takes no body");
    }
    const json& responses = described->at("responses");
    const std::string status = reply.status == 200 ? "200" : "default";
    Check(json::parse(reply.body), responses.at(status).at("schema"), at + " -> " + status);
  }

  json spec_;
  std::vector<std::string> problems_;
};

TEST_F(ArgocdSpecTest, EveryExchangeIsDescribed) {
  server_.SetAutomated("checkout", kAutomated);
  config_.project = fakes::ArgocdServer::kProject;
  config_.app_namespace = "argocd";
  const Config base = config_;
  const sdk::Plan rollback = PlanOf();
  DryRun(rollback);
  Execute(rollback);
  Settled(rollback);
  Undo(rollback);
  Settled(rollback, EffectState::kAbsent);
  server_.SetAutomated("checkout", nullptr);
  EXPECT_EQ(DryRun(rollback).state, EffectState::kDone);
  for (const Operation operation : {Operation::kSync, Operation::kRefresh}) {
    Config config = base;
    config.operation = operation;
    if (operation == Operation::kSync) config.revision = kA;
    Restart(config);
    const sdk::Plan plan = PlanOf();
    Execute(plan);
    EXPECT_EQ(Settled(plan).state, EffectState::kDone);
  }
  Config config = base;
  config.operation = Operation::kTerminate;
  Restart(config);
  server_.SetTimes({}, std::chrono::seconds(20));
  server_.BeginSync("checkout", kD, "alice");
  const sdk::Plan end = PlanOf();
  Execute(end);
  EXPECT_EQ(Settled(end).state, EffectState::kDone);
  server_.Forbid("get");
  PlanFailure();

  size_t writes = 0;
  for (const auto& [request, reply] : server_.exchanges()) {
    CheckExchange(request, reply);
    if (request.method != "GET") ++writes;
  }
  EXPECT_THAT(problems_, ElementsAre());
  EXPECT_GE(writes, 8U) << "patch twice, rollback twice, dry runs, sync, terminate";
}

TEST_F(ArgocdSpecTest, TheCheckItselfFindsWhatIsWrong) {
  fakes::FakeRequest request;
  request.method = "POST";
  request.path = "/api/v1/applications/x/undo";
  CheckExchange(request, {.body = "{}"});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("no such call")));
  problems_.clear();
  request.method = "GET";
  request.path = "/api/v1/applications/x";
  request.query = "again=1";
  CheckExchange(request, {.body = R"({"spec": {"projekt": "a"}, "status": {"history": {}}})"});
  EXPECT_THAT(problems_,
              ElementsAre(HasSubstr("?again=1: not in"), HasSubstr("/spec/projekt: not in"),
                          HasSubstr("/status/history: {} is no array")));
  problems_.clear();
  request.method = "POST";
  request.path = "/api/v1/applications/x/rollback";
  request.query = "";
  request.body = R"({"id": "three"})";
  CheckExchange(request, {.status = 400, .body = R"({"code": "nine"})"});
  EXPECT_THAT(problems_, ElementsAre(HasSubstr("/id: \"three\" is no integer"),
                                     HasSubstr("/code: \"nine\" is no integer")));
}

}  // namespace
}  // namespace heald::argocd::testing
