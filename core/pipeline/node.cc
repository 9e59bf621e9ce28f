#include "core/pipeline/node.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <random>

#include "core/base/activity.h"

namespace heald {
namespace {

constexpr size_t kMessagesPerTurn = 64;
constexpr int64_t kCongestedRetryNs = 100 * kMillisecond;
constexpr unsigned kNoticeTries = 10;

struct RecordCounter {
  uint64_t operator()(const BatchRef& batch) const { return batch->rows; }
  uint64_t operator()(const auto& message) const {
    if constexpr (requires { message.lines; })
      return message.lines->size();
    else
      return requires {
        message.notification;
      }
    ? 1 : 0;
  }
};

// 1 s, 2 s, 4 s… up to a minute, with full jitter.
int64_t Backoff(unsigned tries) {
  static thread_local std::minstd_rand random{std::random_device{}()};
  const int64_t most = std::min<int64_t>(kSecond << std::min(tries, 6u), kMinute);
  return std::uniform_int_distribution<int64_t>(kSecond / 10, most)(random);
}

}  // namespace

std::string_view ToString(NodeState state) {
  constexpr std::string_view kNames[] = {"idle", "running", "hung", "failed", "stopped"};
  return kNames[static_cast<size_t>(state)];
}

class Node::Call {
 public:
  Call(Node& node, std::string_view what) : node_(node), began_ns_(node.clock_.MonotonicNs()) {
    SetActivity(node_.spec_.name.c_str(), what.data());
    const std::lock_guard lock(node_.mutex_);
    id_ = node_.next_call_++;
    node_.calls_.push_back({id_, began_ns_, what});
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

Node::Node(uint32_t index, NodeSpec spec, const Clock& clock, SeriesTable& series,
           NodeEvents& events)
    : index_(index), spec_(std::move(spec)), clock_(clock), series_(series), events_(events) {}

Node::~Node() = default;

bool Node::cancelled() const {
  if (stopping_.load(std::memory_order_relaxed)) return true;
  const int64_t oldest = OldestCallNs();
  return oldest != 0 && clock_.MonotonicNs() - oldest > spec_.deadline_ns;
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
    constexpr unsigned kReentrantThreads = 4;
    own_lane_ = std::make_unique<Lane>(
        spec_.name, spec_.kind == Kind::kAction && spec_.reentrant ? kReentrantThreads : 1);
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
  if (!inbox_.empty()) Schedule();
  return {};
}

bool Node::Stop(bool leaving, int64_t within_ns) {
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
  const auto stop = [self = shared_from_this(), done, leaving] {
    self->timer_->cancel();
    {
      const Call call(*self, "stop");
      if (self->source_) self->source_->Stop();
      if (self->action_) self->action_->Stop(leaving);
      if (self->notifier_) self->notifier_->Stop(leaving);
    }
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
  state_ = NodeState::kStopped;
  return own_lane_ == nullptr || own_lane_->Stop(within_ns);
}

void Node::SetEdges(std::shared_ptr<const Edges> edges) {
  const std::lock_guard lock(mutex_);
  edges_ = std::move(edges);
}

// ---- emitting ----

Result<SampleBatch*> Node::Reserve(uint64_t rows) {
  for (const Edge& edge : *CurrentEdges()) {
    if (!edge.to->Congested()) continue;
    Error error = MakeError(Code::kFull, "node " + edge.to->spec().name + " is behind");
    error.retryable = true;
    error.retry_after_ns = kCongestedRetryNs;
    return error;
  }
  return new SampleBatch(index_, rows, backfilling_.load(std::memory_order_relaxed));
}

Status Node::Commit(SampleBatch* raw, uint64_t rows) {
  const BatchRef batch(raw);
  if (rows == 0) return {};
  const int64_t now_ns = clock_.MonotonicNs();
  uint32_t name = 0;  // of all rows, unless mixed
  bool mixed = false;
  uint64_t kept = 0;
  for (uint64_t i = 0; i < rows; ++i) {
    const uint32_t handle = batch->series[i];
    const SeriesTable::Series* series = series_.Get(handle);
    if (series == nullptr || series->owner != index_) continue;
    SeriesTable::Touch(series, now_ns, batch->value[i], batch->ts_ns[i]);
    if (kept != i) {
      batch->series[kept] = handle;
      batch->ts_ns[kept] = batch->ts_ns[i];
      batch->value[kept] = batch->value[i];
    }
    if (kept == 0) name = series->name;
    mixed |= name != series->name;
    ++kept;
  }
  const uint64_t stale = rows - kept;
  stale_.fetch_add(stale, std::memory_order_relaxed);
  out_.fetch_add(kept, std::memory_order_relaxed);
  batch->rows = kept;
  batch->born_ns = now_ns;
  if (kept != 0) {
    if (events_.WantsSamples(spec_)) events_.OnSamples(spec_, *batch);
    for (const Edge& edge : *CurrentEdges()) {
      const auto wanted = [&edge](uint32_t id) {
        return std::find(edge.names.begin(), edge.names.end(), id) != edge.names.end();
      };
      if (edge.names.empty() || (!mixed && wanted(name)))
        edge.to->PushSamples(batch);
      else if (mixed)
        PushPart(*batch, edge, wanted);
    }
  }
  if (stale != 0)
    return MakeError(Code::kStaleSeries,
                     std::to_string(stale) + " rows were under expired handles");
  return {};
}

// The rows of a mixed batch that the edge asks for, as a batch of their own.
void Node::PushPart(const SampleBatch& batch, const Edge& edge,
                    const std::function<bool(uint32_t)>& wanted) {
  std::vector<uint64_t> rows;
  for (uint64_t i = 0; i < batch.rows; ++i) {
    const SeriesTable::Series* series = series_.Get(batch.series[i]);
    if (series != nullptr && wanted(series->name)) rows.push_back(i);
  }
  if (rows.empty()) return;
  const BatchRef part(new SampleBatch(index_, rows.size(), batch.backfill));
  for (const uint64_t i : rows) {
    part->series[part->rows] = batch.series[i];
    part->ts_ns[part->rows] = batch.ts_ns[i];
    part->value[part->rows++] = batch.value[i];
  }
  part->born_ns = batch.born_ns;
  edge.to->PushSamples(part);
}

std::shared_ptr<const Edges> Node::CurrentEdges() const {
  const std::lock_guard lock(mutex_);
  return edges_;
}

Status Node::Logs(std::vector<LogLine> lines) {
  out_.fetch_add(lines.size(), std::memory_order_relaxed);
  const auto shared = std::make_shared<const std::vector<LogLine>>(std::move(lines));
  for (const Edge& edge : *CurrentEdges()) edge.to->PushLogs(shared);
  return {};
}

// Findings made from history are held until live data confirms them; those that clear before are
// never seen.
Status Node::Findings(std::vector<Finding> findings) {
  for (Finding& finding : findings) {
    finding.node = spec_.name;
    finding.arrived_ns = batch_born_ns_.load(std::memory_order_relaxed);
    finding.id = spec_.name + "/" + epoch_ + "/" + finding.id;
    const bool live = !backfilling_.load(std::memory_order_relaxed) &&
                      live_batch_.load(std::memory_order_relaxed);
    {
      const std::lock_guard lock(held_mutex_);
      if (!live) {
        if (finding.state == FindingState::kClear)
          held_.erase(finding.id);
        else
          held_[finding.id] = std::move(finding);
        continue;
      }
      if (const auto at = held_.find(finding.id); at != held_.end()) {
        held_.erase(at);
        if (finding.state == FindingState::kClear) continue;
        finding.state = FindingState::kOpen;
      }
    }
    out_.fetch_add(1, std::memory_order_relaxed);
    events_.OnFinding(std::move(finding));
  }
  return {};
}

// ---- taking in ----

bool Node::Congested() const {
  if (spec_.when_full != WhenFull::kBlock) return false;
  const std::lock_guard lock(mutex_);
  return data_in_inbox_ >= spec_.queue;
}

bool Node::Drained() const {
  const std::lock_guard lock(mutex_);
  return inbox_.empty() && calls_.empty();
}

void Node::PushSamples(BatchRef batch) {
  Push(std::move(batch), true);
}
void Node::PushLogs(std::shared_ptr<const std::vector<LogLine>> lines) {
  Push(LogMessage{std::move(lines)}, true);
}
void Node::PushNotification(Notification notification, Value params) {
  Push(NoticeMessage{std::move(notification), std::move(params)}, true);
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
        return std::holds_alternative<BatchRef>(m) || std::holds_alternative<LogMessage>(m) ||
               std::holds_alternative<NoticeMessage>(m);
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
  if (scheduled_ || paused_) return;
  scheduled_ = true;
  lane_->Post([self = shared_from_this()] { self->Drain(); });
}

// Runs on the lane; `scheduled_` makes sure that only one thread is in here.
void Node::Drain() {
  for (size_t n = 0; n < kMessagesPerTurn; ++n) {
    Message message;
    {
      const std::lock_guard lock(mutex_);
      if (inbox_.empty() || paused_) {
        scheduled_ = false;
        return;
      }
      message = std::move(inbox_.front());
      inbox_.pop_front();
      if (std::holds_alternative<BatchRef>(message) ||
          std::holds_alternative<LogMessage>(message) ||
          std::holds_alternative<NoticeMessage>(message))
        --data_in_inbox_;
      else if (std::holds_alternative<TickMessage>(message))
        tick_waiting_ = false;
    }
    Handle(message);
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
  } else if (const auto* logs = std::get_if<LogMessage>(&message)) {
    live_batch_.store(true, std::memory_order_relaxed);
    const Call call(*this, "logs");
    Finish(detector_->Logs(*logs->lines, *this));
  } else if (std::holds_alternative<TickMessage>(message)) {
    const Call call(*this, "tick");
    if (const Status status = detector_->Tick(clock_.NowNs(), *this); !status) Finish(status);
  } else if (const auto* expired = std::get_if<ExpiredMessage>(&message)) {
    const Call call(*this, "expired");
    detector_->Expired(*expired->series, *this);
  } else if (auto* notice = std::get_if<NoticeMessage>(&message)) {
    if (Deliver(*notice)) return;
    const std::lock_guard lock(mutex_);
    paused_ = true;
    inbox_.push_front(std::move(message));
    ++data_in_inbox_;
  }
}

bool Node::Deliver(NoticeMessage& message) {
  std::vector<Status> results;
  {
    const Call call(*this, "notify");
    results = notifier_->Notify({&message.notification, 1}, {&message.params, 1});
  }
  Finish(results.front());
  if (results.front()) return true;
  const Error& error = results.front().error();
  if (stopping_ || ++message.tries >= kNoticeTries ||
      !(error.retryable || error.code == Code::kUnavailable)) {
    dropped_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }
  timer_->expires_after(
      std::chrono::nanoseconds(std::max(error.retry_after_ns, Backoff(message.tries))));
  timer_->async_wait([self = shared_from_this()](const boost::system::error_code&) {
    const std::lock_guard lock(self->mutex_);
    self->paused_ = false;
    self->Schedule();
  });
  return false;
}

void Node::Finish(const Status& status) {
  if (status) {
    if (!ok_.exchange(true)) events_.OnHealth(spec_, nullptr);
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

void Node::CallAction(std::string_view what, std::function<void(ActionInstance*)> work) {
  if (state_ != NodeState::kRunning) {
    work(nullptr);
    return;
  }
  auto run = [self = shared_from_this(), what, work = std::move(work)] {
    if (self->stopping_) {
      work(nullptr);
      return;
    }
    self->in_.fetch_add(1, std::memory_order_relaxed);
    const Call call(*self, what);
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
      return now_ns - call.began_ns > spec_.deadline_ns + spec_.deadline_ns / 2;
    });
    if (late == calls_.end()) return false;
    NodeState running = NodeState::kRunning;
    if (!state_.compare_exchange_strong(running, NodeState::kHung)) return false;
    what = late->what;
    last_error_ = "its call of " + what + " doesn't return; deadline " +
                  FormatDuration(spec_.deadline_ns) + ". The node is left alone until it does";
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
  if (spec_.kind == Kind::kSource) {
    s.series = series_.size_of(index_);
    s.series_refused = series_.refused_of(index_);
  }
  const std::lock_guard lock(mutex_);
  s.queued = data_in_inbox_;
  s.last_error = last_error_;
  s.last_error_ns = last_error_ns_;
  return s;
}

}  // namespace heald
