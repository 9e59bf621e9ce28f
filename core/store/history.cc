#include "core/store/history.h"

namespace heald {

Status HistoryReader::EachIncident(int64_t, const Take<IncidentRow>&) {
  return {};
}
Status HistoryReader::EachExecution(int64_t, const Take<ExecutionRow>&) {
  return {};
}
Result<std::vector<DecisionCount>> HistoryReader::DecisionCounts(int64_t) {
  return std::vector<DecisionCount>();
}
Status HistoryReader::EachCleared(int64_t, const Take<ClearedRow>&) {
  return {};
}
Status HistoryReader::EachForecast(int64_t, const Take<ForecastRow>&) {
  return {};
}
Result<std::vector<EndedExecution>> HistoryReader::EndedOf(std::string_view, int64_t, size_t) {
  return std::vector<EndedExecution>();
}
Result<std::vector<Forecast>> HistoryReader::PendingForecasts() {
  return std::vector<Forecast>();
}

}  // namespace heald
