// Brings a notifier what it is to tell: out of its spool, in order, several at a time, again and
// again until the notifier took it or said that it never will. Used by Node. Thread rule: Push and
// the readers are safe from any thread; Run belongs to the node's lane.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <string_view>

#include "core/base/spool.h"
#include "core/pipeline/instance.h"

namespace heald {

// How a notification becomes text for the spool, and back. The composition root knows JSON; this
// folder doesn't.
struct NoticeCodec {
  std::function<std::string(const Notification&)> encode;
  std::function<Result<Notification>(std::string_view)> decode;
};

struct DeliveryOptions {
  NoticeCodec codec;
  // By which people answer a decision that waits, for this notifier; empty: there is no such link.
  // Made when it is delivered, so that it is in no spool.
  std::function<std::string(const Decision& decision, std::string_view notifier)> approval_url{};
  int64_t pause_ns = kSecond;        // longest pause after the first failure; twice that after the
  int64_t max_pause_ns = kMinute;    // next… up to this, with full jitter
  uint64_t max_bytes = kSpoolBytes;  // of one notifier's spool
};

class Delivery {
 public:
  struct Turn {
    size_t delivered = 0;
    Status status;         // of the first that wasn't
    int64_t pause_ns = 0;  // not again before
  };

  // Both references outlive it.
  Delivery(const NodeSpec& spec, const DeliveryOptions& options, std::shared_ptr<Spool> spool);

  // On disk when it returns; see Spool::Push.
  Status Push(const Notification& notification);
  Turn Run(NotifierInstance& notifier);

  bool waiting() const { return !spool_->empty(); }
  // The last attempt failed.
  bool failing() const { return tries_ != 0; }
  // Dropped since this delivery began.
  Spool::Stats spool() const;
  // Dropped because the notifier said that they can never be delivered.
  uint64_t refused() const { return refused_; }

 private:
  int64_t Pause(const Error& error);

  const NodeSpec& spec_;
  const DeliveryOptions& options_;
  const std::shared_ptr<Spool> spool_;
  const uint64_t dropped_before_;  // by a predecessor
  std::minstd_rand random_{std::random_device{}()};
  std::atomic<unsigned> tries_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace heald
