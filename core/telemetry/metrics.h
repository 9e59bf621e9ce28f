// The agent's own metrics, one registry per process. Used by the runner, the remedy engine, the API
// and the plugin host. Thread rule: any thread; recording through a handle takes no lock of the
// registry.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/model/labels.h"

namespace heald {

enum class MetricKind : uint8_t { kCounter = 0, kGauge = 1, kHistogram = 2 };  // as in the ABI
std::string_view ToString(MetricKind kind);

// A metric known at compile time; see names.h.
struct MetricDef {
  std::string_view name;
  MetricKind kind = MetricKind::kCounter;
  std::string_view labels;  // "node,kind", in any order
  std::string_view help;
};

// What keeps a label set on the metrics page.
enum class Lifetime : uint8_t {
  kHeld,     // while any handle is held, and the time to live after its last record
  kTouched,  // only the time to live after its last record; a later record brings it back
  kPermanent,
};

// One label set of a metric. Copies share it. A default one swallows records.
class Metric {
 public:
  Metric() = default;
  void Record(double value);  // counter: adds value >= 0; gauge: sets; histogram: observes
  void Add(double value);     // counter or gauge
  void Increment() { Add(1); }
  double value() const;  // of a counter or gauge; 0 for a histogram

 private:
  friend class Metrics;
  struct Cell;
  explicit Metric(std::shared_ptr<Cell> cell) : cell_(std::move(cell)) {}
  std::shared_ptr<Cell> cell_;
};

class Metrics {
 public:
  struct Options {
    int64_t ttl_ns = 10 * kMinute;
    size_t max_label_sets = 10'000;  // of one metric
  };

  Metrics();
  explicit Metrics(Options options);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // For names and labels from plugins and files: kInvalid when a name is bad or has another kind
  // already, kFull at max_label_sets. Same name and labels: same cell. `buckets`: upper bounds,
  // ascending; empty: 1 ms to 60 s; the first one wins.
  Result<Metric> Get(MetricKind kind, std::string_view name, std::string_view help,
                     const Labels& labels, Lifetime lifetime = Lifetime::kHeld,
                     const std::vector<double>& buckets = {});

  // For the agent's own. A wrong label name is a broken invariant; at max_label_sets the handle
  // swallows records and the refusal is counted.
  Metric Get(const MetricDef& def, const Labels& labels = {}, Lifetime lifetime = Lifetime::kHeld);

  // Called before each Exposition, to refresh gauges. Must not call Exposition.
  void AddCollector(std::function<void()> collect);

  // Of a label set: what it tells of still is.
  using Lives = std::function<bool(MetricKind kind, const Labels& labels)>;

  // Drops label sets whose lifetime is over; that of one that lives begins anew. Call every ten
  // seconds or so; returns how many went. `lives` must not call back.
  size_t Expire(int64_t now_ns, const Lives& lives = {});

  // The page: Prometheus text format 0.0.4.
  std::string Exposition();

 private:
  struct Family;

  const Options options_;
  std::mutex collect_mutex_;  // one page at a time; taken before mutex_
  std::mutex mutex_;
  std::map<std::string, std::unique_ptr<Family>, std::less<>> families_;  // under mutex_
  std::vector<std::shared_ptr<std::function<void()>>> collectors_;        // under mutex_
  Metric refused_;
};

}  // namespace heald
