#include "core/plugin/instances.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "core/plugin/convert.h"
#include "heald/plugin.h"
#include "tests/pipeline/fakes.h"
#include "tests/plugin/harness.h"

namespace heald::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// ---- components written with the SDK and linked into the test ----

struct EchoConfig {
  std::string text = "none";
  sdk::Duration wait = sdk::Seconds(1);
  std::map<std::string, std::string> labels;
  static constexpr auto Fields() {
    return std::tuple(sdk::Field("text", &EchoConfig::text, "Said in the plan", {.runtime = true}),
                      sdk::Field("wait", &EchoConfig::wait, "Time for the effect"),
                      sdk::Field("labels", &EchoConfig::labels, "Any"));
  }
};

struct EchoSource : sdk::Source<EchoSource> {
  static constexpr sdk::Info kInfo{.name = "echo", .doc = "Two rows per poll"};
  using Config = EchoConfig;
  EchoSource(sdk::Host host, const Config&) : host_(host) {}
  static std::vector<std::string> Outputs(const Config& config) { return {config.text}; }
  sdk::Duration Interval() const { return sdk::Milliseconds(250); }
  void Poll(sdk::Sink& sink, int64_t) {
    sdk::BatchWriter batch = sink.Reserve(2);
    batch.Add(host_.Intern("a", {{"service", "x"}}), 7, 1.5);
    batch.Add(host_.Intern("b", {{"service", "x"}}), 7, 2.5);
    batch.Commit();
  }
  sdk::Host host_;
};

struct EchoDetector : sdk::Detector<EchoDetector> {
  static constexpr sdk::Info kInfo{.name = "echo", .doc = "A finding per row"};
  using Config = EchoConfig;
  EchoDetector(sdk::Host host, const Config&) : host_(host) {}
  void Process(const sdk::Samples& samples, sdk::Sink& sink) {
    for (uint64_t i = 0; i < samples.size(); ++i) {
      sdk::Finding finding;
      finding.id = i + 1;
      finding.severity = sdk::Severity::kCritical;
      finding.About(samples.series()[i], host_.LabelsOf(samples.series()[i]));
      finding.value = samples.values()[i];
      finding.contributors = {{"self", 1.0, finding.value, 0.0}};
      finding.recent = {1, 2, finding.value};
      sink.Emit(finding);
    }
  }
  // Judges all rows together, and says nonsense about infinite ones.
  void Score(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores& scores) {
    Process(samples, sink);
    scores.Add(samples.series()[0], samples.ts_ns()[0], samples.values()[0] / 0.0);
    scores.Add(samples.series()[0], samples.ts_ns()[0], std::nan(""));
    const std::vector<sdk::Contributor> because = {{"b", 0.75, 2.5, 1}, {"a", 0.25}};
    scores.Add(samples.ts_ns()[0], 4.5, because);
  }
  std::string Snapshot() { return "state"; }
  void Restore(std::string_view state) {
    if (state != "state") throw sdk::Failure(HEALD_CORRUPT, "not mine");
  }
  sdk::Host host_;
};

struct EchoAction : sdk::Action<EchoAction> {
  static constexpr sdk::Info kInfo{.name = "echo", .doc = "Says what it was given"};
  using Config = EchoConfig;
  EchoAction(sdk::Host, const Config&) {}
  sdk::Plan MakePlan(const sdk::Request& request, const Config& params) {
    sdk::Plan plan;
    plan.summary = params.text + " for " + std::string(request.target.Get("service"));
    plan.before = "{\"decision\":\"" + std::string(request.decision) + "\"}";
    plan.effect_within = params.wait;
    plan.can_canary = true;
    return plan;
  }
  sdk::Effect Execute(const sdk::Request& request, const sdk::Plan& plan, const Config&) {
    for (int i = 0; i < 40; ++i)
      sdk::RecordCall({"POST /" + std::to_string(i) + "\n" + std::string(400, 'x'), "204", 5, -1});
    if (request.finding == nullptr) throw sdk::Failure(HEALD_CONFLICT, "no finding").Retryable(5);
    const bool rest = request.part == sdk::Part::kRest && plan.can_canary;
    return {sdk::EffectState::kPending, rest ? "the rest" : plan.before};
  }
  sdk::Effect Observe(const sdk::Request&, const sdk::Plan&, const Config&) {
    return {sdk::EffectState::kDone, "seen"};
  }
};

struct EchoNotifier : sdk::Notifier<EchoNotifier> {
  static constexpr sdk::Info kInfo{.name = "echo", .doc = "Checks what it is told"};
  using Config = EchoConfig;
  EchoNotifier(sdk::Host host, const Config& config) : host_(host) {
    for (const auto& [name, value] : config.labels) host_.Log(sdk::Level::kInfo, value);
  }
  void Notify(const heald_notification& item, const Config& params) {
    if (params.text == "fail")
      throw sdk::Failure(HEALD_UNAVAILABLE, "no route").Retryable(sdk::Seconds(3).ns);
    if (params.text == "fail for a day")
      throw sdk::Failure(HEALD_UNAVAILABLE, "later").Retryable(sdk::Minutes(24 * 60).ns);
    std::string line(sdk::detail::View(item.text));
    if (item.incident != nullptr) line += " #" + std::to_string(item.incident->id);
    if (item.decision != nullptr)
      line += " " + std::string(sdk::detail::View(item.decision->plan->summary));
    host_.Log(sdk::Level::kInfo, line);
  }
  sdk::Host host_;
};

class InstancesTest : public ::testing::Test {
 protected:
  InstancesTest() {
    std::string pattern = ::testing::TempDir() + "heald-instances-XXXXXX";
    dir_ = mkdtemp(pattern.data());
    static const heald_plugin table =
        sdk::detail::MakePlugin<EchoSource, EchoDetector, EchoAction, EchoNotifier>("echo", "1", "",
                                                                                    "MIT");
    EXPECT_TRUE(loader_.AddTable(&table));
    factory_ = std::make_unique<Factory>(loader_, Shared{&series_, &clock_, &recorder_, dir_});
  }
  ~InstancesTest() override { std::filesystem::remove_all(dir_); }

  std::string dir_;
  SeriesTable series_;
  VirtualClock clock_{1000};
  Recorder recorder_;
  Loader loader_{"", {}, ""};
  std::unique_ptr<Factory> factory_;
};

TEST_F(InstancesTest, ASourcesRowsReachADetectorWithTheirLabels) {
  Context source_node(Kind::kSource);
  Result<std::unique_ptr<SourceInstance>> source = factory_->MakeSource(source_node);
  ASSERT_TRUE(source) << source.error().message;
  ASSERT_TRUE((*source)->Start(recorder_));
  EXPECT_TRUE((*source)->polled());
  EXPECT_EQ((*source)->IntervalNs(), 250'000'000);
  EXPECT_FALSE((*source)->can_backfill());
  ASSERT_TRUE((*source)->Poll(0));
  ASSERT_EQ(recorder_.batches.size(), 1u);
  EXPECT_EQ(recorder_.batches[0]->rows, 2u);

  Context detector_node(Kind::kDetector);
  Result<std::unique_ptr<DetectorInstance>> detector = factory_->MakeDetector(detector_node);
  ASSERT_TRUE(detector);
  ASSERT_TRUE((*detector)->Samples(*recorder_.batches[0], recorder_));
  ASSERT_EQ(recorder_.findings.size(), 2u);
  const Finding& finding = recorder_.findings[1];
  EXPECT_EQ(finding.id, "2");
  EXPECT_EQ(finding.metric, "b");
  EXPECT_EQ(finding.target, (Labels{{"service", "x"}}));
  EXPECT_EQ(finding.severity, Severity::kCritical);
  EXPECT_EQ(finding.value, 2.5);
  ASSERT_EQ(finding.contributors.size(), 1u);
  EXPECT_EQ(finding.contributors[0].name, "self");
  EXPECT_THAT(finding.recent, ElementsAre(1, 2, 2.5));
}

TEST_F(InstancesTest, ADetectorsScoresComeBesideItsFindings) {
  Context source_node(Kind::kSource);
  Result<std::unique_ptr<SourceInstance>> source = factory_->MakeSource(source_node);
  ASSERT_TRUE((*source)->Start(recorder_));
  ASSERT_TRUE((*source)->Poll(0));
  Context detector_node(Kind::kDetector);
  Result<std::unique_ptr<DetectorInstance>> detector = factory_->MakeDetector(detector_node);
  ASSERT_TRUE(detector);
  ASSERT_TRUE((*detector)->can_score());
  std::vector<MomentScore> scores;
  ASSERT_TRUE((*detector)->Score(*recorder_.batches[0], recorder_, &scores));
  EXPECT_EQ(recorder_.findings.size(), 2u);
  ASSERT_EQ(scores.size(), 3u);
  EXPECT_EQ(scores[0].series, recorder_.batches[0]->series[0]);
  EXPECT_EQ(scores[0].score, std::numeric_limits<double>::max());
  EXPECT_EQ(scores[1].score, 0);
  EXPECT_EQ(scores[2].series, kNoSeries);
  EXPECT_EQ(scores[2].ts_ns, 7);
  EXPECT_EQ(scores[2].score, 4.5);
  ASSERT_EQ(scores[2].contributors.size(), 2u);
  EXPECT_EQ(scores[2].contributors[0].name, "b");
  EXPECT_EQ(scores[2].contributors[0].share, 0.75);
}

TEST_F(InstancesTest, TheCatalogNamesASourcesOutputs) {
  const Component* component = loader_.Find(Kind::kSource, "echo");
  ASSERT_NE(component, nullptr);
  EXPECT_THAT(component->outputs_of(Value(Value::Map{{"text", Value("p99")}})), ElementsAre("p99"));
}

TEST_F(InstancesTest, AnActionGetsItsRenderedConfigAndRemembersItsPlan) {
  Context node(Kind::kAction);
  Result<std::unique_ptr<ActionInstance>> action = factory_->MakeAction(node);
  ASSERT_TRUE(action);
  ActionCall call;
  call.decision = "d1";
  call.target = {{"service", "payments"}};
  call.params =
      Value(Value::Map{{"text", Value("restart")}, {"wait", Value(int64_t{5} * kSecond)}});
  const Result<Plan> plan = (*action)->MakePlan(call);
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->summary, "restart for payments");
  EXPECT_EQ(plan->effect_within_ns, 5 * kSecond);
  const Result<Effect> refused = (*action)->Execute(call, *plan);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Code::kConflict);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_EQ(refused.error().retry_after_ns, 5);
  const Finding finding;
  call.finding = &finding;
  const Result<Effect> effect = (*action)->Execute(call, *plan);
  ASSERT_TRUE(effect);
  EXPECT_EQ(effect->detail, "{\"decision\":\"d1\"}");
  call.part = Part::kRest;
  EXPECT_EQ((*action)->Execute(call, *plan)->detail, "the rest");
  // The first and the latest calls, each on one line; also of an execution that failed.
  for (const std::vector<Call>& calls : {effect->calls, refused.error().calls}) {
    ASSERT_EQ(calls.size(), kMaxCalls);
    EXPECT_TRUE(calls.front().call.starts_with("POST /0 xxx")) << calls.front().call;
    EXPECT_TRUE(calls.back().call.starts_with("POST /39 xxx"));
    EXPECT_LT(calls.back().call.size(), 310u);
    EXPECT_EQ(calls.back().took_ns, 0);
  }
  EXPECT_EQ((*action)->Observe(call, *plan)->state, EffectState::kDone);
  EXPECT_FALSE((*action)->can_dry_run());
  EXPECT_EQ((*action)->Undo(call, *plan).error().code, Code::kUnsupported);
}

TEST_F(InstancesTest, ANotifierSeesTheWholeStoryAndItsFailureKeepsItsWords) {
  Context node(Kind::kNotifier);
  Result<std::unique_ptr<NotifierInstance>> notifier = factory_->MakeNotifier(node);
  ASSERT_TRUE(notifier);
  Notification item;
  item.kind = Notification::Kind::kDecision;
  item.text = "healed";
  Incident incident;
  incident.id = 7;
  item.incident = std::make_shared<const Incident>(incident);
  Decision decision;
  decision.plan.summary = "restart payments";
  item.decision = std::make_shared<const Decision>(decision);
  const std::vector<Notification> items{item, item};
  const std::vector<Value> params{Value(Value::Map{}), Value(Value::Map{{"text", Value("fail")}})};
  const std::vector<heald::Status> results = (*notifier)->Notify(items, params);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_TRUE(results[0]);
  EXPECT_THAT(recorder_.lines, ElementsAre("node: healed #7 restart payments"));
  ASSERT_FALSE(results[1]);
  EXPECT_EQ(results[1].error().message, "no route");
  EXPECT_EQ(results[1].error().retry_after_ns, 3 * kSecond);
}

TEST_F(InstancesTest, NoPluginPutsItsNextTryOffForLongerThanAMinute) {
  Context node(Kind::kNotifier);
  Result<std::unique_ptr<NotifierInstance>> notifier = factory_->MakeNotifier(node);
  ASSERT_TRUE(notifier);
  const std::vector<Value> params{Value(Value::Map{{"text", Value("fail for a day")}})};
  const std::vector<heald::Status> results =
      (*notifier)->Notify(std::vector<Notification>(1), params);
  ASSERT_FALSE(results.at(0));
  EXPECT_EQ(results[0].error().retry_after_ns, 60 * kSecond);
}

TEST_F(InstancesTest, WhatComesAfterAFailureIsNotTriedSoThatTheOrderStays) {
  Context node(Kind::kNotifier);
  Result<std::unique_ptr<NotifierInstance>> notifier = factory_->MakeNotifier(node);
  ASSERT_TRUE(notifier);
  const std::vector<Notification> items(3);
  const Value good(Value::Map{});
  const std::vector<Value> params{good, Value(Value::Map{{"text", Value("fail")}}), good};
  const std::vector<heald::Status> results = (*notifier)->Notify(items, params);
  EXPECT_TRUE(results[0]);
  EXPECT_EQ(results[1].error().code, Code::kUnavailable);
  EXPECT_EQ(results[2].error().code, Code::kCancelled);
  EXPECT_THAT(recorder_.lines, ElementsAre("node: "));
}

TEST_F(InstancesTest, APluginIsMadeWithItsTextsUnescapedButForTheTemplates) {
  Context node(Kind::kNotifier);
  node.spec_.templated = true;
  node.spec_.config =
      Value(Value::Map{{"labels", Value(Value::Map{{"a", Value("pa${$}${$}word")},
                                                   {"b", Value("${target.service}${$}")}})}});
  ASSERT_TRUE(factory_->MakeNotifier(node));
  EXPECT_THAT(recorder_.lines, ElementsAre("node: pa$$word", "node: ${target.service}${$}"));
}

TEST_F(InstancesTest, ARefusedSnapshotIsCorrupt) {
  Context node(Kind::kDetector);
  Result<std::unique_ptr<DetectorInstance>> detector = factory_->MakeDetector(node);
  ASSERT_TRUE(detector);
  ASSERT_TRUE((*detector)->can_snapshot());
  EXPECT_EQ(*(*detector)->Snapshot(), "state");
  EXPECT_TRUE((*detector)->Restore("state"));
  EXPECT_EQ((*detector)->Restore("x").error().code, Code::kCorrupt);
}

TEST_F(InstancesTest, EachNodeGetsAFolderOfItsOwn) {
  Context node(Kind::kDetector);
  ASSERT_TRUE(factory_->MakeDetector(node));
  EXPECT_TRUE(std::filesystem::is_directory(dir_ + "/nodes/node"));
}

class MisbehavingTest : public InstancesTest {
 protected:
  heald::Status Feed(const std::string& deed) {
    const Loader loader(std::string(BAD_PLUGIN_DIR) + "/misbehaving", {}, "");
    Factory factory(loader, Shared{&series_, &clock_, &recorder_, dir_});
    Context node(Kind::kDetector);
    node.spec_.plugin = "misbehaving";
    node.spec_.config = Value(Value::Map{{"deed", Value(deed)}});
    Result<std::unique_ptr<DetectorInstance>> detector = factory.MakeDetector(node);
    if (!detector) return detector.error();
    const BatchRef batch(new SampleBatch(3, 1, false));
    batch->rows = 1;
    return (*detector)->Samples(*batch, recorder_);
  }
};

TEST_F(MisbehavingTest, AnExceptionEndsAtTheBoundary) {
  EXPECT_EQ(Feed("throw").error().message, "no reason at all");
  EXPECT_THAT(Feed("throw_number").error().message, HasSubstr("not a std::exception"));
  EXPECT_TRUE(Feed("nothing"));
}

TEST_F(MisbehavingTest, AConstructorMayRefuseAndNameTheKey) {
  const heald::Status status = Feed("throw_in_create");
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "it doesn't want to");
  EXPECT_EQ(status.error().json_pointer, "/deed");
}

}  // namespace
}  // namespace heald::plugin
