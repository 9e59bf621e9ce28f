#include "core/pipeline/node.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>

#include "core/pipeline/action_threads.h"
#include "core/pipeline/node_call.h"

namespace heald {
namespace {

constexpr size_t kMessagesPerTurn = 64;

struct RecordCounter {
  uint64_t operator()(const BatchRef& batch) const { return batch->rows; }
  uint64_t operator()(const auto& message) const {
    if constexpr (requires { message.lines; })
      return message.lines->size();
    else
      return 0;
  }
};

}  // namespace

std::string_view ToString(NodeState state) {
  constexpr std::string_view kNames[] = {"idle", "running", "hung", "failed", "stopped"};
  return kNames[static_cast<size_t>(state)];
}

Node::Node(uint32_t index, NodeSpec spec, const Clock& clock, SeriesTable& series,
           NodeEvents& events)
    : index_(index), spec_(std::move(spec)), clock_(clock), series_(series), events_(events) {}

Node::~Node() = default;

bool Node::cancelled() const {
  if (stopping_.load(std::memory_order_relaxed)) return true;
  // Of calls that overlap each has its own time; a plugin's own thread asks for the oldest.
  const std::lock_guard lock(mutex_);
  const RunningCall* asked = nullptr;
  for (const RunningCall& call : calls_) {
    if (call.thread == std::this_thread::get_id()) {
      asked = &call;
      break;
    }
    if (asked == nullptr || call.began_ns < asked->began_ns) asked = &call;
  }
  return asked != nullptr && clock_.MonotonicNs() > asked->deadline_ns;
}

Status Node::Create(InstanceFactory& factory) {
  const auto keep = [](auto made, auto& slot) -> Status {
    if (!made) return made.error();
    slot = std::move(*made);
    return {};
  };
  switch (spec_.kind) {
    case Kind::kSource:
      return keep(factory.MakeSource(*this), source_);
    case Kind::kDetector:
      return keep(factory.MakeDetector(*this), detector_);
    case Kind::kAction:
      return keep(factory.MakeAction(*this), action_);
    case Kind::kNotifier:
      return keep(factory.MakeNotifier(*this), notifier_);
  }
  return MakeError(Code::kInternal, "unknown kind");
}

Status Node::Start(Lane& pool) {
  if (spec_.kind != Kind::kDetector || spec_.blocking) {
    own_lane_ =
        std::make_unique<Lane>(spec_.name, spec_.kind == Kind::kAction ? ActionThreads(spec_) : 1);
  }
  lane_ = own_lane_ ? own_lane_.get() : &pool;
  timer_ = std::make_unique<boost::asio::steady_timer>(lane_->context());
  state_ = NodeState::kRunning;
  Status status;
  {
    const Call call(*this, "start");
    if (source_) status = source_->Start(*this);
    if (action_) status = action_->Start();
    if (notifier_) status = notifier_->Start();
  }
  if (!status) {
    state_ = NodeState::kFailed;
    return status;
  }
  const std::lock_guard lock(mutex_);
  if (!inbox_.empty() || NoticesDue()) Schedule();
  return {};
}

bool Node::Stop(bool leaving, int64_t within_ns, std::function<void()> last) {
  if (state_ == NodeState::kIdle || state_ == NodeState::kFailed) {
    state_ = NodeState::kStopped;
    return true;
  }
  stopping_ = true;
  // In order with the data calls, so that control and data never overlap.
  struct Done {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
  };
  const auto done = std::make_shared<Done>();
  const auto stop = [self = shared_from_this(), done, leaving, last = std::move(last)] {
    self->timer_->cancel();
    {
      const Call call(*self, "stop");
      if (self->source_) self->source_->Stop();
      self->receiver_.Clear();
      if (self->action_) self->action_->Stop(leaving);
      if (self->notifier_) self->notifier_->Stop(leaving);
    }
    if (last) last();
    self->state_ = NodeState::kStopped;
    const std::lock_guard lock(done->mutex);
    done->done = true;
    done->changed.notify_all();
  };
  if (spec_.kind == Kind::kAction && spec_.reentrant)
    lane_->Post(stop);  // running calls see cancelled()
  else
    PushWork(stop);
  if (state_ == NodeState::kHung) return false;  // it is left behind; waiting wouldn't help
  bool stopped = false;
  {
    std::unique_lock lock(done->mutex);
    stopped = done->changed.wait_for(lock, std::chrono::nanoseconds(within_ns),
                                     [&] { return done->done; });
  }
  if (!stopped) return false;
  return own_lane_ == nullptr || own_lane_->Stop(within_ns);
}

void Node::SetEdges(std::shared_ptr<const Edges> edges) {
  const std::lock_guard lock(mutex_);
  edges_ = std::move(edges);
}

// ---- taking in ----

bool Node::Congested() const {
  if (spec_.when_full != WhenFull::kBlock) return false;
  const std::lock_guard lock(mutex_);
  return data_in_inbox_ >= spec_.queue;
}

bool Node::Drained() const {
  const std::lock_guard lock(mutex_);
  if (delivery_ && (paused_ || delivery_->failing())) return inbox_.empty();
  return inbox_.empty() && calls_.empty() && !NoticesDue();
}

void Node::PushSamples(BatchRef batch) {
  Push(std::move(batch), true);
}
void Node::PushLogs(LogBatch batch) {
  Push(std::move(batch), true);
}
void Node::PushNotification(const Notification& notification) {
  in_.fetch_add(1, std::memory_order_relaxed);
  if (Status spooled = delivery_->Push(notification); !spooled) {
    spooled.error().code = Code::kUnavailable;
    Finish(spooled);
  }
  Wake();
}
void Node::Wake() {
  const std::lock_guard lock(mutex_);
  if (lane_ != nullptr && NoticesDue()) Schedule();
}
void Node::PushWork(std::function<void()> work) {
  Push(std::move(work), false);
}
void Node::PushExpired(std::shared_ptr<const std::vector<uint32_t>> series) {
  Push(ExpiredMessage{std::move(series)}, false);
}
void Node::PushTick() {
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(tick_waiting_, true)) return;
  }
  Push(TickMessage{}, false);
}

void Node::Push(Message message, bool data) {
  const std::lock_guard lock(mutex_);
  if (data) {
    if (state_ == NodeState::kHung ||
        (spec_.when_full == WhenFull::kDropOldest && data_in_inbox_ >= spec_.queue)) {
      // The oldest data goes; control messages stay in their place.
      const auto oldest = std::find_if(inbox_.begin(), inbox_.end(), [](const Message& m) {
        return std::holds_alternative<BatchRef>(m) || std::holds_alternative<LogBatch>(m);
      });
      if (oldest != inbox_.end() && data_in_inbox_ >= spec_.queue) {
        dropped_ += std::visit(RecordCounter(), *oldest);
        inbox_.erase(oldest);
        --data_in_inbox_;
      }
    }
    ++data_in_inbox_;
  }
  inbox_.push_back(std::move(message));
  if (lane_ != nullptr) Schedule();
}

void Node::Schedule() {
  if (scheduled_) return;
  scheduled_ = true;
  lane_->Post([self = shared_from_this()] { self->Drain(); });
}

// Runs on the lane; `scheduled_` makes sure that only one thread is in here.
void Node::Drain() {
  for (size_t n = 0; n < kMessagesPerTurn; ++n) {
    std::optional<Message> message;
    {
      const std::lock_guard lock(mutex_);
      if (inbox_.empty() && !NoticesDue()) {
        scheduled_ = false;
        return;
      }
      if (!inbox_.empty()) {
        message = std::move(inbox_.front());
        inbox_.pop_front();
        if (std::holds_alternative<BatchRef>(*message) ||
            std::holds_alternative<LogBatch>(*message))
          --data_in_inbox_;
        else if (std::holds_alternative<TickMessage>(*message))
          tick_waiting_ = false;
      }
    }
    if (message)
      Handle(*message);
    else
      DeliverNotices();
  }
  lane_->Post([self = shared_from_this()] { self->Drain(); });
}

void Node::Handle(Message& message) {
  if (auto* work = std::get_if<std::function<void()>>(&message)) {
    (*work)();
    return;
  }
  if (state_ == NodeState::kStopped) return;
  in_.fetch_add(std::visit(RecordCounter(), message), std::memory_order_relaxed);
  if (const auto* batch = std::get_if<BatchRef>(&message)) {
    live_batch_.store(!(*batch)->backfill, std::memory_order_relaxed);
    batch_born_ns_.store((*batch)->born_ns, std::memory_order_relaxed);
    const Call call(*this, "samples");
    Finish(detector_->Samples(**batch, *this));
    batch_born_ns_.store(0, std::memory_order_relaxed);
  } else if (const auto* logs = std::get_if<LogBatch>(&message)) {
    live_batch_.store(!logs->backfill, std::memory_order_relaxed);
    batch_born_ns_.store(logs->born_ns, std::memory_order_relaxed);
    const Call call(*this, "logs");
    Finish(detector_->Logs(*logs->lines, *this));
    batch_born_ns_.store(0, std::memory_order_relaxed);
  } else if (std::holds_alternative<TickMessage>(message)) {
    const Call call(*this, "tick");
    const Status status = detector_->Tick(clock_.NowNs(), *this);
    // What it says of itself stands until it says otherwise, however well data is taken meanwhile.
    if (tick_ok_.exchange(static_cast<bool>(status)) && status) return;
    Finish(status);
  } else if (const auto* expired = std::get_if<ExpiredMessage>(&message)) {
    const Call call(*this, "expired");
    detector_->Expired(*expired->series, *this);
  }
}

// ---- notifiers ----

bool Node::NoticesDue() const {
  return delivery_ && !paused_ && !stopping_ && state_ != NodeState::kFailed &&
         delivery_->waiting();
}

void Node::DeliverNotices() {
  Delivery::Turn turn;
  {
    const Call call(*this, "notify");
    turn = delivery_->Run(*notifier_);
  }
  out_.fetch_add(turn.delivered, std::memory_order_relaxed);
  // Of a turn that ends in trouble, what was delivered is no recovery.
  const bool well = turn.status || turn.status.error().code == Code::kFull ||
                    turn.status.error().code == Code::kCancelled;
  if (turn.delivered != 0 && well) Finish(Status());
  if (!well) Finish(turn.status);
  if (turn.pause_ns == 0) return;
  {
    const std::lock_guard lock(mutex_);
    paused_ = true;
  }
  timer_->expires_after(std::chrono::nanoseconds(turn.pause_ns));
  timer_->async_wait([self = shared_from_this()](const boost::system::error_code&) {
    const std::lock_guard lock(self->mutex_);
    self->paused_ = false;
    self->Schedule();
  });
}

void Node::Finish(const Status& status) {
  if (status) {
    if (tick_ok_ && !ok_.exchange(true)) events_.OnHealth(spec_, nullptr);
    return;
  }
  if (status.error().code == Code::kFull || status.error().code == Code::kCancelled) return;
  errors_.fetch_add(1, std::memory_order_relaxed);
  ok_ = false;
  {
    const std::lock_guard lock(mutex_);
    last_error_ = status.error().message;
    last_error_ns_ = clock_.NowNs();
  }
  events_.OnHealth(spec_, &status.error());
}

// ---- sources ----

void Node::StartBackfill(int64_t from_ns, int64_t to_ns) {
  PushWork([self = shared_from_this(), from_ns, to_ns] {
    if (self->source_->can_backfill() && to_ns > from_ns && !self->stopping_) {
      self->backfilling_ = true;
      {
        const Call call(*self, "backfill");
        self->Finish(self->source_->Backfill(from_ns, to_ns));
      }
      self->backfilling_ = false;
    }
    if (!self->source_->polled()) return;
    self->next_poll_ns_ = self->clock_.MonotonicNs();
    self->Poll();
  });
}

Status Node::PollOnce() {
  const int64_t interval_ns = std::max<int64_t>(source_->IntervalNs(), kMillisecond);
  const Call call(*this, "poll");
  const Status status = source_->Poll(clock_.MonotonicNs() +
                                      std::min(spec_.deadline_ns, std::max(interval_ns, kSecond)));
  Finish(status);
  return status;
}

void Node::PollNow(std::function<void(const Status&)> done) {
  PushWork([self = shared_from_this(), done = std::move(done)] {
    if (self->stopping_)
      done(MakeError(Code::kCancelled, "the source is being stopped"));
    else
      done(self->source_->polled() ? self->PollOnce() : Status());
  });
}

void Node::Poll() {
  if (stopping_) return;
  const int64_t interval_ns = std::max<int64_t>(source_->IntervalNs(), kMillisecond);
  const Status polled = PollOnce();
  static_cast<void>(polled);  // counted and told
  // Polls keep to their grid; those missed by a slow server are left out.
  const int64_t now_ns = clock_.MonotonicNs();
  next_poll_ns_ += interval_ns;
  if (next_poll_ns_ < now_ns)
    next_poll_ns_ += (now_ns - next_poll_ns_ + interval_ns - 1) / interval_ns * interval_ns;
  SchedulePoll(next_poll_ns_ - now_ns);
}

void Node::SchedulePoll(int64_t after_ns) {
  timer_->expires_after(std::chrono::nanoseconds(after_ns));
  timer_->async_wait([self = shared_from_this()](const boost::system::error_code& error) {
    if (!error) self->PushWork([self] { self->Poll(); });
  });
}

// ---- actions ----

void Node::CallAction(std::string_view what, int64_t deadline_ns,
                      std::function<void(ActionInstance*)> work) {
  if (state_ != NodeState::kRunning) {
    work(nullptr);
    return;
  }
  auto run = [self = shared_from_this(), what, deadline_ns, work = std::move(work)] {
    if (self->stopping_) {
      work(nullptr);
      return;
    }
    self->in_.fetch_add(1, std::memory_order_relaxed);
    const Call call(*self, what, deadline_ns);
    work(self->action_.get());
  };
  if (spec_.reentrant)
    lane_->Post(std::move(run));
  else
    PushWork(std::move(run));
}

// ---- watching ----

int64_t Node::OldestCallNs() const {
  const std::lock_guard lock(mutex_);
  int64_t oldest = 0;
  for (const RunningCall& call : calls_)
    if (oldest == 0 || call.began_ns < oldest) oldest = call.began_ns;
  return oldest;
}

bool Node::MarkHung(int64_t now_ns) {
  std::string what;
  {
    const std::lock_guard lock(mutex_);
    // Half as long again, so that a call that keeps its deadline closely isn't taken for a hung
    // one.
    const auto late = std::find_if(calls_.begin(), calls_.end(), [&](const RunningCall& call) {
      return now_ns - call.deadline_ns > std::max<int64_t>(call.deadline_ns - call.began_ns, 0) / 2;
    });
    if (late == calls_.end()) return false;
    NodeState running = NodeState::kRunning;
    if (!state_.compare_exchange_strong(running, NodeState::kHung)) return false;
    what = late->what;
    last_error_ = "its call of " + what + " doesn't return; deadline " +
                  FormatDuration(late->deadline_ns - late->began_ns) +
                  ". The node is left alone until it does";
    last_error_ns_ = clock_.NowNs();
  }
  ok_ = false;
  errors_.fetch_add(1, std::memory_order_relaxed);
  const Error error = MakeError(Code::kDeadline, last_error_);
  events_.OnHealth(spec_, &error);
  return true;
}

NodeStats Node::stats() const {
  NodeStats s;
  s.index = index_;
  s.name = spec_.name;
  s.kind = spec_.kind;
  s.plugin = spec_.plugin;
  s.state = state_;
  s.in = in_;
  s.out = out_;
  s.errors = errors_;
  s.dropped = dropped_;
  s.stale = stale_;
  s.overdue = overdue_;
  s.calls = call_count_;
  s.ok = ok_;
  s.receives = !receiver_.empty();
  s.received_ns = received_ns_;
  if (spec_.kind == Kind::kSource) {
    s.series = series_.size_of(index_);
    s.series_refused = series_.refused_of(index_);
  }
  if (delivery_) {
    s.spool = delivery_->spool();
    s.notices_refused = delivery_->refused();
    s.dropped += s.spool.dropped + s.notices_refused;
  }
  const std::lock_guard lock(mutex_);
  s.queued = delivery_ ? s.spool.items : data_in_inbox_;
  s.last_error = last_error_;
  s.last_error_ns = last_error_ns_;
  return s;
}

}  // namespace heald
