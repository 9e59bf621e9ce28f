#include <algorithm>
#include <cmath>
#include <utility>

#include "heald/clock_step.h"
#include "plugins/detectors/baseline/detector.h"

namespace heald::baseline {

namespace {

constexpr double kThreshold = 5.1;
constexpr double kThresholdAlone = 2.2;
// Share of the newest sample in what names the causes.
constexpr float kSmooth = 0.2F;
// In an open finding a series that is further out than this is part of the incident.
constexpr float kInvolved = 10;
// Share of the threshold from which a moment is worth a look, though no finding.
constexpr double kRemarkable = 0.15;
// A finding is over when the series that opened it are this near to what is usual.
constexpr float kBack = 2;

// One series' score stays high for a while after it rose, and a reader who picks moments by score
// would find the same incident again and again: so only the onset counts in full.
double Onset(double score, double threshold, Step step) {
  constexpr double kBelow = 0.99;
  if (step == Step::kOpened) return score;
  const double most = std::min(score, threshold * kBelow);
  return step > Step::kOpened ? most / 2 : most;
}

}  // namespace

Detector::Detector(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      habits_{
          .forget = static_cast<float>(1 - std::exp2(-1.0 / static_cast<double>(config.half_life))),
          .min_samples = config.min_samples,
          .direction = config.direction,
          .min_deviation = config.min_deviation,
          .min_deviation_ratio = config.min_deviation_ratio.value,
          .season = config.season},
      together_{.forget = habits_.forget,
                .min_samples = config.min_samples,
                .threshold = config.threshold.value_or(kThreshold),
                .clear_after = config.clear_after,
                .max_hold_ns = config.max_hold.ns},
      alone_(together_),
      skipped_(host.Counter("samples_skipped_total",
                            "Samples left out: NaN, infinite at the start, or not later than the "
                            "one before")),
      rebaselined_(host.Counter("rebaselined_total",
                                "Findings that lasted max_hold, so their level became usual")),
      learning_(host.Gauge("learning_series", "Series that are not judged yet")),
      left_out_(host.Counter("samples_left_out_total", "Samples of series beyond max_series")) {
  alone_.threshold = config.threshold.value_or(kThresholdAlone);
}

// Its own samples and those of its entity are enough for a judgement.
bool Detector::Learning(const Member& member) const {
  return member.series.Learning(habits_) || member.home.get()->judge.Learning(together_);
}

void Detector::Feed(const sdk::Samples& samples, sdk::Sink& sink, sdk::Scores* scores) {
  const auto series = samples.series();
  const auto ts_ns = samples.ts_ns();
  const auto values = samples.values();
  const int64_t now_ns = host_.NowNs();
  int64_t moment_ns = 0;
  TimeOfDay time(moment_ns);
  uint64_t skipped = 0;
  uint64_t left_out = 0;
  uint64_t learning = 0;
  for (size_t i = 0; i < samples.size(); ++i) {
    Member* member = members_.Find(series[i]);
    if (member == nullptr) member = Add(series[i], sink);
    if (member == nullptr) {
      ++left_out;
      continue;
    }
    const bool fresh = member->last_ns == 0;
    if (sdk::ClockWentBack(member->last_ns, ts_ns[i], now_ns)) {
      member->last_ns = sdk::kLongAgoNs;
      if (Group* const set_back = member->home.get()->group()) set_back->ts_ns = sdk::kLongAgoNs;
    }
    if (std::isnan(values[i]) || ts_ns[i] <= member->last_ns || (fresh && std::isinf(values[i]))) {
      ++skipped;
      continue;
    }
    Entity& entity = *member->home.get();
    Group* const group = entity.group();
    // A series that reports twice says that the moment before is complete.
    if (group != nullptr && member->moment == group->moment) {
      group->expected = group->reported;
      JudgeGroup(entity, sink, scores);
    }
    if (!fresh && ts_ns[i] - member->last_ns > config_.max_gap.ns) {
      member->series.Resume();
      member->amount = member->smoothed = 0;
      if (group == nullptr || ts_ns[i] - group->ts_ns > config_.max_gap.ns) {
        if (entity.open != nullptr)
          Close(entity, sdk::Cleared::kGap, sdk::GapSummary(config_.max_gap), sink);
        entity.judge.Resume();
      }
    }
    member->last_ns = ts_ns[i];
    member->value = values[i];
    learning += Learning(*member) ? 1 : 0;
    if (ts_ns[i] != moment_ns) {
      moment_ns = ts_ns[i];
      time = TimeOfDay(moment_ns);
    }
    const bool hold = entity.judge.open() && member->amount > kInvolved;
    const Surprise surprise = member->series.Next(habits_, time, values[i], hold);
    member->amount = surprise.amount;
    member->smoothed += kSmooth * (surprise.named - member->smoothed);
    if (group == nullptr) {
      Assess(entity, series[i], ts_ns[i], member->amount, sink, scores);
      continue;
    }
    if (group->reported++ == 0) touched_.push_back(&entity);
    member->moment = group->moment;
    group->ts_ns = std::max(group->ts_ns, ts_ns[i]);
    group->Note(member->amount);
  }
  for (Entity* entity : touched_) {
    const Group& group = *entity->group();
    // Scrapes come whole; where a moment comes in parts, it is judged when the next one begins.
    if (group.reported > 0 && (scores != nullptr || group.reported >= group.expected))
      JudgeGroup(*entity, sink, scores);
  }
  touched_.clear();
  if (skipped != 0) skipped_.Record(static_cast<double>(skipped));
  if (left_out != 0) left_out_.Record(static_cast<double>(left_out));
  // At once for the first samples; Tick counts exactly.
  if (learning != 0) learning_.Record(static_cast<double>(learning));
}

void Detector::JudgeGroup(Entity& entity, const sdk::Sink& sink, sdk::Scores* scores) {
  Group& group = *entity.group();
  const float amount = group.Take();
  Assess(entity, group.members.front(), group.ts_ns, amount, sink, scores);
}

Return Detector::ReturnOf(const Entity& entity, int64_t ts_ns) const {
  bool back = !entity.open->leads.empty();
  for (const Lead& lead : entity.open->leads) {
    const Member* const member = members_.Find(lead.series);
    if (member == nullptr) continue;
    if (lead.Out(member->value)) return Return::kOut;
    // Of what is usual now, or was before the fault taught anything.
    back = back && (!lead.inside || member->series.UsuallyRestless(habits_)) &&
           (member->series.Within(habits_, ts_ns, kBack) || lead.Within(member->value, kBack));
  }
  return back ? Return::kBack : Return::kUnknown;
}

void Detector::Assess(Entity& entity, heald_series alone, int64_t ts_ns, float amount,
                      const sdk::Sink& sink, sdk::Scores* scores) {
  const bool single = entity.Alone();
  const Return values = entity.open == nullptr ? Return::kUnknown : ReturnOf(entity, ts_ns);
  const Step step = entity.judge.Next(RulesFor(single), ts_ns, amount, single, values);
  if (scores != nullptr) Rate(entity, alone, ts_ns, step, *scores);
  switch (step) {
    case Step::kOpened:
    case Step::kOngoing:
    case Step::kRecovering:
      Report(entity, alone, sink);
      break;
    case Step::kCleared:
      if (entity.open != nullptr) Fill(entity, CausesOf(entity, alone), *entity.open);
      Close(entity, sdk::Cleared::kNormal, "", sink);
      break;
    case Step::kRebaselined:
      rebaselined_.Record(1);
      Close(entity, sdk::Cleared::kRebaselined, Rebaseline(entity, alone), sink);
      break;
    default:
      break;
  }
}

void Detector::Rate(const Entity& entity, heald_series alone, int64_t ts_ns, Step step,
                    sdk::Scores& scores) const {
  const double threshold = RulesFor(entity.Alone()).threshold;
  const double score = entity.judge.score();
  const bool remarkable = step > Step::kNormal || score >= kRemarkable * threshold;
  std::vector<sdk::Contributor> because;
  if (remarkable)
    because = Because(CausesOf(entity, alone),
                      entity.grouped ? entity.group()->target : host_.LabelsOf(alone));
  scores.Add(entity.grouped ? HEALD_SERIES_NONE : alone, ts_ns,
             entity.Alone() ? Onset(score, threshold, step) : score, because);
}

Member* Detector::Add(heald_series series, sdk::Sink& sink) {
  if (static_cast<int64_t>(members_.size()) >= config_.max_series) return nullptr;
  Member& member = members_.FindOrAdd(
      series, [] { return Member{}; },
      [&](heald_series old, Member& gone) { Leave(gone, old, sink); });
  const sdk::LabelSet labels = host_.LabelsOf(series);
  if (const auto at = saved_series_.find(labels); at != saved_series_.end()) {
    member = std::move(at->second);
    saved_series_.erase(at);
  }
  Join(member, series, labels);
  return &member;
}

void Detector::Join(Member& member, heald_series series, const sdk::LabelSet& labels) {
  Key key;
  for (const std::string& name : config_.group_by)
    if (const std::string_view value = labels.Get(name); !value.empty()) key.emplace_back(value);
  if (key.empty() || key.size() != config_.group_by.size()) {
    if (member.home.own() == nullptr) member.home.Own(std::make_unique<Entity>());
    Recognise(*member.home.own(), series, labels);
    return;
  }
  member.moment = 0;
  std::unique_ptr<Grouped>& entity = groups_[key];
  if (entity == nullptr) {
    const auto saved = saved_groups_.find(key);
    if (saved != saved_groups_.end()) {
      entity = std::move(saved->second);
      saved_groups_.erase(saved);
    } else {
      entity = std::make_unique<Grouped>();
      entity->series.key = key;
    }
  }
  Group& group = entity->series;
  if (group.members.empty()) {
    group.target = labels;
    group.target.Remove("__name__");
  } else {
    const sdk::LabelSet before = group.target;
    for (const sdk::Label& label : before.items())
      if (labels.Get(label.first) != label.second) group.target.Remove(label.first);
  }
  group.members.push_back(series);
  group.expected = static_cast<uint32_t>(group.members.size());
  Recognise(*entity, series, labels);
  member.home.Join(*entity);
}

void Detector::Recognise(Entity& entity, heald_series series, const sdk::LabelSet& labels) {
  if (entity.open == nullptr) return;
  for (Lead& lead : entity.open->leads)
    if (lead.series == HEALD_SERIES_NONE && lead.labels == labels) lead.series = series;
}

void Detector::Leave(Member& member, heald_series series, const sdk::Sink& sink) {
  constexpr std::string_view kEnded = "its series ended: whether it recovered isn't known";
  Entity& entity = *member.home.get();
  Group* const group = entity.group();
  if (group == nullptr) {
    Close(entity, sdk::Cleared::kExpired, std::string(kEnded), sink);
    return;
  }
  std::erase(group->members, series);
  group->expected = static_cast<uint32_t>(group->members.size());
  if (entity.open != nullptr)
    std::erase_if(entity.open->leads, [&](const Lead& lead) { return lead.series == series; });
  if (!group->members.empty()) return;
  Close(entity, sdk::Cleared::kExpired, std::string(kEnded), sink);
  std::erase(touched_, &entity);
  groups_.erase(Key(group->key));
}

void Detector::Expired(std::span<const heald_series> gone, sdk::Sink& sink) {
  for (const heald_series series : gone) {
    Member* const member = members_.Find(series);
    if (member == nullptr) continue;
    Leave(*member, series, sink);
    members_.Remove(series);
  }
}

// The agent shows `learning` as long as this gauge of some detector isn't 0.
void Detector::Tick(int64_t now_ns, sdk::Sink& sink) {
  const auto away = [&](int64_t last_ns) { return now_ns - last_ns > config_.max_gap.ns; };
  for (auto at = saved_series_.begin(); at != saved_series_.end();) {
    if (!away(at->second.last_ns)) {
      ++at;
      continue;
    }
    if (Entity* const own = at->second.home.own())
      Close(*own, sdk::Cleared::kExpired, "its series didn't come back after the restart", sink);
    at = saved_series_.erase(at);
  }
  for (auto at = saved_groups_.begin(); at != saved_groups_.end();) {
    if (!away(at->second->series.ts_ns)) {
      ++at;
      continue;
    }
    Close(*at->second, sdk::Cleared::kExpired, "its series didn't come back after the restart",
          sink);
    at = saved_groups_.erase(at);
  }
  size_t learning = 0;
  members_.ForEach(
      [&](heald_series, const Member& member) { learning += Learning(member) ? 1 : 0; });
  learning_.Record(static_cast<double>(learning));
}

}  // namespace heald::baseline

HEALD_PLUGIN("baseline", "1.0.0", "heald", "MIT", heald::baseline::Detector);
