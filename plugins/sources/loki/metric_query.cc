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
      piece_points_(kPiecePoints),
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
  int64_t to_ns = 0;
  support::HttpResult result;
  for (;;) {
    to_ns = std::min(last_ns, read_to_ns_ + piece_points_ * step_ns);
    // From the step that is there already: Loki takes no range without a length.
    result = http.Perform(ReadValues(logql_, read_to_ns_, to_ns, step_ns, timeout_ns));
    if (result.ok()) break;
    const Refusal refusal = Explain(result);
    const bool refused = result.error.fault == support::HttpFault::kStatus;
    // The past of an outage may be more than the server reads at once.
    const int64_t points = (to_ns - read_to_ns_) / step_ns;
    if (refusal.too_much && points > 1) {
      piece_points_ = points / 2;
      if (refused) continue;
    }
    Reading failed;
    failed.cancelled = result.error.fault == support::HttpFault::kCancelled;
    failed.error = refusal.message;
    failed.retry_after_ns = result.error.retry_after_ns;
    failed.transport = !refused || result.response.status != 400;
    return failed;
  }
  prometheus::Columns got;
  const prometheus::Answer answer = parser.ParseRange(result.response.body, cache_, &got);
  if (!answer.error.empty()) return {answer.error, 0, false, false, false};
  for (size_t i = 0; i < got.size(); ++i)
    if (got.ts_ns[i] > read_to_ns_ && got.ts_ns[i] <= to_ns)
      rows->Add(got.series[i], got.ts_ns[i], got.value[i]);
  read_to_ns_ = to_ns;
  piece_points_ = std::min(kPiecePoints, 2 * piece_points_);
  return {"", 0, false, false, to_ns < last_ns};
}

}  // namespace heald::loki
