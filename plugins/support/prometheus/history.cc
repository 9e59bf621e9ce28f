#include "plugins/support/prometheus/history.h"

#include <algorithm>
#include <numeric>

#include "plugins/support/prometheus/query_client.h"

namespace heald::prometheus {
namespace {

// So many points per series and piece: bounds the memory that a piece takes.
constexpr int64_t kPiecePoints = 720;
static_assert(kPiecePoints <= kMaxPoints);

constexpr int kAttempts = 3;
constexpr support::RetryPolicy kPauses{.base_ns = 250'000'000, .cap_ns = 2'000'000'000};

}  // namespace

void SortByTime(Columns* rows) {
  std::vector<size_t> order(rows->size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return rows->ts_ns[a] < rows->ts_ns[b]; });
  Columns sorted;
  for (const size_t i : order) sorted.Add(rows->series[i], rows->ts_ns[i], rows->value[i]);
  *rows = std::move(sorted);
}

History::History(support::HttpClient& http, std::vector<HistoryQuery> queries,
                 const HistoryPlan& plan, OnAnswer on_answer, OnRefused on_refused)
    : http_(http),
      queries_(std::move(queries)),
      plan_(plan),
      on_answer_(std::move(on_answer)),
      on_refused_(std::move(on_refused)),
      at_ns_(plan.from_ns - plan.from_ns % 1'000'000),
      points_(kPiecePoints) {}

History::Step History::Next(Columns* rows) {
  while (at_ns_ <= plan_.to_ns) {
    const int64_t last_ns = std::min(at_ns_ + (points_ - 1) * plan_.step_ns, plan_.to_ns);
    bool too_much = false;
    rows->Resize(0);
    const Step step = AskPiece(last_ns, rows, &too_much);
    if (step != Step::kRows) return step;
    if (too_much) {
      points_ /= 2;
      continue;
    }
    at_ns_ += points_ * plan_.step_ns;
    SortByTime(rows);
    return Step::kRows;
  }
  return Step::kEnd;
}

History::Step History::AskPiece(int64_t to_ns, Columns* rows, bool* too_much) {
  std::vector<size_t> pending;
  for (size_t i = 0; i < queries_.size(); ++i)
    if (!queries_[i].given_up) pending.push_back(i);
  support::Backoff backoff(kPauses);
  for (int attempt = 1; !pending.empty(); ++attempt) {
    std::vector<support::HttpRequest> requests;
    for (const size_t i : pending)
      requests.push_back(
          RangeQuery(queries_[i].promql, at_ns_, to_ns, plan_.step_ns, plan_.timeout_ns));
    std::vector<size_t> retry;
    bool cancelled = false;
    const auto refuse = [&](size_t i, const std::string& why) {
      queries_[i].given_up = true;
      on_refused_(i, why);
    };
    http_.PerformAll(requests, plan_.max_concurrency, [&](size_t k, support::HttpResult result) {
      const size_t i = pending[k];
      if (result.ok()) {
        const Answer answer = parser_.ParseRange(result.response.body, *queries_[i].cache, rows);
        on_answer_(i, answer);
        if (!answer.error.empty()) refuse(i, answer.error);
        return;
      }
      if (result.error.fault == support::HttpFault::kCancelled) {
        cancelled = true;
        return;
      }
      const Refusal refusal = Explain(result);
      if (refusal.too_much && points_ > 1) {
        *too_much = true;
      } else if (support::MayRetry(requests[k], result)) {
        error_ = refusal.message;
        retry.push_back(i);
      } else {
        refuse(i, refusal.message);
      }
    });
    if (cancelled) return Step::kCancelled;
    if (*too_much) return Step::kRows;
    if (retry.empty()) break;
    if (attempt == kAttempts) return Step::kFailed;
    if (!http_.Sleep(backoff.NextNs())) return Step::kCancelled;
    pending = std::move(retry);
  }
  return Step::kRows;
}

}  // namespace heald::prometheus
