#include "core/remedy/journal.h"

#include "core/base/fault_point.h"

namespace heald::remedy {
namespace {

// Bounds memory during a long outage; while anything is held back nothing new is executed.
constexpr size_t kMaxHeld = 20'000;

}  // namespace

Status Journal::Write(Transition transition, Change* change) {
  if (Status status = Flush(); !status) return status;
  const FaultPointPair& points = kFaultPoints[static_cast<size_t>(transition)];
  FaultPoint(points.before);
  if (Status status = store_->Commit(change); !status) return status;
  FaultPoint(points.after);
  return {};
}

Status Journal::WriteOrHold(Transition transition, Change* change) {
  Status status = Write(transition, change);
  if (status) return {};
  if (held_.size() >= kMaxHeld) {
    held_.pop_front();
    ++lost_total_;
  }
  held_.push_back(*change);
  return status;
}

Status Journal::Flush() {
  while (!held_.empty()) {
    if (Status status = store_->Commit(&held_.front()); !status) return status;
    held_.pop_front();
  }
  return {};
}

}  // namespace heald::remedy
