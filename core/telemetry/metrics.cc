#include "core/telemetry/metrics.h"

#include <prometheus/check_names.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/text_serializer.h>

#include <atomic>
#include <cmath>
#include <sstream>
#include <variant>

#include "core/base/utf8.h"
#include "core/telemetry/names.h"

namespace heald {
namespace {

const std::vector<double>& LatencyBuckets() {
  static const std::vector<double> buckets = {0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                              0.025,  0.05,   0.1,   0.25,   0.5,   1,
                                              2.5,    5,      10,    30,     60};
  return buckets;
}

std::string NameProblem(MetricKind kind, std::string_view name, const Labels& labels) {
  if (!prometheus::CheckMetricName(std::string(name)))
    return "use letters, digits, '_' and ':' and no digit or '__' first";
  if ((kind == MetricKind::kCounter) != name.ends_with("_total"))
    return kind == MetricKind::kCounter ? "a counter ends in _total"
                                        : "only a counter ends in _total";
  for (const auto& [label, value] : labels.pairs()) {
    if (!prometheus::CheckLabelName(label))
      return "label '" + label + "': use letters, digits and '_' and no digit or '__' first";
    if (label == "le" || label == "quantile") return "label '" + label + "' is reserved";
  }
  return "";
}

std::string BucketProblem(const std::vector<double>& buckets) {
  for (size_t i = 0; i < buckets.size(); ++i)
    if (!std::isfinite(buckets[i]) || (i > 0 && buckets[i] <= buckets[i - 1]))
      return "buckets must be finite and ascending";
  return "";
}

// "node,kind" against {kind="x", node="y"}.
bool HasExactly(const Labels& labels, std::string_view names) {
  size_t count = 0;
  while (!names.empty()) {
    const size_t comma = names.find(',');
    if (!labels.Has(names.substr(0, comma))) return false;
    ++count;
    names.remove_prefix(comma == std::string_view::npos ? names.size() : comma + 1);
  }
  return count == labels.size();
}

}  // namespace

struct Metric::Cell {
  std::variant<prometheus::Counter, prometheus::Gauge, prometheus::Histogram> data;
  std::vector<prometheus::ClientMetric::Label> labels;
  Lifetime lifetime;
  std::atomic<bool> touched{true};
  bool hidden = false;  // under the registry's lock, as is seen_ns
  int64_t seen_ns = 0;

  template <typename T, typename... Args>
  Cell(std::in_place_type_t<T> type, const Labels& set, Lifetime life, Args&&... args)
      : data(type, std::forward<Args>(args)...), lifetime(life) {
    for (const auto& [name, value] : set.pairs()) labels.push_back({name, ValidUtf8(value)});
  }

  void Touch() {
    if (!touched.load(std::memory_order_relaxed)) touched.store(true, std::memory_order_relaxed);
  }
  prometheus::ClientMetric Collect() const {
    prometheus::ClientMetric out = std::visit([](const auto& d) { return d.Collect(); }, data);
    out.label = labels;
    return out;
  }
};

struct Metrics::Family {
  MetricKind kind;
  std::string help;
  std::vector<double> buckets;
  std::map<Labels, std::shared_ptr<Metric::Cell>> cells;

  std::shared_ptr<Metric::Cell> Make(const Labels& labels, Lifetime lifetime) const {
    using Cell = Metric::Cell;
    switch (kind) {
      case MetricKind::kCounter:
        return std::make_shared<Cell>(std::in_place_type<prometheus::Counter>, labels, lifetime);
      case MetricKind::kGauge:
        return std::make_shared<Cell>(std::in_place_type<prometheus::Gauge>, labels, lifetime);
      case MetricKind::kHistogram:
        break;
    }
    return std::make_shared<Cell>(std::in_place_type<prometheus::Histogram>, labels, lifetime,
                                  buckets);
  }
};

std::string_view ToString(MetricKind kind) {
  constexpr std::string_view kNames[] = {"counter", "gauge", "histogram"};
  return kNames[static_cast<size_t>(kind)];
}

void Metric::Record(double value) {
  if (cell_ == nullptr) return;
  cell_->Touch();
  if (auto* gauge = std::get_if<prometheus::Gauge>(&cell_->data))
    gauge->Set(value);
  else if (auto* histogram = std::get_if<prometheus::Histogram>(&cell_->data))
    histogram->Observe(value);
  else
    Add(value);
}

void Metric::Add(double value) {
  if (cell_ == nullptr) return;
  cell_->Touch();
  if (auto* gauge = std::get_if<prometheus::Gauge>(&cell_->data))
    gauge->Increment(value);
  else if (auto* counter = std::get_if<prometheus::Counter>(&cell_->data))
    if (value >= 0 && std::isfinite(value)) counter->Increment(value);
}

double Metric::value() const {
  if (cell_ == nullptr) return 0;
  if (const auto* gauge = std::get_if<prometheus::Gauge>(&cell_->data)) return gauge->Value();
  if (const auto* counter = std::get_if<prometheus::Counter>(&cell_->data)) return counter->Value();
  return 0;
}

Metrics::Metrics() : Metrics(Options{}) {}
Metrics::Metrics(Options options) : options_(options) {
  refused_ = Get(names::kLabelSetsRefused);
}
Metrics::~Metrics() = default;

Result<Metric> Metrics::Get(MetricKind kind, std::string_view name, std::string_view help,
                            const Labels& labels, Lifetime lifetime,
                            const std::vector<double>& buckets) {
  std::string problem = NameProblem(kind, name, labels);
  if (problem.empty()) problem = BucketProblem(buckets);
  if (!problem.empty())
    return MakeError(Code::kInvalid, "metric '" + ValidUtf8(name) + "': " + problem);
  const std::lock_guard lock(mutex_);
  auto& family = families_.try_emplace(std::string(name)).first->second;
  if (family == nullptr)
    family.reset(
        new Family{kind, ValidUtf8(help), buckets.empty() ? LatencyBuckets() : buckets, {}});
  if (family->kind != kind)
    return MakeError(Code::kInvalid, "metric '" + std::string(name) + "' is a " +
                                         std::string(ToString(family->kind)) + " already, not a " +
                                         std::string(ToString(kind)));
  if (const auto at = family->cells.find(labels); at != family->cells.end()) {
    at->second->Touch();
    return Metric(at->second);
  }
  if (family->cells.size() >= options_.max_label_sets) {
    refused_.Increment();
    return MakeError(Code::kFull, "metric '" + std::string(name) + "' has " +
                                      std::to_string(options_.max_label_sets) +
                                      " label sets already: use fewer label values");
  }
  std::shared_ptr<Metric::Cell> cell = family->Make(labels, lifetime);
  family->cells.emplace(labels, cell);
  return Metric(std::move(cell));
}

Metric Metrics::Get(const MetricDef& def, const Labels& labels, Lifetime lifetime) {
  HEALD_CHECK(HasExactly(labels, def.labels), "labels are not those of the metric's definition");
  Result<Metric> metric = Get(def.kind, def.name, def.help, labels, lifetime);
  HEALD_CHECK(metric.ok() || metric.error().code == Code::kFull, "a metric of names.h is invalid");
  return metric.ok() ? *metric : Metric();
}

void Metrics::AddCollector(std::function<void()> collect) {
  const std::lock_guard lock(mutex_);
  collectors_.push_back(std::make_shared<std::function<void()>>(std::move(collect)));
}

size_t Metrics::Expire(int64_t now_ns, const Lives& lives) {
  const std::lock_guard lock(mutex_);
  size_t gone = 0;
  for (auto& [name, family] : families_) {
    for (auto at = family->cells.begin(); at != family->cells.end();) {
      Metric::Cell& cell = *at->second;
      const bool held = at->second.use_count() > 1;
      const bool touched = cell.touched.exchange(false, std::memory_order_relaxed);
      if (touched || cell.seen_ns == 0 || (lives && lives(family->kind, at->first))) {
        cell.seen_ns = now_ns;
        cell.hidden = false;
      }
      const bool idle = now_ns - cell.seen_ns >= options_.ttl_ns;
      if (!idle || cell.lifetime == Lifetime::kPermanent ||
          (held && (cell.hidden || cell.lifetime == Lifetime::kHeld))) {
        ++at;
        continue;
      }
      if (!cell.hidden) ++gone;
      cell.hidden = true;
      at = held ? std::next(at) : family->cells.erase(at);
    }
  }
  return gone;
}

std::string Metrics::Exposition() {
  const std::lock_guard one_at_a_time(collect_mutex_);
  std::vector<std::shared_ptr<std::function<void()>>> collectors;
  {
    const std::lock_guard lock(mutex_);
    collectors = collectors_;
  }
  for (const auto& collect : collectors) (*collect)();

  std::vector<prometheus::MetricFamily> page;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, family] : families_) {
      prometheus::MetricFamily out;
      out.name = name;
      out.help = family->help;
      constexpr prometheus::MetricType kTypes[] = {prometheus::MetricType::Counter,
                                                   prometheus::MetricType::Gauge,
                                                   prometheus::MetricType::Histogram};
      out.type = kTypes[static_cast<size_t>(family->kind)];
      for (const auto& [labels, cell] : family->cells)
        if (!cell->hidden || cell->touched.load(std::memory_order_relaxed))
          out.metric.push_back(cell->Collect());
      if (!out.metric.empty()) page.push_back(std::move(out));
    }
  }
  std::ostringstream text;
  prometheus::TextSerializer().Serialize(text, page);
  return text.str();
}

}  // namespace heald
