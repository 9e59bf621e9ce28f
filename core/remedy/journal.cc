#include "core/remedy/journal.h"

#include <algorithm>

#include "core/base/fault_point.h"
#include "core/base/units.h"

namespace heald::remedy {
namespace {

// A catch-up after a long outage goes on in pieces: the engine has other things to do beside it.
constexpr size_t kAtOnce = 64;
constexpr size_t kPerFlush = 512;
// Enough history to know each target's last action by, and its actions of an hour.
constexpr size_t kIssuesRead = 10'000;
constexpr size_t kIssuesPage = 500;
constexpr size_t kIssuesKept = 4'096;  // per target, more than max_per_hour can ask for

const FaultPointPair& PointsOf(Transition transition) {
  return kFaultPoints[static_cast<size_t>(transition)];
}

}  // namespace

Journal::Journal(Store* store, HeldChanges* held)
    : store_(store),
      held_(held == nullptr ? &memory_ : held),
      last_number_(std::max(store->last_number(), held_->last_number())) {}

Status Journal::Write(Transition transition, Change* change) {
  in_doubt_ = false;
  Status status = Flush();
  last_number_ = std::max(last_number_, held_->last_number());
  change->number = ++last_number_;
  FaultPoint(PointsOf(transition).before);
  if (status) status = store_->Commit(change);
  if (!status) {
    const bool away = status.error().code == Code::kUnavailable;
    const bool maybe_there = store_->in_doubt();
    const bool without_store = act_without_store_ && away && held_->durable();
    if (!maybe_there && !without_store) return status;
    const Status pushed = held_->Push(*change);
    in_doubt_ = transition == Transition::kIssued && !(without_store && pushed);
  }
  Remember(*change);
  FaultPoint(PointsOf(transition).after);
  return in_doubt_ ? status : Status();
}

Status Journal::WriteOrHold(Transition transition, Change* change) {
  Status status = Flush();
  last_number_ = std::max(last_number_, held_->last_number());
  change->number = ++last_number_;
  FaultPoint(PointsOf(transition).before);
  if (status) status = store_->Commit(change);
  if (!status)
    if (const Status pushed = held_->Push(*change); !pushed)
      status.error().message += "; and " + pushed.error().message;
  Remember(*change);
  FaultPoint(PointsOf(transition).after);
  return status;
}

Status Journal::Flush() {
  for (size_t written = 0; !held_->empty();) {
    if (written >= kPerFlush) {
      Error error =
          MakeError(Code::kUnavailable, "the journal catches up: " + std::to_string(held_->size()) +
                                            " changes are still to be written");
      error.retryable = true;
      return error;
    }
    if (Status status = store_->Ready(); !status) return status;
    Change all = held_->Take(kAtOnce, store_->last_number());
    if (all.number != 0)
      if (Status status = store_->Commit(&all); !status) return status;
    held_->Done();
    written += kAtOnce;
  }
  return {};
}

Status Journal::FlushAll() {
  while (true) {
    const size_t before = held_->size();
    const Status status = Flush();
    if (status || held_->size() >= before) return status;
  }
}

// ---- what was issued, for guards that count -----------------------------------------------------

void Journal::Remember(const Change& change) {
  if (!act_without_store_) return;
  for (const Execution& execution : change.executions) {
    if (execution.issued_ns == 0) continue;
    std::vector<int64_t>& times = issues_[{execution.policy, execution.target_key}];
    const auto at = std::lower_bound(times.begin(), times.end(), execution.issued_ns);
    if (at != times.end() && *at == execution.issued_ns) continue;
    times.insert(at, execution.issued_ns);
    if (times.size() > kIssuesKept) times.erase(times.begin());
  }
}

Status Journal::ReadIssues() {
  PageFrom from{0, kIssuesPage};
  for (size_t read = 0; read < kIssuesRead; read += kIssuesPage) {
    const Result<Page<DecidedExecution>> page = store_->Executions(from);
    if (!page) return page.error();
    Change change;
    for (const DecidedExecution& item : page->items) change.executions.push_back(item.execution);
    Remember(change);
    from.before = page->next;
    if (page->next == 0) break;
  }
  issues_read_ = true;
  return {};
}

Result<StoreReader::Issues> Journal::IssuesSince(std::string_view policy,
                                                 std::string_view target_key, int64_t since_ns) {
  if (!act_without_store_) return store_->IssuesSince(policy, target_key, since_ns);
  if (!issues_read_)
    if (Status status = ReadIssues(); !status) return status.error();
  StoreReader::Issues issues;
  const auto at = issues_.find({std::string(policy), std::string(target_key)});
  if (at == issues_.end()) return issues;
  const std::vector<int64_t>& times = at->second;
  issues.last_ns = times.back();
  issues.times_ns.assign(std::lower_bound(times.begin(), times.end(), since_ns), times.end());
  return issues;
}

}  // namespace heald::remedy
