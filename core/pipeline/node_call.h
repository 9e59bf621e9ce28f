// A call of a node's instance, for as long as it lives: the watchdog sees it, it is counted, and a
// crash names it. Used by the node's own files. Thread rule: made and ended on one thread.
#pragma once

#include <thread>

#include "core/base/activity.h"
#include "core/pipeline/node.h"

namespace heald {

class Node::Call {
 public:
  Call(Node& node, std::string_view what)
      : Call(node, what, node.clock_.MonotonicNs() + node.spec_.deadline_ns) {}
  Call(Node& node, std::string_view what, int64_t deadline_ns)
      : node_(node), began_ns_(node.clock_.MonotonicNs()), deadline_ns_(deadline_ns) {
    SetActivity(node_.spec_.name.c_str(), what.data());
    const std::lock_guard lock(node_.mutex_);
    id_ = node_.next_call_++;
    node_.calls_.push_back({id_, began_ns_, deadline_ns_, what, std::this_thread::get_id()});
  }
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;
  ~Call() {
    ClearActivity();
    const int64_t now_ns = node_.clock_.MonotonicNs();
    node_.events_.OnCall(node_.spec_, now_ns - began_ns_);
    node_.call_count_.fetch_add(1, std::memory_order_relaxed);
    if (now_ns > deadline_ns_) node_.overdue_.fetch_add(1, std::memory_order_relaxed);
    const std::lock_guard lock(node_.mutex_);
    std::erase_if(node_.calls_, [this](const RunningCall& call) { return call.id == id_; });
    NodeState hung = NodeState::kHung;
    if (node_.calls_.empty()) node_.state_.compare_exchange_strong(hung, NodeState::kRunning);
  }

 private:
  Node& node_;
  const int64_t began_ns_;
  const int64_t deadline_ns_;
  uint64_t id_ = 0;
};

}  // namespace heald
