// The standard process_* metrics of this process, read from /proc when collected. Used by Metrics.
// Thread rule: Collect from any thread.
#pragma once

#include <prometheus/collectable.h>
#include <prometheus/metric_family.h>

#include <vector>

namespace heald::demo {

class ProcessStats : public prometheus::Collectable {
 public:
  std::vector<prometheus::MetricFamily> Collect() const override;
};

}  // namespace heald::demo
