// What the engine tells the world: notifiers, the API's live stream and the log.
// Thread rule: called on the engine's strand, and must not call the engine; the records live until
// the call returns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/model/forecast.h"
#include "core/model/incident.h"

namespace heald::remedy {

enum class NoticeKind : uint8_t { kFinding = 0, kIncident = 1, kDecision = 2, kOutcome = 3 };

struct Notice {
  NoticeKind kind = NoticeKind::kFinding;
  std::string event_id;  // a hash of the audit row: the same when it is delivered again
  uint64_t seq = 0;      // of the audit row; 0 while the store can't be written
  std::string node;      // the detector or policy it came from; empty for an incident
  int64_t ts_ns = 0;
  std::string text;    // one line, ready for people
  bool warns = false;  // a warning, though its records don't show it
  bool quiet = false;  // silenced or muted: for the log and the live stream, not for notifiers
  // Null where they don't belong to the event. A decision and an outcome come with their incident,
  // an outcome also with its decision.
  const Finding* finding = nullptr;
  const Incident* incident = nullptr;
  const Decision* decision = nullptr;
  const Outcome* outcome = nullptr;
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void OnNotice(const Notice& notice) = 0;
  // The journal could not be written, a clock went back…: for the log and a counter.
  virtual void OnProblem(const Error& error) = 0;
  // A prediction was judged: for the counters.
  virtual void OnJudged(const Forecast& /*forecast*/) {}
  // Metrics whose samples predictions are judged by, beside those that policies ask for.
  virtual void OnWatch(const std::vector<std::string>& /*metrics*/) {}
};

}  // namespace heald::remedy
