// One running node of the pipeline: its instance, its inbox, its counters and the watch on its
// calls. Used by the runner alone. Thread rule: Push, Emitter and the readers are safe from any
// thread. The instance is called by one thread at a time (a reentrant action: by several), on the
// node's lane.
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "core/base/clock.h"
#include "core/model/series.h"
#include "core/pipeline/delivery.h"
#include "core/pipeline/instance.h"
#include "core/pipeline/lane.h"
#include "core/pipeline/receiver.h"

#include <boost/asio/steady_timer.hpp>

namespace heald {

class Node;

// Where a node's samples and lines go. `names` holds the numbers of the wanted outputs; empty: all.
struct Edge {
  std::shared_ptr<Node> to;
  std::vector<uint32_t> names;
};
using Edges = std::vector<Edge>;

// Lines on their way to a detector; read-only, shared by all that read them.
struct LogBatch {
  std::shared_ptr<const std::vector<LogLine>> lines;
  bool backfill = false;  // history: learnt from, never acted on
  int64_t born_ns = 0;    // monotonic time at which they came in
};

enum class NodeState : uint8_t { kIdle, kRunning, kHung, kFailed, kStopped };
std::string_view ToString(NodeState state);

struct NodeStats {
  uint32_t index = 0;  // of its series in the table
  std::string name;
  Kind kind = Kind::kSource;
  std::string plugin;
  NodeState state = NodeState::kIdle;
  uint64_t in = 0;  // records
  uint64_t out = 0;
  uint64_t errors = 0;
  uint64_t dropped = 0;  // records not taken because the inbox or the spool was full, or refused
  uint64_t stale = 0;    // rows under expired handles
  uint64_t overdue = 0;  // calls past their deadline
  uint64_t calls = 0;
  size_t queued = 0;
  size_t series = 0;
  uint64_t series_refused = 0;
  Spool::Stats spool;            // a notifier's
  uint64_t notices_refused = 0;  // that its plugin said can never be delivered
  bool receives = false;         // others push to it
  int64_t received_ns = 0;       // when it last took what was pushed; 0: never
  bool ok = true;                // the last call succeeded, and a detector's last tick
  std::string last_error;        // of the last call that failed
  int64_t last_error_ns = 0;
};

// What a node tells the rest of the agent. Called on data threads; must be quick.
class NodeEvents {
 public:
  virtual ~NodeEvents() = default;
  virtual bool WantsSamples(const NodeSpec& source) = 0;
  virtual void OnSamples(const NodeSpec& source, const SampleBatch& batch) = 0;
  virtual void OnFinding(Finding finding) = 0;
  // A call failed, or (empty error) succeeded again after a failure.
  virtual void OnHealth(const NodeSpec& node, const Error* error) = 0;
  virtual void OnCall(const NodeSpec& node, int64_t took_ns) = 0;
  // A reload removed or replaced it; its findings have nobody left to end them.
  virtual void OnGone(const NodeSpec& node) = 0;
};

class Node final : public NodeContext, public Emitter, public std::enable_shared_from_this<Node> {
 public:
  Node(uint32_t index, NodeSpec spec, const Clock& clock, SeriesTable& series, NodeEvents& events);
  ~Node() override;

  // NodeContext
  uint32_t index() const override { return index_; }
  const NodeSpec& spec() const override { return spec_; }
  bool cancelled() const override;
  Result<uint64_t> Mount(PushRoute route) override;
  void Unmount(uint64_t route) override { receiver_.Unmount(route); }

  // Emitter
  Result<SampleBatch*> Reserve(uint64_t rows) override;
  Status Commit(SampleBatch* batch, uint64_t rows) override;
  Status Logs(std::vector<LogLine> lines) override;
  Status Findings(std::vector<Finding> findings) override;

  Status Create(InstanceFactory& factory);
  // Before Start: its routes can be reached.
  void SetListener(bool there) { listener_ = there; }
  // A notifier's, before Start.
  void SetDelivery(std::unique_ptr<Delivery> delivery) { delivery_ = std::move(delivery); }
  DetectorInstance* detector() const { return detector_.get(); }

  // Control: the node's lane runs these; the result says how it went.
  Status Start(Lane& pool);
  // Ends polling and calls stop, then `last`: no data comes after it. False: a call is stuck, and
  // so the node is left as it is.
  bool Stop(bool leaving, int64_t within_ns, std::function<void()> last = {});

  void SetEdges(std::shared_ptr<const Edges> edges);
  void SetEpoch(std::string epoch) { epoch_ = std::move(epoch); }
  const std::string& epoch() const { return epoch_; }

  // Data in. Full inboxes follow the YAML: kBlock takes it all the same (the producer asked
  // Congested before), kDropOldest makes room.
  void PushSamples(BatchRef batch);
  void PushLogs(LogBatch batch);
  // In the spool when it returns, also on a node that is stopped.
  void PushNotification(const Notification& notification);
  // There may be notices in the spool that another node put there.
  void Wake();
  // Runs on the lane between data calls, in order with them.
  void PushWork(std::function<void()> work);
  void PushTick();
  void PushExpired(std::shared_ptr<const std::vector<uint32_t>> series);
  bool Congested() const;
  // Nothing is on its way. What a notifier can't deliver now is safe where it is.
  bool Drained() const;

  // A request for one of its routes; waits for the answer. kUnavailable: the sender should come
  // back.
  Result<PushAnswer> Receive(PushRequest request);
  Result<uint64_t> BodyLimit(std::string_view path) const;

  // Calls the action on its lane; `work` gets null once the node is stopped or hung.
  void CallAction(std::string_view what, int64_t deadline_ns,
                  std::function<void(ActionInstance*)> work);
  // Emits history, then begins to poll; on the node's lane.
  void StartBackfill(int64_t from_ns, int64_t to_ns);
  // One poll beside the grid; a source that pushes answers Ok. `done` runs on the node's lane.
  void PollNow(std::function<void(const Status&)> done);

  NodeStats stats() const;
  // When the oldest call that is still running began (monotonic), 0 when none runs.
  int64_t OldestCallNs() const;
  // The watchdog's verdict; true when it changed the state.
  bool MarkHung(int64_t now_ns);

 private:
  struct TickMessage {};
  struct ExpiredMessage {
    std::shared_ptr<const std::vector<uint32_t>> series;
  };
  using Message =
      std::variant<BatchRef, LogBatch, std::function<void()>, TickMessage, ExpiredMessage>;

  struct RunningCall {
    uint64_t id;
    int64_t began_ns;
    int64_t deadline_ns;  // monotonic
    std::string_view what;
    std::thread::id thread;
  };
  // While one lives, the watchdog sees the call.
  class Call;

  std::shared_ptr<const Edges> CurrentEdges() const;
  void PushPart(const SampleBatch& batch, const Edge& edge,
                const std::function<bool(uint32_t)>& wanted);
  void Push(Message message, bool data);
  void Schedule();  // with mutex_ held
  void Drain();
  void Handle(Message& message);
  bool NoticesDue() const;  // with mutex_ held
  void DeliverNotices();
  void HandleRequest(Receiver::Job& job);
  Status PollOnce();
  void Poll();
  void SchedulePoll(int64_t after_ns);
  void Finish(const Status& status);

  const uint32_t index_;
  const NodeSpec spec_;
  const Clock& clock_;
  SeriesTable& series_;
  NodeEvents& events_;
  std::string epoch_;

  std::unique_ptr<SourceInstance> source_;
  std::unique_ptr<DetectorInstance> detector_;
  std::unique_ptr<ActionInstance> action_;
  std::unique_ptr<NotifierInstance> notifier_;
  std::unique_ptr<Delivery> delivery_;
  Receiver receiver_;
  bool listener_ = false;

  std::unique_ptr<Lane> own_lane_;  // null: the pool's
  Lane* lane_ = nullptr;
  std::unique_ptr<boost::asio::steady_timer> timer_;
  int64_t next_poll_ns_ = 0;

  std::atomic<int64_t> received_ns_{0};
  std::atomic<bool> stopping_{false};
  std::atomic<NodeState> state_{NodeState::kIdle};
  std::atomic<bool> backfilling_{false};
  std::atomic<bool> live_batch_{true};     // the batch being processed is live data
  std::atomic<int64_t> batch_born_ns_{0};  // when it came in; 0 between batches

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::deque<Message> inbox_;
  size_t data_in_inbox_ = 0;
  bool scheduled_ = false;
  bool tick_waiting_ = false;
  bool paused_ = false;  // a notifier's delivery waits before it goes on
  std::shared_ptr<const Edges> edges_ = std::make_shared<const Edges>();
  std::vector<RunningCall> calls_;
  uint64_t next_call_ = 0;
  std::string last_error_;
  int64_t last_error_ns_ = 0;

  std::mutex held_mutex_;
  std::map<std::string, Finding> held_;  // open findings made from history, under held_mutex_

  std::atomic<uint64_t> in_{0}, out_{0}, errors_{0}, dropped_{0}, stale_{0}, overdue_{0},
      call_count_{0};
  std::atomic<bool> ok_{true};
  std::atomic<bool> tick_ok_{true};  // as a detector's latest tick said
};

}  // namespace heald
