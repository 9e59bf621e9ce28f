// What a service tells Prometheus: its business requests and its process. Used by HttpApp.
// Thread rule: Declare before the server starts; the rest from any thread.
#pragma once

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "demo/services/process_stats.h"

namespace heald::demo {

class Metrics {
 public:
  explicit Metrics(const std::string& service);

  // Makes the series of a route exist at 0, so that its first error is a step and no new series.
  void Declare(const std::string& method, const std::string& route, int good_code);
  void Begin() { in_flight_->Increment(); }
  void End(const std::string& method, const std::string& route, int code, double seconds);
  // A request that no route took: counted under its own route, without a duration.
  void Unmatched(const std::string& method, int code);
  // A gauge of the service, asked for when somebody looks. Before the server starts.
  void Watch(const std::string& name, const std::string& help, std::function<double()> value);
  // Prometheus text format.
  std::string Render() const;
  static const char* ContentType() { return "text/plain; version=0.0.4; charset=utf-8"; }

 private:
  prometheus::Counter& Requests(const std::string& method, const std::string& route, int code);
  prometheus::Histogram& Duration(const std::string& method, const std::string& route);

  const std::string service_;
  prometheus::Registry registry_;
  ProcessStats process_;
  std::vector<std::pair<prometheus::Gauge*, std::function<double()>>> watched_;
  prometheus::Family<prometheus::Counter>* requests_;
  prometheus::Family<prometheus::Histogram>* durations_;
  prometheus::Gauge* in_flight_;
};

}  // namespace heald::demo
