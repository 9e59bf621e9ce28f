#include "plugins/notifiers/kafka/kafka_notifier.h"

#include <chrono>
#include <set>

#include "plugins/notifiers/kafka/event.h"
#include "plugins/support/kafka/error_text.h"

namespace heald::kafka {
namespace {

constexpr int kPollMs = 50;
constexpr int kLastWordsMs = 1000;              // for answers that are on their way at the end
constexpr int64_t kAskAgainNs = 1'000'000'000;  // while events are on their way
constexpr auto kLeastWait = std::chrono::milliseconds(500);

std::string IdOf(const heald_notification& notice) {
  return notice.event_id.len == 0 ? std::string()
                                  : std::string(notice.event_id.ptr, notice.event_id.len);
}

}  // namespace

void KafkaNotifier::Validate(const Config& config, sdk::Problems& problems) {
  for (const Problem& problem : CheckNotifierConfig(config))
    problems.Add(problem.pointer, problem.message);
}

KafkaNotifier::KafkaNotifier(sdk::Host host, const Config& config)
    : host_(host),
      config_(config),
      delivered_(host.Counter("delivered_messages_total", "Messages that the brokers confirmed")),
      refused_(host.Counter("refused_messages_total", "Messages that the brokers refused")) {}

void KafkaNotifier::Start() {
  if (config_.sasl && config_.sasl->mechanism == Mechanism::kPlain && !config_.tls.enabled)
    host_.Log(sdk::Level::kWarning,
              "the password goes over the network in the clear: add tls: {enabled: true}, or use "
              "SCRAM-SHA-512");
  Connect();
}

void KafkaNotifier::Connect() {
  listener_ = {};  // joins
  client_.reset();
  {
    // Those on their way may have been written: their ids tell.
    const std::lock_guard lock(mutex_);
    flights_.clear();
  }
  client_ = std::make_unique<Client>(host_, config_, RD_KAFKA_PRODUCER, ProducerSettings(), *this);
  listener_ = std::jthread([handle = client_->get()](const std::stop_token& stop) {
    while (!stop.stop_requested()) rd_kafka_poll(handle, kPollMs);
  });
}

void KafkaNotifier::Stop(bool) {
  if (client_ == nullptr) return;
  // What no broker has seen stays in the host's spool alone; what one may have gets a moment more.
  rd_kafka_purge(client_->get(), RD_KAFKA_PURGE_F_QUEUE);
  rd_kafka_flush(client_->get(), kLastWordsMs);
  listener_ = {};
  client_.reset();
}

void KafkaNotifier::NotifyAll(Notices& notices) {
  if (client_->broken()) Connect();
  for (size_t i = 0; i < notices.size(); ++i) Produce(notices[i], notices.Params(i));
  Wait(notices);
  Settle(notices);
}

void KafkaNotifier::Produce(const heald_notification& notice, const Config& filled) {
  Flights::value_type* flight = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto [at, added] = flights_.try_emplace(IdOf(notice));
    if (!added) return;
    flight = &*at;
  }
  const Message message = MessageOf(notice, filled);
  flight->second.topic = message.topic;
  rd_kafka_headers_t* headers = rd_kafka_headers_new(message.headers.size());
  for (const auto& [name, value] : message.headers)
    rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                        static_cast<ssize_t>(value.size()));
  rd_kafka_vu_t parts[7] = {};
  size_t count = 0;
  const auto part = [&](rd_kafka_vtype_t type) -> rd_kafka_vu_t& {
    parts[count].vtype = type;
    return parts[count++];
  };
  part(RD_KAFKA_VTYPE_TOPIC).u.cstr = message.topic.c_str();
  rd_kafka_vu_t& value = part(RD_KAFKA_VTYPE_VALUE);
  value.u.mem.ptr = const_cast<char*>(message.value.data());
  value.u.mem.size = message.value.size();
  if (!message.key.empty()) {
    rd_kafka_vu_t& key = part(RD_KAFKA_VTYPE_KEY);
    key.u.mem.ptr = const_cast<char*>(message.key.data());
    key.u.mem.size = message.key.size();
  }
  part(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
  part(RD_KAFKA_VTYPE_OPAQUE).u.ptr = flight;
  part(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
  rd_kafka_error_t* error = rd_kafka_produceva(client_->get(), parts, count);
  if (error == nullptr) return;
  rd_kafka_headers_destroy(headers);
  const std::lock_guard lock(mutex_);
  flight->second.pending = false;
  flight->second.result = rd_kafka_error_code(error);
  rd_kafka_error_destroy(error);
}

void KafkaNotifier::OnDelivery(const rd_kafka_message_t& message) {
  {
    const std::lock_guard lock(mutex_);
    Flight& flight = static_cast<Flights::value_type*>(message._private)->second;
    flight.pending = false;
    flight.result = message.err;
  }
  changed_.notify_all();
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    client_->NoteWell();
    delivered_.Record(1);
  } else if (message.err != RD_KAFKA_RESP_ERR__PURGE_QUEUE &&
             message.err != RD_KAFKA_RESP_ERR__PURGE_INFLIGHT) {
    refused_.Record(1);
  }
}

bool KafkaNotifier::AnyPending(const Notices& notices) const {
  for (size_t i = 0; i < notices.size(); ++i)
    if (const auto at = flights_.find(IdOf(notices[i])); at != flights_.end() && at->second.pending)
      return true;
  return false;
}

void KafkaNotifier::Wait(const Notices& notices) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point begun = Clock::now();
  std::unique_lock lock(mutex_);
  while (AnyPending(notices) && !host_.Cancelled()) {
    const auto waited = Clock::now() - begun;
    if (waited >= std::chrono::nanoseconds(config_.timeout.ns)) return;
    // While the brokers are known to be away the lane isn't held up; librdkafka goes on trying.
    if (waited >= kLeastWait && !client_->trouble().empty()) return;
    changed_.wait_for(lock, std::chrono::milliseconds(kPollMs));
  }
}

void KafkaNotifier::Settle(Notices& notices) {
  std::unique_lock lock(mutex_);
  std::set<std::string> asked;
  bool pending = false;  // before any that failed
  Flight failed;
  std::string failed_id;
  for (size_t i = 0; i < notices.size(); ++i) {
    const std::string id = IdOf(notices[i]);
    asked.insert(id);
    const auto at = flights_.find(id);
    if (at == flights_.end()) continue;
    if (at->second.pending) {
      pending |= failed_id.empty();
    } else if (at->second.result == RD_KAFKA_RESP_ERR_NO_ERROR) {
      notices.Done(i);
    } else if (failed_id.empty() && !pending) {
      failed = at->second;
      failed_id = id;
    }
  }
  // The host never asks again for what is done; what failed is produced anew when it does. A
  // permanent failure behind one that is pending waits until its turn to be told.
  for (auto at = flights_.begin(); at != flights_.end();) {
    const bool known = asked.contains(at->first);
    const bool over = !at->second.pending;
    const bool told = at->second.result == RD_KAFKA_RESP_ERR_NO_ERROR ||
                      !IsPermanent(at->second.result) || at->first == failed_id;
    at = over && (told || !known) ? flights_.erase(at) : std::next(at);
  }
  lock.unlock();
  if (!failed_id.empty()) {
    told_.clear();
    const std::string text = ExplainTopic(failed.result, failed.topic, config_);
    if (IsPermanent(failed.result)) throw sdk::Failure(HEALD_INVALID, text);
    throw sdk::Failure(HEALD_UNAVAILABLE, text).Retryable(kAskAgainNs);
  }
  if (pending) FailWaiting();
  told_.clear();
}

// Once as a failure, which the host shows until an event is delivered. Then as a pause: a failure
// would be followed by ever longer ones, and the brokers may be back by now.
void KafkaNotifier::FailWaiting() {
  if (host_.Cancelled()) throw sdk::Failure(HEALD_CANCELLED, "stopped while waiting");
  std::string text = client_->trouble();
  if (text.empty()) text = client_->cause();
  if (text.empty())
    text = "the brokers at " + BrokersText(config_) + " confirm nothing: are enough replicas of '" +
           config_.topic + "' in sync?";
  text += "; events wait on disk";
  const bool news = text != told_;
  told_ = text;
  throw sdk::Failure(news ? HEALD_UNAVAILABLE : HEALD_FULL, text).Retryable(kAskAgainNs);
}

}  // namespace heald::kafka
