#include "core/api/live.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <nlohmann/json.hpp>
#include <system_error>
#include <utility>

#include "core/base/clock.h"
#include "core/base/steady.h"

namespace heald::api {
namespace {

// Events are joined up to this size for a client that is behind.
constexpr size_t kPieceBytes = size_t{32} * 1024;
// One client's turn, after which the others come first.
constexpr size_t kTurnBytes = size_t{256} * 1024;
// What the kernel holds for a client that doesn't read would otherwise grow to megabytes.
constexpr int kSendBufferBytes = 128 * 1024;

std::string NewEpoch() {
  constexpr char kDigits[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  std::string text;
  for (auto left = static_cast<uint64_t>(SystemClock().NowNs() / kMicrosecond); left != 0;
       left /= 36)
    text.insert(text.begin(), kDigits[left % 36]);
  return text;
}

}  // namespace

struct LiveStream::Wakeups {
  Wakeups() : epoll(epoll_create1(EPOLL_CLOEXEC)), event(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}
  ~Wakeups() {
    for (const int fd : {epoll, event})
      if (fd >= 0) close(fd);
  }
  Wakeups(const Wakeups&) = delete;
  Wakeups& operator=(const Wakeups&) = delete;

  const int epoll;
  const int event;
};

struct LiveStream::Client {
  Client(Channel c, std::string id, Allowed a)
      : channel(std::move(c)), last_event_id(std::move(id)), allowed(std::move(a)) {}

  Channel channel;
  const std::string last_event_id;
  const Allowed allowed;
  EventCursor cursor;
  Bytes out;          // being written
  size_t out_at = 0;  // from here on
  bool waits_to_write = false;
  int64_t wrote_ns = 0;    // when something was last taken
  int64_t blocked_ns = 0;  // since when nothing was, with something to take; 0: it isn't so
  int64_t kept_up_ns = 0;  // when it was last less than lag_bytes behind
  int64_t checked_ns = 0;
  uint32_t retry_part = 0;  // 0 to 99: clients shall not all come back at once
};

LiveStream::LiveStream(const LiveLimits& limits, std::string version)
    : limits_(limits),
      version_(std::move(version)),
      log_(NewEpoch(), limits.kept_events, limits.kept_bytes) {}

LiveStream::~LiveStream() {
  Stop();
}

Status LiveStream::Start() {
  wakeups_ = std::make_unique<Wakeups>();
  epoll_event wake{};
  wake.events = EPOLLIN;
  wake.data.ptr = nullptr;
  if (wakeups_->event < 0 || epoll_ctl(wakeups_->epoll, EPOLL_CTL_ADD, wakeups_->event, &wake) != 0)
    return MakeError(Code::kUnavailable,
                     "the live stream does not start: " + std::system_category().message(errno) +
                         "; raise the limit of open files (ulimit -n)");
  try {
    thread_ = std::thread([this] { Run(); });
  } catch (const std::system_error& error) {
    return MakeError(Code::kUnavailable,
                     std::string("the live stream's thread does not start: ") + error.what());
  }
  return {};
}

void LiveStream::Stop() {
  stopping_ = true;
  if (!thread_.joinable()) return;
  Wake();
  thread_.join();
}

void LiveStream::Wake() {
  if (woken_.exchange(true)) return;
  const uint64_t one = 1;
  static_cast<void>(write(wakeups_->event, &one, sizeof one));
}

void LiveStream::Publish(std::string_view event, std::string_view data, Keep keep) {
  if (stopping_) return;
  bool heard = false;
  {
    const std::lock_guard lock(mutex_);
    ++stats_.events_total;
    if (keep == Keep::kEvery)
      log_.Keep(event, data);
    else
      log_.Pass(event, data);
    heard = stats_.clients > 0;
  }
  if (heard) Wake();
}

bool LiveStream::Reserve() {
  const std::lock_guard lock(mutex_);
  if (seats_taken_ < limits_.clients) {
    ++seats_taken_;
    return true;
  }
  ++stats_.refused_total;
  return false;
}

void LiveStream::Adopt(Channel channel, std::string head, std::string last_event_id,
                       Allowed allowed) {
  auto client =
      std::make_unique<Client>(std::move(channel), std::move(last_event_id), std::move(allowed));
  client->out = std::make_shared<const std::string>(std::move(head));
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    arrivals_.push_back(std::move(client));
  }
  Wake();
}

LiveStats LiveStream::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

void LiveStream::Run() {
  BlockBrokenPipeSignal();
  const int64_t tick_ns =
      std::clamp(std::min({limits_.stall_ns, limits_.heartbeat_ns, limits_.recheck_ns}) / 4,
                 5 * kMillisecond, kSecond);
  int64_t checked_ns = SteadyNs();
  while (!stopping_) {
    epoll_event events[64];
    const int timeout_ms = clients_.empty() ? -1 : static_cast<int>(tick_ns / kMillisecond);
    const int ready = epoll_wait(wakeups_->epoll, events, 64, timeout_ms);
    bool woken = false;
    for (int i = 0; i < ready; ++i) {
      auto* const client = static_cast<Client*>(events[i].data.ptr);
      if (client == nullptr) {
        uint64_t count = 0;
        static_cast<void>(read(wakeups_->event, &count, sizeof count));
        woken_ = false;  // before the log is read: what is published from here on wakes again
        woken = true;
        continue;
      }
      const bool readable = (events[i].events & ~static_cast<uint32_t>(EPOLLOUT)) != 0;
      End(client, Serve(*client, readable));
    }
    if (woken) {
      Admit();
      std::vector<Client*> idle;
      for (const auto& [client, owned] : clients_)
        if (!client->waits_to_write) idle.push_back(client);
      for (Client* client : idle) End(client, Serve(*client, false));
    }
    const int64_t now_ns = SteadyNs();
    if (now_ns - checked_ns < tick_ns) continue;
    checked_ns = now_ns;
    std::vector<Client*> all;
    for (const auto& [client, owned] : clients_) all.push_back(client);
    for (Client* client : all) End(client, Check(*client, now_ns));
  }
  const std::lock_guard lock(mutex_);
  clients_.clear();
  arrivals_.clear();
  seats_taken_ = 0;
  stats_.clients = 0;
}

// ---- clients ----

void LiveStream::Admit() {
  std::vector<std::unique_ptr<Client>> arrivals;
  auto part = static_cast<uint32_t>(SteadyNs() / kMicrosecond);
  {
    const std::lock_guard lock(mutex_);
    arrivals.swap(arrivals_);
    stats_.clients += arrivals.size();
    for (const std::unique_ptr<Client>& client : arrivals) {
      client->retry_part = (part += 37) % 100;
      client->out = std::make_shared<const std::string>(*client->out + Greet(*client));
    }
  }
  // A peer that vanished without a word is noticed by the heartbeat that is never acknowledged.
  const auto acknowledge_ms = static_cast<unsigned>(limits_.acknowledge_ns / kMillisecond);
  for (std::unique_ptr<Client>& arrival : arrivals) {
    Client* const client = arrival.get();
    client->wrote_ns = client->kept_up_ns = client->checked_ns = SteadyNs();
    const int fd = client->channel.fd();
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBufferBytes, sizeof kSendBufferBytes);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &acknowledge_ms, sizeof acknowledge_ms);
    clients_.emplace(client, std::move(arrival));
    epoll_event wanted{};
    wanted.events = EPOLLIN | EPOLLRDHUP;
    wanted.data.ptr = client;
    if (epoll_ctl(wakeups_->epoll, EPOLL_CTL_ADD, fd, &wanted) != 0) End(client, Fate::kGone);
  }
}

void LiveStream::ArmWrite(Client& client, bool wanted) {
  if (client.waits_to_write == wanted) return;
  client.waits_to_write = wanted;
  epoll_event events{};
  events.events = EPOLLIN | EPOLLRDHUP | (wanted ? static_cast<uint32_t>(EPOLLOUT) : 0U);
  events.data.ptr = &client;
  epoll_ctl(wakeups_->epoll, EPOLL_CTL_MOD, client.channel.fd(), &events);
}

void LiveStream::End(Client* client, Fate fate) {
  if (fate == Fate::kStays) return;
  // Closing alone would not do: a command that an action is about to start holds a copy of the
  // socket until its exec, and the set would go on naming a client that is gone.
  epoll_ctl(wakeups_->epoll, EPOLL_CTL_DEL, client->channel.fd(), nullptr);
  clients_.erase(client);
  const std::lock_guard lock(mutex_);
  --stats_.clients;
  --seats_taken_;
  if (fate == Fate::kDropped) ++stats_.dropped_total;
  if (fate == Fate::kRevoked) ++stats_.revoked_total;
}

// Under the lock: where the client begins, and what it is told of that.
std::string LiveStream::Greet(Client& client) {
  const std::optional<EventCursor> resumed = log_.After(client.last_event_id);
  client.cursor = resumed.value_or(log_.End());
  const std::string id = log_.IdBefore(client.cursor);
  nlohmann::ordered_json hello{{"now", FormatTime(SystemClock().NowNs())}};
  if (!version_.empty()) hello["version"] = version_;
  const int64_t retry_ms = limits_.retry_ns * (100 + client.retry_part) / 100 / kMillisecond;
  std::string text =
      "retry: " + std::to_string(retry_ms) + "\n" + EventText("hello", id, hello.dump());
  if (!resumed && !client.last_event_id.empty()) text += EventText("reset", id, "{}");
  return text;
}

// False when the client lost what would come next.
bool LiveStream::Refill(Client& client) {
  client.out_at = 0;
  const std::lock_guard lock(mutex_);
  if (!log_.Holds(client.cursor)) return false;
  client.out = log_.Next(client.cursor, kPieceBytes);
  return true;
}

// Writes all there is to write, or as much as the client takes.
LiveStream::Fate LiveStream::Serve(Client& client, bool readable) {
  if (readable) {
    // Nothing is expected from it but its end.
    char ignored[4096];
    const Channel::Io io = client.channel.Read(ignored, sizeof ignored);
    if (io.timed_out) return Fate::kDropped;
    if (io.state == Channel::State::kClosed || io.bytes == sizeof ignored) return Fate::kGone;
  }
  size_t turn_bytes = kTurnBytes;
  while (turn_bytes > 0) {
    if (client.out == nullptr && !Refill(client)) return Fate::kDropped;
    if (client.out == nullptr) {
      ArmWrite(client, false);
      return Fate::kStays;
    }
    const Channel::Io io =
        client.channel.Write(std::string_view(*client.out).substr(client.out_at));
    if (io.state == Channel::State::kClosed) return io.timed_out ? Fate::kDropped : Fate::kGone;
    if (io.state != Channel::State::kDone) {
      if (client.blocked_ns == 0) client.blocked_ns = SteadyNs();
      break;
    }
    client.wrote_ns = SteadyNs();
    client.blocked_ns = 0;
    client.out_at += io.bytes;
    turn_bytes -= std::min(turn_bytes, io.bytes);
    if (client.out_at == client.out->size()) client.out = nullptr;
  }
  ArmWrite(client, true);
  return Fate::kStays;
}

// What time alone brings about.
LiveStream::Fate LiveStream::Check(Client& client, int64_t now_ns) {
  if (client.blocked_ns != 0 && now_ns - client.blocked_ns >= limits_.stall_ns)
    return Fate::kDropped;
  {
    const std::lock_guard lock(mutex_);
    if (!log_.Holds(client.cursor)) return Fate::kDropped;
    if (log_.BytesBehind(client.cursor) <= limits_.lag_bytes) client.kept_up_ns = now_ns;
  }
  if (now_ns - client.kept_up_ns >= limits_.stall_ns) return Fate::kDropped;
  if (now_ns - client.checked_ns >= limits_.recheck_ns) {
    client.checked_ns = now_ns;
    if (client.allowed && !client.allowed()) return Fate::kRevoked;
  }
  if (client.out == nullptr && now_ns - client.wrote_ns >= limits_.heartbeat_ns) {
    static const Bytes kHeartbeat = std::make_shared<const std::string>(":\n\n");
    client.out = kHeartbeat;
    client.out_at = 0;
    return Serve(client, false);
  }
  return Fate::kStays;
}

}  // namespace heald::api
