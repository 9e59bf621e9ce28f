// The settings that the source and the notifier `kafka` share: how to reach the brokers and who one
// is there. A plugin's config struct derives from KafkaConfig and puts KafkaConfig::Fields() into
// its own table with std::tuple_cat.
// Thread rule: plain values and pure functions.
#pragma once

#include <librdkafka/rdkafka.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "heald/config.h"

namespace heald::kafka {

struct TlsConfig {
  bool enabled = false;
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  bool insecure_skip_verify = false;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("enabled", &TlsConfig::enabled, "Talk TLS to the brokers"),
        Field("ca_file", &TlsConfig::ca_file,
              "PEM file with the authorities to trust instead of the system's"),
        Field("cert_file", &TlsConfig::cert_file, "PEM file with the client certificate"),
        Field("key_file", &TlsConfig::key_file, "PEM file with the client certificate's key"),
        Field("insecure_skip_verify", &TlsConfig::insecure_skip_verify,
              "Accept any certificate: anyone on the way can read and change everything"));
  }
};

enum class Mechanism { kPlain, kScramSha256, kScramSha512 };
inline constexpr std::string_view kMechanisms[] = {"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"};

struct SaslConfig {
  Mechanism mechanism = Mechanism::kScramSha512;
  std::string username;
  std::string password;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("mechanism", &SaslConfig::mechanism, "How the password is shown to the brokers",
              {.one_of = kMechanisms}),
        Field("username", &SaslConfig::username, "User name", {.required = true}),
        Field("password", &SaslConfig::password, "Password", {.required = true, .secret = true}));
  }
};

struct KafkaConfig {
  std::vector<std::string> brokers;
  std::string client_id = "heald";
  TlsConfig tls;
  std::optional<SaslConfig> sasl{};
  sdk::Duration connect_timeout = sdk::Seconds(10);
  std::map<std::string, std::string> librdkafka;

  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("brokers", &KafkaConfig::brokers,
              "Some of the cluster's brokers as host:port, port 9092 where none is given; the "
              "others are learnt from these",
              {.required = true, .min_items = 1}),
        Field("client_id", &KafkaConfig::client_id, "Name in the brokers' logs and quotas"),
        Field("tls", &KafkaConfig::tls, "Whether the brokers talk TLS, and certificates"),
        Field("sasl", &KafkaConfig::sasl, "Log in at the brokers"),
        Field("connect_timeout", &KafkaConfig::connect_timeout,
              "Time limit of name look-up, connection, TLS handshake and login", {.min = 1e9}),
        Field("librdkafka", &KafkaConfig::librdkafka,
              "Further settings of librdkafka by their names, for instance compression.type: zstd",
              {.secret = true}));
  }
};

// One thing wrong: RFC 6901 pointer and what to do about it.
struct Problem {
  std::string pointer;
  std::string message;
};

// What a plugin asks of librdkafka, by its names.
struct Settings {
  rd_kafka_type_t type;
  std::map<std::string, std::string> fixed;  // the file may not touch them
  std::map<std::string, std::string> usual;  // unless the file says something else
};

// What the schema can't say, and settings that librdkafka doesn't take.
std::vector<Problem> CheckKafkaConfig(const KafkaConfig& config, const Settings& settings);

struct DropConf {
  void operator()(rd_kafka_conf_t* conf) const { rd_kafka_conf_destroy(conf); }
};
using Conf = std::unique_ptr<rd_kafka_conf_t, DropConf>;

// Everything that config and plugin say, as librdkafka wants it. Throws Failure(HEALD_INVALID).
Conf MakeConf(const KafkaConfig& config, const Settings& settings);

// One setting as it is in force; empty where there is none of that name.
std::string ConfValue(const rd_kafka_conf_t* conf, const char* name);

// "kafka1:9092, kafka2:9092".
std::string BrokersText(const KafkaConfig& config);

}  // namespace heald::kafka
