// The agent as a plugin sees it: log, metrics, series, clock, state folder. A copy is as good as
// the original; all of them live as long as the instance. Thread rule: everything here is [any].
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "heald/error.h"

namespace heald::sdk {

enum class Severity : uint32_t { kNormal, kInfo, kWarning, kCritical };
enum class Level : uint32_t { kDebug, kInfo, kWarning, kError };

using Label = std::pair<std::string, std::string>;

// Labels of one's own making, ready to cross: sorted, unique. Later values win.
class LabelSet {
 public:
  LabelSet() = default;
  LabelSet(std::initializer_list<Label> labels) {
    for (const Label& label : labels) Set(label.first, label.second);
  }
  explicit LabelSet(heald_labels labels) {
    for (uint64_t i = 0; i < labels.count; ++i)
      Set(detail::View(labels.items[i].name), detail::View(labels.items[i].value));
  }
  void Set(std::string_view name, std::string_view value) {
    const auto at = std::lower_bound(
        labels_.begin(), labels_.end(), name,
        [](const Label& label, std::string_view key) { return label.first < key; });
    if (at != labels_.end() && at->first == name)
      at->second = value;
    else
      labels_.insert(at, Label(name, value));
  }
  void Remove(std::string_view name) {
    std::erase_if(labels_, [&](const Label& label) { return label.first == name; });
  }
  // Empty when absent.
  std::string_view Get(std::string_view name) const {
    for (const Label& label : labels_)
      if (label.first == name) return label.second;
    return {};
  }
  const std::vector<Label>& items() const { return labels_; }
  friend auto operator<=>(const LabelSet&, const LabelSet&) = default;

 private:
  std::vector<Label> labels_;
};

namespace detail {
// A LabelSet in the ABI's form, for the length of one call.
class BorrowedLabels {
 public:
  explicit BorrowedLabels(LabelSet&&) = delete;  // would outlive what it borrows from
  explicit BorrowedLabels(const LabelSet& labels) {
    items_.reserve(labels.items().size());
    for (const Label& label : labels.items())
      items_.push_back({Str(label.first), Str(label.second)});
  }
  heald_labels get() const { return {items_.data(), items_.size()}; }

 private:
  std::vector<heald_label> items_;
};
}  // namespace detail

// A registered metric. Record adds to a counter, sets a gauge, observes into a histogram.
class Metric {
 public:
  Metric() = default;
  Metric(const heald_host* host, uint64_t id) : host_(host), id_(id) {}
  void Record(double value) const {
    if (host_ != nullptr) host_->metric_record(host_->ctx, id_, value);
  }

 private:
  const heald_host* host_ = nullptr;
  uint64_t id_ = 0;
};

class Host {
 public:
  explicit Host(const heald_host* host) : host_(host) {}

  void Log(Level level, std::string_view message, std::initializer_list<Label> fields = {}) const {
    const LabelSet labels(fields);
    const detail::BorrowedLabels borrowed(labels);
    host_->log(host_->ctx, static_cast<uint32_t>(level), detail::Str(message), borrowed.get().items,
               borrowed.get().count);
  }

  // Throw Failure(HEALD_INVALID) on a bad name; counters end in _total.
  Metric Counter(std::string_view name, std::string_view help, const LabelSet& labels = {}) const {
    return Register(HEALD_METRIC_COUNTER, name, help, labels);
  }
  Metric Gauge(std::string_view name, std::string_view help, const LabelSet& labels = {}) const {
    return Register(HEALD_METRIC_GAUGE, name, help, labels);
  }
  Metric Histogram(std::string_view name, std::string_view help,
                   const LabelSet& labels = {}) const {
    return Register(HEALD_METRIC_HISTOGRAM, name, help, labels);
  }

  // The handle of the series with this metric (query) name and these labels. Throws
  // Failure(HEALD_FULL) at the node's max_series: skip that series.
  heald_series Intern(std::string_view metric, LabelSet labels) const {
    labels.Set("__name__", metric);
    const detail::BorrowedLabels borrowed(labels);
    heald_error error = detail::NewError();
    heald_series series = HEALD_SERIES_NONE;
    detail::Check(host_->series_intern(host_->ctx, borrowed.get(), &series, &error), error);
    return series;
  }

  // Name and labels of a live series; empty when it has expired.
  LabelSet LabelsOf(heald_series series) const {
    heald_labels labels{};
    if (host_->series_labels(host_->ctx, series, &labels) != HEALD_OK) return {};
    return LabelSet(labels);
  }

  int64_t NowNs() const { return host_->now_ns(host_->ctx); }              // since the epoch
  int64_t MonotonicNs() const { return host_->monotonic_ns(host_->ctx); }  // for deadlines
  bool Cancelled() const { return host_->cancelled(host_->ctx) != 0; }
  std::string_view StateDir() const { return detail::View(host_->state_dir(host_->ctx)); }
  std::string_view Name() const { return detail::View(host_->node_name(host_->ctx)); }
  // Null where this host doesn't have it.
  template <typename Table>
  const Table* Extension(std::string_view id) const {
    return static_cast<const Table*>(host_->get_extension(host_->ctx, detail::Str(id)));
  }
  const heald_host* raw() const { return host_; }

 private:
  Metric Register(uint32_t kind, std::string_view name, std::string_view help,
                  const LabelSet& labels) const {
    const detail::BorrowedLabels borrowed(labels);
    heald_error error = detail::NewError();
    uint64_t id = 0;
    detail::Check(host_->metric(host_->ctx, kind, detail::Str(name), detail::Str(help),
                                borrowed.get(), &id, &error),
                  error);
    return {host_, id};
  }

  const heald_host* host_;
};

}  // namespace heald::sdk
