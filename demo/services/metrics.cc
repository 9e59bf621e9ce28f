#include "demo/services/metrics.h"

#include <prometheus/text_serializer.h>

#include <sstream>
#include <utility>

namespace heald::demo {
namespace {

// Close together up to a second, where noise ends and a fault begins.
const prometheus::Histogram::BucketBoundaries& Buckets() {
  static const prometheus::Histogram::BucketBoundaries kBuckets = {
      0.005, 0.01, 0.02, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1, 0.15, 0.2,
      0.25,  0.3,  0.4,  0.5,  0.75, 1,    1.5,  2,    2.5, 5,    10};
  return kBuckets;
}

}  // namespace

Metrics::Metrics(const std::string& service)
    : service_(service),
      requests_(&prometheus::BuildCounter()
                     .Name("http_requests_total")
                     .Help("Business requests answered")
                     .Labels({{"service", service}})
                     .Register(registry_)),
      durations_(&prometheus::BuildHistogram()
                      .Name("http_request_duration_seconds")
                      .Help("Time from request to answer")
                      .Labels({{"service", service}})
                      .Register(registry_)),
      in_flight_(&prometheus::BuildGauge()
                      .Name("http_requests_in_flight")
                      .Help("Business requests being worked on")
                      .Labels({{"service", service}})
                      .Register(registry_)
                      .Add({})) {}

prometheus::Counter& Metrics::Requests(const std::string& method, const std::string& route,
                                       int code) {
  return requests_->Add({{"method", method}, {"route", route}, {"code", std::to_string(code)}});
}

prometheus::Histogram& Metrics::Duration(const std::string& method, const std::string& route) {
  return durations_->Add({{"method", method}, {"route", route}}, Buckets());
}

void Metrics::Declare(const std::string& method, const std::string& route, int good_code) {
  Requests(method, route, good_code);
  Requests(method, route, 500);
  Duration(method, route);
}

void Metrics::End(const std::string& method, const std::string& route, int code, double seconds) {
  Requests(method, route, code).Increment();
  Duration(method, route).Observe(seconds);
  in_flight_->Decrement();
}

void Metrics::Unmatched(const std::string& method, int code) {
  Requests(method, "unmatched", code).Increment();
}

void Metrics::Watch(const std::string& name, const std::string& help,
                    std::function<double()> value) {
  auto& gauge = prometheus::BuildGauge()
                    .Name(name)
                    .Help(help)
                    .Labels({{"service", service_}})
                    .Register(registry_);
  watched_.emplace_back(&gauge.Add({}), std::move(value));
}

std::string Metrics::Render() const {
  for (const auto& [gauge, value] : watched_) gauge->Set(value());
  auto families = registry_.Collect();
  for (auto& family : process_.Collect()) families.push_back(std::move(family));
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace heald::demo
