// A call of a node's instance, for as long as it lives: the watchdog sees it, it is counted, and a
// crash names it. Used by the node's own files. Thread rule: made and ended on one thread.
#pragma once

#include <thread>

#include "core/base/activity.h"
#include "core/pipeline/node.h"

namespace heald {

class Node::Call {
 public:
  Call(Node& node, std::string_view what) : node_(node), began_ns_(node.clock_.MonotonicNs()) {
    SetActivity(node_.spec_.name.c_str(), what.data());
    const std::lock_guard lock(node_.mutex_);
    id_ = node_.next_call_++;
    node_.calls_.push_back({id_, began_ns_, what, std::this_thread::get_id()});
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    ClearActivity();
    const int64_t took_ns = node_.clock_.MonotonicNs() - began_ns_;
    node_.events_.OnCall(node_.spec_, took_ns);
    node_.call_count_.fetch_add(1, std::memory_order_relaxed);
    if (took_ns > node_.spec_.deadline_ns) node_.overdue_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(node_.mutex_);
    std::erase_if(node_.calls_, [this](const RunningCall& call) { return call.id == id_; });
    NodeState hung = NodeState::kHung;
    if (node_.calls_.empty()) node_.state_.compare_exchange_strong(hung, NodeState::kRunning);
  }

 private:
  Node& node_;
  const int64_t began_ns_;
  uint64_t id_ = 0;
};

}  // namespace heald
