// One supervised service: a thread that starts its command, waits for it to be ready, notices its
// end, restarts and stops it, and keeps a record on disk from which the next agent goes on after
// this one was killed. Used by the process action.
// Thread rule: public functions from any thread; Start and Close once each.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "plugins/actions/process/record.h"
#include "plugins/support/child.h"

namespace heald::process {

using support::Child;
using support::Command;

// The environment variables every supervised child carries.
inline constexpr std::string_view kServiceVariable = "HEALD_SERVICE_ID";
inline constexpr std::string_view kInstanceVariable = "HEALD_SERVICE_INSTANCE";

// "4.2 s"
std::string SecondsText(double seconds);

struct Readiness {
  std::string http;  // ready when this answers 2xx
  int64_t port = 0;  // ready when 127.0.0.1:port accepts
  std::chrono::milliseconds timeout{10'000};
};

struct ServiceSpec {
  std::string name;
  Command command;
  Readiness ready;
  std::chrono::milliseconds stop_timeout{10'000};
  bool autostart = true;
  bool restart_on_exit = false;
  int64_t log_max_bytes = int64_t{10} << 20;
  int64_t log_keep = 3;
  bool retired = false;  // no longer configured: only stop what still runs
};

enum class Phase { kDown, kStarting, kReady, kStopping, kWaiting };

struct Status {
  Phase phase = Phase::kDown;
  bool want_up = false;
  std::string instance;    // id of the present or latest child; empty: never had one
  bool running = false;    // that child lives
  bool replacing = false;  // a restart of that child is under way
  bool late = false;       // not ready within ready.timeout
  pid_t pid = 0;
  double ready_after_s = -1;  // from start to ready; -1: not known
  std::string problem;        // why it isn't ready, or how it ended
};

// Empty when ready, else why not. Returns within about a second; called on the service's thread.
using Probe = std::function<std::string(const Readiness&)>;
using ServiceLog = std::function<void(bool warning, const std::string& message)>;

class Service {
 public:
  // state_dir: where the record lies and, with the name, what marks this service's children.
  Service(ServiceSpec spec, const std::string& state_dir, Probe probe, ServiceLog log);
  ~Service();
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Adopts what an earlier agent left running, or starts the command if it should run.
  void Start();
  // Ends the thread, with the child or leaving it to the next agent. BeginClose doesn't wait, so
  // that several services can end at once; Close does.
  void BeginClose(bool stop_child);
  void Close(bool stop_child);

  // False: the present child isn't `expected` any more; nothing was done. Recorded before the
  // return, so the restart goes on after a kill of the agent. *problem: the record can't be
  // written.
  bool Restart(const std::string& expected, std::string* problem);
  void SetWanted(bool up, std::string* problem);

  Status status() const;
  const ServiceSpec& spec() const { return spec_; }

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  void Resume();
  void Attend(std::unique_lock<std::mutex>& lock);
  void Spawn(std::unique_lock<std::mutex>& lock);
  void StopChild(std::unique_lock<std::mutex>& lock);
  void CheckReady(std::unique_lock<std::mutex>& lock);
  void Ended(const std::string& how);
  void WaitIdle(std::unique_lock<std::mutex>& lock);
  std::string Save();
  void Forget() const;
  void Wake() const;
  void DrainWake() const;

  const ServiceSpec spec_;
  const std::string record_path_;
  const std::string marker_;
  const Probe probe_;
  const ServiceLog log_;
  std::thread thread_;
  int wake_fd_ = -1;
  Child child_;  // touched by thread_ only
  Clock::time_point started_at_;
  Clock::time_point next_log_check_;
  bool adopted_ = false;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  bool quit_ = false;
  bool stop_child_ = false;
  Clock::time_point next_start_;
  std::chrono::milliseconds backoff_{0};
  Record record_;
  Status status_;
};

}  // namespace heald::process
