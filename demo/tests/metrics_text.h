// Reads Prometheus text as a test wants it: sums and quantiles over series. Used by the tests.
// Thread rule: plain values.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace heald::demo {

struct MetricLine {
  std::string name;
  std::map<std::string, std::string> labels;
  double value = 0;
};

using Labels = std::map<std::string, std::string>;

class MetricsText {
 public:
  // Every line must be a comment or `name{label="value",…} number`; `error` says which is not.
  static MetricsText Parse(const std::string& text, std::string* error);

  const std::vector<MetricLine>& lines() const { return lines_; }
  bool Has(const std::string& name, const Labels& labels = {}) const;
  double Sum(const std::string& name, const Labels& labels = {}) const;
  // Of histogram `name`, over all series, counting only what came after `before`.
  double Quantile(const std::string& name, double quantile, const MetricsText& before) const;

 private:
  std::map<double, double> Buckets(const std::string& name) const;

  std::vector<MetricLine> lines_;
};

}  // namespace heald::demo
