#include "plugins/sources/docker/event_book.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "plugins/support/clock.h"
#include "plugins/support/docker/json.h"

namespace heald::docker {
namespace {

using support::kSecond;
// Each stream begins so far before what the last one brought: events aren't quite in order.
constexpr int64_t kOverlapNs = 5 * kSecond;
// The word that it was asked for may come this much after the end itself.
constexpr int64_t kLateWordNs = 2 * kSecond;
constexpr int64_t kMaxPerWindow = 10'000;  // of one container: bounds what is remembered

// Signals that are no wish to end.
bool OnlyTells(const std::string& signal) {
  for (const char* one : {"1", "10", "12", "17", "18", "28", "HUP", "SIGHUP", "USR1", "SIGUSR1",
                          "USR2", "SIGUSR2", "WINCH", "SIGWINCH", "CONT", "SIGCONT"})
    if (signal == one) return true;
  return false;
}

// 128 and SIGINT, SIGQUIT, SIGKILL or SIGTERM.
bool IsOfASignal(int64_t exit_code) {
  return exit_code == 130 || exit_code == 131 || exit_code == 137 || exit_code == 143;
}

void Add(int64_t ts_ns, std::deque<int64_t>* times) {
  times->insert(std::upper_bound(times->begin(), times->end(), ts_ns), ts_ns);
  if (times->size() > static_cast<size_t>(kMaxPerWindow)) times->pop_front();
}

void DropBefore(int64_t ns, std::deque<int64_t>* times) {
  while (!times->empty() && times->front() < ns) times->pop_front();
}

}  // namespace

Event ReadEvent(const nlohmann::json& message) {
  Event event;
  const std::string type = Text(message, "/Type");
  if (!type.empty() && type != "container") return event;
  event.action = Text(message, "/Action");
  event.ts_ns = Number(message, "/timeNano");
  if (event.ts_ns == 0) event.ts_ns = Number(message, "/time") * kSecond;
  event.id = Text(message, "/Actor/ID");
  event.labels = At(message, "/Actor/Attributes");
  event.name = Text(event.labels, "/name");
  event.signal = Text(event.labels, "/signal");
  const std::string code = Text(event.labels, "/exitCode");
  std::from_chars(code.data(), code.data() + code.size(), event.exit_code);
  if (event.id.empty() || event.name.empty() || event.ts_ns == 0) event.action.clear();
  return event;
}

bool EventBook::Take(const Event& event) {
  if (!lately_.emplace(event.ts_ns, event.id, event.action).second) return false;
  newest_ns_ = std::max(newest_ns_, event.ts_ns);
  Record& record = records_[event.name];
  record.last_ns = std::max(record.last_ns, event.ts_ns);
  record.sequence = ++sequence_;
  if (event.action == "oom") {
    Add(event.ts_ns, &record.ooms_ns);
  } else if (event.action == "kill" || event.action == "stop") {
    if (event.action == "kill" && OnlyTells(event.signal)) return true;
    record.asked_ns = event.ts_ns;
    if (record.ended_itself && !record.crashes_ns.empty() &&
        event.ts_ns - record.crashes_ns.back() < kLateWordNs)
      record.crashes_ns.pop_back();
    record.ended_itself = false;
  } else if (event.action == "die") {
    Ended(record, event.ts_ns, event.exit_code);
  } else if (event.action == "start") {
    Started(record, event.ts_ns);
  }
  Forget(newest_ns_);
  return true;
}

void EventBook::Started(Record& record, int64_t ts_ns) {
  if (record.ended_itself) Add(ts_ns, &record.restarts_ns);
  record.dead = record.ended_itself = false;
  record.asked_ns = 0;
}

void EventBook::Ended(Record& record, int64_t ts_ns, int64_t exit_code) {
  // Told by an inspect before the event came, or the other way round.
  if (std::exchange(record.dead, true)) return;
  record.ended_itself = record.asked_ns == 0;
  if (record.ended_itself && exit_code != 0) Add(ts_ns, &record.crashes_ns);
}

void EventBook::Reconcile(const std::string& name, const Seen& seen) {
  const auto at = records_.find(name);
  if (seen.running) {
    if (at != records_.end() && at->second.dead && seen.started_ns > at->second.last_ns)
      Started(at->second, seen.started_ns);
    return;
  }
  if (at != records_.end() && (at->second.dead || seen.finished_ns < at->second.last_ns)) return;
  // Who was told to end shows just that, and who told it is not known here.
  if (IsOfASignal(seen.exit_code) && !seen.oom_killed) return;
  if (seen.finished_ns < newest_ns_ - window_ns_) return;
  Record& record = at == records_.end() ? records_[name] : at->second;
  record.last_ns = seen.finished_ns;
  Ended(record, seen.finished_ns, seen.exit_code);
}

int64_t EventBook::SinceNs() const {
  return newest_ns_ == 0 ? 0 : newest_ns_ - kOverlapNs;
}

EventBook::Counts EventBook::CountsOf(const std::string& name, int64_t now_ns) {
  const auto at = records_.find(name);
  if (at == records_.end()) return {};
  Record& record = at->second;
  for (auto* times : {&record.crashes_ns, &record.restarts_ns, &record.ooms_ns})
    DropBefore(now_ns - window_ns_, times);
  return {record.crashes_ns.size(), record.restarts_ns.size(), record.ooms_ns.size()};
}

uint64_t EventBook::SequenceOf(const std::string& name) const {
  const auto at = records_.find(name);
  return at == records_.end() ? 0 : at->second.sequence;
}

void EventBook::Forget(int64_t now_ns) {
  while (!lately_.empty() && std::get<0>(*lately_.begin()) < now_ns - 2 * kOverlapNs)
    lately_.erase(lately_.begin());
  // Names that nothing was heard of for a window have nothing left to count.
  if (sequence_ % 256 == 0)
    std::erase_if(records_, [&](const auto& entry) {
      return entry.second.last_ns < now_ns - window_ns_ && entry.second.asked_ns == 0;
    });
}

}  // namespace heald::docker
