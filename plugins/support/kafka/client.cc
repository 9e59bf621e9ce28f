#include "plugins/support/kafka/client.h"

#include "plugins/support/kafka/error_text.h"

namespace heald::kafka {
namespace {

constexpr size_t kMaxLogged = 64;  // different lines that are remembered
constexpr int kSyslogError = 3;
constexpr int kSyslogWarning = 4;

}  // namespace

Client::Client(sdk::Host host, const KafkaConfig& config, rd_kafka_type_t type,
               const Settings& settings, ClientEvents& events)
    : host_(host), config_(config), events_(events) {
  Conf conf = MakeConf(config, settings);
  rd_kafka_conf_set_opaque(conf.get(), this);
  rd_kafka_conf_set_error_cb(conf.get(), &OnError);
  rd_kafka_conf_set_log_cb(conf.get(), &OnLog);
  if (type == RD_KAFKA_PRODUCER)
    rd_kafka_conf_set_dr_msg_cb(conf.get(),
                                [](rd_kafka_t*, const rd_kafka_message_t* message, void* self) {
                                  static_cast<Client*>(self)->events_.OnDelivery(*message);
                                });
  else
    rd_kafka_conf_set_rebalance_cb(
        conf.get(), [](rd_kafka_t* handle, rd_kafka_resp_err_t code,
                       rd_kafka_topic_partition_list_t* partitions, void* self) {
          static_cast<Client*>(self)->events_.OnRebalance(handle, code, partitions);
        });
  char error[512];
  handle_ = rd_kafka_new(type, conf.get(), error, sizeof error);
  if (handle_ == nullptr)
    throw sdk::Failure(HEALD_INVALID, "librdkafka doesn't start: " + std::string(error));
  static_cast<void>(conf.release());  // the handle's now
}

Client::~Client() {
  rd_kafka_destroy_flags(handle_, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

std::string Client::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

std::string Client::cause() const {
  const std::lock_guard lock(mutex_);
  return cause_.empty() ? "" : Explain(cause_code_, cause_, config_, worked_);
}

void Client::NoteWell() {
  const std::lock_guard lock(mutex_);
  trouble_.clear();
  cause_.clear();
  worked_ = true;
}

bool Client::broken() const {
  const std::lock_guard lock(mutex_);
  return broken_;
}

void Client::OnError(rd_kafka_t*, int code, const char* reason, void* self) {
  static_cast<Client*>(self)->TakeError(static_cast<rd_kafka_resp_err_t>(code), reason);
}

void Client::TakeError(rd_kafka_resp_err_t code, const char* reason) {
  char fatal[512] = "";
  if (code == RD_KAFKA_RESP_ERR__FATAL) code = rd_kafka_fatal_error(handle_, fatal, sizeof fatal);
  const std::lock_guard lock(mutex_);
  switch (code) {
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
      // A refused login takes the connections down as well, and says more.
      if (trouble_.empty()) trouble_ = Explain(cause_code_, cause_, config_, worked_);
      return;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
      cause_code_ = code;
      cause_ = reason;
      return;
    default:
      break;
  }
  if (fatal[0] != 0) broken_ = true;
  cause_code_ = code;
  cause_ = fatal[0] != 0 ? fatal : reason;
  trouble_ = Explain(cause_code_, cause_, config_, worked_);
}

void Client::OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text) {
  if (auto* self = static_cast<Client*>(rd_kafka_opaque(handle)))
    self->TakeLog(level, facility, text);
}

void Client::TakeLog(int level, const std::string& facility, const std::string& text) {
  // Lost and refused connections come as errors too, and become the node's state.
  const bool told = facility == "FAIL" || facility == "ERROR" || facility == "FATAL";
  sdk::Level as = sdk::Level::kDebug;
  if (!told && level <= kSyslogWarning) {
    // Once each: what repeats differs in its numbers at most.
    std::string kind = facility;
    for (const char c : text)
      if (c < '0' || c > '9') kind += c;
    const std::lock_guard lock(mutex_);
    if (logged_.size() < kMaxLogged && logged_.insert(kind).second)
      as = level <= kSyslogError ? sdk::Level::kError : sdk::Level::kWarning;
  }
  host_.Log(as, "librdkafka: " + text, {{"facility", facility}});
}

}  // namespace heald::kafka
