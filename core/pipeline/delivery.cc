#include "core/pipeline/delivery.h"

#include <algorithm>

#include "core/pipeline/placeholders.h"

namespace heald {
namespace {

constexpr size_t kBatch = 64;
constexpr uint64_t kBatchBytes = 1 << 20;

// Nobody but the notifier knows whether another try may help; where it doesn't say so, these may.
bool MayComeRight(const Error& error) {
  return error.retryable || error.code == Code::kUnavailable || error.code == Code::kDeadline ||
         error.code == Code::kFull || error.code == Code::kCancelled;
}

}  // namespace

Delivery::Delivery(const NodeSpec& spec, const DeliveryOptions& options,
                   std::shared_ptr<Spool> spool)
    : spec_(spec),
      options_(options),
      spool_(std::move(spool)),
      dropped_before_(spool_->stats().dropped) {}

Spool::Stats Delivery::spool() const {
  Spool::Stats stats = spool_->stats();
  stats.dropped -= dropped_before_;
  return stats;
}

Status Delivery::Push(const Notification& notification) {
  return spool_->Push(options_.codec.encode(notification));
}

int64_t Delivery::Pause(const Error& error) {
  // A notifier that keeps to a rate says itself when it goes on.
  if (error.code == Code::kFull && error.retry_after_ns > 0) return error.retry_after_ns;
  const unsigned doublings = std::min(tries_.fetch_add(1), 30u);
  const int64_t most = std::min(options_.max_pause_ns >> doublings < options_.pause_ns
                                    ? options_.max_pause_ns
                                    : options_.pause_ns << doublings,
                                options_.max_pause_ns);
  return std::max(
      {std::uniform_int_distribution<int64_t>(0, most)(random_), error.retry_after_ns, int64_t{1}});
}

Delivery::Turn Delivery::Run(NotifierInstance& notifier) {
  Turn turn;
  std::vector<uint64_t> done;
  std::vector<uint64_t> seqs;
  std::vector<Notification> notices;
  std::vector<Value> params;
  for (const Spool::Item& item : spool_->Peek(kBatch, kBatchBytes)) {
    Result<Notification> notice = options_.codec.decode(item.text);
    if (!notice) {
      done.push_back(item.seq);
      ++refused_;
      turn.status = MakeError(Code::kCorrupt, notice.error().message + "; this event is dropped");
      continue;
    }
    seqs.push_back(item.seq);
    // Here and not when it happened, so that no secret gets into the spool.
    std::string approval_url;
    if (spec_.templated && options_.approval_url && notice->decision &&
        notice->kind == Notification::Kind::kDecision)
      approval_url = options_.approval_url(*notice->decision, spec_.name);
    Result<Value> filled = spec_.templated
                               ? RenderTemplate(spec_.config, Placeholders(*notice, approval_url))
                               : spec_.config;
    params.push_back(filled ? std::move(*filled) : spec_.config);
    notices.push_back(std::move(*notice));
  }
  const std::vector<Status> results =
      notices.empty() ? std::vector<Status>() : notifier.Notify(notices, params);
  const Error* failed = nullptr;
  uint64_t failed_seq = 0;
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i]) {
      done.push_back(seqs[i]);
      ++turn.delivered;
    } else if (failed == nullptr) {
      failed = &results[i].error();
      failed_seq = seqs[i];
    }
  }
  if (turn.delivered != 0) tries_ = 0;
  if (failed != nullptr && MayComeRight(*failed)) {
    turn.status = *failed;
    turn.pause_ns = Pause(*failed);
  } else if (failed != nullptr) {
    done.push_back(failed_seq);
    ++refused_;
    tries_ = 0;
    Error error = *failed;
    error.message += "; this event is dropped";
    turn.status = std::move(error);
  }
  spool_->Done(done);
  return turn;
}

}  // namespace heald
