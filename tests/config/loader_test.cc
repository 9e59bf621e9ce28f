#include "core/config/loader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/model/template.h"
#include "tests/config/fakes.h"

namespace heald {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kGood = R"yaml(version: 1
agent:
  listen: 127.0.0.1:9000
  token: ${env:HEALD_TOKEN}
  state_dir: state
  store_sync: full
  group_by: [pod]
  log: {format: json}
  series_ttl: 2h
sources:
  prom:
    plugin: prometheus
    deadline: 5s
    config:
      url: ${env:PROMETHEUS_URL:-http://localhost:9090}
      interval: ${env:CHECK_INTERVAL:-15s}
      password: "${file:secret}"
      queries:
        latency_p99: histogram_quantile(0.99, x)
        error_rate: rate(errors[1m])
detectors:
  spikes:
    plugin: zscore
    inputs: [prom.latency_p99, prom.error_rate]
    queue: 16
    when_full: block
    max_series: 7
    config: {window: "${env:WINDOW}", floor: 5%}
policies:
  restart_slow:
    inputs: [spikes]
    when: service == "orders" and prom.latency_p99 > 0.5
    action: restart
    mode: enforce
    guard: {for: 30s, cooldown: 5m, max_per_hour: 3, excluded: [heald, "zone=a"]}
    verify: {within: 90s}
  tell: {inputs: [spikes], action: alert}
actions:
  restart:
    plugin: docker
    config: {operation: restart, labels: {cost: "5 $ for $${x}", who: "${target.service}"}}
notifiers:
  chat:
    plugin: slack
    inputs: [restart_slow]
    config: {webhook_url: "https://hooks.example.com/x", extra: {a: [1, 2.5, true, "3", ~, x]}}
tests: []
)yaml";

class ConfigLoaderTest : public testing::Test {
 protected:
  ConfigLoaderTest() {
    environment_.variables["HEALD_TOKEN"] = "0123456789abcdef";
    environment_.variables["WINDOW"] = "30";
    environment_.files["/etc/heald/secret"] = "hunter2\n";
    environment_.files["/etc/heald/cert.pem"] = "-----BEGIN CERTIFICATE-----\n";
    environment_.files["/etc/heald/key.pem"] = "-----BEGIN EC PRIVATE KEY-----\n";
  }
  LoadResult Load(const std::string& text) {
    return LoadPipelineText(text, "pipeline.yaml", "/etc/heald", catalog_, environment_);
  }
  std::string Errors(const std::string& text) { return FormatText(Load(text).diagnostics); }

  FakeCatalog catalog_;
  FakeEnvironment environment_;
};

TEST_F(ConfigLoaderTest, ReadsTheAgentsSection) {
  const LoadResult result = Load(kGood);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const AgentSpec& agent = result.spec->agent;
  EXPECT_EQ(agent.listen, "127.0.0.1:9000");
  EXPECT_EQ(agent.token, "0123456789abcdef");
  EXPECT_FALSE(agent.tls.enabled());
  EXPECT_FALSE(agent.allow_no_token || agent.allow_no_tls);
  EXPECT_EQ(agent.public_url, "");
  EXPECT_EQ(agent.approval_expires_ns, 15 * kMinute);
  EXPECT_FALSE(agent.approval_links) << "a link is a credential: only where it is wanted";
  EXPECT_EQ(agent.state_dir, "/etc/heald/state");
  EXPECT_EQ(agent.store, "sqlite:heald.db");
  EXPECT_TRUE(agent.store_full_sync);
  EXPECT_TRUE(agent.auto_remediation);
  EXPECT_FALSE(agent.dry_run);
  EXPECT_THAT(agent.group_by, ElementsAre("pod"));
  EXPECT_EQ(agent.log_format, "json");
  EXPECT_EQ(agent.log_level, "info");
  EXPECT_EQ(agent.series_ttl_ns, 2 * kHour);
  EXPECT_EQ(agent.drain_ns, 10 * kSecond);
  EXPECT_EQ(agent.backfill_ns, 0);
}

TEST_F(ConfigLoaderTest, ReadsWhatAListenerForOthersNeeds) {
  environment_.files["/etc/heald/cert.pem"] = "-----BEGIN CERTIFICATE-----\n";
  environment_.files["/etc/heald/key.pem"] = "-----BEGIN EC PRIVATE KEY-----\n";
  environment_.live_tokens = size_t{1};
  std::string text = kGood;
  text.replace(text.find("  listen: 127.0.0.1:9000\n  token: ${env:HEALD_TOKEN}\n"), 53,
               "  listen: 0.0.0.0:9000\n"
               "  tls: {cert_file: cert.pem, key_file: /etc/heald/key.pem}\n"
               "  allow_insecure: [no_tls]\n"
               "  allowed_hosts: [ops.example]\n"
               "  public_url: https://heald.example:8443/ops\n"
               "  approval: {expires: 20m, links: true}\n"
               "  links: {grafana: 'http://localhost:3000/d/1?a=b@c', jaeger: 'http://j'}\n");
  const LoadResult result = Load(text);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  EXPECT_EQ(FormatText(result.diagnostics), "");
  const AgentSpec& agent = result.spec->agent;
  EXPECT_EQ(agent.tls, (TlsSpec{"/etc/heald/cert.pem", "/etc/heald/key.pem", ""}));
  EXPECT_TRUE(agent.allow_no_tls);
  EXPECT_FALSE(agent.allow_no_token);
  EXPECT_EQ(agent.public_url, "https://heald.example:8443/ops");
  EXPECT_EQ(agent.approval_expires_ns, 20 * kMinute);
  EXPECT_TRUE(agent.approval_links);
  EXPECT_THAT(agent.allowed_hosts, ElementsAre("ops.example", "heald.example:8443"));
  EXPECT_THAT(agent.links, ElementsAre(testing::Pair("grafana", "http://localhost:3000/d/1?a=b@c"),
                                       testing::Pair("jaeger", "http://j")));
}

TEST_F(ConfigLoaderTest, TypesNodesByTheirPluginsSchema) {
  const LoadResult result = Load(kGood);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  ASSERT_EQ(result.spec->nodes.size(), 4u);
  const NodeSpec& prom = result.spec->nodes[0];
  EXPECT_EQ(prom.kind, Kind::kSource);
  EXPECT_EQ(prom.name, "prom");
  EXPECT_EQ(prom.plugin, "prometheus");
  EXPECT_EQ(prom.version, "1.2.3");
  EXPECT_EQ(prom.path, "/sources/prom");
  EXPECT_EQ(prom.deadline_ns, 5 * kSecond);
  EXPECT_THAT(prom.outputs, ElementsAre("latency_p99", "error_rate"));
  EXPECT_EQ(*prom.config.Find("url"), Value("http://localhost:9090"));
  EXPECT_EQ(*prom.config.Find("interval"), Value(15 * kSecond));
  EXPECT_EQ(*prom.config.Find("password"), Value("hunter2"));
  EXPECT_EQ(*prom.config.Find("max_body"), Value(int64_t{16} << 20));
  EXPECT_EQ(*prom.config.Find("tls"), Value(Value::Map{{"verify", true}}))
      << "defaults of absent maps";
  EXPECT_EQ(prom.config.Find("timeout"), nullptr);

  const NodeSpec& spikes = result.spec->nodes[1];
  EXPECT_EQ(*spikes.config.Find("window"), Value(30)) << "typed after interpolation";
  EXPECT_EQ(*spikes.config.Find("sensitivity"), Value(3.0));
  EXPECT_EQ(*spikes.config.Find("floor"), Value(0.05));
  EXPECT_EQ(*spikes.config.Find("direction"), Value("both"));
  EXPECT_EQ(spikes.queue, 16u);
  EXPECT_EQ(spikes.when_full, WhenFull::kBlock);
  EXPECT_EQ(spikes.max_series, 7u);
  EXPECT_THAT(spikes.keeps_state, ElementsAre("sensitivity"));
  ASSERT_EQ(spikes.inputs.size(), 2u);
  EXPECT_EQ(spikes.inputs[0].node, "prom");
  EXPECT_EQ(spikes.inputs[0].output, "latency_p99");
  EXPECT_EQ(spikes.inputs[0].path, "/detectors/spikes/inputs/0");
  EXPECT_EQ(spikes.inputs[1].output, "error_rate");
}

TEST_F(ConfigLoaderTest, KeepsRunTimePlaceholdersAndEscapes) {
  const LoadResult result = Load(kGood);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const NodeSpec& restart = result.spec->nodes[2];
  EXPECT_TRUE(restart.templated);
  EXPECT_EQ(*restart.config.Find("container"), Value("${target.service}")) << "from the default";
  const Result<Value> rendered = RenderTemplate(
      restart.config, [](std::string_view) { return std::optional<std::string>("orders"); });
  ASSERT_TRUE(rendered.ok()) << rendered.error().message;
  EXPECT_EQ(*rendered->Find("labels"),
            Value(Value::Map{{"cost", "5 $ for ${x}"}, {"who", "orders"}}));
}

TEST_F(ConfigLoaderTest, TypesValuesOfNoSchemaAsYamlDoes) {
  const LoadResult result = Load(kGood);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  EXPECT_EQ(*result.spec->nodes[3].config.Find("extra"),
            Value(Value::Map{{"a", Value::List{1, 2.5, true, "3", Value(), "x"}}}));
  EXPECT_FALSE(result.spec->nodes[3].templated);
}

TEST_F(ConfigLoaderTest, ReadsPolicies) {
  const LoadResult result = Load(kGood);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  ASSERT_EQ(result.spec->policies.size(), 2u);
  const PolicySpec& policy = result.spec->policies[0];
  EXPECT_EQ(policy.name, "restart_slow");
  EXPECT_EQ(policy.path, "/policies/restart_slow");
  EXPECT_EQ(policy.action, "restart");
  EXPECT_EQ(policy.mode, Mode::kEnforce);
  EXPECT_THAT(policy.when.names(), ElementsAre("service", "prom.latency_p99"));
  EXPECT_EQ(policy.guard.for_ns, 30 * kSecond);
  EXPECT_EQ(policy.guard.cooldown_ns, 5 * kMinute);
  EXPECT_EQ(policy.guard.max_per_hour, 3u);
  EXPECT_THAT(policy.guard.excluded, ElementsAre("heald", "zone=a"));
  EXPECT_EQ(policy.verify_within_ns, 90 * kSecond);
  const PolicySpec& tell = result.spec->policies[1];
  EXPECT_EQ(tell.mode, Mode::kShadow);
  EXPECT_EQ(tell.guard.max_per_hour, 0u);
  EXPECT_EQ(tell.verify_within_ns, 2 * kMinute);
}

TEST_F(ConfigLoaderTest, KnowsWhereEverythingStands) {
  const LoadResult result = Load(kGood);
  EXPECT_EQ(result.marks.at("/sources/prom"), (Span{10, 2, 4})) << "a map: its key";
  EXPECT_EQ(result.marks.at("/detectors/spikes/config/window"), (Span{27, 21, 15}));
  EXPECT_EQ(result.marks.at("/detectors/spikes/inputs/1"), (Span{23, 31, 15}));
  EXPECT_EQ(result.marks.at("/policies/restart_slow/mode"), (Span{33, 10, 7}));
}

TEST_F(ConfigLoaderTest, ReadsGuardsWindowsAndInhibition) {
  const LoadResult result = Load(R"yaml(
version: 1
agent:
  state_dir: state
  storm: {incidents: 20, within: 30s, pause: 5m}
  windows: [{days: [mon-fri]}]
  deny_windows: [{days: [fri-mon], from: "22:00", to: "06:00", timezone: America/New_York}]
sources:
  prom:
    plugin: prometheus
    config: {url: "http://localhost:9090", queries: {latency: up}}
detectors:
  spikes: {plugin: zscore, inputs: [prom.latency]}
policies:
  slow:
    inputs: [spikes]
    action: alert
    allow_self: true
    guard:
      max_targets: 20%
      min_healthy: 2
      breaker: {failures: 5, for: 1h}
      windows: [{days: [sat, sun], from: "08:30", to: "24:00", timezone: Europe/Berlin}]
  plain: {inputs: [spikes], action: alert}
inhibit:
  - {source: [metric=node_up, detector=spikes], target: ["pod=~.+"], equal: [node]}
)yaml");
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const AgentSpec& agent = result.spec->agent;
  EXPECT_EQ(agent.storm.incidents, 20u);
  EXPECT_EQ(agent.storm.within_ns, 30 * kSecond);
  EXPECT_EQ(agent.storm.pause_ns, 5 * kMinute);
  ASSERT_EQ(agent.windows.size(), 1u);
  EXPECT_EQ(agent.windows[0].days, 0x1f);
  EXPECT_EQ(agent.windows[0].to_ns, kDay);
  ASSERT_EQ(agent.deny_windows.size(), 1u);
  EXPECT_EQ(agent.deny_windows[0].days, 0x71) << "over the weekend";
  EXPECT_EQ(agent.deny_windows[0].timezone, "America/New_York");
  const PolicySpec& slow = result.spec->policies[0];
  EXPECT_TRUE(slow.allow_self);
  EXPECT_TRUE(slow.guard.max_targets.set && slow.guard.max_targets.ratio);
  EXPECT_EQ(slow.guard.max_targets.value, 0.2);
  EXPECT_TRUE(slow.guard.min_healthy.set && !slow.guard.min_healthy.ratio);
  EXPECT_EQ(slow.guard.min_healthy.value, 2);
  EXPECT_EQ(slow.guard.breaker.failures, 5u);
  EXPECT_EQ(slow.guard.breaker.for_ns, kHour);
  ASSERT_EQ(slow.guard.windows.size(), 1u);
  EXPECT_EQ(slow.guard.windows[0].from_ns, 8 * kHour + 30 * kMinute);
  EXPECT_EQ(slow.guard.windows[0].days, 0x60);
  const GuardSpec& plain = result.spec->policies[1].guard;
  EXPECT_FALSE(plain.max_targets.set || plain.min_healthy.set);
  EXPECT_EQ(plain.breaker.failures, 3u) << "there without being asked for";
  EXPECT_EQ(plain.breaker.for_ns, 30 * kMinute);
  ASSERT_EQ(result.spec->inhibit.size(), 1u);
  const InhibitRule& rule = result.spec->inhibit[0];
  EXPECT_EQ(ToString(rule.source), R"(metric="node_up", detector="spikes")");
  EXPECT_EQ(ToString(rule.target), R"(pod=~".+")");
  EXPECT_EQ(rule.equal, std::vector<std::string>{"node"});
}

TEST_F(ConfigLoaderTest, MasksSecretsAndPrintsUnits) {
  environment_.variables["CHECK_INTERVAL"] = "20s";
  const LoadResult result = Load(kGood);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const std::string text = FormatYaml(EffectiveConfig(result));
  EXPECT_THAT(text, HasSubstr("url: http://localhost:9090")) << "a default is no secret";
  EXPECT_THAT(text, HasSubstr("interval: ${env:CHECK_INTERVAL")) << "as the file says it";
  EXPECT_THAT(text, HasSubstr("series_ttl: 2h"));
  EXPECT_THAT(text, HasSubstr("max_body: 16MiB"));
  EXPECT_THAT(text, HasSubstr("drain: 10s")) << "defaults have units too";
  EXPECT_THAT(text, HasSubstr("token: ${env:HEALD_TOKEN}"));
  EXPECT_EQ(text.find("hunter2"), std::string::npos);
  EXPECT_EQ(text.find("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(text.find("hooks.example.com"), std::string::npos);
}

TEST_F(ConfigLoaderTest, MasksThePasswordOfTheStore) {
  environment_.variables["STORE_PASSWORD"] = "hunter2";
  for (const char* password : {"hunter2", "${env:STORE_PASSWORD}"}) {
    std::string text = kGood;
    const std::string agent = "agent:\n";
    text.insert(text.find(agent) + agent.size(),
                "  retention: {incidents: 0}\n  store: \"postgresql://anna:" +
                    std::string(password) + "@db/heald\"\n");
    const LoadResult result = Load(text);
    ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
    EXPECT_EQ(result.spec->agent.store, "postgresql://anna:hunter2@db/heald");
    EXPECT_EQ(result.spec->agent.keep_incidents_ns, 0);
    EXPECT_EQ(result.spec->agent.keep_audit_ns, 400 * kDay);
    const std::string shown = FormatYaml(EffectiveConfig(result));
    EXPECT_THAT(shown, HasSubstr("postgresql://anna:***@db/heald"));
    EXPECT_EQ(shown.find("hunter2"), std::string::npos);
    EXPECT_EQ(FormatText(result.diagnostics).find("hunter2"), std::string::npos);
  }
}

TEST_F(ConfigLoaderTest, EffectiveConfigLoadsAgain) {
  environment_.variables.erase("CHECK_INTERVAL");
  std::string text = kGood;
  for (const auto& [from, to] :
       {std::pair("${env:HEALD_TOKEN}", "0123456789abcdef"), std::pair("\"${file:secret}\"", "x"),
        std::pair("\"${env:WINDOW}\"", "30")})
    text.replace(text.find(from), std::string(from).size(), to);
  const LoadResult first = Load(text);
  ASSERT_TRUE(first.spec) << FormatText(first.diagnostics);
  LoadResult open;
  open.document = first.document;
  for (const auto& [path, shown] : first.shown)
    if (shown != "********") open.shown[path] = shown;
  const LoadResult second = Load(FormatYaml(EffectiveConfig(open)));
  ASSERT_TRUE(second.spec) << FormatText(second.diagnostics);
  EXPECT_EQ(FormatYaml(second.document), FormatYaml(first.document));
  EXPECT_TRUE(second.document == first.document);
}

// What text-level interpolation would make of these: new keys, comments, aliases, other types.
TEST_F(ConfigLoaderTest, NeverTakesAValueForYaml) {
  for (const std::string value : {"x\"\n      evil: true\n#", "{a: b}", "*alias", "true",
                                  "${env:HOME}", "$${x}", "a: b", "~"}) {
    environment_.variables["QUERY"] = value;
    std::string text = kGood;
    text.replace(text.find("rate(errors[1m])"), 16, "${env:QUERY}");
    const LoadResult result = Load(text);
    ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
    EXPECT_EQ(*result.spec->nodes[0].config.Find("queries")->Find("error_rate"), Value(value));
  }
}

TEST_F(ConfigLoaderTest, AValueFromOutsideIsNeverARunTimePlaceholder) {
  environment_.variables["COST"] = "${target.service} $";
  std::string text = kGood;
  text.replace(text.find("5 $ for $${x}"), 13, "${env:COST}${target.zone}");
  const LoadResult result = Load(text);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const Result<Value> rendered = RenderTemplate(result.spec->nodes[2].config, [](std::string_view) {
    return std::optional<std::string>("Z");
  });
  ASSERT_TRUE(rendered.ok());
  EXPECT_EQ(*rendered->Find("labels")->Find("cost"), Value("${target.service} $Z"));
}

TEST_F(ConfigLoaderTest, ValuesForATextThatIsEscapedComeMarkedAndThePrintedFileHasNoMarks) {
  const std::string body = "{a: ${finding.summary}}";
  std::string text = kGood;
  text.insert(text.find("webhook_url: "), "body: '" + body + "', ");
  const LoadResult result = Load(text);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  const NodeSpec& chat = *std::find_if(result.spec->nodes.begin(), result.spec->nodes.end(),
                                       [](const NodeSpec& node) { return node.name == "chat"; });
  const Result<Value> rendered = RenderTemplate(
      chat.config, [](std::string_view) { return std::optional<std::string>("slow\x03"); });
  ASSERT_TRUE(rendered.ok());
  EXPECT_EQ(*rendered->Find("body"), Value("{a: \x02slow\x03}"));
  EXPECT_NE(FormatYaml(EffectiveConfig(result)).find(body), std::string::npos);
}

TEST_F(ConfigLoaderTest, TakesTheFirstStateOfTheSwitchFromTheEnvironment) {
  environment_.variables["AUTO_REMEDIATION_ENABLED"] = "false";
  EXPECT_FALSE(Load(kGood).spec->agent.auto_remediation);
  std::string text = kGood;
  text.replace(text.find("  store_sync"), 0, "  auto_remediation: true\n");
  EXPECT_TRUE(Load(text).spec->agent.auto_remediation) << "the file counts more";
  environment_.variables["AUTO_REMEDIATION_ENABLED"] = "maybe";
  EXPECT_EQ(Errors(kGood),
            "pipeline.yaml: error: the environment variable AUTO_REMEDIATION_ENABLED is 'maybe'\n"
            "      = set it to true or false\n");
}

std::string WithTraces(const std::string& traces) {
  std::string text = kGood;
  return text.replace(text.find("  store_sync"), 0, "  traces: " + traces + "\n");
}

TEST_F(ConfigLoaderTest, SendsTracesWhereTheFileSays) {
  EXPECT_EQ(Load(kGood).spec->agent.traces, TracesSpec());
  environment_.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://other:4318";
  environment_.variables["OTEL_EXPORTER_OTLP_HEADERS"] = "key=of-the-other";
  environment_.variables["OTEL_SERVICE_NAME"] = "heald-a";
  const TracesSpec traces =
      Load(WithTraces(
               "{endpoint: 'http://localhost:4318/', headers: {x-key: '${env:HEALD_TOKEN}'}}"))
          .spec->agent.traces;
  EXPECT_EQ(traces.url, "http://localhost:4318/v1/traces");
  EXPECT_THAT(traces.headers, ElementsAre(testing::Pair("x-key", "0123456789abcdef")));
  EXPECT_EQ(traces.service_name, "heald-a");
}

TEST_F(ConfigLoaderTest, SendsTracesWhereTheEnvironmentSays) {
  environment_.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "https://collector/otlp";
  environment_.variables["OTEL_EXPORTER_OTLP_HEADERS"] = "key=secret";
  const TracesSpec traces = Load(kGood).spec->agent.traces;
  EXPECT_EQ(traces.url, "https://collector/otlp/v1/traces");
  EXPECT_THAT(traces.headers, ElementsAre(testing::Pair("key", "secret")));
  environment_.variables["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = "https://collector/as/it/is";
  EXPECT_EQ(Load(kGood).spec->agent.traces.url, "https://collector/as/it/is");
}

TEST_F(ConfigLoaderTest, RefusesAPlaceForTracesThatIsNone) {
  EXPECT_THAT(
      Errors(WithTraces("{endpoint: 'jaeger:4318'}")),
      HasSubstr("pipeline.yaml:6:22: error: 'jaeger:4318' is no URL: write https://host, or "
                "http://host:port/path"));
  EXPECT_THAT(Errors(WithTraces("{endpoint: 'http://jaeger:4318/?a=b'}")),
              HasSubstr("must end with a host or a path, without ? and #"));
  EXPECT_THAT(Errors(WithTraces("{endpoint: 'http://j', headers: {'a b': x}}")),
              HasSubstr("'a b' is no header's name"));
  const std::string broken = Errors(WithTraces("{endpoint: 'http://j', headers: {a: \"x\\ny\"}}"));
  EXPECT_THAT(broken, HasSubstr("the header 'a' has a line break in it"));
  environment_.variables["OTEL_EXPORTER_OTLP_ENDPOINT"] = "jaeger:4318";
  EXPECT_EQ(Errors(kGood),
            "pipeline.yaml: error: the environment variable OTEL_EXPORTER_OTLP_ENDPOINT: "
            "'jaeger:4318' is no URL: write https://host, or http://host:port/path\n"
            "      = set agent.traces.endpoint, for instance http://127.0.0.1:4318\n");
}

TEST_F(ConfigLoaderTest, WarnsOfHeadersThatOthersCanRead) {
  const auto warned = [this](const std::string& traces) {
    return FormatText(Load(WithTraces(traces)).diagnostics);
  };
  EXPECT_THAT(warned("{endpoint: 'http://far:4318', headers: {key: x}}"),
              HasSubstr("the headers of traces go to another machine over http://"));
  EXPECT_EQ(warned("{endpoint: 'http://127.0.0.1:4318', headers: {key: x}}"), "");
  EXPECT_EQ(warned("{endpoint: 'https://far:4318', headers: {key: x}}"), "");
}

TEST_F(ConfigLoaderTest, FindsAFolderForItsState) {
  std::string text = kGood;
  text.erase(text.find("  state_dir: state\n"), 19);
  EXPECT_EQ(Load(text).spec->agent.state_dir, "/home/anna/.local/state/heald");
  environment_.variables["XDG_STATE_HOME"] = "/x";
  EXPECT_EQ(Load(text).spec->agent.state_dir, "/x/heald");
  environment_.variables["STATE_DIRECTORY"] = "/var/lib/heald:/other";
  EXPECT_EQ(Load(text).spec->agent.state_dir, "/var/lib/heald");
  environment_.variables.clear();
  environment_.variables["HEALD_TOKEN"] = "0123456789abcdef";
  environment_.variables["WINDOW"] = "30";
  EXPECT_THAT(Errors(text), HasSubstr("pipeline.yaml:2:1: error: there is no folder for the "
                                      "agent's state: HOME is not set"));
}

TEST_F(ConfigLoaderTest, AppliesMergesAndAliases) {
  std::string text = kGood;
  text.replace(text.find("{window: \"${env:WINDOW}\", floor: 5%}"), 36,
               "&base {window: 9, floor: 5%}\n"
               "  more:\n    plugin: zscore\n    inputs: [prom]\n"
               "    config: {<<: *base, floor: 6%}\n"
               "  same:\n    plugin: zscore\n    inputs: [prom]\n    config: *base");
  text.replace(text.find("inputs: [spikes]"), 16, "inputs: [spikes, more, same]");
  const LoadResult result = Load(text);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  EXPECT_EQ(*result.spec->FindNode("more")->config.Find("window"), Value(9));
  EXPECT_EQ(*result.spec->FindNode("more")->config.Find("floor"), Value(0.06));
  EXPECT_EQ(*result.spec->FindNode("same")->config.Find("floor"), Value(0.05));
}

TEST_F(ConfigLoaderTest, ReadsByteOrderMarksAndWindowsLineEnds) {
  std::string text = "\xef\xbb\xbf";
  for (const char* c = kGood; *c != '\0'; ++c) text += *c == '\n' ? "\r\n" : std::string(1, *c);
  const LoadResult result = Load(text);
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  EXPECT_EQ(result.marks.at("/sources/prom"), (Span{10, 2, 4}));
  text.replace(text.find("version: 1"), 10, "versoin: 1");
  EXPECT_THAT(FormatText(Load(text).diagnostics),
              HasSubstr("pipeline.yaml:1:1: error: unknown section 'versoin'\n"
                        "    1 | versoin: 1\n"
                        "      | ^~~~~~~ did you mean 'version'?\n"));
}

TEST_F(ConfigLoaderTest, RefusesWhatIsNoText) {
  EXPECT_EQ(Errors(std::string("version: 1\n\0", 12)),
            "pipeline.yaml: error: this is not a text file: byte 0x00 on line 2\n");
  EXPECT_EQ(Errors("version: \xe9\n"),
            "pipeline.yaml: error: this is not a text file: byte 0xe9 on line 1 is not UTF-8\n");
  EXPECT_EQ(Errors("\xff\xfev"), "pipeline.yaml: error: this is UTF-16: save it as UTF-8\n");
  EXPECT_EQ(Errors("version: 1\rsources:\r"),
            "pipeline.yaml: error: line 1 holds a carriage return that ends no line: save the "
            "file with Unix line ends\n");
  EXPECT_EQ(Errors(std::string("\x7f"
                               "ELF\x02\x01")),
            "pipeline.yaml: error: this is not a text file: byte 0x7f on line 1\n");
}

TEST_F(ConfigLoaderTest, RefusesTenMegabytesAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(Errors(std::string(10 << 20, 'a')),
            "pipeline.yaml: error: the file is larger than 1 MiB, which no pipeline is\n"
            "      = is this the right file?\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(1));
}

TEST_F(ConfigLoaderTest, AnswersPathologicalYamlQuickly) {
  const auto begin = std::chrono::steady_clock::now();
  const std::string pieces[] = {"[",   "{a: ", "- ", "? ", "a:\n ", "&a ",   "!",      "\"", "'",
                                "*a ", "<<: ", "${", "| ", "\t",    "- a\n", "a: b\n", "k",  ": "};
  for (const std::string& piece : pieces) {
    std::string text = "version: 1\nsources: ";
    while (text.size() < 200'000) text += piece;
    const LoadResult result = Load(text);
    EXPECT_FALSE(result.spec) << piece;
    EXPECT_FALSE(result.diagnostics.empty()) << piece;
  }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST_F(ConfigLoaderTest, BlamesTheAuthorForASchemaThatIsWrong) {
  catalog_.Add(Kind::kSource, "odd", 0, kSamples, R"({"type": "objekt"})");
  std::string text = kGood;
  text.replace(text.find("detectors:"), 0, "  odd: {plugin: odd}\n");
  EXPECT_THAT(Errors(text),
              HasSubstr("error: the plugin 'odd' describes its config wrongly: /type: "
                        "type is one of object, array"));
}

class ConfigFileTest : public ConfigLoaderTest {
 protected:
  ConfigFileTest() {
    char name[] = "/tmp/heald_config_XXXXXX";
    folder_ = mkdtemp(name);
  }
  ~ConfigFileTest() override { fs::remove_all(folder_); }
  std::string Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name, std::ios::binary) << text;
    return (folder_ / name).string();
  }
  std::string ErrorOf(const std::string& path) {
    const LoadResult result = LoadPipeline(path, catalog_, ProcessEnvironment());
    EXPECT_FALSE(result.spec);
    EXPECT_EQ(result.diagnostics.size(), 1u);
    return result.diagnostics.empty() ? "" : result.diagnostics[0].message;
  }
  fs::path folder_;
};

TEST_F(ConfigFileTest, RefusesWhatItCannotRead) {
  EXPECT_EQ(ErrorOf((folder_ / "none.yaml").string()), "no such file");
  EXPECT_EQ(ErrorOf(folder_.string()), "this is a folder, not a file");
  EXPECT_EQ(ErrorOf("/dev/zero"), "this is not a regular file");
  EXPECT_EQ(ErrorOf(""), "this is no file name");
  EXPECT_EQ(ErrorOf(Write("big.yaml", std::string(10 << 20, '#'))),
            "the file is larger than 1024 KiB");
}

TEST_F(ConfigFileTest, ReadsSecretsBesideThePipeline) {
  Write("secret", "hunter2\n");
  fs::create_directory(folder_ / "plugins");
  std::string text = kGood;
  for (const auto& [from, to] :
       {std::pair("${env:HEALD_TOKEN}", "0123456789abcdef"),
        std::pair("${env:WINDOW}", "${env:HEALD_TEST_NO:-12}"),
        std::pair("  store_sync", "  plugin_dirs: [plugins]\n  store_sync")})
    text.replace(text.find(from), std::string(from).size(), to);
  const std::string path = Write("pipeline.yaml", text);
  const LoadResult result = LoadPipeline(path, catalog_, ProcessEnvironment());
  ASSERT_TRUE(result.spec) << FormatText(result.diagnostics);
  EXPECT_EQ(result.spec->file, path);
  EXPECT_EQ(result.spec->agent.state_dir, (folder_ / "state").string());
  EXPECT_THAT(result.spec->agent.plugin_dirs, ElementsAre((folder_ / "plugins").string()));
  EXPECT_EQ(*result.spec->nodes[0].config.Find("password"), Value("hunter2"));
}

TEST(ConfigJsonSchemaTest, DescribesTheWholeFileForEditors) {
  const FakeCatalog catalog;
  const auto schema = nlohmann::json::parse(PipelineJsonSchema(catalog));
  EXPECT_EQ(schema["additionalProperties"], false);
  EXPECT_EQ(schema["required"], nlohmann::json::array({"version"}));
  for (const char* section :
       {"version", "agent", "sources", "detectors", "policies", "actions", "notifiers", "tests"})
    EXPECT_TRUE(schema["properties"].contains(section)) << section;
  const auto& detector = schema["properties"]["detectors"]["additionalProperties"];
  EXPECT_EQ(detector["properties"]["plugin"]["enum"],
            nlohmann::json::array({"zscore", "correlate"}));
  const auto& zscore = detector["allOf"][0]["then"]["properties"]["config"];
  EXPECT_EQ(detector["allOf"][0]["if"]["properties"]["plugin"]["const"], "zscore");
  EXPECT_EQ(zscore["additionalProperties"], false);
  EXPECT_EQ(zscore["properties"]["window"]["anyOf"][0]["type"], "integer");
  EXPECT_EQ(zscore["properties"]["window"]["default"], 20);
  const auto& drain = schema["properties"]["agent"]["properties"]["drain"];
  EXPECT_EQ(drain["anyOf"][0]["pattern"], "^(0|([0-9.]+(ns|us|ms|s|m|h|d|w))+)$");
  EXPECT_FALSE(drain["anyOf"][0].contains("minimum")) << "a bound with a unit is no JSON Schema";
}

}  // namespace
}  // namespace heald
