#include "plugins/detectors/log_patterns/detector.h"

#include <algorithm>
#include <cmath>

namespace heald::log_patterns {
namespace {

// A line that claims to be later than this from now would make all others late.
constexpr int64_t kMostAheadNs = 600'000'000'000;
constexpr size_t kRatesPerTemplate = 4;
// New templates are news only where an interval without any is at least this likely.
constexpr double kLeastSurprise = 0.5;

RateSettings SettingsOf(const Config& config, int64_t min_count) {
  const auto intervals = [&](sdk::Duration time) {
    return std::max<int64_t>((time.ns + config.interval.ns - 1) / config.interval.ns, 1);
  };
  // A mean over n values forgets half of one in n ln 2.
  const double memory = static_cast<double>(intervals(config.half_life)) / 0.6931;
  return {config.sensitivity,
          config.min_ratio,
          static_cast<uint32_t>(min_count),
          intervals(config.learn),
          std::max<int64_t>(static_cast<int64_t>(memory), 1),
          intervals(config.max_hold)};
}

// One-sided Chebyshev (Cantelli): holds whatever the distribution is.
double ConfidenceOf(double score) {
  return score * score / (1 + score * score);
}

}  // namespace

Detector::Detector(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      rates_(SettingsOf(config, config.min_count)),
      errors_(SettingsOf(config, config.min_errors)),
      splitter_(static_cast<size_t>(config.max_line.count)),
      templates_(LimitsOf()),
      lines_total_(host.Counter("lines_total", "Log lines looked at")),
      skipped_total_(host.Counter("lines_skipped_total", "Lines without a word in them")),
      late_total_(host.Counter("lines_late_total",
                               "Lines of an interval that was over: learnt, but not counted")),
      evicted_total_(host.Counter("templates_evicted_total", "Templates that made room")),
      template_count_(host.Gauge("templates", "Log templates kept")),
      learning_(host.Gauge("learning_series", "Groups that are not judged yet")) {}

void Detector::Validate(const Config& config, sdk::Problems& problems) {
  if (!config.new_templates && !config.rate_jumps && !config.error_bursts)
    problems.Add("",
                 "new_templates, rate_jumps and error_bursts are all off: nothing would ever "
                 "be reported");
  if (config.learn.ns < config.interval.ns)
    problems.Add("/learn", "learn is shorter than one interval: everything would be new");
}

TreeLimits Detector::LimitsOf() const {
  const auto templates = static_cast<size_t>(config_.max_templates);
  return {config_.similarity.value, static_cast<size_t>(config_.depth),
          static_cast<size_t>(config_.max_children), templates, templates * kRatesPerTemplate};
}

int64_t Detector::Intervals(sdk::Duration time) const {
  return std::max<int64_t>((time.ns + config_.interval.ns - 1) / config_.interval.ns, 1);
}

bool Detector::Learnt(const Group& group) const {
  return group.now - group.born >= rates_.learn;
}

// Where templates have to make room soon after they were seen, a new one may be an old one.
bool Detector::Overflows(const Group& group, int64_t ts_ns) const {
  const int64_t evicted_ns = templates_.EvictedFrom(group.id);
  return evicted_ns != 0 && ts_ns - evicted_ns < config_.learn.ns;
}

Level Detector::LevelIn(const heald_labels& labels) const {
  for (uint64_t i = 0; i < labels.count; ++i) {
    const std::string_view name = sdk::detail::View(labels.items[i].name);
    if (std::find(config_.level_labels.begin(), config_.level_labels.end(), name) ==
        config_.level_labels.end())
      continue;
    const Level level = LevelByName(sdk::detail::View(labels.items[i].value));
    if (level != Level::kUnknown) return level;
  }
  return Level::kUnknown;
}

Detector::Stream& Detector::StreamOf(heald_series series, const sdk::Sink& sink) {
  if (series == HEALD_SERIES_NONE) {
    if (no_stream_.group == nullptr) no_stream_.group = &GroupOf({}, sink);
    return no_stream_;
  }
  if (Stream* known = streams_.Find(series)) return *known;
  const sdk::LabelSet labels = host_.LabelsOf(series);
  Stream made;
  made.level = LevelIn(sdk::detail::BorrowedLabels(labels).get());
  sdk::LabelSet target;
  const auto is_level = [&](const std::string& name) {
    return std::find(config_.level_labels.begin(), config_.level_labels.end(), name) !=
           config_.level_labels.end();
  };
  if (config_.group_by.empty()) {
    for (const sdk::Label& label : labels.items())
      if (label.first != "__name__" && !is_level(label.first))
        target.Set(label.first, label.second);
  } else {
    for (const std::string& name : config_.group_by)
      if (!labels.Get(name).empty()) target.Set(name, labels.Get(name));
  }
  made.group = &GroupOf(std::move(target), sink);
  ++made.group->streams;
  return streams_.FindOrAdd(
      series, [&] { return made; },
      [&](heald_series, Stream& old) {
        if (old.group != nullptr) --old.group->streams;
      });
}

Group& Detector::GroupOf(sdk::LabelSet target, const sdk::Sink& sink) {
  const auto at = groups_.find(target);
  if (at != groups_.end()) return *at->second;
  if (groups_.size() >= static_cast<size_t>(config_.max_groups)) EvictGroup(sink);
  auto made = std::make_unique<Group>();
  made->id = next_group_++;
  made->target = target;
  made->born = INT64_MIN;  // until its first line
  return *groups_.emplace(std::move(target), std::move(made)).first->second;
}

void Detector::EvictGroup(const sdk::Sink& sink) {
  const auto oldest = std::min_element(
      groups_.begin(), groups_.end(),
      [](const auto& a, const auto& b) { return a.second->arrived_ns < b.second->arrived_ns; });
  Group* const group = oldest->second.get();
  ClearAll(*group, sdk::Cleared::kExpired, "there are more than max_groups groups", sink);
  templates_.DropRates([&](uint32_t id) { return id == group->id; });
  std::vector<heald_series> streams;
  streams_.ForEach([&](heald_series series, const Stream& stream) {
    if (stream.group == group) streams.push_back(series);
  });
  for (const heald_series series : streams) streams_.Remove(series);
  if (no_stream_.group == group) no_stream_.group = nullptr;
  groups_.erase(oldest);
}

void Detector::ProcessLogs(std::span<const heald_log_line> lines, sdk::Sink& sink) {
  const int64_t now_ns = host_.NowNs();
  for (const heald_log_line& line : lines) Take(line, now_ns, sink);
  lines_total_.Record(static_cast<double>(lines.size()));
  if (skipped_ != 0) skipped_total_.Record(static_cast<double>(std::exchange(skipped_, 0)));
  if (late_ != 0) late_total_.Record(static_cast<double>(std::exchange(late_, 0)));
  if (const uint64_t evicted = templates_.evicted(); evicted != evicted_)
    evicted_total_.Record(static_cast<double>(evicted - std::exchange(evicted_, evicted)));
}

void Detector::Take(const heald_log_line& in, int64_t now_ns, const sdk::Sink& sink) {
  const std::string_view text = sdk::detail::View(in.line);
  const std::span<const Token> tokens = splitter_.Split(text);
  if (tokens.empty()) {
    ++skipped_;
    return;
  }
  const Stream& stream = StreamOf(in.stream, sink);
  Group& group = *stream.group;
  Line line;
  line.ts_ns = in.ts_ns > 0 && in.ts_ns < now_ns + kMostAheadNs ? in.ts_ns : now_ns;
  line.interval = IntervalOf(line.ts_ns);
  if (group.born == INT64_MIN) {
    group.born = group.now = line.interval;
    group.errors = Rate(line.interval);
    // What comes at first is all new; how much of it comes later is worth knowing.
    group.fresh = Rate(line.interval + rates_.learn / 2);
  }
  if (line.interval > group.now) AdvanceTo(group, line.interval, sink);
  group.last_ns = std::max(group.last_ns, line.ts_ns);
  group.arrived_ns = now_ns;

  const Templates::Match match = templates_.Learn(text, tokens, splitter_.hash(), line.ts_ns);
  Template& known = templates_[match.id];
  line.level = in.severity == HEALD_SEVERITY_CRITICAL  ? Level::kError
               : in.severity == HEALD_SEVERITY_WARNING ? Level::kWarning
               : in.severity == HEALD_SEVERITY_INFO    ? Level::kInfo
                                                       : LevelIn(in.attributes);
  if (line.level == Level::kUnknown) line.level = stream.level;
  if (line.level == Level::kUnknown)
    line.level = known.level;  // as its words say
  else
    known.level = line.level;
  if (match.created) OnCreated(group, match.id, line);
  if (known.news_of == group.id) OnNews(group, match.id, line, sink);
  if (line.interval < group.now - 1) {
    ++late_;
    return;
  }
  Count(group, match.id, line, sink);
}

void Detector::Count(Group& group, uint32_t id, const Line& line, const sdk::Sink& sink) {
  Rate& rate = templates_.RateOf(id, group.id, [&] { return Rate(line.interval); });
  if (!rate.Add(rates_, line.interval)) {
    ++late_;
    return;
  }
  if (line.level == Level::kError) {
    if (group.errors.Add(errors_, line.interval) && config_.error_bursts &&
        group.errors.TooMany(errors_, line.interval))
      OnErrors(group, line, sink);
  } else if (config_.rate_jumps && rate.TooMany(rates_, line.interval)) {
    OnJump(group, id, rate, line, sink);
  }
}

void Detector::OnCreated(Group& group, uint32_t id, const Line& line) {
  const bool counted = group.fresh.Add(rates_, line.interval);
  if (!config_.new_templates || !counted || !Learnt(group)) return;
  if (Overflows(group, line.ts_ns)) return;
  const OpenFinding& open = group.open[static_cast<size_t>(Kind::kNew)];
  if (open.id == 0 && std::exp(-group.fresh.mean()) < kLeastSurprise) return;
  if (open.templates.size() < kMostConcerned) templates_[id].news_of = group.id;
}

Concerned& Detector::Concern(OpenFinding& open, uint32_t id, int64_t interval) {
  const uint64_t serial = templates_[id].serial;
  for (Concerned& known : open.templates) {
    if (known.id != id || known.serial != serial) continue;
    known.hot = std::max(known.hot, interval);
    return known;
  }
  // Beyond the most that one finding holds, the latest place stands for all others.
  if (open.templates.size() >= kMostConcerned) open.templates.pop_back();
  return open.templates.emplace_back(Concerned{id, serial, interval, 0});
}

void Detector::OnNews(Group& group, uint32_t id, const Line& line, const sdk::Sink& sink) {
  OpenFinding& open = group.open[static_cast<size_t>(Kind::kNew)];
  Concerned& concerned = Concern(open, id, line.interval);
  const bool first = concerned.count++ == 0;
  ++open.count;
  open.hot = std::max(open.hot, line.interval);
  open.score = 1 + std::log2(static_cast<double>(open.count));
  open.confidence = std::exp(-group.fresh.mean());
  const auto severity =
      line.level == Level::kError ? sdk::Severity::kWarning : sdk::Severity::kInfo;
  if (first && open.id != 0) open.sent_ns = 0;  // another one is worth telling at once
  Report(group, Kind::kNew, severity, static_cast<double>(open.count), line, sink);
}

void Detector::OnJump(Group& group, uint32_t id, const Rate& rate, const Line& line,
                      const sdk::Sink& sink) {
  OpenFinding& open = group.open[static_cast<size_t>(Kind::kJump)];
  if (templates_[id].news_of == group.id) return;  // told as new
  ++Concern(open, id, line.interval).count;
  ++open.count;
  open.hot = std::max(open.hot, line.interval);
  const double count = rate.CountIn(line.interval);
  open.score = std::max(open.id == 0 ? 0 : open.score, (count - rate.mean()) / rate.deviation());
  open.confidence = ConfidenceOf(open.score);
  Report(group, Kind::kJump,
         line.level == Level::kWarning ? sdk::Severity::kWarning : sdk::Severity::kInfo,
         count / (static_cast<double>(config_.interval.ns) / 1e9), line, sink);
}

void Detector::OnErrors(Group& group, const Line& line, const sdk::Sink& sink) {
  OpenFinding& open = group.open[static_cast<size_t>(Kind::kErrors)];
  ++open.count;
  open.hot = std::max(open.hot, line.interval);
  const double count = group.errors.CountIn(line.interval);
  open.score = (count - group.errors.mean()) / group.errors.deviation();
  open.confidence = ConfidenceOf(open.score);
  const bool critical = count >= config_.critical_at * group.errors.limit();
  Report(group, Kind::kErrors, critical ? sdk::Severity::kCritical : sdk::Severity::kWarning,
         count / (static_cast<double>(config_.interval.ns) / 1e9), line, sink);
}

// ---- time goes on

void Detector::AdvanceTo(Group& group, int64_t interval, const sdk::Sink& sink) {
  group.now = interval;
  group.errors.AdvanceTo(errors_, interval);
  group.fresh.AdvanceTo(rates_, interval);
  if (group.open[static_cast<size_t>(Kind::kNew)].id != 0) EndNews(group, sink);
  if (group.open[static_cast<size_t>(Kind::kJump)].id != 0) EndJump(group, sink);
  if (group.open[static_cast<size_t>(Kind::kErrors)].id != 0) EndErrors(group, sink);
}

void Detector::EndNews(Group& group, const sdk::Sink& sink) {
  OpenFinding& open = group.open[static_cast<size_t>(Kind::kNew)];
  bool learnt = false;
  std::erase_if(open.templates, [&](const Concerned& one) {
    Template& known = templates_[one.id];
    const bool gone = known.serial != one.serial;
    const bool over = group.now - one.hot > Intervals(config_.quiet);
    const bool held = group.now - open.began > Intervals(config_.max_hold);
    if (!gone && (over || held)) known.news_of = 0;
    learnt |= held && !over;
    return gone || over || held;
  });
  if (!open.templates.empty()) return;
  if (learnt)
    Clear(group, Kind::kNew, sdk::Cleared::kRebaselined,
          "still coming after " + sdk::detail::DurationText(config_.max_hold.ns) +
              ", so it is known from now on; this is no recovery",
          sink);
  else
    Clear(group, Kind::kNew, sdk::Cleared::kNormal,
          "what was new has not come for " + sdk::detail::DurationText(config_.quiet.ns), sink);
}

void Detector::EndJump(Group& group, const sdk::Sink& sink) {
  OpenFinding& open = group.open[static_cast<size_t>(Kind::kJump)];
  bool rebaselined = false;
  std::erase_if(open.templates, [&](const Concerned& one) {
    Template& known = templates_[one.id];
    Rate* const rate = known.serial == one.serial ? known.RateOf(group.id) : nullptr;
    if (rate == nullptr) return true;
    rate->AdvanceTo(rates_, group.now);
    const bool held = rate->rebaselined() >= open.began;
    rebaselined |= held;
    return held || group.now - one.hot > config_.clear_after;
  });
  if (!open.templates.empty()) return;
  Clear(group, Kind::kJump, rebaselined ? sdk::Cleared::kRebaselined : sdk::Cleared::kNormal,
        rebaselined
            ? "still as many lines after " + sdk::detail::DurationText(config_.max_hold.ns) +
                  ", so it is learnt as usual; this is no recovery"
            : "",
        sink);
}

void Detector::EndErrors(Group& group, const sdk::Sink& sink) {
  const OpenFinding& open = group.open[static_cast<size_t>(Kind::kErrors)];
  if (group.errors.rebaselined() >= open.began)
    Clear(group, Kind::kErrors, sdk::Cleared::kRebaselined,
          "still as many errors after " + sdk::detail::DurationText(config_.max_hold.ns) +
              ", so it is learnt as usual; this is no recovery",
          sink);
  else if (group.now - open.hot > config_.clear_after)
    Clear(group, Kind::kErrors, sdk::Cleared::kNormal, "", sink);
}

// Where no lines come the clock moves a group on, late enough for lines that are on their way.
void Detector::Tick(int64_t now_ns, sdk::Sink& sink) {
  size_t learning = 0;
  bool overflows = false;
  for (const auto& [target, group] : groups_) {
    if (group->born == INT64_MIN) continue;
    const int64_t reached = IntervalOf(
        group->last_ns + std::max<int64_t>(now_ns - group->arrived_ns, 0) - config_.late_by.ns);
    learning += std::max(reached, group->now) - group->born < rates_.learn ? 1 : 0;
    if (reached > group->now) AdvanceTo(*group, reached, sink);
    overflows |= Overflows(*group, group->now * config_.interval.ns);
  }
  learning_.Record(static_cast<double>(learning));
  template_count_.Record(static_cast<double>(templates_.size()));
  if (overflows && config_.new_templates)
    throw sdk::Failure(HEALD_UNAVAILABLE,
                       "log templates make room for each other before their lines come again, so "
                       "new ones aren't told in the groups that have them: raise max_templates (" +
                           std::to_string(config_.max_templates) +
                           "), or read fewer kinds of lines");
}

void Detector::Expired(std::span<const heald_series> gone, sdk::Sink& sink) {
  for (const heald_series series : gone) {
    Stream* const stream = streams_.Find(series);
    if (stream == nullptr) continue;
    Group& group = *stream->group;
    streams_.Remove(series);
    if (--group.streams == 0)
      ClearAll(group, sdk::Cleared::kExpired, "its streams ended: whether it recovered isn't known",
               sink);
  }
}

}  // namespace heald::log_patterns
