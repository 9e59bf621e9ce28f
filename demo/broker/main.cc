// heald-demo-broker: a Kafka broker for the demo where no real one can be had. The protocol is that
// of librdkafka's mock cluster; everything is in memory and ends with the process. Exit codes: 0
// done, 1 it can't, 2 bad usage.
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <Poco/Exception.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

#include "demo/broker/front.h"

namespace heald::demo {
namespace {

constexpr int kUsage = 2;
constexpr int kPatience_ms = 10'000;

using Handle = std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)>;

Handle Open(rd_kafka_type_t type, const std::string& brokers) {
  char error[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set_log_cb(conf, nullptr);
  rd_kafka_conf_set(conf, "bootstrap.servers", brokers.c_str(), nullptr, 0);
  rd_kafka_conf_set(conf, "group.id", "heald-demo-broker", nullptr, 0);
  rd_kafka_conf_set(conf, "enable.partition.eof", "true", nullptr, 0);
  Handle handle(rd_kafka_new(type, conf, error, sizeof error), rd_kafka_destroy);
  if (handle == nullptr) throw std::runtime_error(error);
  return handle;
}

BrokerAddress AddressOf(const std::string& text) {
  const size_t colon = text.rfind(':');
  return {text.substr(0, colon), static_cast<uint16_t>(std::stoi(text.substr(colon + 1)))};
}

int Serve(const std::string& address) {
  // Threads inherit the mask, so that only sigwait below sees the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const Handle handle = Open(RD_KAFKA_PRODUCER, "");
  const std::unique_ptr<rd_kafka_mock_cluster_t, decltype(&rd_kafka_mock_cluster_destroy)> mock(
      rd_kafka_mock_cluster_new(handle.get(), 1), rd_kafka_mock_cluster_destroy);
  const BrokerFront front(AddressOf(rd_kafka_mock_cluster_bootstraps(mock.get())),
                          AddressOf(address));
  std::printf("broker at %s\n", address.c_str());
  std::fflush(stdout);
  int signal = 0;
  sigwait(&signals, &signal);
  return 0;
}

// Every message of a topic from its beginning to its present end, a line each.
int Read(const std::string& brokers, const std::string& name) {
  const Handle reader = Open(RD_KAFKA_CONSUMER, brokers);
  rd_kafka_topic_t* topic = rd_kafka_topic_new(reader.get(), name.c_str(), nullptr);
  const rd_kafka_metadata_t* metadata = nullptr;
  const rd_kafka_resp_err_t error =
      rd_kafka_metadata(reader.get(), 0, topic, &metadata, kPatience_ms);
  rd_kafka_topic_destroy(topic);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
    throw std::runtime_error(brokers + ": " + rd_kafka_err2str(error));
  const std::unique_ptr<rd_kafka_topic_partition_list_t,
                        decltype(&rd_kafka_topic_partition_list_destroy)>
      all(rd_kafka_topic_partition_list_new(1), rd_kafka_topic_partition_list_destroy);
  int left = metadata->topics[0].partition_cnt;
  for (int i = 0; i < left; ++i)
    rd_kafka_topic_partition_list_add(all.get(), name.c_str(), i)->offset =
        RD_KAFKA_OFFSET_BEGINNING;
  rd_kafka_metadata_destroy(metadata);
  rd_kafka_assign(reader.get(), all.get());
  while (left > 0) {
    rd_kafka_message_t* message = rd_kafka_consumer_poll(reader.get(), kPatience_ms);
    if (message == nullptr) throw std::runtime_error(brokers + " doesn't answer");
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
      --left;
    else if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
      std::printf("%.*s\n", static_cast<int>(message->len),
                  static_cast<const char*>(message->payload));
    rd_kafka_message_destroy(message);
  }
  return 0;
}

}  // namespace
}  // namespace heald::demo

int main(int argc, char** argv) {
  const CLI::Validator is_address(
      [](std::string& text) -> std::string {
        const size_t colon = text.rfind(':');
        int port = 0;
        return colon != std::string::npos && colon > 0 &&
                       CLI::detail::lexical_cast(text.substr(colon + 1), port) && port > 0 &&
                       port < 65536
                   ? ""
                   : "'" + text + "' is no HOST:PORT";
      },
      "HOST:PORT");
  std::string address = "localhost:9092";
  std::string topic;
  CLI::App app("A Kafka broker for the demo, in memory.", "heald-demo-broker");
  app.require_subcommand(1);
  CLI::App* serve = app.add_subcommand("serve", "Be a broker until SIGTERM");
  serve->add_option("--address", address, "where clients find it; it listens on that port")
      ->capture_default_str()
      ->check(is_address);
  CLI::App* read = app.add_subcommand("read", "Print what a topic holds, a line for each message");
  read->add_option("--address", address, "a broker")->capture_default_str()->check(is_address);
  read->add_option("topic", topic, "its name")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : heald::demo::kUsage;
  }
  try {
    return serve->parsed() ? heald::demo::Serve(address) : heald::demo::Read(address, topic);
  } catch (const Poco::Exception& error) {
    std::fprintf(stderr, "heald-demo-broker: %s: %s\n", address.c_str(),
                 error.displayText().c_str());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "heald-demo-broker: %s\n", error.what());
  }
  return 1;
}
