#include "plugins/sources/scrape/derive.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "heald/clock_step.h"
#include "plugins/support/number.h"

namespace heald::scrape {

// What a series of the page contributes to one derived series.
struct Deriver::Use {
  Group* group = nullptr;
  size_t derivation = 0;
  bool upper = true;  // false: what a ratio divides by
  double le = 0;
  CounterWindow* counter = nullptr;  // null: a gauge
};

struct Deriver::Input {
  std::vector<Use> uses;
  std::vector<std::pair<WindowClock*, std::unique_ptr<CounterWindow>>> counters;
  uint64_t first_page = 0;
  uint64_t seen_page = 0;
  int64_t seen_ns = 0;  // monotonic
  bool pending = false;
};

struct Deriver::Group {
  struct Member {
    const Input* input = nullptr;
    const CounterWindow* counter = nullptr;
    bool upper = true;
    double le = 0;
  };
  DerivedSeries series;
  WindowClock* clock = nullptr;
  std::vector<Member> members;
  double gauge = 0;
  int64_t gauge_ts_ns = 0;
  uint64_t gauge_page = 0;
  uint64_t emitted_page = 0;
  int64_t emitted_ts_ns = 0;
};

double HistogramQuantile(double q, std::vector<HistogramBucket>& buckets) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  std::sort(buckets.begin(), buckets.end(),
            [](const HistogramBucket& a, const HistogramBucket& b) { return a.upper < b.upper; });
  if (buckets.size() < 2 || !(std::isinf(buckets.back().upper) && buckets.back().upper > 0))
    return kNone;
  // Buckets are read one after the other while the process counts on: a later one may lag.
  for (size_t i = 1; i < buckets.size(); ++i)
    buckets[i].count = std::max(buckets[i].count, buckets[i - 1].count);
  const double observations = buckets.back().count;
  if (!(observations > 0)) return kNone;
  double rank = q * observations;
  const auto at = std::find_if(buckets.begin(), buckets.end() - 1,
                               [&](const HistogramBucket& b) { return b.count >= rank; });
  if (at == buckets.end() - 1) return buckets[buckets.size() - 2].upper;
  if (at == buckets.begin()) {
    if (at->upper <= 0) return at->upper;
    return at->upper * (rank / at->count);
  }
  const HistogramBucket& before = *(at - 1);
  rank -= before.count;
  return before.upper + (at->upper - before.upper) * (rank / (at->count - before.count));
}

Deriver::Deriver(std::span<const Derivation> derivations, sdk::LabelSet target_labels,
                 bool honor_labels)
    : derivations_(derivations),
      target_labels_(std::move(target_labels)),
      honor_labels_(honor_labels),
      groups_(derivations.size()),
      clock_of_(derivations.size()),
      summed_(derivations.size()) {
  for (size_t i = 0; i < derivations_.size(); ++i) {
    const Derivation& derivation = derivations_[i];
    for (const auto* side : {&derivation.of, &derivation.to})
      for (const Selector& selector : *side) {
        wanted_[selector.metric] = true;
        if (derivation.rule == Rule::kRatio)
          for (const Matcher& matcher : selector.matchers) summed_[i].push_back(matcher.label);
      }
    if (derivation.rule == Rule::kQuantile) summed_[i].push_back("le");
    if (derivation.rule == Rule::kGauge) continue;
    const auto at = std::find_if(clocks_.begin(), clocks_.end(), [&](const auto& clock) {
      return clock->window_ns() == derivation.window_ns;
    });
    clock_of_[i] =
        at != clocks_.end()
            ? at->get()
            : clocks_.emplace_back(std::make_unique<WindowClock>(derivation.window_ns)).get();
  }
}

Deriver::~Deriver() = default;

bool Deriver::Wanted(std::string_view metric) {
  if (metric == last_name_) return last_wanted_;
  last_name_ = metric;
  last_wanted_ = wanted_.find(metric) != wanted_.end();
  return last_wanted_;
}

sdk::LabelSet Deriver::Merge(const sdk::LabelSet& exposed) const {
  sdk::LabelSet merged = target_labels_;
  for (const auto& [name, value] : exposed.items()) {
    std::string key = name;
    if (!honor_labels_ && !target_labels_.Get(name).empty()) do
        key.insert(0, "exported_");
      while (!merged.Get(key).empty() || !exposed.Get(key).empty());
    merged.Set(key, value);
  }
  return merged;
}

sdk::LabelSet Deriver::GroupLabels(size_t derivation, const sdk::LabelSet& merged) const {
  const auto& by = derivations_[derivation].by;
  const auto& summed = summed_[derivation];
  const auto has = [](const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  sdk::LabelSet kept;
  for (const auto& [name, value] : merged.items()) {
    const bool stays = by ? has(*by, name) : !has(summed, name);
    if (stays || !target_labels_.Get(name).empty()) kept.Set(name, value);
  }
  return kept;
}

void Deriver::AddUse(Input& input, size_t derivation, bool upper, const sdk::LabelSet& labels) {
  Use use{nullptr, derivation, upper, 0, nullptr};
  const Derivation& what = derivations_[derivation];
  if (what.rule == Rule::kQuantile && !support::ParseNumber(labels.Get("le"), &use.le)) return;
  if (WindowClock* clock = clock_of_[derivation]) {
    auto at = std::find_if(input.counters.begin(), input.counters.end(),
                           [&](const auto& each) { return each.first == clock; });
    if (at == input.counters.end())
      at = input.counters.emplace(at, clock, std::make_unique<CounterWindow>());
    use.counter = at->second.get();
  }
  sdk::LabelSet key = GroupLabels(derivation, Merge(labels));
  auto& group = groups_[derivation][key];
  if (group == nullptr) {
    group = std::make_unique<Group>();
    group->series = {&what, std::move(key), DerivedSeries::kNoHandle};
    group->clock = clock_of_[derivation];
  }
  group->members.push_back({&input, use.counter, upper, use.le});
  use.group = group.get();
  input.uses.push_back(use);
}

Deriver::Input* Deriver::Find(const ExposedSample& sample) {
  if (const auto at = inputs_.find(sample.series); at != inputs_.end()) return at->second.get();
  if (inputs_.size() >= kMaxInputs) {
    ++refused_inputs_;
    return nullptr;
  }
  Input& input = *inputs_.emplace(sample.series, std::make_unique<Input>()).first->second;
  input.first_page = page_;
  const sdk::LabelSet labels = ParseLabels(sample.labels);
  const auto any = [&](const std::vector<Selector>& selectors) {
    return std::any_of(selectors.begin(), selectors.end(),
                       [&](const Selector& s) { return s.Matches(sample.name, labels); });
  };
  for (size_t i = 0; i < derivations_.size(); ++i) {
    if (any(derivations_[i].of)) AddUse(input, i, true, labels);
    if (any(derivations_[i].to)) AddUse(input, i, false, labels);
  }
  return &input;
}

void Deriver::Miss() {
  ++page_;
  live_series_ = 0;
}

std::string Deriver::Take(std::string_view page, TextFormat format, const FetchTime& time,
                          std::vector<DerivedSample>* out) {
  struct Pending {
    Input* input;
    double value;
    int64_t ts_ns;
  };
  std::vector<Pending> pending;
  ++page_;
  refused_inputs_ = 0;
  ExpositionReader reader(page, format);
  ExposedSample sample;
  while (reader.Next(&sample)) {
    if (!Wanted(sample.name)) continue;
    Input* input = Find(sample);
    if (input == nullptr) continue;
    if (input->uses.empty()) {
      input->seen_page = page_;
      continue;
    }
    if (input->pending) {
      ++duplicates_total_;
      continue;
    }
    input->pending = true;
    pending.push_back({input, sample.value, sample.ts_ns});
  }
  for (const Pending& each : pending) each.input->pending = false;
  if (!reader.error().empty()) {
    live_series_ = 0;
    return reader.error();
  }
  for (const auto& clock : clocks_) clock->Advance(time.monotonic_ns);
  for (const Pending& each : pending) Apply(*each.input, each.value, each.ts_ns, time);
  Emit(time, out);
  Prune(time.monotonic_ns);
  return {};
}

void Deriver::Apply(Input& input, double value, int64_t ts_ns, const FetchTime& time) {
  const bool counts = !input.counters.empty();
  const bool gauges = std::any_of(input.uses.begin(), input.uses.end(),
                                  [](const Use& use) { return use.counter == nullptr; });
  input.seen_page = page_;
  input.seen_ns = time.monotonic_ns;
  if (std::isnan(value)) {
    ++dropped_nan_total_;
    return;
  }
  if (counts && std::isfinite(value))
    for (auto& [clock, counter] : input.counters) counter->Add(value, *clock);
  if (!gauges) return;
  for (const Use& use : input.uses) {
    if (use.counter != nullptr) continue;
    Group& group = *use.group;
    if (group.gauge_page != page_) group.gauge = 0, group.gauge_ts_ns = 0;
    group.gauge_page = page_;
    group.gauge += value;
    group.gauge_ts_ns = std::max(group.gauge_ts_ns, ts_ns == 0 ? time.wall_ns : ts_ns);
  }
}

// False: nothing can be said now.
bool Deriver::Compute(Group& group, double* value) {
  const Derivation& derivation = *group.series.derivation;
  if (derivation.rule == Rule::kGauge) {
    *value = group.gauge;
    return group.gauge_page == page_ && !std::isnan(group.gauge);
  }
  // Live are those whose counters are on this page; known are those that were on one before it.
  bool live = false;
  bool known = false;
  double upper = 0;
  double lower = 0;
  buckets_.clear();
  for (const Group::Member& member : group.members) {
    const bool decides = derivation.rule != Rule::kRatio || !member.upper;
    live = live || (decides && member.input->seen_page == page_);
    known = known || (decides && member.input->first_page < page_);
    const double increase = member.counter->Increase(*group.clock);
    (member.upper ? upper : lower) += increase;
    if (derivation.rule == Rule::kQuantile) {
      const auto at = std::find_if(buckets_.begin(), buckets_.end(),
                                   [&](const HistogramBucket& b) { return b.upper == member.le; });
      if (at == buckets_.end())
        buckets_.push_back({member.le, increase});
      else
        at->count += increase;
    }
  }
  const int64_t span_ns = group.clock->SpanNs();
  if (!live || !known || span_ns <= 0) return false;
  switch (derivation.rule) {
    case Rule::kRate:
      *value = upper / (static_cast<double>(span_ns) / 1e9);
      return true;
    case Rule::kRatio:
      *value = upper / lower;
      return lower > 0;
    default:
      *value = HistogramQuantile(derivation.q, buckets_);
      return !std::isnan(*value);
  }
}

void Deriver::Emit(const FetchTime& time, std::vector<DerivedSample>* out) {
  live_series_ = 0;
  for (auto& groups : groups_) {
    for (auto& [labels, group] : groups) {
      double value = 0;
      if (!Compute(*group, &value)) continue;
      ++live_series_;
      const bool gauge = group->clock == nullptr;
      const int64_t ts_ns = gauge ? group->gauge_ts_ns : time.wall_ns;
      if (gauge && ts_ns <= group->emitted_ts_ns &&
          !sdk::ClockWentBack(group->emitted_ts_ns, ts_ns, time.wall_ns))
        continue;  // the target repeats an old sample
      if (group->emitted_page + 1 != page_) group->series.handle = DerivedSeries::kNoHandle;
      group->emitted_page = page_;
      group->emitted_ts_ns = ts_ns;
      out->push_back({&group->series, ts_ns, value});
    }
  }
}

void Deriver::Prune(int64_t monotonic_ns) {
  for (auto at = inputs_.begin(); at != inputs_.end();) {
    const Input& input = *at->second;
    int64_t keep_ns = 0;
    for (const auto& [clock, counter] : input.counters)
      keep_ns = std::max(keep_ns, clock->window_ns() + clock->window_ns() / 10);
    if (input.seen_page == page_ || monotonic_ns - input.seen_ns <= keep_ns) {
      ++at;
      continue;
    }
    std::map<Group*, size_t> left;  // one input may be in a group twice
    for (const Use& use : input.uses) left.emplace(use.group, use.derivation);
    for (const auto& [group, derivation] : left) {
      std::erase_if(group->members,
                    [&](const Group::Member& member) { return member.input == &input; });
      if (!group->members.empty()) continue;
      const sdk::LabelSet labels = group->series.labels;
      groups_[derivation].erase(labels);
    }
    at = inputs_.erase(at);
  }
}

}  // namespace heald::scrape
