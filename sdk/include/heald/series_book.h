// What a per-series detector keeps and says, so that its author writes only the judgement: one
// State per series, at most one open finding each, rate-limited updates, ids that are never used
// twice, what to do when a series ends, and a snapshot of all of it keyed by labels (handles don't
// survive a restart).
//
//   SeriesBook<MyState> book_{host, {.name = "mine"}};
//   auto& row = book_.Of(series, sink);
//   if (bad) book_.Report(row, series, {.ts_ns = ts, .value = v, .severity = …}, sink);
//   else if (row.open) book_.Clear(row, &reading, Cleared::kNormal, "back to normal", sink);
//
// MyState is default constructible and has int64_t last_ns() const, the time of its latest sample.
// Thread rule: one thread at a time, as all hooks of one instance.
#pragma once

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "heald/batch.h"
#include "heald/clock_step.h"
#include "heald/config.h"
#include "heald/slot_table.h"
#include "heald/snapshot.h"
#include "heald/unit.h"

namespace heald::sdk {

// Why a finding was cleared; goes into the clear's annotation kClearedBecause. Only kNormal means
// that the series recovered: whoever verifies a repair must not count the others.
enum class Cleared { kNormal, kRebaselined, kGap, kExpired };
inline constexpr std::string_view kClearedBecause = "cleared";
constexpr std::string_view ToString(Cleared why) {
  constexpr std::string_view kNames[] = {"normal", "re-baselined", "gap", "expired"};
  return kNames[static_cast<size_t>(why)];
}

// The summary of a clear with Cleared::kGap. max_gap: the silence that ends a finding. Any thread.
inline std::string GapSummary(Duration max_gap) {
  return "no samples for more than " + detail::DurationText(max_gap.ns) +
         ": whether it recovered isn't known";
}

// One sample and what was expected of it; see heald_finding for the fields.
struct Reading {
  int64_t ts_ns = 0;
  double value = kUnknown;
  double expected = kUnknown;
  double expected_low = kUnknown;
  double expected_high = kUnknown;
  double score = 0;
  double confidence = 0;
  Severity severity = Severity::kNormal;  // normal in a later report: as bad as before
};

struct BookOptions {
  std::string name{};                      // the component's, for the snapshot
  std::string unit{};                      // empty: guessed from each metric's name
  Duration update_interval = Seconds(10);  // by the samples' time
  Duration keep_restored = Minutes(60);    // how long a restored series may stay away
  uint32_t snapshot_version = 1;
  FindingKind kind = FindingKind::kAnomaly;
};

template <typename State>
class SeriesBook {
 public:
  static constexpr size_t kRecent = 20;

  struct OpenFinding {
    Finding finding;  // as it was last reported
    int64_t sent_ns = 0;
  };
  struct Row {
    State state{};
    std::unique_ptr<OpenFinding> open;  // null: nothing is wrong
  };
  using Make = std::function<State()>;
  using Save = std::function<void(const State&, SnapshotWriter&)>;
  using Load = std::function<State(SnapshotReader&)>;
  using Adorn = std::function<void(Finding&)>;

  SeriesBook(
      Host host, BookOptions options, Make make = [] { return State{}; })
      : host_(host), options_(std::move(options)), make_(std::move(make)) {}

  // The series' row. A new series gets what a snapshot had for its labels.
  Row& Of(heald_series series, const Sink& sink) {
    if (Row* row = table_.Find(series)) return *row;
    return Add(series, sink);
  }

  // The same for a sample of that time, where State has void ClockWentBack(): called before a
  // sample that is later than the latest one only by the clock as it is now, which was set back.
  Row& Of(heald_series series, int64_t ts_ns, const Sink& sink) {
    Row& row = Of(series, sink);
    if (ts_ns > row.state.last_ns() ||
        !sdk::ClockWentBack(row.state.last_ns(), ts_ns, host_.NowNs()))
      return row;
    row.state.ClockWentBack();
    if (row.open != nullptr) {
      row.open->sent_ns = 0;
      row.open->finding.began_ns = std::min(row.open->finding.began_ns, ts_ns);
    }
    return row;
  }

  // Opens a finding, or updates the open one: at once when it got worse, else at most every
  // update_interval. `began_ns` and `recent` (oldest first, with this value) count when it opens.
  // adorn: adds what a Reading doesn't hold, before each time the finding is sent.
  void Report(Row& row, heald_series series, const Reading& reading, const Sink& sink,
              int64_t began_ns = 0, std::vector<double> recent = {}, const Adorn& adorn = {}) {
    if (row.open == nullptr) {
      auto open = std::make_unique<OpenFinding>();
      Finding& finding = open->finding;
      finding.About(series, host_.LabelsOf(series));
      finding.unit = options_.unit.empty() ? GuessUnit(finding.metric) : options_.unit;
      finding.kind = options_.kind;
      finding.id = next_id_++;
      finding.began_ns = began_ns != 0 ? began_ns : reading.ts_ns;
      finding.recent = std::move(recent);
      if (finding.recent.empty()) finding.recent.push_back(reading.value);
      finding.severity = reading.severity;
      finding.contributors.push_back({finding.metric, 1, reading.value, reading.expected});
      Fill(finding, reading);
      if (adorn) adorn(finding);
      sink.Emit(finding);
      open->sent_ns = reading.ts_ns;
      row.open = std::move(open);
      return;
    }
    OpenFinding& open = *row.open;
    Note(open.finding, reading);
    const bool worse = reading.severity > open.finding.severity;
    if (!worse && reading.ts_ns - open.sent_ns < options_.update_interval.ns) return;
    if (reading.severity != Severity::kNormal) open.finding.severity = reading.severity;
    open.finding.state = FindingState::kUpdate;
    if (adorn) adorn(open.finding);
    sink.Emit(open.finding);
    open.sent_ns = reading.ts_ns;
  }

  // Ends the row's finding, if it has one. last: the sample behind it, or null.
  void Clear(Row& row, const Reading* last, Cleared why, std::string summary, const Sink& sink) {
    if (row.open == nullptr) return;
    Finding finding = row.open->finding;
    if (last != nullptr) Note(finding, *last);
    finding.state = FindingState::kClear;
    finding.severity = Severity::kNormal;
    finding.summary = std::move(summary);
    finding.annotations.Set(kClearedBecause, ToString(why));
    sink.Emit(finding);
    row.open.reset();
  }

  // For the hook of the same name: forgets these series and clears their findings.
  void Expired(std::span<const heald_series> gone, const Sink& sink) {
    for (const heald_series series : gone) {
      Row* row = table_.Find(series);
      if (row == nullptr) continue;
      End(*row, sink);
      table_.Remove(series);
    }
  }

  // For the hook of the same name: gives up restored series that didn't come back.
  void Tick(int64_t now_ns, const Sink& sink) {
    for (auto at = restored_.begin(); at != restored_.end();) {
      if (now_ns - at->second.state.last_ns() <= options_.keep_restored.ns) {
        ++at;
        continue;
      }
      End(at->second, sink);
      at = restored_.erase(at);
    }
  }

  std::string Snapshot(const Save& save) {
    SnapshotWriter out(options_.name, options_.snapshot_version);
    out.U64(next_id_);
    std::vector<std::pair<LabelSet, const Row*>> rows;
    table_.ForEach([&](heald_series series, const Row& row) {
      if (LabelSet labels = host_.LabelsOf(series); !labels.items().empty())
        rows.emplace_back(std::move(labels), &row);
    });
    for (const auto& [labels, row] : restored_) rows.emplace_back(labels, &row);
    out.U64(rows.size());
    for (const auto& [labels, row] : rows) {
      out.Labels(labels);
      save(row->state, out);
      out.U32(row->open != nullptr ? 1 : 0);
      if (row->open != nullptr) SaveFinding(row->open->finding, out);
    }
    return std::move(out).Finish();
  }

  // Throws Failure(HEALD_CORRUPT) and changes nothing where the state isn't one of Snapshot's. A
  // restored open finding is sent as an update with its series' next sample.
  void Restore(std::string_view state, const Load& load) {
    SnapshotReader in(state, options_.name, options_.snapshot_version);
    const uint64_t next_id = in.U64();
    std::multimap<LabelSet, Row> restored;
    for (uint64_t left = in.U64(); left > 0; --left) {
      LabelSet labels = in.Labels();
      Row row{load(in), nullptr};
      if (in.U32() != 0) {
        row.open = LoadFinding(labels, in);
        row.open->finding.kind = options_.kind;
      }
      restored.emplace(std::move(labels), std::move(row));
    }
    in.End();
    next_id_ = next_id;
    restored_ = std::move(restored);
  }

  size_t size() const { return table_.size(); }
  // visit(const Row&) or visit(heald_series, const Row&) for every live series.
  template <typename Visit>
  void ForEach(Visit visit) {
    table_.ForEach([&](heald_series series, const Row& row) {
      if constexpr (std::is_invocable_v<Visit, heald_series, const Row&>)
        visit(series, row);
      else
        visit(row);
    });
  }

 private:
  Row& Add(heald_series series, const Sink& sink) {
    Row& row = table_.FindOrAdd(
        series,
        [&] {
          return Row{make_(), nullptr};
        },
        [&](heald_series, Row& old) { End(old, sink); });
    if (restored_.empty()) return row;
    if (const auto at = restored_.find(host_.LabelsOf(series)); at != restored_.end()) {
      row = std::move(at->second);
      if (row.open != nullptr) row.open->finding.series = series;
      restored_.erase(at);
    }
    return row;
  }

  void End(Row& row, const Sink& sink) {
    Clear(row, nullptr, Cleared::kExpired, "its series ended: whether it recovered isn't known",
          sink);
  }

  static void Fill(Finding& finding, const Reading& reading) {
    finding.ts_ns = reading.ts_ns;
    finding.value = reading.value;
    finding.expected_low = reading.expected_low;
    finding.expected_high = reading.expected_high;
    finding.score = reading.score;
    finding.confidence = reading.confidence;
    finding.contributors[0].value = reading.value;
    finding.contributors[0].expected = reading.expected;
  }
  static void Note(Finding& finding, const Reading& reading) {
    Fill(finding, reading);
    if (finding.recent.size() >= kRecent) finding.recent.erase(finding.recent.begin());
    finding.recent.push_back(reading.value);
  }

  static void SaveFinding(const Finding& finding, SnapshotWriter& out) {
    out.U64(finding.id);
    out.U32(static_cast<uint32_t>(finding.severity));
    out.Text(finding.unit);
    out.I64(finding.began_ns);
    out.I64(finding.ts_ns);
    for (const double number :
         {finding.value, finding.contributors[0].expected, finding.expected_low,
          finding.expected_high, finding.score, finding.confidence})
      out.F64(number);
    out.U32(static_cast<uint32_t>(finding.recent.size()));
    for (const double value : finding.recent) out.F64(value);
  }
  static std::unique_ptr<OpenFinding> LoadFinding(const LabelSet& labels, SnapshotReader& in) {
    auto open = std::make_unique<OpenFinding>();
    Finding& finding = open->finding;
    finding.About(HEALD_SERIES_NONE, labels);
    finding.id = in.U64();
    finding.severity = static_cast<Severity>(in.U32());
    finding.unit = in.Text();
    finding.began_ns = in.I64();
    Reading reading;
    reading.ts_ns = in.I64();
    for (double* number : {&reading.value, &reading.expected, &reading.expected_low,
                           &reading.expected_high, &reading.score, &reading.confidence})
      *number = in.F64();
    finding.contributors.push_back({finding.metric, 1, reading.value, reading.expected});
    Fill(finding, reading);
    for (uint32_t left = in.U32(); left > 0; --left) finding.recent.push_back(in.F64());
    return open;  // sent_ns 0: the next sample sends an update
  }

  Host host_;
  BookOptions options_;
  Make make_;
  SlotTable<Row> table_;
  std::multimap<LabelSet, Row> restored_;  // from a snapshot, until their series show up
  uint64_t next_id_ = 1;
};

}  // namespace heald::sdk
