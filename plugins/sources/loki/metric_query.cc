#include "plugins/sources/loki/metric_query.h"

#include <algorithm>

#include "plugins/sources/loki/requests.h"

namespace heald::loki {
namespace {

constexpr int64_t kPiecePoints = 720;  // per series: bounds the memory that a piece takes

}  // namespace

MetricQuery::MetricQuery(std::string name, std::string logql, const LokiConfig& config,
                         const std::string& state_dir, prometheus::SeriesCache::Resolve resolve)
    : name_(std::move(name)),
      logql_(std::move(logql)),
      config_(config),
      cache_(std::move(resolve)),
      position_(state_dir + "/values-" + name_ + ".position",
                config.url + "\n" + config.tenant + "\n" + logql_) {}

void MetricQuery::Resume() {
  if (const int64_t saved_ns = position_.Load().read_to_ns; saved_ns != 0) BeginAt(saved_ns);
}

void MetricQuery::SavePosition() {
  if (read_to_ns_ == saved_ns_) return;
  saved_ns_ = read_to_ns_;
  position_.Write({read_to_ns_, read_to_ns_});
}

void MetricQuery::BeginAt(int64_t from_ns) {
  read_to_ns_ = from_ns - from_ns % config_.interval.ns;
}

MetricQuery::Reading MetricQuery::Read(support::HttpClient& http, prometheus::AnswerParser& parser,
                                       int64_t now_ns, int64_t timeout_ns,
                                       prometheus::Columns* rows) {
  const int64_t step_ns = config_.interval.ns;
  const int64_t last_ns = LastStep(now_ns);
  const int64_t oldest_ns = last_ns - config_.max_catch_up.ns / step_ns * step_ns;
  read_to_ns_ = std::max(read_to_ns_, oldest_ns);
  if (read_to_ns_ >= last_ns) return {};
  const int64_t to_ns = std::min(last_ns, read_to_ns_ + kPiecePoints * step_ns);
  // From the step that is there already: Loki takes no range without a length.
  const support::HttpRequest request = ReadValues(logql_, read_to_ns_, to_ns, step_ns, timeout_ns);
  support::HttpResult result = http.Perform(request);
  if (!result.ok()) {
    Reading failed;
    failed.cancelled = result.error.fault == support::HttpFault::kCancelled;
    failed.error = Explain(result).message;
    failed.retry_after_ns = result.error.retry_after_ns;
    failed.transport =
        result.error.fault != support::HttpFault::kStatus || result.response.status != 400;
    return failed;
  }
  prometheus::Columns got;
  const prometheus::Answer answer = parser.ParseRange(result.response.body, cache_, &got);
  if (!answer.error.empty()) return {answer.error, 0, false, false, false};
  for (size_t i = 0; i < got.size(); ++i)
    if (got.ts_ns[i] > read_to_ns_ && got.ts_ns[i] <= to_ns)
      rows->Add(got.series[i], got.ts_ns[i], got.value[i]);
  read_to_ns_ = to_ns;
  return {"", 0, false, false, to_ns < last_ns};
}

}  // namespace heald::loki
