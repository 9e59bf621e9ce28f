#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "core/api/json.h"
#include "core/api/router.h"
#include "core/base/units.h"
#include "core/dashboard/assets.h"
#include "tests/api/fake_backend.h"

namespace heald::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class ApiRoutesTest : public ::testing::Test {
 protected:
  Response Ask(const std::string& method, const std::string& path, const std::string& body = "",
               std::vector<NameValue> query = {}) {
    Request request{method, path,        std::move(query), {{"host", "localhost:8080"}},
                    body,   "127.0.0.1", "127.0.0.1"};
    return Router(Access(AccessOptions{}), backend_).Handle(request);
  }
  static std::string HeaderOf(const Response& response, std::string_view name) {
    for (const auto& [key, value] : response.headers)
      if (key == name) return value;
    return "";
  }
  static void ExpectProblem(const Response& response, int status, const std::string& detail) {
    EXPECT_EQ(response.status, status);
    EXPECT_EQ(response.content_type, "application/problem+json");
    const Json json = Json::parse(response.body);
    EXPECT_EQ(json["type"], "about:blank");
    EXPECT_EQ(json["status"], status);
    EXPECT_FALSE(json["title"].get<std::string>().empty());
    EXPECT_THAT(json["detail"].get<std::string>(), HasSubstr(detail));
  }
  FakeBackend backend_;
};

TEST_F(ApiRoutesTest, StatusHasItsFields) {
  backend_.status.version = "0.1.0";
  NodeStatus node;
  node.name = "prom";
  node.kind = "source";
  node.plugin = "prometheus";
  node.ok = false;
  node.state = "running";
  node.detail = "refused";
  node.records_in = 1;
  node.rates.out = 2.5;
  backend_.status.nodes = {node};
  PolicyStatus policy;
  policy.mode = Mode::kEnforce;
  policy.guard.cooldown_ns = 5 * kMinute;
  backend_.status.policies = {policy};
  backend_.status.remediation = {true, "config", 0};
  backend_.status.links = {{"grafana", "https://grafana.example"}};
  const Json json = Json::parse(Ask("GET", "/api/v1/status").body);
  EXPECT_EQ(json["version"], "0.1.0");
  EXPECT_EQ(json["nodes"][0], Json({{"name", "prom"},
                                    {"kind", "source"},
                                    {"plugin", "prometheus"},
                                    {"enabled", true},
                                    {"ok", false},
                                    {"state", "running"},
                                    {"detail", "refused"},
                                    {"records_in", 1},
                                    {"records_out", 0},
                                    {"errors", 0},
                                    {"dropped", 0},
                                    {"queued", 0},
                                    {"series", 0},
                                    {"learning", 0},
                                    {"in_per_second", 0.0},
                                    {"out_per_second", 2.5},
                                    {"last_received", nullptr}}));
  EXPECT_EQ(json["policies"][0]["mode"], "enforce");
  EXPECT_EQ(json["policies"][0]["guard"]["cooldown_seconds"], 300.0);
  EXPECT_TRUE(json["policies"][0]["changed_by"].is_null());
  EXPECT_EQ(json["remediation"]["enabled"], true);
  EXPECT_TRUE(json["reload_error"].is_null());
  EXPECT_EQ(json["links"][0]["url"], "https://grafana.example");
  for (const char* key :
       {"pipeline_file", "started", "now", "learning", "dry_run", "open_incidents",
        "awaiting_approval", "open_predictions", "problems", "healthy_since", "reloaded"})
    EXPECT_TRUE(json.contains(key)) << key;
}

TEST_F(ApiRoutesTest, FindingsAreListedByKind) {
  Finding finding;
  finding.id = "slow/1/1";
  finding.kind = FindingKind::kPrediction;
  finding.probability = 0.9;
  backend_.findings = {{{7, finding}}, 12};
  const Json json =
      Json::parse(Ask("GET", "/api/v1/predictions", "", {{"state", "open"}, {"limit", "1"}}).body);
  EXPECT_EQ(backend_.last_findings.kind, FindingKind::kPrediction);
  EXPECT_TRUE(backend_.last_findings.open_only);
  EXPECT_EQ(json["predictions"][0]["incident"], 7);
  EXPECT_EQ(json["predictions"][0]["probability"], 0.9);
  EXPECT_EQ(json["next_cursor"], "12");
  Ask("GET", "/api/v1/anomalies", "", {{"cursor", "12"}});
  EXPECT_EQ(backend_.last_findings.kind, FindingKind::kAnomaly);
  EXPECT_EQ(backend_.last_findings.before, 12u);
  EXPECT_FALSE(backend_.last_findings.open_only);
  ExpectProblem(Ask("GET", "/api/v1/anomalies", "", {{"state", "shut"}}), 400,
                "state 'shut' is unknown: use open");
}

TEST_F(ApiRoutesTest, PoliciesAreChangedByPatch) {
  PolicyStatus policy;
  policy.name = "restart";
  backend_.policies = {policy};
  const Json json = Json::parse(
      Ask("PATCH", "/api/v1/policies/restart", R"({"mode": "enforce", "actor": "anna"})").body);
  EXPECT_EQ(json["mode"], "enforce");
  EXPECT_EQ(json["changed_by"], "user:anna");
  EXPECT_EQ(Json::parse(Ask("GET", "/api/v1/policies/restart").body)["mode"], "enforce");
  ExpectProblem(Ask("PATCH", "/api/v1/policies/restart", "{}"), 400, "what to change");
  ExpectProblem(Ask("PATCH", "/api/v1/policies/restart", R"({"mode": "loud"})"), 400,
                "'mode' must be \"shadow\", \"approve\" or \"enforce\"");
  ExpectProblem(Ask("PATCH", "/api/v1/policies/restart", R"({"enabled": 1})"), 400,
                "'enabled' must be true or false");
  ExpectProblem(Ask("PATCH", "/api/v1/policies/other", R"({"enabled": true})"), 404, "other");
}

TEST_F(ApiRoutesTest, PluginsShowTheirSchemaOneByOne) {
  PluginEntry plugin;
  plugin.kind = Kind::kDetector;
  plugin.name = "zscore";
  plugin.schema = R"({"type": "object"})";
  backend_.plugins = {plugin};
  EXPECT_FALSE(Json::parse(Ask("GET", "/api/v1/plugins").body)["plugins"][0].contains("schema"));
  EXPECT_EQ(Json::parse(Ask("GET", "/api/v1/plugins/detector/zscore").body)["schema"]["type"],
            "object");
  ExpectProblem(Ask("GET", "/api/v1/plugins/source/zscore"), 404, "no plugin 'zscore' of kind");
}

TEST_F(ApiRoutesTest, DetectionRunsCarryTheirActor) {
  backend_.detection.sources = {{"prom", false, "connection refused", 0}};
  const Json json = Json::parse(Ask("POST", "/api/v1/detections", R"({"actor": "anna"})").body);
  EXPECT_EQ(backend_.detect_actor, "user:anna");
  EXPECT_EQ(json["sources"][0]["detail"], "connection refused");
}

TEST_F(ApiRoutesTest, IncidentsPassTheQueryAndGiveACursor) {
  backend_.page.incidents.resize(2);
  backend_.page.incidents[0].id = 9;
  backend_.page.incidents[1].id = 8;
  backend_.page.more = true;
  const Json json = Json::parse(
      Ask("GET", "/api/v1/incidents", "", {{"limit", "2"}, {"cursor", "10"}, {"state", "acting"}})
          .body);
  EXPECT_EQ(backend_.last_query.limit, 2u);
  EXPECT_EQ(backend_.last_query.before_id, 10u);
  EXPECT_EQ(backend_.last_query.state, IncidentState::kActing);
  EXPECT_EQ(json["incidents"].size(), 2u);
  EXPECT_EQ(json["next_cursor"], "8");
  backend_.page.more = false;
  EXPECT_TRUE(Json::parse(Ask("GET", "/api/v1/incidents").body)["next_cursor"].is_null());
  EXPECT_EQ(backend_.last_query.limit, 50u);
  EXPECT_FALSE(backend_.last_query.state.has_value());
}

TEST_F(ApiRoutesTest, IncidentsRefuseBadParameters) {
  const std::pair<NameValue, const char*> cases[] = {
      {{"limit", "0"}, "1 to 200"},
      {{"limit", "201"}, "1 to 200"},
      {{"limit", "x"}, "1 to 200"},
      {{"cursor", "-1"}, "next_cursor"},
      {{"cursor", ""}, "next_cursor"},
      {{"state", "closed"}, "resolved or escalated"},
      {{"stat", "open"}, "known are limit, cursor, state and label"},
  };
  for (const auto& [parameter, detail] : cases)
    ExpectProblem(Ask("GET", "/api/v1/incidents", "", {parameter}), 400, detail);
}

TEST_F(ApiRoutesTest, BackendErrorsKeepTheirMeaning) {
  backend_.store_error = MakeError(Code::kUnavailable, "the store is busy");
  backend_.store_error.retry_after_ns = 1'500'000'000;
  const Response response = Ask("GET", "/api/v1/incidents");
  ExpectProblem(response, 503, "the store is busy");
  EXPECT_EQ(HeaderOf(response, "Retry-After"), "2");
  backend_.throws = true;
  ExpectProblem(Ask("GET", "/api/v1/status"), 500, "the store is gone");
}

TEST_F(ApiRoutesTest, OneIncidentComesWithItsChain) {
  backend_.chain.incident.id = 7;
  backend_.chain.timeline = {{1, "heald", "finding", "", "x"}};
  const Json json = Json::parse(Ask("GET", "/api/v1/incidents/7").body);
  EXPECT_EQ(json["id"], 7);
  EXPECT_EQ(json["timeline"].size(), 1u);
  ExpectProblem(Ask("GET", "/api/v1/incidents/8"), 404, "no incident 8");
  ExpectProblem(Ask("GET", "/api/v1/incidents/x"), 404, "whole numbers");
  ExpectProblem(Ask("GET", "/api/v1/incidents/"), 404, "nothing is at");
  ExpectProblem(Ask("GET", "/api/v1/incidents/7/x"), 404, "nothing is at");
}

TEST_F(ApiRoutesTest, SwitchRecordsItsActor) {
  Json json = Json::parse(Ask("PUT", "/api/v1/switch", R"({"enabled":true})").body);
  EXPECT_EQ(json,
            Json({{"enabled", true}, {"actor", "local"}, {"changed", "2026-11-21T20:14:03.250Z"}}));
  Ask("PUT", "/api/v1/switch", R"({"enabled":false,"actor":"anna"})");
  json = Json::parse(Ask("GET", "/api/v1/switch").body);
  EXPECT_EQ(json["enabled"], false);
  EXPECT_EQ(json["actor"], "user:anna");
}

TEST_F(ApiRoutesTest, ApprovesWhatWaits) {
  Decision decision;
  decision.id = "abc";
  backend_.chain.decisions = {decision};
  EXPECT_EQ(Json::parse(Ask("GET", "/api/v1/approvals").body)["approvals"][0]["id"], "abc");
  ExpectProblem(Ask("PUT", "/api/v1/approvals/abc", "{}"), 400, "approve");
  ExpectProblem(Ask("PUT", "/api/v1/approvals/x", R"({"approve":true})"), 404, "no decision x");
  const std::string seen(64, 'a');
  const auto answer = [&](const std::string& more) {
    return Ask("PUT", "/api/v1/approvals/abc", R"({"approve":true,)" + more + "}");
  };
  ExpectProblem(answer(R"("plan_hash":"abc")"), 400, "64 hex digits");
  ExpectProblem(answer(R"("via":"link")"), 400, "'via' must be");
  ExpectProblem(answer(R"("plan_hash":")" + seen + "\""), 409, "another plan");
  backend_.chain.decisions[0].plan_hash = seen;
  EXPECT_EQ(answer(R"("plan_hash":")" + seen + R"(","via":"cli","actor":"anna")").status, 200);
  EXPECT_EQ(backend_.approved, "yes by user:anna (cli)");
  ExpectProblem(Ask("PUT", "/api/v1/approvals/abc", R"({"approve":false})"), 409, "answered");
}

TEST_F(ApiRoutesTest, ListsUndosThatWaitBesideApprovals) {
  WaitingUndo undo;
  undo.decision.id = "abc";
  undo.since_ns = 1'795'292'043'250'000'000;
  undo.why = "connection refused";
  backend_.undos = {undo};
  const Json json = Json::parse(Ask("GET", "/api/v1/approvals").body);
  EXPECT_TRUE(json["approvals"].empty());
  ASSERT_EQ(json["undos"].size(), 1u);
  EXPECT_EQ(json["undos"][0]["decision"]["id"], "abc");
  EXPECT_EQ(json["undos"][0]["since"], "2026-11-21T20:14:03.250Z");
  EXPECT_EQ(json["undos"][0]["why"], "connection refused");
}

TEST_F(ApiRoutesTest, SilencesAreMadeListedAndEnded) {
  const Json made =
      Json::parse(Ask("POST", "/api/v1/silences",
                      R"({"matchers": ["service=payments", "metric=~lat.*"], "for_seconds": 90,
              "comment": "deploy", "actor": "anna"})")
                      .body);
  EXPECT_EQ(made["matchers"], Json({"service=\"payments\"", "metric=~\"lat.*\""}));
  EXPECT_EQ(made["actor"], "user:anna");
  EXPECT_EQ(backend_.silences.at(0).ends_ns, FakeBackend::kNow + 90 * kSecond);
  EXPECT_TRUE(made["ended_by"].is_null());
  EXPECT_EQ(Json::parse(Ask("GET", "/api/v1/silences").body)["silences"][0], made);
  const Json ended = Json::parse(Ask("DELETE", "/api/v1/silences/s1").body);
  EXPECT_EQ(ended["ended_by"], "local");
  ExpectProblem(Ask("DELETE", "/api/v1/silences/s7"), 404, "there is no silence 's7'");
  Ask("POST", "/api/v1/silences",
      R"({"matchers": ["a=b"], "ends": "2030-01-01T00:00:00Z", "comment": "x"})");
  EXPECT_EQ(FormatTime(backend_.silences.at(1).ends_ns), "2030-01-01T00:00:00.000Z");
}

TEST_F(ApiRoutesTest, ASilenceThatNobodyCanMeanIsRefused) {
  const std::pair<const char*, const char*> cases[] = {
      {"{}", "'matchers' must be a list"},
      {R"({"matchers": []})", "'matchers' must be a list"},
      {R"({"matchers": [7], "for_seconds": 9})", "a list of texts"},
      {R"({"matchers": ["payments"], "for_seconds": 9})", "'payments' is no matcher"},
      {R"({"matchers": ["a=~("], "for_seconds": 9})", "no regular expression"},
      {R"({"matchers": ["a=b"]})", "either 'ends' or 'for_seconds'"},
      {R"({"matchers": ["a=b"], "for_seconds": 9, "ends": "2030-01-01T00:00:00Z"})",
       "either 'ends' or 'for_seconds'"},
      {R"({"matchers": ["a=b"], "for_seconds": -1})", "'for_seconds' must be"},
      {R"({"matchers": ["a=b"], "for_seconds": 1e300})", "'for_seconds' must be"},
      {R"({"matchers": ["a=b"], "ends": "tomorrow"})", "'ends' must be a time"},
      {R"({"matchers": ["a=b"], "ends": 7})", "'ends' must be a time"},
      {R"({"matchers": ["a=b"], "for_seconds": 9, "why": "x"})", "unknown member 'why'"},
  };
  for (const auto& [body, why] : cases) {
    const Response answer = Ask("POST", "/api/v1/silences", body);
    EXPECT_EQ(answer.status, 400) << body;
    EXPECT_THAT(answer.body, HasSubstr(why)) << body;
  }
  EXPECT_TRUE(backend_.silences.empty());
}

TEST_F(ApiRoutesTest, SwitchStaysOnABadBody) {
  backend_.remediation.enabled = true;
  for (const char* body :
       {"", "{", "[]", "null", "true", "{\"enabled\":1}", "{\"enabled\":null}",
        "{\"enabled\":false,\"x\":1}", "{\"enabled\":false,\"actor\":\"\"}",
        "{\"enabled\":false,\"actor\":\"a b\"}", "{\"enabled\":false,\"actor\":7}", "\xff"}) {
    const Response response = Ask("PUT", "/api/v1/switch", body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_TRUE(backend_.remediation.enabled) << body;
  }
  EXPECT_EQ(Ask("PUT", "/api/v1/switch", std::string(500'000, '[')).status, 400);
}

TEST_F(ApiRoutesTest, ReloadGivesItsDiagnostics) {
  backend_.reload = {true, "1 node added", {}};
  Response response = Ask("POST", "/api/v1/reload");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(Json::parse(response.body)["summary"], "1 node added");
  EXPECT_EQ(backend_.reload_actor, "local");
  backend_.reload = {false,
                     "2 errors; the old pipeline goes on",
                     {{"p.yaml", 23, 9, "error", "unknown key 'sensitivty'"}}};
  response = Ask("POST", "/api/v1/reload", R"({"actor":"anna"})");
  ExpectProblem(response, 422, "the old pipeline goes on");
  const Json json = Json::parse(response.body);
  EXPECT_EQ(json["applied"], false);
  EXPECT_EQ(json["diagnostics"][0]["line"], 23);
  EXPECT_EQ(json["diagnostics"][0]["message"], "unknown key 'sensitivty'");
  EXPECT_EQ(backend_.reload_actor, "user:anna");
}

TEST_F(ApiRoutesTest, HealthIs503WithTheFailingPart) {
  backend_.health = {{"runner", true, ""}, {"store", false, "disk full"}};
  EXPECT_EQ(Ask("GET", "/readyz").status, 200);
  const Response response = Ask("GET", "/healthz");
  EXPECT_EQ(response.status, 503);
  const Json json = Json::parse(response.body);
  EXPECT_EQ(json["status"], "failing");
  EXPECT_EQ(json["checks"][1], Json({{"name", "store"}, {"ok", false}, {"detail", "disk full"}}));
}

TEST_F(ApiRoutesTest, ReadinessNamesTheNotifierThatCannotDeliverAndIsReadyAllTheSame) {
  backend_.ready = {{"store", true, ""}, {"notifier chat", false, "status 401"}};
  Response response = Ask("GET", "/readyz");
  EXPECT_EQ(response.status, 200);
  const Json json = Json::parse(response.body);
  EXPECT_EQ(json["status"], "ok");
  EXPECT_EQ(json["checks"][1],
            Json({{"name", "notifier chat"}, {"ok", false}, {"detail", "status 401"}}));
  backend_.health = {{"notifier chat", false, "has not returned for 34 s"}};
  EXPECT_EQ(Ask("GET", "/readyz").status, 503) << "one that hangs";
  backend_.health.clear();
  backend_.ready.push_back({"receiver push", false, "nothing has been pushed"});
  EXPECT_EQ(Ask("GET", "/readyz").status, 200) << "who isn't ready might be cut off from senders";
  backend_.ready.push_back({"source prom", false, "connection refused"});
  EXPECT_EQ(Ask("GET", "/readyz").status, 503);
}

TEST_F(ApiRoutesTest, MetricsAreText) {
  const Response response = Ask("GET", "/metrics");
  EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(response.body, "a_total 1\n");
}

TEST_F(ApiRoutesTest, UnknownPathsAndMethodsAreProblems) {
  ExpectProblem(Ask("GET", "/api/v1/nothing"), 404, "/api/v1/nothing");
  ExpectProblem(Ask("GET", "/../etc/passwd"), 404, "nothing is at");
  const Response response = Ask("DELETE", "/api/v1/switch");
  ExpectProblem(response, 405, "takes GET, HEAD, PUT");
  EXPECT_EQ(HeaderOf(response, "Allow"), "GET, HEAD, PUT");
  EXPECT_EQ(HeaderOf(Ask("GET", "/api/v1/reload"), "Allow"), "POST");
}

TEST_F(ApiRoutesTest, PageNeedsNothingFromOutsideAndNoInlineCode) {
  if (dashboard::Assets().empty()) GTEST_SKIP() << "built without the dashboard";
  const Response page = Ask("GET", "/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_THAT(HeaderOf(page, "Content-Security-Policy"), HasSubstr("script-src 'self'"));
  EXPECT_THAT(HeaderOf(page, "Content-Security-Policy"), Not(HasSubstr("unsafe")));
  EXPECT_THAT(page.body, Not(HasSubstr("://")));
  EXPECT_THAT(page.body, Not(HasSubstr(" style=")));
  EXPECT_THAT(page.body, HasSubstr("</html>"));
  EXPECT_EQ(Ask("GET", "/docs").body, page.body);
  for (const dashboard::Asset& asset : dashboard::Assets()) {
    const std::string path(asset.path);
    if (path == "/index.html") continue;
    const Response file = Ask("GET", path);
    EXPECT_EQ(file.content_type, asset.content_type);
    EXPECT_THAT(HeaderOf(file, "Cache-Control"), HasSubstr("immutable")) << path;
    EXPECT_GT(file.body.size(), asset.gzip.size()) << path;
  }
  EXPECT_THAT(HeaderOf(page, "Cache-Control"), "no-cache");
  EXPECT_EQ(Ask("GET", "/assets/none.js").status, 404);
}

TEST_F(ApiRoutesTest, EveryAnswerHasSecurityHeaders) {
  for (const char* path : {"/", "/api/v1/status", "/healthz", "/none", "/metrics"}) {
    const Response response = Ask("GET", path);
    EXPECT_EQ(HeaderOf(response, "X-Content-Type-Options"), "nosniff") << path;
    EXPECT_EQ(HeaderOf(response, "X-Frame-Options"), "DENY") << path;
    EXPECT_THAT(HeaderOf(response, "Content-Security-Policy"), HasSubstr("default-src 'none'"));
  }
  EXPECT_EQ(HeaderOf(Ask("GET", "/api/v1/status"), "Cache-Control"), "no-store");
}

TEST_F(ApiRoutesTest, ReportsRequestsUnderTheirRoute) {
  Ask("GET", "/api/v1/incidents/12345");
  EXPECT_EQ(backend_.last_route, "/api/v1/incidents/{id}");
  EXPECT_EQ(backend_.last_status, 404);
  Ask("BREW", "/coffee");
  EXPECT_EQ(backend_.last_route, "other");
  EXPECT_EQ(backend_.last_method, "other");
}

}  // namespace
}  // namespace heald::api
