#include "plugins/support/kafka/config.h"

#include <algorithm>
#include <charconv>
#include <fstream>

namespace heald::kafka {
namespace {

using Properties = std::map<std::string, std::string>;

// What stands elsewhere in the file, under a name that is explained there.
constexpr std::pair<std::string_view, std::string_view> kNamedElsewhere[] = {
    {"bootstrap.servers", "brokers"},
    {"metadata.broker.list", "brokers"},
    {"client.id", "client_id"},
    {"security.protocol", "tls and sasl"},
    {"sasl.mechanism", "sasl.mechanism"},
    {"sasl.mechanisms", "sasl.mechanism"},
    {"sasl.username", "sasl.username"},
    {"sasl.password", "sasl.password"},
    {"ssl.ca.location", "tls.ca_file"},
    {"ssl.certificate.location", "tls.cert_file"},
    {"ssl.key.location", "tls.key_file"},
    {"enable.ssl.certificate.verification", "tls.insecure_skip_verify"}};

// Below this no broker of a cluster manages to answer, and nothing is ever delivered or read.
constexpr int64_t kLeastTimeoutMs = 1000;
constexpr const char* kTimeouts[] = {"request.timeout.ms", "socket.timeout.ms"};

std::string CheckBroker(const std::string& broker) {
  if (broker.empty() || broker.find_first_of(", \t/") != std::string::npos)
    return "'" + broker + "' is not one broker like kafka1.example.com:9092";
  const size_t colon = broker.rfind(':');
  if (colon == std::string::npos || broker.back() == ']') return "";
  int port = 0;
  const char* const end = broker.data() + broker.size();
  const auto [at, code] = std::from_chars(broker.data() + colon + 1, end, port);
  if (colon == 0 || code != std::errc() || at != end || port < 1 || port > 65535)
    return "'" + broker + "' is not one broker like kafka1.example.com:9092";
  return "";
}

void CheckFile(const std::string& key, const std::string& path, std::vector<Problem>* problems) {
  if (!path.empty() && !std::ifstream(path).good())
    problems->push_back({"/tls/" + key, "'" + path + "' can't be read"});
}

Properties AllOf(const KafkaConfig& config, const Settings& settings) {
  Properties all = settings.usual;
  std::string brokers;
  for (const std::string& broker : config.brokers) brokers += (brokers.empty() ? "" : ",") + broker;
  all["bootstrap.servers"] = brokers;
  all["client.id"] = config.client_id;
  all["socket.connection.setup.timeout.ms"] = std::to_string(config.connect_timeout.ns / 1'000'000);
  const bool sasl = config.sasl.has_value();
  all["security.protocol"] =
      config.tls.enabled ? (sasl ? "sasl_ssl" : "ssl") : (sasl ? "sasl_plaintext" : "plaintext");
  if (const TlsConfig& tls = config.tls; tls.enabled) {
    if (!tls.ca_file.empty()) all["ssl.ca.location"] = tls.ca_file;
    if (!tls.cert_file.empty()) all["ssl.certificate.location"] = tls.cert_file;
    if (!tls.key_file.empty()) all["ssl.key.location"] = tls.key_file;
    all["enable.ssl.certificate.verification"] = tls.insecure_skip_verify ? "false" : "true";
    all["ssl.endpoint.identification.algorithm"] = tls.insecure_skip_verify ? "none" : "https";
  }
  if (sasl) {
    all["sasl.mechanism"] = kMechanisms[static_cast<size_t>(config.sasl->mechanism)];
    all["sasl.username"] = config.sasl->username;
    all["sasl.password"] = config.sasl->password;
  }
  // A broker that is back is found soon; many agents don't come back at one moment all the same, as
  // librdkafka adds jitter.
  all.emplace("reconnect.backoff.ms", "100");
  all.emplace("reconnect.backoff.max.ms", "2000");
  all.emplace("socket.keepalive.enable", "true");
  for (const auto& [name, value] : config.librdkafka) all[name] = value;
  for (const auto& [name, value] : settings.fixed) all[name] = value;
  return all;
}

// What librdkafka itself says of all settings together, some of which rest upon others. No broker
// is asked.
std::string WhyNotTogether(const KafkaConfig& config, const Settings& settings) {
  KafkaConfig alone = config;
  alone.brokers.clear();
  Conf conf = MakeConf(alone, settings);
  rd_kafka_conf_set_log_cb(conf.get(), [](const rd_kafka_t*, int, const char*, const char*) {});
  char error[512];
  rd_kafka_t* const client = rd_kafka_new(settings.type, conf.get(), error, sizeof error);
  if (client == nullptr) return error;
  static_cast<void>(conf.release());  // the client's now
  rd_kafka_destroy(client);
  return "";
}

}  // namespace

std::vector<Problem> CheckKafkaConfig(const KafkaConfig& config, const Settings& settings) {
  std::vector<Problem> problems;
  for (size_t i = 0; i < config.brokers.size(); ++i)
    if (const std::string problem = CheckBroker(config.brokers[i]); !problem.empty())
      problems.push_back({"/brokers/" + std::to_string(i), problem});
  const TlsConfig& tls = config.tls;
  if (tls.enabled) {
    CheckFile("ca_file", tls.ca_file, &problems);
    CheckFile("cert_file", tls.cert_file, &problems);
    CheckFile("key_file", tls.key_file, &problems);
    if (tls.cert_file.empty() != tls.key_file.empty())
      problems.push_back({"/tls", "cert_file and key_file belong together: give both"});
  } else if (!tls.ca_file.empty() || !tls.cert_file.empty() || !tls.key_file.empty() ||
             tls.insecure_skip_verify) {
    problems.push_back({"/tls", "write enabled: true beside these, or they do nothing"});
  }
  if (config.sasl && config.sasl->username.empty())
    problems.push_back({"/sasl/username", "is empty: name the user that logs in"});
  for (const auto& [name, value] : config.librdkafka) {
    const std::string pointer = "/librdkafka/" + name;
    const auto named =
        std::find_if(std::begin(kNamedElsewhere), std::end(kNamedElsewhere),
                     [&setting = name](const auto& pair) { return pair.first == setting; });
    if (named != std::end(kNamedElsewhere)) {
      problems.push_back({pointer, "write " + std::string(named->second) + " instead"});
      continue;
    }
    if (settings.fixed.contains(name)) {
      problems.push_back({pointer, "is set by heald itself: leave it out"});
      continue;
    }
    const Conf scratch(rd_kafka_conf_new());
    char error[512];
    for (const auto& [own, wanted] : settings.fixed)
      rd_kafka_conf_set(scratch.get(), own.c_str(), wanted.c_str(), nullptr, 0);
    std::map<std::string, std::string> before;
    for (const auto& [own, wanted] : settings.fixed)
      before[own] = ConfValue(scratch.get(), own.c_str());
    if (rd_kafka_conf_set(scratch.get(), name.c_str(), value.c_str(), error, sizeof error) !=
        RD_KAFKA_CONF_OK)
      problems.push_back({pointer, "librdkafka says: " + std::string(error)});
    // By another of its names a setting is the same.
    for (const auto& [own, kept] : before)
      if (ConfValue(scratch.get(), own.c_str()) != kept)
        problems.push_back({pointer, "is another name of " + own +
                                         ", which is set by heald itself: leave it out"});
    for (const char* timeout : kTimeouts) {
      int64_t ms = kLeastTimeoutMs;
      const std::string set = ConfValue(scratch.get(), timeout);
      std::from_chars(set.data(), set.data() + set.size(), ms);
      if (ms < kLeastTimeoutMs)
        problems.push_back({pointer,
                            "is too short for a broker that waits for its replicas: write "
                            "1000 or more"});
    }
  }
  const bool files = !tls.ca_file.empty() || !tls.cert_file.empty() || !tls.key_file.empty();
  if (problems.empty() && (files || !config.librdkafka.empty()))
    if (const std::string why = WhyNotTogether(config, settings); !why.empty())
      problems.push_back(
          {config.librdkafka.empty() || why.starts_with("ssl.") ? "/tls" : "/librdkafka",
           "librdkafka wouldn't start with these: " + why});
  return problems;
}

Conf MakeConf(const KafkaConfig& config, const Settings& settings) {
  Conf conf(rd_kafka_conf_new());
  char error[512];
  for (const auto& [name, value] : AllOf(config, settings))
    if (rd_kafka_conf_set(conf.get(), name.c_str(), value.c_str(), error, sizeof error) !=
        RD_KAFKA_CONF_OK)
      throw sdk::Failure(HEALD_INVALID, "librdkafka doesn't take a setting: " + std::string(error));
  return conf;
}

std::string ConfValue(const rd_kafka_conf_t* conf, const char* name) {
  char value[1024];
  size_t size = sizeof value;
  return rd_kafka_conf_get(conf, name, value, &size) == RD_KAFKA_CONF_OK ? std::string(value) : "";
}

std::string BrokersText(const KafkaConfig& config) {
  std::string text;
  for (const std::string& broker : config.brokers) text += (text.empty() ? "" : ", ") + broker;
  return text;
}

}  // namespace heald::kafka
