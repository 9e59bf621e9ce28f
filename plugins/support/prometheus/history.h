// Reads the past of all queries by query_range, piece by piece, merged in the order of time.
// Thread rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "plugins/support/http.h"
#include "plugins/support/prometheus/answer.h"

namespace heald::prometheus {

struct HistoryQuery {
  std::string promql;
  SeriesCache* cache = nullptr;
  bool given_up = false;  // refused once: not asked again
};

struct HistoryPlan {
  int64_t from_ns = 0;  // both inclusive, ns since the epoch
  int64_t to_ns = 0;
  int64_t step_ns = 0;
  int64_t timeout_ns = 0;  // of one request
  size_t max_concurrency = 1;
};

class History {
 public:
  enum class Step { kRows, kEnd, kCancelled, kFailed };
  // on_answer: for each good answer. on_refused: a query that the server doesn't accept.
  using OnAnswer = std::function<void(size_t query, const Answer& answer)>;
  using OnRefused = std::function<void(size_t query, const std::string& why)>;

  History(support::HttpClient& http, std::vector<HistoryQuery> queries, const HistoryPlan& plan,
          OnAnswer on_answer, OnRefused on_refused);

  // kRows: `rows` holds the next piece, maybe empty. kFailed: the server can't be reached, error()
  // says how.
  Step Next(Columns* rows);
  const std::string& error() const { return error_; }

 private:
  Step AskPiece(int64_t to_ns, Columns* rows, bool* too_much);

  support::HttpClient& http_;
  std::vector<HistoryQuery> queries_;
  const HistoryPlan plan_;
  const OnAnswer on_answer_;
  const OnRefused on_refused_;
  AnswerParser parser_;
  int64_t at_ns_;
  int64_t points_;
  std::string error_;
};

// Rows sorted by time; those of one time keep their order.
void SortByTime(Columns* rows);

}  // namespace heald::prometheus
