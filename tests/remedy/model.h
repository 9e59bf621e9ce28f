// The random world of the model test: a pipeline as somebody could have written it, and a ledger of
// what was done, kept from what was told and not from what the engine thinks. Thread rule: one
// thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/remedy/outage_store.h"
#include "tests/remedy/world.h"

namespace heald::remedy {

// The last is heald itself, which must never be touched.
inline constexpr const char* kServices[] = {"payments", "orders", "users", "cart", "search",
                                            "mail",     "stock",  "geo",   "agent"};
inline constexpr int kServiceCount = static_cast<int>(std::size(kServices));

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}
  int Pick(int n) { return static_cast<int>(random_() % static_cast<unsigned>(n)); }
  bool OneIn(int n) { return Pick(n) == 0; }

 private:
  std::mt19937_64 random_;
};

inline Labels TargetOf(std::string_view service) {
  Labels target = {{"service", std::string(service)}, {"zone", service < "o" ? "a" : "b"}};
  if (service == "agent") target.Set("instance", "localhost:8080");
  return target;
}

inline constexpr double kErrorsAllowed = 0.05;  // by a canary's check

inline CanarySpec RandomCanary(Dice* dice) {
  CanarySpec canary;
  if (!dice->OneIn(3)) return canary;
  canary.set = true;
  canary.check = Parsed("error_rate < 0.05");
  canary.for_ns = (2 + dice->Pick(8)) * kSecond;
  canary.within_ns = (20 + dice->Pick(60)) * kSecond;
  return canary;
}

inline UndoSpec RandomUndo(Dice* dice) {
  return {!dice->OneIn(4), dice->OneIn(3) ? (1 + dice->Pick(10)) * kMinute : 0};
}

// None, or up to three, with a person at the end of some.
inline void AddSteps(Dice* dice, PolicySpec* policy) {
  static constexpr const char* kActions[] = {"restart", "scale_out", "rollback"};
  const int count = dice->Pick(4);
  for (int i = 0; i < count; ++i) {
    StepSpec step;
    step.action = kActions[i];
    step.guard = policy->guard;
    step.verify_within_ns = (10 + dice->Pick(40)) * kSecond;
    if (dice->OneIn(6)) step.mode = static_cast<Mode>(dice->Pick(3));
    if (dice->OneIn(6)) step.own.max_per_hour = static_cast<uint64_t>(1 + dice->Pick(3));
    if (dice->OneIn(6)) step.own.cooldown_ns = (1 + dice->Pick(3)) * kMinute;
    step.skip_refused = dice->OneIn(3);
    step.undo = RandomUndo(dice);
    step.canary = RandomCanary(dice);
    policy->steps.push_back(std::move(step));
  }
  if (count == 0) return;
  if (dice->OneIn(3)) {
    StepSpec page;
    page.action = "alert";
    page.guard = policy->guard;
    policy->steps.push_back(std::move(page));
  }
  policy->action = policy->steps.front().action;
}

inline std::vector<PolicySpec> RandomPolicies(Dice* dice) {
  PolicySpec one = MakePolicy("one", "latency_p99 > 0.5 and severity >= warning");
  PolicySpec two = MakePolicy("two", "severity >= critical");
  two.inputs.push_back({"other", "", ""});
  for (PolicySpec* policy : {&one, &two}) {
    const int mode = dice->Pick(6);
    policy->mode = mode == 0 ? Mode::kShadow : mode <= 2 ? Mode::kApprove : Mode::kEnforce;
    policy->enabled = !dice->OneIn(12);
    policy->allow_on_prediction = dice->OneIn(4);
    policy->guard.for_ns = dice->Pick(3) * 5 * kSecond;
    policy->guard.cooldown_ns = (1 + dice->Pick(9)) * 20 * kSecond;
    policy->guard.max_per_hour = static_cast<uint64_t>(2 + dice->Pick(12));
    policy->verify_within_ns = (20 + dice->Pick(60)) * kSecond;
    if (dice->OneIn(5)) policy->guard.excluded = {"service=cart"};
    if (dice->OneIn(3))
      policy->guard.max_targets = {dice->OneIn(2) ? 0.5 : 1.0, dice->OneIn(2), true};
    if (dice->OneIn(4))
      policy->guard.min_healthy = {static_cast<double>(1 + dice->Pick(4)), false, true};
    policy->guard.breaker = {static_cast<uint64_t>(dice->Pick(4)), (3 + dice->Pick(10)) * kMinute};
    if (dice->OneIn(8))
      policy->guard.windows = {{0x7f, dice->Pick(4) * kHour, 20 * kHour, "UTC", ""}};
    if (dice->OneIn(8))
      policy->guard.deny_windows = {{0x7f, 23 * kHour, (1 + dice->Pick(3)) * kHour, "UTC", ""}};
    AddSteps(dice, policy);
    if (!policy->steps.empty()) continue;
    policy->undo = RandomUndo(dice);
    policy->canary = RandomCanary(dice);
  }
  return {one, two};
}

inline PipelineSpec RandomSpec(Dice* dice) {
  PipelineSpec spec = MakeSpec(RandomPolicies(dice));
  spec.nodes[1].inputs = {{"prom", "latency_p99", ""}};
  NodeSpec other = spec.nodes[1];
  other.name = "other";
  for (const char* name : {"scale_out", "rollback"}) {
    NodeSpec action = spec.nodes[2];
    action.name = name;
    spec.nodes.push_back(action);
  }
  spec.nodes.push_back(other);
  spec.agent.listen = "127.0.0.1:8080";
  spec.agent.dry_run = dice->OneIn(10);
  spec.agent.act_without_store = dice->OneIn(3);
  spec.agent.storm.incidents = dice->OneIn(3) ? 0 : static_cast<uint64_t>(2 + dice->Pick(4));
  spec.agent.storm.within_ns = 15 * kSecond;
  spec.agent.storm.pause_ns = 40 * kSecond;
  if (dice->OneIn(3)) {
    InhibitRule rule;
    for (const char* text : {"detector=other", "metric=error_rate"})
      rule.source.push_back(std::move(*Matcher::Parse(text)));
    rule.target.push_back(std::move(*Matcher::Parse("detector=spikes")));
    rule.equal = {"zone"};
    spec.inhibit = {rule};
  }
  return spec;
}

// What was done, by decision, as people were told of it.
struct Deed {
  std::string policy;
  std::string target_key;  // of the incident
  std::string service;     // one thing, whatever its labels
  uint32_t step = 1;
  int64_t issued_ns = 0;
  int number = 0;                 // in the order of their calls, whatever the clock says
  int64_t latest_ns = INT64_MAX;  // it counts as over by then, as the clock was set back since
  int64_t ended_ns = 0;           // 0: still under way
  bool failed = false;
  bool proves = true;    // what the end says: not if inconclusive, too early or cancelled
  bool undoing = false;  // its undo was called
  bool watched = false;  // all of it is done, and it is looked at
  std::string by = {};  // the decision that it made way for, while that isn't taken back
  Severity gravity = Severity::kNormal;  // of what it was called for
  int rules = 0;                         // it goes by; they change with a reload

  bool under_way() const { return ended_ns == 0 || undoing; }
  bool made_way() const { return !by.empty() && watched && !undoing; }
};

class Ledger {
 public:
  void Note(const Notice& notice) {
    if (notice.decision == nullptr) return;
    const Decision& decision = *notice.decision;
    if (notice.kind == NoticeKind::kDecision && decision.verdict == DecisionVerdict::kAct) {
      const Deed* const before = Find(decision.id);
      EXPECT_TRUE(before == nullptr || before->ended_ns == 0)
          << decision.id << " is used a second time, for attempt " << decision.attempt;
      deeds_[decision.id] = {decision.policy, notice.incident->target.ToString(),
                             std::string(decision.target.Get("service")), decision.step};
      deeds_[decision.id].rules = rules;
    }
    if (notice.outcome == nullptr) return;
    Deed& deed = deeds_[decision.id];
    if (notice.outcome->state == OutcomeState::kUndone) NothingOnTop(decision.id);
    if (deed.ended_ns != 0) {  // what became of its undo
      deed.undoing = false;
      return;
    }
    switch (notice.outcome->state) {
      case OutcomeState::kIssued:
        deed.issued_ns = notice.ts_ns;
        deed.number = ++calls_;
        break;
      case OutcomeState::kObserved:
        deed.watched = !notice.outcome->detail.starts_with("canary: ");
        break;
      default:
        deed.ended_ns = notice.ts_ns;
        deed.failed = notice.outcome->state == OutcomeState::kFailed;
        deed.proves = !notice.text.starts_with("inconclusive: ") &&
                      !notice.text.starts_with("cancelled: ") &&
                      !notice.text.starts_with("not verified: ") &&
                      notice.text.find("not counted as healed by it") == std::string::npos;
        break;
    }
  }
  void NoteCall(const std::string& decision, Severity gravity) {
    deeds_[decision].gravity = gravity;
    deeds_[decision].watched = false;
  }
  // Those on that service that have to make way for the decision, and now have.
  std::vector<Deed> MakeWay(const std::string& service, const std::string& decision) {
    std::vector<Deed> those;
    for (auto& [id, deed] : deeds_) {
      if (id == decision || deed.service != service || deed.ended_ns != 0 || !deed.watched ||
          deed.undoing || !deed.by.empty())
        continue;
      deed.by = decision;
      those.push_back(deed);
    }
    return those;
  }
  void NoteUndo(const std::string& decision) { deeds_[decision].undoing = true; }
  void NoteDueAgain(const std::string& decision) { deeds_[decision].undoing = false; }
  const Deed* Find(const std::string& decision) const {
    const auto at = deeds_.find(decision);
    return at == deeds_.end() ? nullptr : &at->second;
  }
  // Targets that the policy acts on now.
  size_t Running(const std::string& policy) const {
    std::set<std::string> targets;
    for (const auto& [id, deed] : deeds_)
      if (deed.policy == policy && deed.ended_ns == 0) targets.insert(deed.service);
    return targets.size();
  }
  bool Busy(const std::string& service, const std::string& but) const {
    return std::any_of(deeds_.begin(), deeds_.end(), [&](const auto& entry) {
      return entry.first != but && entry.second.service == service && entry.second.under_way() &&
             !entry.second.made_way();
    });
  }
  // Of that policy's step on that target, the others; by when they ended.
  std::vector<Deed> Before(const std::string& decision, const Deed& like) const {
    std::vector<Deed> out;
    for (const auto& [id, deed] : deeds_)
      if (id != decision && deed.policy == like.policy && deed.target_key == like.target_key &&
          deed.step == like.step && deed.issued_ns != 0 && deed.proves)
        out.push_back(deed);
    std::sort(out.begin(), out.end(),
              [](const Deed& a, const Deed& b) { return a.ended_ns < b.ended_ns; });
    return out;
  }
  void ClockWentBack(int64_t now_ns) {
    for (auto& [id, deed] : deeds_)
      if (deed.ended_ns > now_ns) deed.latest_ns = std::min(deed.latest_ns, now_ns);
  }
  // Those that no guard looks back to any more.
  void Forget(int64_t before_ns) {
    std::erase_if(deeds_, [&](const auto& entry) {
      return !entry.second.under_way() && entry.second.ended_ns < before_ns;
    });
  }

  int rules = 0;  // in force

 private:
  void NothingOnTop(const std::string& gone) {
    for (auto& [id, deed] : deeds_) {
      if (deed.by != gone) continue;
      deed.by.clear();
      for (const auto& [other, of] : deeds_)
        if (other != id && of.service == deed.service && of.under_way() && !of.made_way())
          deed.by = other;
    }
  }

  std::map<std::string, Deed> deeds_;
  int calls_ = 0;
};

// A world whose store goes away and loses answers.
class ModelWorld : public World {
 public:
  explicit ModelWorld(PipelineSpec spec) : World(std::move(spec)) {
    wrap = [this](std::unique_ptr<Store> real) {
      auto store = std::make_unique<OutageStore>(std::move(real));
      store->away = [this] { return away && !looking; };
      outage = store.get();
      return store;
    };
    Crash();
  }
  // Another process finds the store there: without it, it would not start.
  void Crash() {
    away = false;
    Restart();
  }
  bool StoreIsGone() const { return away || outage->gone; }

  OutageStore* outage = nullptr;
  bool away = false;
  bool looking = false;  // the test itself reads
};

}  // namespace heald::remedy
