// The notifier `kafka`: events as CloudEvents into a topic. The host keeps them on disk until a
// broker has confirmed them; what was handed to librdkafka is asked for again instead of being
// written again. Thread rule: as every heald::sdk::Notifier; a thread of its own hears librdkafka.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "heald/plugin.h"
#include "plugins/notifiers/kafka/config.h"
#include "plugins/support/kafka/client.h"

namespace heald::kafka {

class KafkaNotifier : public sdk::Notifier<KafkaNotifier>, public ClientEvents {
 public:
  using Config = NotifierConfig;
  static constexpr sdk::Info kInfo{.name = "kafka",
                                   .doc = "Writes events into a Kafka topic as CloudEvents",
                                   .flags = HEALD_BLOCKING};
  static void Validate(const Config& config, sdk::Problems& problems);

  KafkaNotifier(sdk::Host host, const Config& config);

  void Start();
  void Stop(bool leaving);
  void NotifyAll(sdk::Notices<Config>& notices);

 private:
  using Notices = sdk::Notices<Config>;

  // An event on its way, from its handing over until the host has been told.
  struct Flight {
    std::string topic;
    bool pending = true;
    rd_kafka_resp_err_t result = RD_KAFKA_RESP_ERR_NO_ERROR;
  };
  using Flights = std::map<std::string, Flight>;  // by event id

  void Connect();
  void OnDelivery(const rd_kafka_message_t& message) override;
  void Produce(const heald_notification& notice, const Config& filled);
  bool AnyPending(const Notices& notices) const;  // with mutex_ held
  // Until all of them have an answer, or there is no use in waiting.
  void Wait(const Notices& notices);
  // What wasn't delivered: throws about the first of them.
  void Settle(Notices& notices);
  [[noreturn]] void FailWaiting();

  const sdk::Host host_;
  const Config config_;
  const sdk::Metric delivered_;
  const sdk::Metric refused_;
  std::unique_ptr<Client> client_;
  std::string told_;  // the trouble that the host knows

  std::mutex mutex_;
  std::condition_variable changed_;
  Flights flights_;  // guarded by mutex_

  std::jthread listener_;  // last, so that it ends first
};

}  // namespace heald::kafka
