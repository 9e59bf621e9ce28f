// A connection to a Kafka cluster: librdkafka's instance with its log in the agent's, and what
// keeps it from working in one line. Used by the source and the notifier `kafka`. Thread rule: the
// callbacks run on the thread that polls; trouble and NoteWell are [any].
#pragma once

#include <librdkafka/rdkafka.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "heald/host.h"
#include "plugins/support/kafka/config.h"

namespace heald::kafka {

// What a plugin wants to hear; called while it polls.
class ClientEvents {
 public:
  virtual ~ClientEvents() = default;
  // A message was written, or won't be.
  virtual void OnDelivery(const rd_kafka_message_t&) {}
  // Has to assign or to unassign.
  virtual void OnRebalance(rd_kafka_t*, rd_kafka_resp_err_t, rd_kafka_topic_partition_list_t*) {}
};

class Client {
 public:
  // Starts librdkafka's threads, which connect by themselves. Throws Failure(HEALD_INVALID) where
  // it refuses the settings. `events` outlives it.
  Client(sdk::Host host, const KafkaConfig& config, rd_kafka_type_t type, const Settings& settings,
         ClientEvents& events);
  // Ends without a word to the cluster: close a consumer before.
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  rd_kafka_t* get() const { return handle_; }
  // Why the brokers can't be worked with; empty as far as is known they can.
  std::string trouble() const;
  // The latest thing that went wrong with one of them, for when there is no answer at all.
  std::string cause() const;
  // They have answered.
  void NoteWell();
  // It can't go on (an idempotent producer after a loss of its state): make a new one.
  bool broken() const;

 private:
  static void OnError(rd_kafka_t* handle, int code, const char* reason, void* self);
  static void OnLog(const rd_kafka_t* handle, int level, const char* facility, const char* text);
  void TakeError(rd_kafka_resp_err_t code, const char* reason);
  void TakeLog(int level, const std::string& facility, const std::string& text);

  const sdk::Host host_;
  const KafkaConfig config_;
  ClientEvents& events_;
  rd_kafka_t* handle_ = nullptr;

  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::string trouble_;
  rd_kafka_resp_err_t cause_code_ = RD_KAFKA_RESP_ERR_NO_ERROR;
  std::string cause_;
  bool worked_ = false;  // they have answered once
  bool broken_ = false;
  std::set<std::string> logged_;
};

}  // namespace heald::kafka
