#include "plugins/support/http_metrics.h"

#include <string>

namespace heald::support {
namespace {

constexpr std::array<const char*, 6> kClasses = {"none", "", "2xx", "3xx", "4xx", "5xx"};

}  // namespace

std::shared_ptr<HttpMetrics> HttpMetrics::Of(sdk::Host host) {
  auto metrics = std::make_shared<HttpMetrics>();
  try {
    for (size_t i = 0; i < kClasses.size(); ++i)
      if (i != 1)
        metrics->requests_[i] = host.Counter("http_requests_total",
                                             "Outgoing HTTP requests by class of status; none: no "
                                             "answer",
                                             {{"class", kClasses[i]}});
    metrics->retries_ =
        host.Counter("http_retries_total", "Outgoing HTTP requests that were sent again");
    metrics->seconds_ = host.Histogram("http_request_duration_seconds",
                                       "Outgoing HTTP requests, from the call to the end");
    metrics->connections_ = host.Gauge("http_connections", "Open outgoing connections");
  } catch (const sdk::Failure&) {
    // What is registered counts; the rest is left out, and the requests go on.
    return metrics;
  }
  return metrics;
}

void HttpMetrics::Ended(int status, double seconds) {
  const size_t hundreds = status < 200 || status > 599 ? 0 : static_cast<size_t>(status) / 100;
  requests_[hundreds].Record(1);
  seconds_.Record(seconds);
}

void HttpMetrics::Connections(int change) {
  connections_.Record(open_.fetch_add(change) + change);
}

}  // namespace heald::support
