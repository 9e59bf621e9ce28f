// Each guard alone and any two together, through the engine: nothing is done, and the decision
// names exactly those that refuse.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "tests/remedy/world.h"

namespace heald::remedy {
namespace {

using ::testing::HasSubstr;
using Names = std::set<std::string>;

// What was there before, while everything was still allowed.
struct Past {
  bool failed_once = false;     // the policy on this target
  bool busy_here = false;       // another policy on this target
  bool busy_elsewhere = false;  // the policy on another target
};

// How a guard comes to refuse.
struct Danger {
  const char* guard;
  void (*before)(Past*) = [](Past*) {};
  void (*rules)(PipelineSpec*) = [](PipelineSpec*) {};
  void (*finding)(World*, Finding*) = [](World*, Finding*) {};
  void (*after)(World*) = [](World*) {};
};

GuardSpec& GuardOf(PipelineSpec* spec) {
  return spec->policies[0].guard;
}

const std::vector<Danger>& Dangers() {
  static const std::vector<Danger> kDangers = {
      {.guard = "switch",
       .after = [](World* w) { ASSERT_TRUE(w->engine->SetSwitch(false, "user:anna")); }},
      {.guard = "storm",
       .rules =
           [](PipelineSpec* s) {
             s->agent.storm = {2, kMinute, 10 * kMinute};
           },
       .after =
           [](World* w) {
             for (const char* other : {"s1", "s2", "s3", "s4"}) w->Open(other);
           }},
      {.guard = "fresh_data", .after = [](World* w) { w->latest.DropAfter(0); }},
      {.guard = "windows",
       .rules = [](PipelineSpec* s) { GuardOf(s).deny_windows = {WindowSpec()}; }},
      {.guard = "silence",
       .finding =
           [](World* w, Finding*) {
             std::vector<Matcher> matchers;
             matchers.push_back(std::move(*Matcher::Parse("service=payments")));
             ASSERT_TRUE(w->engine->AddSilence(std::move(matchers), w->clock.NowNs() + kHour,
                                               "user:anna", "deploy"));
           }},
      {.guard = "inhibit",
       .rules =
           [](PipelineSpec* s) {
             InhibitRule rule;
             rule.source.push_back(std::move(*Matcher::Parse("metric=up")));
             rule.target.push_back(std::move(*Matcher::Parse("metric=latency_p99")));
             s->inhibit.push_back(std::move(rule));
           },
       .finding =
           [](World* w, Finding*) {
             Finding down = w->Make("n1");
             down.node = "nodes";
             down.metric = "up";
             w->engine->OnFinding(down);
           }},
      {.guard = "cooldown",
       .before = [](Past* p) { p->failed_once = true; },
       .rules = [](PipelineSpec* s) { GuardOf(s).cooldown_ns = kHour; }},
      {.guard = "max_per_hour",
       .before = [](Past* p) { p->failed_once = true; },
       .rules = [](PipelineSpec* s) { GuardOf(s).max_per_hour = 1; }},
      {.guard = "breaker",
       .before = [](Past* p) { p->failed_once = true; },
       .rules =
           [](PipelineSpec* s) {
             GuardOf(s).breaker = {1, kHour};
           }},
      {.guard = "excluded",
       .rules = [](PipelineSpec* s) { GuardOf(s).excluded = {"service=payments"}; }},
      {.guard = "self", .rules = [](PipelineSpec* s) { s->agent.listen = "127.0.0.1:9100"; }},
      {.guard = "one_at_a_time", .before = [](Past* p) { p->busy_here = true; }},
      {.guard = "prediction",
       .finding = [](World*, Finding* f) { f->kind = FindingKind::kPrediction; }},
      {.guard = "targets",
       .before = [](Past* p) { p->busy_elsewhere = true; },
       .rules =
           [](PipelineSpec* s) {
             GuardOf(s).max_targets = {1, false, true};
           }},
  };
  return kDangers;
}

Labels Payments() {
  return {{"service", "payments"}, {"instance", "localhost:9100"}};
}

PipelineSpec Permissive() {
  PolicySpec latency = MakePolicy("latency", "latency_p99 > 0.5 and severity >= warning");
  PolicySpec other = MakePolicy("other");
  other.inputs = {{"errors", "", ""}};
  for (PolicySpec* policy : {&latency, &other}) {
    policy->guard.cooldown_ns = 0;
    policy->guard.max_per_hour = 0;
    policy->guard.breaker.failures = 0;
    policy->guard.demote.failures = 0;
    policy->verify_within_ns = 10 * kMinute;
  }
  PipelineSpec spec = MakeSpec({latency, other});
  spec.agent.storm.incidents = 0;
  return spec;
}

void Live(World* world, const Past& past) {
  if (past.failed_once) {
    world->gateway.targets["payments"].reply = Effect{EffectState::kFailed, "exit code 1"};
    Finding finding = world->Make("payments");
    finding.target = Payments();
    world->engine->OnFinding(finding);
    world->Run(10 * kMillisecond);
    world->Clear(finding);
    world->gateway.targets.clear();
    world->Run(kSecond);
    ASSERT_TRUE(world->engine->incidents().all().empty());
  }
  if (past.busy_here) {
    Finding finding = world->Make("payments");
    finding.node = "errors";
    finding.target = Payments();
    world->engine->OnFinding(finding);
  }
  if (past.busy_elsewhere) {
    world->Sample("orders", 1.8);
    world->Open("orders");
  }
  world->Run(2 * kSecond);
  ASSERT_EQ(world->engine->running_executions(),
            static_cast<size_t>(past.busy_here) + static_cast<size_t>(past.busy_elsewhere));
}

// Those that refuse in the decision about payments, and no others; nothing was done.
void Refuses(const std::vector<const Danger*>& dangers) {
  World world(Permissive());
  world.latest.Record("prom", "latency_p99", Payments(), 1.8, world.clock.NowNs());
  Past past;
  PipelineSpec spec = Permissive();
  Names expected;
  for (const Danger* danger : dangers) {
    danger->before(&past);
    danger->rules(&spec);
    expected.insert(danger->guard);
  }
  ASSERT_NO_FATAL_FAILURE(Live(&world, past));
  world.engine->SetPolicies(spec);
  world.told.Forget();
  const int executes = world.gateway.executes;
  Finding finding = world.Make("payments");
  finding.target = Payments();
  for (const Danger* danger : dangers) danger->finding(&world, &finding);
  world.latest.Record("prom", "latency_p99", Payments(), 1.8, world.clock.NowNs());
  world.engine->OnFinding(finding);
  for (const Danger* danger : dangers) danger->after(&world);
  world.Run(3 * kSecond);
  EXPECT_EQ(world.gateway.executes, executes);
  const Decision* refused = nullptr;
  for (const Decision& decision : world.told.decisions)
    if (decision.policy == "latency" && decision.target.Get("service") == "payments")
      refused = &decision;
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->verdict, DecisionVerdict::kRefused);
  Names names;
  for (const GuardVerdict& guard : refused->guards) {
    if (!guard.allowed) names.insert(guard.guard);
    EXPECT_FALSE(guard.reason.empty()) << guard.guard;
  }
  EXPECT_EQ(names, expected);
  EXPECT_EQ(refused->guards.size(), 15u);
  bool said = false;
  for (const std::string& line : world.told.lines) {
    bool all = true;
    for (const GuardVerdict& guard : refused->guards)
      all = all && (guard.allowed || line.find(guard.reason) != std::string::npos);
    said = said || all;
  }
  EXPECT_TRUE(said) << "people are told all reasons in one line";
}

TEST(RemedyTogetherTest, WithoutAnyOfThemItActs) {
  World world(Permissive());
  world.latest.Record("prom", "latency_p99", Payments(), 1.8, world.clock.NowNs());
  Finding finding = world.Make("payments");
  finding.target = Payments();
  world.engine->OnFinding(finding);
  world.Run(3 * kSecond);
  EXPECT_EQ(world.gateway.executes, 1);
}

class RemedyTogetherPairTest : public ::testing::TestWithParam<size_t> {};

TEST_P(RemedyTogetherPairTest, AloneAndWithEachOther) {
  const std::vector<Danger>& all = Dangers();
  const Danger& first = all[GetParam()];
  {
    SCOPED_TRACE(first.guard);
    Refuses({&first});
  }
  for (size_t i = GetParam() + 1; i < all.size(); ++i) {
    const std::string pair = std::string(first.guard) + " and " + all[i].guard;
    // Whether an action can be undone is asked of a plan, and without data none is made.
    if (pair == "fresh_data and prediction") continue;
    SCOPED_TRACE(pair);
    Refuses({&first, &all[i]});
  }
}

INSTANTIATE_TEST_SUITE_P(Guard, RemedyTogetherPairTest,
                         ::testing::Range<size_t>(0, Dangers().size()),
                         [](const auto& guard) { return Dangers()[guard.param].guard; });

// Waiting is no refusal: what has to hold for a while is not decided before.
TEST(RemedyTogetherTest, ForIsWaitedOutBeforeTheOthersAreAsked) {
  for (const Danger& danger : Dangers()) {
    if (std::string(danger.guard) != "excluded" && std::string(danger.guard) != "windows") continue;
    PipelineSpec spec = Permissive();
    danger.rules(&spec);
    spec.policies[0].guard.for_ns = 10 * kSecond;
    World world(spec);
    Finding finding = world.Make("payments");
    finding.target = Payments();
    world.latest.Record("prom", "latency_p99", Payments(), 1.8, world.clock.NowNs());
    world.engine->OnFinding(finding);
    world.Run(9 * kSecond);
    EXPECT_TRUE(world.told.decisions.empty());
    world.Run(2 * kSecond);
    ASSERT_EQ(world.told.decisions.size(), 1u);
    EXPECT_THAT(world.Refusals(), ::testing::ElementsAre(HasSubstr(danger.guard)));
    EXPECT_EQ(world.gateway.executes, 0);
  }
}

}  // namespace
}  // namespace heald::remedy
