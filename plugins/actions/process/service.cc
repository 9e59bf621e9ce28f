#include "plugins/actions/process/service.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <random>
#include <utility>

#include "plugins/support/log_file.h"
#include "plugins/support/proc.h"

namespace heald::process {
namespace {

using std::chrono::milliseconds;
using support::AgeSeconds;
using support::BootId;
using support::EnvironmentOf;
using support::FindLeader;
using support::IsAlive;
using support::KillRemains;
using support::LogTail;
using support::ProcessStat;
using support::RotateLog;

constexpr milliseconds kProbeEvery{50};
constexpr milliseconds kProbeLateEvery{1000};
constexpr milliseconds kLogCheckEvery{5000};
constexpr milliseconds kFirstBackoff{500};
constexpr milliseconds kLongestBackoff{30'000};
constexpr milliseconds kStableAfter{10'000};
// Without a readiness check: alive for this long counts as ready.
constexpr milliseconds kSettle{1000};

std::string NewInstanceId() {
  std::random_device random;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x", random(), random());
  return text.data();
}

}  // namespace

std::string SecondsText(double seconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.1f s", seconds);
  return text.data();
}

Service::Service(ServiceSpec spec, const std::string& state_dir, Probe probe, ServiceLog log)
    : spec_(std::move(spec)),
      record_path_(state_dir + "/" + spec_.name + ".service.json"),
      marker_(state_dir + "/" + spec_.name),
      probe_(std::move(probe)),
      log_(std::move(log)),
      wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Service::~Service() {
  Close(false);
  close(wake_fd_);
}

void Service::Start() {
  // Before the thread, so that whoever asks after Start gets an answer from what was found.
  Resume();
  thread_ = std::thread([this] { Run(); });
}

void Service::BeginClose(bool stop_child) {
  const std::lock_guard lock(mutex_);
  quit_ = true;
  stop_child_ = stop_child;
  Wake();
}

void Service::Close(bool stop_child) {
  if (!thread_.joinable()) return;
  BeginClose(stop_child);
  thread_.join();
}

bool Service::Restart(const std::string& expected, std::string* problem) {
  const std::lock_guard lock(mutex_);
  if (status_.instance != expected) return false;
  record_.want_up = true;
  record_.replacing = status_.running ? expected : "";
  *problem = Save();
  status_.want_up = true;
  status_.replacing = true;
  backoff_ = milliseconds(0);
  next_start_ = Clock::now();
  Wake();
  return true;
}

void Service::SetWanted(bool up, std::string* problem) {
  const std::lock_guard lock(mutex_);
  record_.want_up = up;
  *problem = Save();
  status_.want_up = up;
  backoff_ = milliseconds(0);
  next_start_ = Clock::now();
  Wake();
}

Status Service::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Service::Run() {
  std::unique_lock lock(mutex_);
  while (!quit_) {
    if (child_)
      Attend(lock);
    else if (status_.want_up && Clock::now() >= next_start_)
      Spawn(lock);
    else
      WaitIdle(lock);
  }
  if (!stop_child_) return;
  if (child_) StopChild(lock);
  // Nothing runs, so there is nothing to adopt; the next agent starts from its configuration.
  Forget();
}

void Service::Resume() {
  const std::lock_guard lock(mutex_);
  std::string problem;
  const auto record = ReadRecord(record_path_, &problem);
  if (!problem.empty()) log_(true, problem);
  const std::string boot_id = BootId();
  next_start_ = Clock::now();
  status_.want_up = spec_.autostart && !spec_.retired;
  if (record && record->boot_id == boot_id) {
    record_ = *record;
    status_.want_up = record->want_up && !spec_.retired;
  }
  record_.boot_id = boot_id;
  record_.want_up = status_.want_up;
  pid_t pid = record_.pid;
  uint64_t start_ticks = record_.start_ticks;
  if (pid == 0) {
    // Killed between the start and the note of it, or the record is lost: ask the processes.
    const ProcessStat found = FindLeader(kServiceVariable, marker_);
    pid = found.pid;
    start_ticks = found.start_ticks;
    if (pid != 0) record_.instance = EnvironmentOf(pid, kInstanceVariable);
  }
  if (pid != 0) child_ = Child::Adopt(pid, start_ticks);
  status_.instance = record_.instance;
  if (!child_) {
    if (spec_.retired) Forget();
    return;
  }
  record_.pid = pid;
  record_.start_ticks = start_ticks;
  started_at_ = Clock::now();
  adopted_ = true;
  status_.phase = Phase::kStarting;
  status_.running = true;
  status_.pid = pid;
  log_(false, spec_.name + ": adopted pid " + std::to_string(pid) + ", running for " +
                  SecondsText(AgeSeconds(start_ticks)));
  if (!spec_.retired && record && record->fingerprint != spec_.command.Fingerprint() &&
      record->pid != 0) {
    log_(false, spec_.name + ": its command was changed: restarting it");
    record_.replacing = record_.instance;
  }
  status_.replacing = !record_.replacing.empty() && record_.replacing == record_.instance;
  if (const std::string failed = Save(); !failed.empty()) log_(true, failed);
}

void Service::Attend(std::unique_lock<std::mutex>& lock) {
  if (!status_.want_up || record_.replacing == status_.instance) {
    StopChild(lock);
    return;
  }
  milliseconds patience = kLogCheckEvery;
  if (status_.phase == Phase::kStarting) {
    CheckReady(lock);
    if (status_.phase == Phase::kStarting) patience = status_.late ? kProbeLateEvery : kProbeEvery;
  }
  if (quit_) return;
  lock.unlock();
  const bool ended = child_.WaitExit(patience, wake_fd_);
  DrainWake();
  if (!ended && Clock::now() >= next_log_check_) {
    next_log_check_ = Clock::now() + kLogCheckEvery;
    const std::string problem =
        RotateLog(spec_.command.log_file, spec_.log_max_bytes, spec_.log_keep);
    if (!problem.empty()) log_(true, problem);
  }
  lock.lock();
  if (ended) Ended(child_.exit_text());
}

void Service::CheckReady(std::unique_lock<std::mutex>& lock) {
  const auto age = std::chrono::duration_cast<milliseconds>(Clock::now() - started_at_);
  std::string problem;
  lock.unlock();
  if (!spec_.ready.http.empty() || spec_.ready.port != 0)
    problem = probe_(spec_.ready);
  else if (age < kSettle)
    problem = "started " + SecondsText(static_cast<double>(age.count()) / 1000) + " ago";
  // A port that answers may be another's: what counts is that ours still lives.
  const bool alive = IsAlive(child_.pid(), child_.start_ticks());
  lock.lock();
  if (!alive) return;
  status_.problem = problem;
  if (problem.empty()) {
    status_.phase = Phase::kReady;
    status_.late = false;
    if (adopted_) {
      log_(false, spec_.name + ": ready");
    } else {
      status_.ready_after_s = std::chrono::duration<double>(Clock::now() - started_at_).count();
      log_(false, spec_.name + ": ready after " + SecondsText(status_.ready_after_s));
    }
  } else if (age >= spec_.ready.timeout && !status_.late) {
    status_.late = true;
    log_(true, spec_.name + ": not ready within " +
                   SecondsText(static_cast<double>(spec_.ready.timeout.count()) / 1000) + ": " +
                   problem);
  }
}

void Service::Spawn(std::unique_lock<std::mutex>&) {
  KillRemains(record_.pid, std::string(kServiceVariable), marker_);
  record_.instance = NewInstanceId();
  record_.replacing.clear();
  record_.pid = 0;
  record_.fingerprint = spec_.command.Fingerprint();
  std::string problem = Save();
  if (problem.empty()) {
    child_ = Child::Start(spec_.command,
                          {{std::string(kServiceVariable), marker_},
                           {std::string(kInstanceVariable), record_.instance}},
                          &problem);
  }
  status_.instance = record_.instance;
  status_.replacing = false;
  status_.late = false;
  status_.ready_after_s = -1;
  if (!child_) {
    Ended(problem);
    return;
  }
  record_.pid = child_.pid();
  record_.start_ticks = child_.start_ticks();
  if (const std::string failed = Save(); !failed.empty()) log_(true, failed);
  started_at_ = Clock::now();
  adopted_ = false;
  status_.phase = Phase::kStarting;
  status_.running = true;
  status_.pid = child_.pid();
  status_.problem.clear();
  log_(false, spec_.name + ": started, pid " + std::to_string(child_.pid()));
}

void Service::StopChild(std::unique_lock<std::mutex>& lock) {
  status_.phase = Phase::kStopping;
  lock.unlock();
  child_.Stop(spec_.stop_timeout, std::string(kServiceVariable), marker_);
  lock.lock();
  status_.running = false;
  status_.phase = Phase::kDown;
  status_.pid = 0;
  status_.problem = child_.exit_text();
  next_start_ = Clock::now();
  log_(false, spec_.name + ": stopped (" + child_.exit_text() + ")");
  if (spec_.retired) Forget();
}

// The child ended by itself, or could not be started.
void Service::Ended(const std::string& how) {
  const auto lived = status_.running ? Clock::now() - started_at_ : Clock::duration::zero();
  const bool was_running = std::exchange(status_.running, false);
  status_.pid = 0;
  status_.problem = how;
  if (was_running)
    status_.problem += " after " + SecondsText(std::chrono::duration<double>(lived).count());
  backoff_ = lived > kStableAfter || backoff_ == milliseconds(0)
                 ? kFirstBackoff
                 : std::min(backoff_ * 2, kLongestBackoff);
  const bool asked = record_.replacing == status_.instance && was_running;
  if (asked || spec_.restart_on_exit) {
    status_.phase = Phase::kWaiting;
    next_start_ = Clock::now() + (asked ? milliseconds(0) : backoff_);
  } else {
    status_.phase = Phase::kDown;
    next_start_ = Clock::time_point::max();
  }
  if (!status_.want_up) return;
  std::string message = spec_.name + ": " + status_.problem;
  if (spec_.restart_on_exit)
    message += ", starting again in " + SecondsText(static_cast<double>(backoff_.count()) / 1000);
  if (const std::string tail = LogTail(spec_.command.log_file, 400); was_running && !tail.empty())
    message += "; its last lines: " + tail;
  log_(true, message);
}

void Service::WaitIdle(std::unique_lock<std::mutex>& lock) {
  int timeout_ms = -1;
  if (status_.want_up && next_start_ != Clock::time_point::max()) {
    const auto left = std::chrono::duration_cast<milliseconds>(next_start_ - Clock::now());
    timeout_ms = static_cast<int>(std::max<int64_t>(0, left.count() + 1));
  }
  lock.unlock();
  pollfd wake{wake_fd_, POLLIN, 0};
  poll(&wake, 1, timeout_ms);
  DrainWake();
  lock.lock();
}

std::string Service::Save() {
  return WriteRecord(record_path_, record_);
}

void Service::Forget() const {
  std::error_code ignored;
  std::filesystem::remove(record_path_, ignored);
}

void Service::Wake() const {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

void Service::DrainWake() const {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(wake_fd_, &count, sizeof count);
}

}  // namespace heald::process
