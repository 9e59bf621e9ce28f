#include <gmock/gmock.h>

#include <atomic>

#include "tests/contract/contract_fixture.h"

namespace heald::testing {
namespace {

using ::testing::HasSubstr;

class ContractAnswersTest : public ContractTest {
 protected:
  // Reads every list to its end, page by page.
  size_t Walk(const std::string& path, const std::string& name) {
    size_t count = 0;
    std::string cursor;
    do {
      const nlohmann::json page = AskJson(
          "GET", path + (path.find('?') == std::string::npos ? "?" : "&") + "limit=2" + cursor);
      if (!page.contains(name)) return count;
      EXPECT_LE(page[name].size(), 2u);
      count += page[name].size();
      cursor =
          page["next_cursor"].is_null() ? "" : "&cursor=" + page["next_cursor"].get<std::string>();
    } while (!cursor.empty() && count < 500);
    return count;
  }
  bool HasDecision(const std::string& verdict) {
    const nlohmann::json page = AskJson("GET", "/api/v1/incidents");
    for (const nlohmann::json& incident : page["incidents"]) {
      const nlohmann::json chain = AskJson("GET", "/api/v1/incidents/" + incident["id"].dump());
      for (const nlohmann::json& decision : chain["decisions"])
        if (decision["verdict"] == verdict) return true;
    }
    return false;
  }
};

TEST_F(ContractAnswersTest, EveryAnswerOfARunningAgentFitsTheContract) {
  Write(Pipeline());
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  std::atomic<bool> over = false;
  std::string events;
  std::thread listener(
      [&] { events = Listen("", [&](const std::string&) { return over.load(); }); });

  // Incidents in every state that counts: healed, refused, waiting.
  EXPECT_TRUE(Eventually([&] { return Starts().size() == 4; })) << agent().output();
  AskJson("POST", "/api/v1/detections");
  EXPECT_TRUE(Eventually([&] {
    return AskJson("GET", "/api/v1/incidents?state=resolved")["incidents"].size() == 1;
  })) << agent().output();

  // Each run brings one more sample of series that grow.
  EXPECT_TRUE(Eventually([&] {
    AskJson("POST", "/api/v1/detections");
    return AskJson("GET", "/api/v1/predictions?state=open")["predictions"].size() == 3;
  })) << agent().output();

  EXPECT_TRUE(
      Eventually([&] { return AskJson("GET", "/api/v1/approvals")["approvals"].size() == 1; }));
  for (const char* verdict : {"act", "refused", "awaits_approval", "would_act"})
    EXPECT_TRUE(Eventually([&] { return HasDecision(verdict); })) << verdict;

  for (const Operation& operation : Operations())
    if (operation.method == "GET" && operation.parameters.empty() &&
        operation.path != "/api/v1/events") {
      EXPECT_LT(Ask("GET", operation.path).status, 300) << operation.path;
      EXPECT_LT(Ask("HEAD", operation.path).status, 300) << operation.path;
    }
  EXPECT_GE(Walk("/api/v1/anomalies", "anomalies"), 3u);
  EXPECT_GE(Walk("/api/v1/anomalies?state=open", "anomalies"), 2u);
  EXPECT_EQ(Walk("/api/v1/predictions", "predictions"), 3u);
  EXPECT_GE(Walk("/api/v1/incidents", "incidents"), 3u);
  EXPECT_GE(Walk("/api/v1/executions", "executions"), 1u);
  EXPECT_GE(Walk("/api/v1/audit", "events"), 10u);
  const nlohmann::json policies = AskJson("GET", "/api/v1/policies");
  for (const nlohmann::json& policy : policies["policies"])
    EXPECT_EQ(AskJson("GET", "/api/v1/policies/" + policy["name"].get<std::string>()), policy);
  const nlohmann::json plugins = AskJson("GET", "/api/v1/plugins");
  for (const nlohmann::json& plugin : plugins["plugins"])
    EXPECT_EQ(Ask("GET", "/api/v1/plugins/" + plugin["kind"].get<std::string>() + "/" +
                             plugin["name"].get<std::string>())
                  .status,
              200);

  // Changes.
  const nlohmann::json asked = AskJson("GET", "/api/v1/approvals")["approvals"][0];
  EXPECT_TRUE(asked["expires"].is_string()) << asked;
  const std::string waiting = asked["id"];
  nlohmann::json answer = {
      {"approve", true}, {"actor", "anna"}, {"via", "cli"}, {"plan_hash", std::string(64, '0')}};
  EXPECT_EQ(Ask("PUT", "/api/v1/approvals/" + waiting, answer.dump()).status, 409);
  answer["plan_hash"] = asked["plan_hash"];
  EXPECT_EQ(Ask("PUT", "/api/v1/approvals/" + waiting, answer.dump()).status, 200);
  EXPECT_EQ(Ask("PUT", "/api/v1/approvals/" + waiting, R"({"approve": true})").status, 409);
  for (const char* body : {R"({"enabled": false, "actor": "anna"})", R"({"enabled": true})"})
    EXPECT_EQ(Ask("PUT", "/api/v1/switch", body).status, 200);
  for (const char* body : {R"({"enabled": false, "actor": "anna"})", R"({"mode": "shadow"})",
                           R"({"mode": "enforce", "enabled": true})"})
    EXPECT_EQ(Ask("PATCH", "/api/v1/policies/cure", body).status, 200) << body;
  const nlohmann::json silence = AskJson(
      "POST", "/api/v1/silences",
      R"({"matchers": ["service=c"], "for_seconds": 3600, "comment": "x", "actor": "anna"})");
  EXPECT_EQ(AskJson("GET", "/api/v1/silences")["silences"][0], silence);
  const nlohmann::json listed = AskJson("GET", "/api/v1/incidents")["incidents"];
  EXPECT_TRUE(std::any_of(listed.begin(), listed.end(), [&](const nlohmann::json& incident) {
    return incident["silenced_by"] == silence["id"];
  })) << listed;
  EXPECT_EQ(AskJson("GET", "/api/v1/status")["silences"], 1);
  const std::string its_path = "/api/v1/silences/" + silence["id"].get<std::string>();
  EXPECT_EQ(Ask("DELETE", its_path, R"({"actor": "ben"})").status, 200);
  EXPECT_EQ(Ask("DELETE", its_path).status, 409);

  // What people say of incidents, and what the journal says of heald.
  const std::string label = "/api/v1/incidents/1/label";
  EXPECT_EQ(AskJson("PUT", label,
                    R"({"label": "noise", "comment": "x", "actor": "anna"})")["label"]["value"],
            "noise");
  EXPECT_EQ(AskJson("GET", "/api/v1/incidents?label=noise")["incidents"].size(), 1u);
  EXPECT_EQ(AskJson("GET", "/api/v1/incidents?label=expected")["incidents"].size(), 0u);
  EXPECT_EQ(Ask("GET", "/api/v1/incidents?label=nonsense").status, 400);
  EXPECT_EQ(Ask("PUT", label, R"({"label": "nonsense"})").status, 400);
  EXPECT_EQ(Ask("PUT", "/api/v1/incidents/999/label", R"({"label": "noise"})").status, 404);
  const nlohmann::json weekly = AskJson("GET", "/api/v1/reports/weekly?weeks=2");
  EXPECT_EQ(weekly["weeks"].size(), 2u);
  EXPECT_GE(weekly["total"]["incidents"], 3) << weekly;
  EXPECT_EQ(weekly["total"]["labelled"], 1) << weekly;
  EXPECT_EQ(Ask("GET", "/api/v1/reports/weekly?weeks=0").status, 400);
  EXPECT_EQ(AskJson("GET", "/api/v1/policies/cure/efficacy")["policy"], "cure");
  EXPECT_EQ(Ask("GET", "/api/v1/policies/nobody/efficacy").status, 404);
  EXPECT_EQ(AskJson("DELETE", label, R"({"actor": "ben"})")["label"], nullptr);

  // What others push.
  EXPECT_EQ(Ask("POST", "/receive/push", R"({"version": "4", "alerts": []})").status, 204);
  EXPECT_EQ(Ask("POST", "/receive/push", "{").status, 400);
  EXPECT_EQ(Ask("POST", "/receive/nobody", "{}").status, 404);
  EXPECT_EQ(Ask("POST", "/receive/push/more", "{}").status, 404);

  const nlohmann::json run = AskJson("POST", "/api/v1/detections", R"({"actor": "anna"})");
  EXPECT_EQ(run["sources"][0]["name"], "page") << run;
  EXPECT_EQ(Ask("POST", "/api/v1/detections").status, 200);
  Write(Pipeline(", log: {level: debug}"));
  EXPECT_EQ(Ask("POST", "/api/v1/reload", R"({"actor": "anna"})").status, 200);
  std::string wrong = Pipeline();
  wrong.replace(wrong.find("above:"), 6, "abov:");
  Write(wrong);
  const nlohmann::json refused = AskJson("POST", "/api/v1/reload");
  EXPECT_EQ(refused["status"], 422) << refused;
  EXPECT_GE(refused["diagnostics"].size(), 1u) << refused;
  Ask("GET", "/api/v1/status");

  // What is in the way of being relied on is an answer too.
  std::string unreachable = Pipeline();
  unreachable.replace(unreachable.find("/metrics']"), 10, "/', 'http://127.0.0.1:1/']");
  Write(unreachable);
  EXPECT_EQ(Ask("POST", "/api/v1/reload").status, 200);
  EXPECT_TRUE(Eventually([&] { return Ask("GET", "/readyz").status == 503; }));
  Ask("GET", "/api/v1/status");
  Ask("POST", "/api/v1/detections");
  Ask("GET", "/api/v1/pipeline");

  over = true;
  listener.join();
  for (const char* event : {"hello", "finding", "incident", "decision", "outcome", "switch",
                            "policy", "silence", "reload", "pipeline"})
    EXPECT_THAT(events, HasSubstr("event: " + std::string(event) + "\n"));
  Judge(true);
}

TEST_F(ContractAnswersTest, EventsAreTakenUpAfterTheLastIdOrReset) {
  Write(Pipeline());
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  const auto has = [](const char* event) {
    return [event](const std::string& text) {
      return text.find("event: " + std::string(event) + "\n") != std::string::npos;
    };
  };
  const std::string first = Listen("", has("incident"));
  const size_t at = first.find("id: ") + 4;
  const std::string id = first.substr(at, first.find('\n', at) - at);
  EXPECT_THAT(Listen(id, has("finding")), HasSubstr("event: hello\n"));
  EXPECT_THAT(Listen("of-another-life-7", has("reset")), HasSubstr("event: reset\n"));
  Judge();
}

TEST_F(ContractAnswersTest, ErrorsAreProblemsWithADocumentedStatus) {
  Write(Pipeline());
  ASSERT_NO_FATAL_FAILURE(StartAndWait());
  struct Case {
    const char* method;
    const char* target;
    std::string body;
    int status;
  };
  const Case cases[] = {
      {"GET", "/api/v1/incidents?limit=0", "", 400},
      {"GET", "/api/v1/incidents?limit=201", "", 400},
      {"GET", "/api/v1/incidents?cursor=x", "", 400},
      {"GET", "/api/v1/incidents?state=sleepy", "", 400},
      {"GET", "/api/v1/anomalies?state=resolved", "", 400},
      {"GET", "/api/v1/predictions?sort=up", "", 400},
      {"GET", "/api/v1/audit?state=open", "", 400},
      {"GET", "/api/v1/executions?limit=many", "", 400},
      {"GET", "/api/v1/incidents/4711", "", 404},
      {"GET", "/api/v1/incidents/seven", "", 404},
      {"GET", "/api/v1/incidents/0", "", 404},
      {"GET", "/api/v1/policies/nosuch", "", 404},
      {"PATCH", "/api/v1/policies/nosuch", R"({"mode": "shadow"})", 404},
      {"GET", "/api/v1/plugins/detector/nosuch", "", 404},
      {"GET", "/api/v1/plugins/cook/zscore", "", 404},
      {"PUT", "/api/v1/approvals/nosuch", R"({"approve": true})", 404},
      {"DELETE", "/api/v1/silences/s77", "", 404},
      {"POST", "/api/v1/silences", R"({"matchers": ["a=~.*"], "for_seconds": 9, "comment": "x"})",
       400},
      {"POST", "/api/v1/silences", R"({"matchers": ["a=b"], "for_seconds": 9})", 400},
      {"GET", "/api/v1/nosuch", "", 404},
      {"GET", "/api/v2/status", "", 404},
      {"DELETE", "/api/v1/switch", "", 405},
      {"POST", "/api/v1/status", "{}", 405},
      {"GET", "/api/v1/reload", "", 405},
      {"PUT", "/api/v1/policies/cure", "{}", 405},
      {"PUT", "/api/v1/switch", "", 400},
      {"PUT", "/api/v1/switch", "{\"enabled\": tru", 400},
      {"PUT", "/api/v1/switch", "[true]", 400},
      {"PUT", "/api/v1/switch", R"({"enabled": "no"})", 400},
      {"PUT", "/api/v1/switch", R"({"enabled": true, "why": "x"})", 400},
      {"PUT", "/api/v1/switch", R"({"enabled": true, "actor": "a b"})", 400},
      {"PATCH", "/api/v1/policies/cure", R"({"mode": "bold"})", 400},
      {"PATCH", "/api/v1/policies/cure", "{}", 400},
      {"POST", "/api/v1/reload", R"({"force": true})", 400},
      {"POST", "/api/v1/detections", "7", 400},
      {"PUT", "/api/v1/switch", std::string((1 << 20) + 1, ' '), 413},
  };
  for (const Case& c : cases)
    EXPECT_EQ(Ask(c.method, c.target, c.body).status, c.status)
        << c.method << " " << c.target << " " << c.body.substr(0, 80);
  EXPECT_EQ(
      AskRaw("GET", "/api/v1/status", "GET /api/v1/status HTTP/1.1\r\nHost: evil.example\r\n\r\n")
          .status,
      403);
  EXPECT_EQ(Ask("GET", "/api/v1/status", "", "Origin: http://evil.example\r\n").status, 403);
  EXPECT_EQ(Ask("GET", "/api/v1/status", "", "X-Long: " + std::string(20'000, 'x') + "\r\n").status,
            431);
  EXPECT_EQ(Ask("PUT", "/api/v1/switch", "", "Transfer-Encoding: chunked\r\n").status, 411);
  EXPECT_EQ(Ask("PUT", "/api/v1/switch", "{}", "Expect: miracles\r\n").status, 417);
  EXPECT_EQ(AskRaw("GET", "/healthz", "GET /healthz HTTP/3.0\r\nHost: localhost\r\n\r\n").status,
            505);
  EXPECT_EQ(AskRaw("GET", "/healthz", "GET /healthz HTTP/1.1\r\n\r\n").status, 400);
  Judge();
}

}  // namespace
}  // namespace heald::testing
