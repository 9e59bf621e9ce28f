#include "plugins/support/kafka/error_text.h"

namespace heald::kafka {
namespace {

bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

std::string User(const KafkaConfig& config) {
  return config.sasl ? "user '" + config.sasl->username + "'" : "clients that don't log in";
}

}  // namespace

std::string CleanReason(std::string_view reason) {
  if (const size_t scheme = reason.find("://"); scheme != std::string_view::npos && scheme < 16)
    reason.remove_prefix(scheme + 3);
  for (const std::string_view tail : {" (after ", ": might be caused by "})
    if (const size_t at = reason.rfind(tail); at != std::string_view::npos)
      reason = reason.substr(0, at);
  const size_t colon = reason.find(": ");
  if (colon == std::string_view::npos) return std::string(reason);
  std::string_view broker = reason.substr(0, colon);
  std::string_view what = reason.substr(colon + 2);
  broker = broker.substr(0, broker.find('/'));
  constexpr std::string_view kFailed = " failed: ";
  if (const size_t failed = what.find(kFailed);
      what.starts_with("Connect to ") && failed != std::string_view::npos)
    what.remove_prefix(failed + kFailed.size());
  return std::string(broker) + ": " + std::string(what);
}

std::string Explain(rd_kafka_resp_err_t code, std::string_view reason, const KafkaConfig& config,
                    bool worked) {
  const std::string clean = CleanReason(reason);
  switch (code) {
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
    case RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED:
      return "the brokers refuse the login of " + User(config) + " (" + clean +
             "): check sasl.username, sasl.password and sasl.mechanism";
    case RD_KAFKA_RESP_ERR__SSL:
      if (Contains(reason, "certificate verify failed"))
        return clean.substr(0, clean.find(": ")) +
               " shows a certificate that isn't trusted, or is made for another name: set "
               "tls.ca_file to its authority, and write the name of the certificate in brokers";
      if (Contains(reason, "wrong version number") || Contains(reason, "PLAINTEXT"))
        return clean.substr(0, clean.find(": ")) +
               " doesn't talk TLS at that port: take another port, or tls out";
      if (Contains(reason, "certificate required") || Contains(reason, "alert"))
        return "TLS is refused (" + clean + "): check tls.cert_file and tls.key_file";
      return "no TLS with the brokers (" + clean + "): check tls";
    case RD_KAFKA_RESP_ERR__RESOLVE:
      return "no address for a broker's name (" + clean + "): check brokers and the name service";
    case RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED:
      return "the brokers let " + User(config) +
             " not write idempotently: grant IdempotentWrite on the cluster";
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      return "the brokers don't let " + User(config) +
             " read as a member of the group: grant Read on it, or name another group";
    default:
      break;
  }
  if (!worked && Contains(reason, "connecting to a SSL listener"))
    return "the brokers hang up at once (" + clean +
           "): is that a port for TLS? Then write tls: {enabled: true}";
  if (!worked && config.tls.enabled && Contains(reason, "Disconnected") &&
      !Contains(reason, "in state UP"))
    return clean.substr(0, clean.find(": ")) +
           " hangs up instead of talking TLS: take another port, or tls out";
  if (Contains(reason, "Invalid response size") || Contains(reason, "Protocol parse failure"))
    return clean.substr(0, clean.find(": ")) +
           " doesn't talk Kafka at that port: correct brokers (" + clean + ")";
  if (Contains(reason, "SASL") && Contains(reason, "mechanism"))
    return "no login with the brokers (" + clean + "): check sasl.mechanism";
  return "no broker of " + BrokersText(config) + " answers (" +
         (clean.empty() ? std::string(rd_kafka_err2str(code)) : clean) + ")";
}

std::string ExplainTopic(rd_kafka_resp_err_t code, const std::string& topic,
                         const KafkaConfig& config) {
  const std::string quoted = "topic '" + topic + "' ";
  switch (code) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
      return quoted + "doesn't exist: create it, or correct its name";
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
      return quoted + "isn't open to " + User(config) + ": grant it there";
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
      return quoted + "doesn't take messages of that size: raise max.message.bytes there" +
             " and message.max.bytes under librdkafka";
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
      return "'" + topic + "' is no name for a topic: use letters, digits, '.', '_' and '-'";
    default:
      return quoted + "fails: " + rd_kafka_err2str(code);
  }
}

bool IsPermanent(rd_kafka_resp_err_t code) {
  switch (code) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR__INVALID_ARG:
      return true;
    default:
      return false;
  }
}

}  // namespace heald::kafka
