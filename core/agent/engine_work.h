// What waits for the engine's lane: people's questions and commands go before all else, so that no
// page waits behind ten thousand findings; answers of action calls and findings take turns. Used by
// the agent. Thread rule: any thread; Pop is the lane's.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace heald::agent {

class EngineWork {
 public:
  using Work = std::function<void()>;
  enum class Kind { kAsk, kAnswer, kFinding };

  // True: the lane isn't at it, so the caller has to wake it; Pop follows.
  bool Push(Kind kind, Work work) {
    const std::lock_guard lock(mutex_);
    (kind == Kind::kAsk      ? asks_
     : kind == Kind::kAnswer ? answers_
                             : findings_)
        .push_back(std::move(work));
    return !std::exchange(awake_, true);
  }
  // Empty: there is nothing, and the next Push says so.
  Work Pop() {
    const std::lock_guard lock(mutex_);
    if (!asks_.empty()) return Take(&asks_);
    const bool finding = !findings_.empty() && (answers_.empty() || findings_turn_);
    findings_turn_ = !finding;
    if (finding) return Take(&findings_);
    if (!answers_.empty()) return Take(&answers_);
    awake_ = false;
    return nullptr;
  }
  // How many there were.
  size_t DropFindings() {
    const std::lock_guard lock(mutex_);
    return std::exchange(findings_, {}).size();
  }

 private:
  static Work Take(std::deque<Work>* from) {
    Work work = std::move(from->front());
    from->pop_front();
    return work;
  }

  std::mutex mutex_;
  // Guarded by mutex_:
  std::deque<Work> asks_;
  std::deque<Work> answers_;
  std::deque<Work> findings_;
  bool findings_turn_ = false;
  bool awake_ = false;
};

}  // namespace heald::agent
