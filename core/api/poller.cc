#include "core/api/poller.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "core/base/clock.h"
#include "core/base/steady.h"

namespace heald::api {
namespace {

// One shot: who takes a connection's event has the connection until it is parked again.
constexpr uint32_t kReadable = EPOLLIN | EPOLLRDHUP | EPOLLONESHOT;
constexpr uint32_t kWritable = EPOLLOUT | EPOLLONESHOT;
constexpr uint32_t kNothing = EPOLLONESHOT;

}  // namespace

Poller::Poller(int listener, ConnectionContext& context, Open open, Chore chore)
    : listener_(listener), context_(context), open_(std::move(open)), chore_(std::move(chore)) {}

Poller::~Poller() {
  Stop();
  for (const int fd : {epoll_, event_})
    if (fd >= 0) close(fd);
}

Status Poller::Start() {
  epoll_ = epoll_create1(EPOLL_CLOEXEC);
  event_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (!Watch(event_, EPOLL_CTL_ADD, EPOLLIN, &event_) ||
      !Watch(listener_, EPOLL_CTL_ADD, EPOLLIN, const_cast<int*>(&listener_)))
    return MakeError(Code::kUnavailable,
                     "the API does not start: " + std::system_category().message(errno) +
                         "; raise the limit of open files (ulimit -n)");
  if (chore_.period_ns > 0) next_chore_ns_ = SteadyNs() + chore_.period_ns;
  try {
    workers_.emplace_back([this] { Work(); });
    poller_ = std::thread([this] { Poll(); });
  } catch (const std::system_error& error) {
    return MakeError(Code::kUnavailable,
                     std::string("the API's threads do not start: ") + error.what());
  }
  return {};
}

void Poller::Stop() {
  context_.stop_by_ns = SteadyNs() + kSecond;
  context_.stopping = true;  // in this order: who sees that it stops sees until when
  if (poller_.joinable()) {
    Wake();
    poller_.join();
  }
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  work_.notify_all();
  for (std::thread& worker : workers_)
    if (worker.joinable()) worker.join();
}

PollerStats Poller::stats() const {
  const std::lock_guard lock(mutex_);
  PollerStats stats{seats_.size(), 0, 0, queue_.size(), refused_total_};
  for (const auto& [seat, owned] : seats_) {
    if (!seat->waits) ++stats.working;
    if (seat->waits && seat->connection->idle()) ++stats.idle;
  }
  stats.working -= stats.waiting;
  return stats;
}

bool Poller::Watch(int fd, int operation, uint32_t events, void* tag) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = tag;
  return epoll_ctl(epoll_, operation, fd, &event) == 0;
}

void Poller::Wake() {
  const uint64_t one = 1;
  static_cast<void>(write(event_, &one, sizeof one));
}

// ---- the polling thread ----

int Poller::TimeoutMs(int64_t now_ns) const {
  int64_t next_ns = std::min(next_chore_ns_, accept_again_ns_);
  {
    const std::lock_guard lock(mutex_);
    next_ns = std::min(next_ns, next_expiry_ns_);
  }
  if (next_ns == INT64_MAX) return -1;
  // A millisecond late rather than early, which would spin.
  return static_cast<int>(std::clamp<int64_t>((next_ns - now_ns) / kMillisecond + 1, 0, 60'000));
}

void Poller::Poll() {
  BlockBrokenPipeSignal();
  for (;;) {
    epoll_event events[128];
    const int ready = epoll_wait(epoll_, events, 128, TimeoutMs(SteadyNs()));
    bool knock = false;
    {
      const std::lock_guard lock(mutex_);
      for (int i = 0; i < ready; ++i) {
        void* const tag = events[i].data.ptr;
        if (tag == &event_) {
          uint64_t count = 0;
          static_cast<void>(read(event_, &count, sizeof count));
        } else if (tag == &listener_) {
          knock = true;
        } else if (auto* const seat = static_cast<Seat*>(tag);
                   seats_.contains(seat) && seat->waits) {
          Queue(seat);
        }
      }
    }
    // Only now, when no event is left that names one, may connections be closed.
    if (context_.stopping) BeginToStop();
    const int64_t now_ns = SteadyNs();
    Expire(now_ns);
    if (now_ns >= accept_again_ns_) {
      accept_again_ns_ = INT64_MAX;
      Watch(listener_, EPOLL_CTL_MOD, EPOLLIN, const_cast<int*>(&listener_));
    }
    if (knock && !ending_) Accept();
    if (now_ns >= next_chore_ns_) {
      next_chore_ns_ = now_ns + chore_.period_ns;
      chore_.run();
    }
    const std::lock_guard lock(mutex_);
    if (ending_ && seats_.empty()) return;
  }
}

void Poller::Accept() {
  constexpr int kPerTurn = 64;
  for (int i = 0; i < kPerTurn; ++i) {
    // Commands that actions start do not inherit it.
    const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0) {
      Admit(fd);
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR && errno != ECONNABORTED) {
      const std::lock_guard lock(mutex_);
      if (!MakeRoom()) return PauseAccepting();  // out of file descriptors
    }
  }
}

void Poller::PauseAccepting() {
  constexpr int64_t kPauseNs = 50 * kMillisecond;
  accept_again_ns_ = SteadyNs() + kPauseNs;
  Watch(listener_, EPOLL_CTL_MOD, 0, const_cast<int*>(&listener_));
}

void Poller::Admit(int fd) {
  const int yes = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  auto seat = std::make_unique<Seat>();
  seat->connection = std::make_unique<Connection>(open_(fd), context_);
  seat->waits = true;
  seat->deadline_ns = seat->connection->deadline_ns();
  const std::lock_guard lock(mutex_);
  if (seats_.size() >= context_.limits.connections && !MakeRoom()) {
    ++refused_total_;
    return;
  }
  Seat* const tag = seat.get();
  next_expiry_ns_ = std::min(next_expiry_ns_, tag->deadline_ns);
  seats_.emplace(tag, std::move(seat));
  if (!Watch(fd, EPOLL_CTL_ADD, kReadable, tag)) Take(tag);
}

// Whose time is up is closed when it asked for nothing; else it is told, by a thread.
void Poller::Expire(int64_t now_ns) {
  const std::lock_guard lock(mutex_);
  if (now_ns < next_expiry_ns_) return;
  next_expiry_ns_ = INT64_MAX;
  std::vector<Seat*> due;
  for (const auto& [seat, owned] : seats_) {
    if (!seat->waits) continue;
    if (seat->deadline_ns <= now_ns)
      due.push_back(seat);
    else
      next_expiry_ns_ = std::min(next_expiry_ns_, seat->deadline_ns);
  }
  for (Seat* seat : due) {
    if (seat->connection->idle()) {
      Take(seat);
      continue;
    }
    Watch(seat->connection->fd(), EPOLL_CTL_MOD, kNothing, seat);
    seat->late = true;
    Queue(seat);
  }
}

void Poller::BeginToStop() {
  if (std::exchange(ending_, true)) return;
  Watch(listener_, EPOLL_CTL_DEL, 0, nullptr);
  next_chore_ns_ = accept_again_ns_ = INT64_MAX;
  const std::lock_guard lock(mutex_);
  std::vector<Seat*> idle;
  for (const auto& [seat, owned] : seats_) {
    if (!seat->waits) continue;
    if (seat->connection->idle()) idle.push_back(seat);
    seat->deadline_ns = seat->connection->deadline_ns();
    next_expiry_ns_ = std::min(next_expiry_ns_, seat->deadline_ns);
  }
  for (Seat* seat : idle) Take(seat);
}

// ---- the others ----

void Poller::Work() {
  BlockBrokenPipeSignal();
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_workers_;
    work_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    --idle_workers_;
    if (queue_.empty()) return;
    Seat* const seat = queue_.front();
    queue_.pop_front();
    const bool late = std::exchange(seat->late, false);
    lock.unlock();
    const Pause pause = seat->connection->Advance(late);
    lock.lock();
    Park(seat, pause);
  }
}

// ---- under the lock ----

void Poller::Queue(Seat* seat) {
  seat->waits = false;
  queue_.push_back(seat);
  if (queue_.size() > idle_workers_ &&
      workers_.size() < static_cast<size_t>(context_.limits.threads)) {
    try {
      workers_.emplace_back([this] { Work(); });
    } catch (const std::system_error&) {  // those that there are have to do
    }
  }
  work_.notify_one();
}

void Poller::Park(Seat* seat, const Pause& pause) {
  if (pause.what == Pause::For::kTurn) {
    queue_.push_back(seat);
    return;
  }
  const bool over = pause.what == Pause::For::kEnd ||
                    (context_.stopping && seat->connection->idle()) ||
                    !Watch(seat->connection->fd(), EPOLL_CTL_MOD,
                           pause.what == Pause::For::kRead ? kReadable : kWritable, seat);
  if (over) {
    Take(seat);
    if (context_.stopping) Wake();
    return;
  }
  seat->waits = true;
  seat->deadline_ns = std::min(pause.deadline_ns, context_.stop_by_ns.load());
  if (seat->deadline_ns < next_expiry_ns_) {
    next_expiry_ns_ = seat->deadline_ns;
    Wake();
  }
}

// Closes the connection that is nearest to its deadline, one that asked for nothing first.
bool Poller::MakeRoom() {
  Seat* found = nullptr;
  const auto order = [](const Seat* seat) {
    return std::pair(!seat->connection->idle(), seat->deadline_ns);
  };
  for (const auto& [seat, owned] : seats_)
    if (seat->waits && (found == nullptr || order(seat) < order(found))) found = seat;
  if (found == nullptr) return false;
  if (!found->connection->idle()) ++refused_total_;
  Take(found);
  return true;
}

std::unique_ptr<Poller::Seat> Poller::Take(Seat* seat) {
  return std::move(seats_.extract(seat).mapped());
}

}  // namespace heald::api
