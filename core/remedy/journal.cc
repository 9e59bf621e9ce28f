#include "core/remedy/journal.h"

#include <algorithm>
#include <utility>

#include "core/base/fault_point.h"
#include "core/base/units.h"

namespace heald::remedy {
namespace {

// A catch-up after a long outage goes on in pieces: the engine has other things to do beside it.
constexpr size_t kAtOnce = 64;
constexpr size_t kPerFlush = 512;
// Enough history to know each target's last action by, and its actions of an hour.
constexpr size_t kIssuedRead = 10'000;
constexpr size_t kIssuedPage = 500;
constexpr size_t kIssuedKept = 4'096;  // per target, more than max_per_hour can ask for

const FaultPointPair& PointsOf(Transition transition) {
  return kFaultPoints[static_cast<size_t>(transition)];
}

// It won't be taken another time either.
bool Contradicts(const Status& status) {
  return !status && status.error().code == Code::kInvalid;
}

}  // namespace

Journal::Journal(Store* store, HeldChanges* held)
    : store_(store),
      held_(held == nullptr ? &memory_ : held),
      last_number_(std::max(store->last_number(), held_->last_number())) {}

void Journal::set_act_without_store(bool act) {
  act_without_store_ = act;
  if (act) {
    // While the store is there; if it isn't, the next question tries again.
    if (!issued_read_) static_cast<void>(ReadIssued());
    return;
  }
  issued_.clear();
  issued_read_ = false;
}

Status Journal::Write(Transition transition, Change* change) {
  in_doubt_ = contradicted_ = false;
  Status status = Flush();
  last_number_ = std::max(last_number_, held_->last_number());
  change->number = ++last_number_;
  FaultPoint(PointsOf(transition).before);
  if (status) {
    status = store_->Commit(change);
    contradicted_ = Contradicts(status);
  }
  bool maybe_there = !status && store_->in_doubt();
  if (!status && act_without_store_ && status.error().code == Code::kUnavailable) {
    // A connection that broke doesn't tell who has the store now: another agent may.
    const Status there = store_->Ready();
    status = there ? store_->Commit(change) : there;
    maybe_there = maybe_there || (!status && there && store_->in_doubt());
  }
  if (!status) {
    const bool away = status.error().code == Code::kUnavailable;
    const bool without_store = act_without_store_ && away && held_->durable();
    if (!maybe_there && !without_store) return status;
    const Status pushed = held_->Push(*change);
    const bool calls = transition == Transition::kIssued || transition == Transition::kUndoIssued;
    in_doubt_ = calls && !(without_store && pushed);
  }
  for (const Execution& execution : change->executions) Remember(execution);
  FaultPoint(PointsOf(transition).after);
  return in_doubt_ ? status : Status();
}

Status Journal::WriteOrHold(Transition transition, Change* change) {
  Status status = Flush();
  last_number_ = std::max(last_number_, held_->last_number());
  change->number = ++last_number_;
  FaultPoint(PointsOf(transition).before);
  if (status) {
    status = store_->Commit(change);
    if (Contradicts(status)) return status;
  }
  if (!status)
    if (const Status pushed = held_->Push(*change); !pushed)
      status.error().message += "; and " + pushed.error().message;
  for (const Execution& execution : change->executions) Remember(execution);
  FaultPoint(PointsOf(transition).after);
  return status;
}

Status Journal::Flush() {
  size_t at_once = kAtOnce;
  for (size_t written = 0; !held_->empty();) {
    if (written >= kPerFlush) {
      Error error =
          MakeError(Code::kUnavailable, "the journal catches up: " + std::to_string(held_->size()) +
                                            " changes are still to be written");
      error.retryable = true;
      return error;
    }
    if (Status status = store_->Ready(); !status) return status;
    Change all = held_->Take(at_once, store_->last_number());
    const Status status = all.number == 0 ? Status() : store_->Commit(&all);
    const bool contradicts = Contradicts(status);
    if (contradicts && std::exchange(at_once, 1) > 1) continue;  // one of them
    if (!status && !contradicts) return status;
    held_->Done();
    if (contradicts) return status;  // told once, and not in the way of the others
    written += at_once;
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

void Journal::Remember(const Execution& execution) {
  if (!act_without_store_ || execution.issued_ns == 0) return;
  IssuedOf& all = issued_[{execution.policy, execution.target_key}];
  std::erase_if(all, [&](const Issued& one) { return one.decision == execution.decision; });
  const auto at =
      std::upper_bound(all.begin(), all.end(), execution.issued_ns,
                       [](int64_t ns, const Issued& one) { return ns < one.issued_ns; });
  all.insert(at, {execution.decision, execution.issued_ns, execution.ended_ns, execution.state,
                  execution.step, execution.progress.proof});
  if (all.size() > kIssuedKept) all.erase(all.begin());
}

Status Journal::ReadIssued() {
  // What is held can't be read there yet.
  if (Status status = Flush(); !status) return status;
  PageFrom from{0, kIssuedPage};
  for (size_t read = 0; read < kIssuedRead; read += kIssuedPage) {
    const Result<Page<DecidedExecution>> page = store_->Executions(from);
    if (!page) return page.error();
    for (const DecidedExecution& item : page->items) Remember(item.execution);
    from.before = page->next;
    if (page->next == 0) break;
  }
  issued_read_ = true;
  return {};
}

const Journal::IssuedOf* Journal::Find(std::string_view policy, std::string_view target_key) const {
  const auto at = issued_.find({std::string(policy), std::string(target_key)});
  return at == issued_.end() ? nullptr : &at->second;
}

Result<StoreReader::Issues> Journal::IssuesSince(std::string_view policy,
                                                 std::string_view target_key, int64_t since_ns,
                                                 uint32_t step) {
  if (!act_without_store_) return store_->IssuesSince(policy, target_key, since_ns, step);
  if (!issued_read_)
    if (Status status = ReadIssued(); !status) return status.error();
  StoreReader::Issues issues;
  const IssuedOf* const all = Find(policy, target_key);
  if (all == nullptr) return issues;
  for (const Issued& one : *all) {
    if (step != 0 && one.step != step) continue;
    issues.last_ns = one.issued_ns;
    if (one.issued_ns >= since_ns) issues.times_ns.push_back(one.issued_ns);
  }
  return issues;
}

Result<std::vector<int64_t>> Journal::FailuresInRow(std::string_view policy,
                                                    std::string_view target_key, int64_t since_ns,
                                                    uint32_t step) {
  if (!act_without_store_) return store_->FailuresInRow(policy, target_key, since_ns, step);
  if (!issued_read_)
    if (Status status = ReadIssued(); !status) return status.error();
  std::vector<int64_t> failed_ns;
  const IssuedOf* const all = Find(policy, target_key);
  if (all == nullptr) return failed_ns;
  for (const Issued& one : *all) {
    if (one.ended_ns < since_ns || !IsFinished(one.state)) continue;
    if (step == 0 || one.step == step) CountFailure(one.state, one.proof, one.ended_ns, &failed_ns);
  }
  return failed_ns;
}

}  // namespace heald::remedy
