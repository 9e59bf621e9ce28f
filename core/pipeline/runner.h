// Runs a pipeline: makes the nodes, wires them, starts and stops them in order, watches their
// calls, and exchanges all of it for another pipeline while it runs. Thread rule: Start, Reload and
// Stop belong to one thread; the rest is safe from any thread.
#pragma once

#include <atomic>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/pipeline/node.h"
#include "core/pipeline/snapshot.h"

namespace heald {

struct RunnerOptions {
  std::string state_dir;     // snapshots, spools
  DeliveryOptions delivery;  // of notices; a pipeline with a notifier needs its codec
  unsigned pool_threads = 2;
  int64_t tick_ns = kSecond;
  int64_t snapshot_every_ns = 30 * kSecond;
  bool watchdog = true;   // off while a debugger is attached
  bool listener = false;  // requests reach Receive, so nodes may mount routes
};

// What a reload did to the nodes.
struct Reloaded {
  size_t added = 0;
  size_t removed = 0;
  std::vector<std::string> restarted;
  std::vector<std::string> went_on;  // of these the detectors that have what they had learnt
};

class Runner {
 public:
  Runner(RunnerOptions options, const Clock& clock, SeriesTable& series, InstanceFactory& factory,
         NodeEvents& events);
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;
  ~Runner();

  // All or nothing: an error leaves no node running.
  Status Start(const PipelineSpec& spec);
  // Unchanged nodes stay, with their state; a detector changed in such keys only as its state
  // doesn't depend on hands it on. An error leaves the old pipeline running.
  Result<Reloaded> Reload(const PipelineSpec& spec);
  // Sources end first, then what they emitted is worked off, then everything else ends. False: some
  // call is stuck; the process should end without waiting for it.
  bool StopSources(int64_t within_ns);
  bool Drain(int64_t within_ns, bool detectors_only = false);
  bool Stop(int64_t within_ns);

  struct Polled {
    std::string source;
    Status status;
    uint64_t samples = 0;
  };
  // Polls every polled source now and waits until the detectors have judged what came; a source
  // that takes longer is told as such.
  std::vector<Polled> PollNow(int64_t within_ns);

  // False: there is no such action node (now). deadline_ns: monotonic; from then on the call sees
  // that it is cancelled.
  bool CallAction(std::string_view node, std::string_view what, int64_t deadline_ns,
                  std::function<void(ActionInstance*)> work);
  // The configuration of an action node; null when there is none.
  std::shared_ptr<const NodeSpec> ActionSpec(std::string_view node) const;
  // To all notifiers that list the notification's node, or one of which `also` (may be null) says
  // yes. It is on disk when this returns.
  using Listed = std::function<bool(const std::string& node)>;
  void Notify(const Notification& notification, const Listed& also);

  // A request for a route of a node, on a thread of the listener; waits for the answer. kNotFound:
  // no such node or route. kUnavailable: the sender should come back.
  Result<PushAnswer> Receive(std::string_view node, PushRequest request);
  // The bytes that a request may hold.
  Result<uint64_t> ReceiveLimit(std::string_view node, std::string_view path) const;

  std::vector<NodeStats> stats() const;
  // Nodes that aren't well, each with why: "prom: connection refused…".
  std::vector<std::string> Complaints() const;

 private:
  using Nodes = std::map<std::string, std::shared_ptr<Node>, std::less<>>;

  Result<std::shared_ptr<Node>> Make(const NodeSpec& spec, Node* before);
  Status GiveSpool(Node& node);
  // Whether the detector goes on from there. Why it doesn't is told, unless there is nothing.
  bool GoOn(Node& node, const Result<Snapshot>& from);
  // Stops a node for its successor, which may be null. Whether that has what the node had learnt.
  bool MakeWay(const std::shared_ptr<Node>& node, Node* heir);
  void Wire(const PipelineSpec& spec, const Nodes& nodes);
  Status StartNodes(const std::vector<std::shared_ptr<Node>>& fresh);
  void Begin(const std::vector<std::shared_ptr<Node>>& fresh, int64_t backfill_ns);
  Nodes nodes() const;
  Result<std::shared_ptr<Node>> Receiving(std::string_view name) const;
  void Watch();
  void SaveSnapshots(const Nodes& nodes, bool wait);
  void ExpireSeries(const std::vector<uint32_t>& gone);
  std::string SnapshotPath(const NodeSpec& spec) const;

  const RunnerOptions options_;
  const Clock& clock_;
  SeriesTable& series_;
  InstanceFactory& factory_;
  NodeEvents& events_;
  Lane pool_;
  uint32_t next_index_ = 0;
  PipelineSpec spec_;  // the one that runs; of Start, Reload and Stop
  // By path, so that a node and its successor after a reload share one; of Start, Reload and Stop.
  std::map<std::string, std::weak_ptr<Spool>> spools_;
  std::atomic<int64_t> series_ttl_ns_{kHour};
  std::atomic<size_t> receiving_{0};  // requests under way

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  Nodes nodes_;                                 // guarded by mutex_
  std::vector<std::shared_ptr<Node>> retired_;  // stopped notifiers; guarded by mutex_
  bool ending_ = false;                         // guarded by mutex_
  std::thread watchdog_;
};

}  // namespace heald
