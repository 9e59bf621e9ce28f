// What log_patterns says: findings with the templates behind them, an example line and counts.
#include <algorithm>
#include <cmath>

#include "plugins/detectors/log_patterns/detector.h"

namespace heald::log_patterns {
namespace {

constexpr size_t kContributors = 5;
constexpr size_t kRecent = 20;
constexpr size_t kNameBytes = 160;  // of a template among others

std::string Number(double value) {
  return std::to_string(static_cast<int64_t>(std::llround(value)));
}

std::string Quoted(const Template& known) {
  return "\"" + Printable(known.Text(), kNameBytes) + "\"";
}

std::string Lines(uint64_t count) {
  return std::to_string(count) + (count == 1 ? " line" : " lines");
}

}  // namespace

void Detector::Report(Group& group, Kind kind, sdk::Severity severity, double value,
                      const Line& line, const sdk::Sink& sink) {
  OpenFinding& open = group.open[static_cast<size_t>(kind)];
  const bool opens = open.id == 0;
  open.ts_ns = std::max(open.ts_ns, line.ts_ns);
  const bool worse = severity > open.severity;
  if (!opens && !worse && open.ts_ns - open.sent_ns < config_.update_interval.ns) return;
  if (opens) {
    open.id = next_finding_++;
    open.began_ns = line.ts_ns;
    open.began = line.interval;
  }
  open.severity = std::max(open.severity, severity);
  if (open.recent.size() >= kRecent) open.recent.erase(open.recent.begin());
  open.recent.push_back(value);
  sdk::Finding finding = FindingOf(group, kind);
  finding.state = opens ? sdk::FindingState::kOpen : sdk::FindingState::kUpdate;
  sink.Emit(finding);
  open.sent_ns = open.ts_ns;
}

std::vector<Detector::Share> Detector::SharesOf(Group& group, Kind kind) {
  std::vector<Share> shares;
  if (kind == Kind::kErrors) {
    templates_.ForEach([&](uint32_t id, const Template& known) {
      if (known.level != Level::kError) return;
      const Rate* const rate = templates_[id].RateOf(group.id);
      const uint32_t lines = rate == nullptr ? 0 : rate->CountIn(group.now);
      if (lines != 0) shares.push_back({&known, static_cast<double>(lines), rate->mean()});
    });
  } else {
    for (const Concerned& one : group.open[static_cast<size_t>(kind)].templates) {
      Template& known = templates_[one.id];
      if (known.serial != one.serial) continue;
      const Rate* const rate = known.RateOf(group.id);
      const bool jump = kind == Kind::kJump && rate != nullptr;
      shares.push_back({&known, static_cast<double>(jump ? rate->CountIn(group.now) : one.count),
                        jump ? rate->mean() : 0});
    }
  }
  std::stable_sort(shares.begin(), shares.end(),
                   [](const Share& a, const Share& b) { return a.lines > b.lines; });
  return shares;
}

sdk::Finding Detector::FindingOf(Group& group, Kind kind) {
  const OpenFinding& open = group.open[static_cast<size_t>(kind)];
  const double interval_s = static_cast<double>(config_.interval.ns) / 1e9;
  sdk::Finding finding;
  finding.id = open.id;
  finding.severity = open.severity;
  finding.target = group.target;
  finding.metric = kMetrics[static_cast<size_t>(kind)];
  finding.began_ns = open.began_ns;
  finding.ts_ns = open.ts_ns;
  finding.score = open.score;
  finding.confidence = open.confidence;
  finding.count = open.count;
  finding.recent = open.recent;
  finding.value = open.recent.empty() ? 0 : open.recent.back();

  std::vector<Share> shares = SharesOf(group, kind);
  const size_t behind = shares.size();
  shares.resize(std::min(behind, kContributors));
  double all = 0;
  for (const Share& share : shares) all += share.lines;
  for (const Share& share : shares)
    finding.contributors.push_back({Printable(share.known->Text(), kNameBytes),
                                    all > 0 ? share.lines / all : 1.0 / double(shares.size()),
                                    share.lines, share.usual});
  const Template* const first = shares.empty() ? nullptr : shares.front().known;
  if (first != nullptr) {
    finding.annotations.Set("template", Printable(first->Text(), Templates::kExampleBytes));
    finding.annotations.Set("example", first->example);
  }
  const std::string in_interval = " in " + sdk::detail::DurationText(config_.interval.ns);
  switch (kind) {
    case Kind::kNew:
      finding.expected_high = 0;
      finding.summary = "new in the log: " + (first ? Quoted(*first) : "lines never seen before") +
                        ", " + Lines(open.count);
      if (behind > 1)
        finding.summary += " with " + std::to_string(behind - 1) + " more new templates";
      break;
    case Kind::kJump:
      finding.unit = "1/s";
      if (first == nullptr) break;
      finding.expected_high = shares.front().usual / interval_s;
      finding.summary = Quoted(*first) + " " + Lines(uint64_t(shares.front().lines)) + in_interval +
                        ", usually about " + Number(shares.front().usual);
      if (behind > 1) finding.summary += "; and " + std::to_string(behind - 1) + " more templates";
      break;
    case Kind::kErrors:
      finding.unit = "1/s";
      finding.expected_high = (group.errors.limit() - 1.0) / interval_s;
      finding.summary = std::to_string(group.errors.CountIn(group.now)) + " error lines" +
                        in_interval + ", usually about " + Number(group.errors.mean());
      if (first != nullptr) finding.summary += "; most of them " + Quoted(*first);
      break;
  }
  return finding;
}

void Detector::Clear(Group& group, Kind kind, sdk::Cleared why, std::string summary,
                     const sdk::Sink& sink) {
  OpenFinding& open = group.open[static_cast<size_t>(kind)];
  sdk::Finding finding = FindingOf(group, kind);
  finding.state = sdk::FindingState::kClear;
  finding.severity = sdk::Severity::kNormal;
  finding.summary = std::move(summary);
  finding.ts_ns = std::max(open.ts_ns, group.now * config_.interval.ns);
  finding.annotations.Set(sdk::kClearedBecause, sdk::ToString(why));
  sink.Emit(finding);
  for (const Concerned& one : open.templates)
    if (templates_[one.id].serial == one.serial && kind == Kind::kNew)
      templates_[one.id].news_of = 0;
  open = OpenFinding{};
}

void Detector::ClearAll(Group& group, sdk::Cleared why, const std::string& summary,
                        const sdk::Sink& sink) {
  for (size_t i = 0; i < kKinds; ++i)
    if (group.open[i].id != 0) Clear(group, static_cast<Kind>(i), why, summary, sink);
}

}  // namespace heald::log_patterns
