#include "plugins/sources/remote_write/intake.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "heald/clock_step.h"
#include "plugins/support/intern.h"
#include "plugins/support/utf8.h"

namespace heald::remote_write {
namespace {

constexpr uint64_t kStaleMarker = 0x7ff0000000000002;  // a NaN that says: the series has ended
constexpr int64_t kNsPerMs = 1'000'000;
constexpr int64_t kLastMs = INT64_MAX / kNsPerMs;
// A sample of tomorrow would make all until then come too late.
constexpr int64_t kMostAheadNs = 600'000'000'000;
constexpr size_t kRowsAtOnce = 8192;
// Series that were in none of so many messages make room for new ones.
constexpr uint64_t kForgetAfter = 1000;

bool IsText(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = support::CharacterBytes(text, at);
    if (bytes == 0) return false;
    at += bytes;
  }
  return true;
}

// Empty, or why a series can't have this label.
std::string TroubleWith(std::string_view label, std::string_view value) {
  if (!IsText(label) || !IsText(value)) return "its labels are no text";
  if (!support::IsLabelName(label)) return "'" + std::string(label) + "' is no label's name";
  return {};
}

sdk::Metric Dropped(const sdk::Host& host, const char* reason) {
  return host.Counter("dropped_samples_total", "Samples left out", {{"reason", reason}});
}

}  // namespace

Intake::Intake(sdk::Host host, const RemoteWriteConfig& config, size_t max_series)
    : host_(host),
      rules_(RulesOf(config)),
      drop_labels_(config.drop_labels),
      max_series_(max_series),
      out_of_order_(Dropped(host, "out_of_order")),
      duplicate_(Dropped(host, "duplicate")),
      nan_(Dropped(host, "nan")),
      future_(Dropped(host, "future")),
      histogram_(Dropped(host, "histogram")),
      refused_(Dropped(host, "max_series")),
      unknown_(Dropped(host, "too_many_pushed")),
      labels_(Dropped(host, "labels")) {}

void Intake::Take(std::string_view message, const sdk::Sink& sink) {
  ++messages_;
  rows_.clear();
  current_ = nullptr;
  histograms_ = unknowns_ = unusable_ = 0;
  if (const std::string error = ReadWriteRequest(message, *this); !error.empty())
    throw sdk::Failure(HEALD_INVALID, error);
  if (histograms_ != 0) histogram_.Record(static_cast<double>(histograms_));
  if (unknowns_ != 0) unknown_.Record(static_cast<double>(unknowns_));
  if (unusable_ != 0) labels_.Record(static_cast<double>(unusable_));
  Emit(sink);
}

// ---- what a message holds ----

bool Intake::OnSeries(std::string_view label_bytes, std::string* error) {
  current_ = nullptr;
  auto at = series_.find(label_bytes);
  if (at == series_.end()) {
    Series added;
    *error = Add(label_bytes, &added);
    if (!error->empty()) return false;
    if (series_.size() >= max_series_) Sweep();
    if (series_.size() >= max_series_) {
      ++unknowns_;
      return true;
    }
    at = series_.emplace(label_bytes, std::move(added)).first;
  }
  at->second.seen = messages_;
  if (!at->second.outputs.empty() || at->second.unusable) current_ = &at->second;
  return true;
}

void Intake::OnSample(int64_t ts_ms, double value) {
  if (current_ == nullptr) return;
  unusable_ += current_->unusable ? 1 : 0;
  const int64_t ts_ns = std::clamp(ts_ms, -kLastMs, kLastMs) * kNsPerMs;
  for (const auto& output : current_->outputs) rows_.push_back({output.get(), ts_ns, value});
}

void Intake::OnHistograms(uint64_t count) {
  if (current_ != nullptr) histograms_ += count;
}

std::string Intake::Add(std::string_view label_bytes, Series* series) {
  LabelPairs pairs;
  if (std::string error = LabelsOf(label_bytes, &pairs); !error.empty()) return error;
  std::string_view name;
  sdk::LabelSet labels;
  std::string trouble;
  for (const auto& [label, value] : pairs) {
    if (trouble.empty()) trouble = TroubleWith(label, value);
    if (label == "__name__" ? !name.empty() : !labels.Get(label).empty())
      trouble = "the label " + std::string(label) + " is there twice";
    else if (label == "__name__")
      name = value;
    else if (!value.empty())
      labels.Set(label, value);
  }
  if (name.empty()) return "it has no name: the label __name__ is missing";
  for (const Rule& rule : rules_) {
    if (std::none_of(rule.of.begin(), rule.of.end(), [&](const support::Selector& selector) {
          return selector.Matches(name, labels);
        }))
      continue;
    if (!trouble.empty()) {
      series->unusable = true;
      TellUnusable(name, trouble);
      return {};
    }
    sdk::LabelSet kept = labels;
    for (const std::string& label : drop_labels_) kept.Remove(label);
    // Two replicas of one Prometheus give the same series.
    std::weak_ptr<Output>& known = outputs_[{&rule, kept}];
    std::shared_ptr<Output> output = known.lock();
    if (output == nullptr) {
      output = std::make_shared<Output>();
      output->rule = &rule;
      output->labels = std::move(kept);
      known = output;
    }
    series->outputs.push_back(std::move(output));
  }
  return {};
}

void Intake::TellUnusable(std::string_view name, const std::string& why) {
  if (std::exchange(told_unusable_, true)) return;
  host_.Log(sdk::Level::kWarning,
            "a series of " + std::string(name) + " is left out, as are others like it (" +
                "heald_plugin_dropped_samples_total{reason=\"labels\"}): " + why +
                "; rename or drop the label with write_relabel_configs");
}

// Only with a new series and at most once in so many messages, so it costs nothing in the long run.
void Intake::Sweep() {
  if (messages_ - swept_ >= kForgetAfter) {
    swept_ = messages_;
    // Rows of the message at hand point into what was just seen, which stays.
    std::erase_if(series_, [this](const auto& entry) {
      return messages_ - entry.second.seen >= kForgetAfter;
    });
    std::erase_if(outputs_, [](const auto& entry) { return entry.second.expired(); });
  }
  if (series_.size() < max_series_ || std::exchange(told_full_, true)) return;
  host_.Log(sdk::Level::kWarning,
            "more than " + std::to_string(max_series_) +
                " series are pushed, and no more are taken: keep what isn't needed here back with "
                "write_relabel_configs");
}

// ---- on the way out ----

// In pieces that the sink takes or refuses as a whole. What went out is remembered with each, so a
// message that comes again after a refusal doubles nothing.
void Intake::Emit(const sdk::Sink& sink) {
  std::vector<Row> rows;
  for (size_t next = 0; next < rows_.size();) {
    const size_t end = std::min(next + kRowsAtOnce, rows_.size());
    sdk::BatchWriter batch = sink.Reserve(end - next);
    rows.clear();
    for (; next < end; ++next) {
      double value = 0;
      if (!Advance(rows_[next], &value)) continue;
      Output& output = *rows_[next].output;
      if (!Intern(output)) continue;
      batch.Add(output.handle, rows_[next].ts_ns, value);
      rows.push_back({&output, rows_[next].ts_ns, value});
    }
    if (!batch.Commit()) EmitAgain(rows, sink);
  }
}

// Whether the row says something new, and what.
bool Intake::Advance(const Row& row, double* value) {
  Output& output = *row.output;
  const int64_t now_ns = host_.NowNs();
  if (sdk::ClockWentBack(output.last_ns, row.ts_ns, now_ns)) {
    output.last_ns = sdk::kLongAgoNs;
    output.has_last = false;
  }
  if (row.ts_ns <= output.last_ns) {
    (row.ts_ns == output.last_ns ? duplicate_ : out_of_order_).Record(1);
    return false;
  }
  if (row.ts_ns > now_ns + kMostAheadNs) {
    future_.Record(1);
    return false;
  }
  const int64_t before_ns = std::exchange(output.last_ns, row.ts_ns);
  if (std::isnan(row.value)) {
    if (std::bit_cast<uint64_t>(row.value) == kStaleMarker)
      output.has_last = false;
    else
      nan_.Record(1);
    return false;
  }
  const double before = std::exchange(output.last_value, row.value);
  const bool has_before = std::exchange(output.has_last, true);
  *value = row.value;
  if (!output.rule->rate) return true;
  if (!has_before) return false;
  // A counter that fell began anew at 0.
  const double growth = row.value < before ? row.value : row.value - before;
  // Unsigned, which holds what lies between any two times.
  const uint64_t since_ns = static_cast<uint64_t>(row.ts_ns) - static_cast<uint64_t>(before_ns);
  *value = growth / (static_cast<double>(since_ns) / 1e9);
  return std::isfinite(*value);
}

bool Intake::Intern(Output& output) {
  if (output.handle != HEALD_SERIES_NONE) return true;
  output.handle = support::InternIfRoom(host_, output.rule->name, output.labels, refused_);
  return output.handle != HEALD_SERIES_NONE;
}

// The rows whose series had expired were left out.
void Intake::EmitAgain(const std::vector<Row>& rows, const sdk::Sink& sink) {
  std::vector<Row> lost;
  for (const Row& row : rows)
    if (row.output->handle == HEALD_SERIES_NONE ||
        host_.LabelsOf(row.output->handle).items().empty()) {
      row.output->handle = HEALD_SERIES_NONE;
      lost.push_back(row);
    }
  if (lost.empty()) return;
  sdk::BatchWriter batch = sink.Reserve(lost.size());
  for (const Row& row : lost)
    if (Intern(*row.output)) batch.Add(row.output->handle, row.ts_ns, row.value);
  batch.Commit();
}

}  // namespace heald::remote_write
