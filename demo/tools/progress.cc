#include "demo/tools/progress.h"

#include <algorithm>
#include <utility>

#include "core/base/units.h"

namespace heald::demo {
namespace {

// A row of the closing table.
void PrintRow(std::FILE* out, const std::string& name, const ServiceReport& report) {
  const auto quantile = [&](double q) {
    return report.latency.count() == 0 ? std::string("-")
                                       : FormatElapsed(report.latency.Quantile(q));
  };
  std::fprintf(out, "%-10s %9lld %8lld %9s %9s %9s", name.c_str(),
               static_cast<long long>(report.requests), static_cast<long long>(report.errors),
               quantile(0.5).c_str(), quantile(0.95).c_str(), quantile(0.99).c_str());
  if (report.skipped > 0)
    std::fprintf(out, "  %lld skipped: all connections busy",
                 static_cast<long long>(report.skipped));
  if (report.errors > 0) std::fprintf(out, "  last error: %s", report.last_error.c_str());
  std::fputc('\n', out);
}

}  // namespace

Progress::Progress(std::string what, std::FILE* out, bool terminal)
    : what_(std::move(what)),
      out_(out),
      terminal_(terminal),
      every_ns_(terminal ? 500 * kMillisecond : 5 * kSecond),
      next_ns_(every_ns_) {}

void Progress::Show(const LoadReport& report) {
  if (report.elapsed_ns < next_ns_) return;
  next_ns_ = report.elapsed_ns + every_ns_;
  std::string line = what_ + " " + FormatElapsed(report.elapsed_ns / kSecond * kSecond);
  for (const auto& [name, service] : report.services)
    line += " | " + name + " " + std::to_string(service.requests) + " requests, " +
            std::to_string(service.errors) + " errors, p99 " +
            FormatElapsed(service.latency.Quantile(0.99));
  std::fprintf(out_, terminal_ ? "\r\x1b[K%s" : "%s\n", line.c_str());
  std::fflush(out_);
}

void Progress::Summary(const LoadReport& report) {
  if (terminal_) std::fputs("\r\x1b[K", out_);
  int64_t requests = 0;
  int64_t errors = 0;
  for (const auto& [name, service] : report.services) {
    requests += service.requests;
    errors += service.errors;
  }
  const double seconds = std::max(1e-3, static_cast<double>(report.elapsed_ns) / 1e9);
  std::fprintf(out_, "%s: %lld requests in %s (%.1f/s), %lld errors\n", what_.c_str(),
               static_cast<long long>(requests), FormatElapsed(report.elapsed_ns).c_str(),
               static_cast<double>(requests) / seconds, static_cast<long long>(errors));
  std::fprintf(out_, "%-10s %9s %8s %9s %9s %9s\n", "service", "requests", "errors", "p50", "p95",
               "p99");
  for (const auto& [name, service] : report.services) PrintRow(out_, name, service);
  std::fflush(out_);
}

}  // namespace heald::demo
