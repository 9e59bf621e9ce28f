#include "plugins/sources/alertmanager/webhook.h"

#include <nlohmann/json.hpp>

#include "heald/time_text.h"
#include "plugins/support/utf8.h"

namespace heald::alertmanager {
namespace {

using nlohmann::json;

// Names, labels and annotations stand in log lines, events and mails.
constexpr size_t kMostTextBytes = 1000;
constexpr size_t kMostUrlBytes = 8000;  // half a URL leads nowhere

std::string TextOf(const json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

std::string ReadLabels(const json& object, const char* name, sdk::LabelSet* labels) {
  const auto at = object.find(name);
  if (at == object.end() || at->is_null()) return {};
  if (!at->is_object()) return std::string(name) + " is no object";
  for (const auto& [label, value] : at->items()) {
    if (!value.is_string()) return std::string(name) + "." + label + " is no text";
    labels->Set(label, support::CutTo(value.get_ref<const std::string&>(), kMostTextBytes));
  }
  return {};
}

// Absent, or the year 1, means that it isn't known.
std::string ReadTime(const json& object, const char* name, int64_t* ns) {
  const std::string text = TextOf(object, name);
  if (text.empty() || text.starts_with("0001-")) return {};
  if (sdk::ParseTimeText(text, ns) != nullptr)
    return std::string(name) + " '" + text + "' is no time";
  return {};
}

std::string ReadAlert(const json& object, Alert* alert) {
  if (!object.is_object()) return "it is no object";
  const std::string status = TextOf(object, "status");
  if (status != "firing" && status != "resolved")
    return "status '" + status + "' is neither firing nor resolved";
  alert->firing = status == "firing";
  alert->fingerprint = support::CutTo(TextOf(object, "fingerprint"), kMostTextBytes);
  if (std::string url = TextOf(object, "generatorURL"); url.size() <= kMostUrlBytes)
    alert->url = std::move(url);
  std::string error = ReadLabels(object, "labels", &alert->labels);
  if (error.empty() && alert->labels.items().empty()) error = "it has no labels";
  if (alert->fingerprint.empty())  // all senders but Alertmanager itself
    for (const auto& [name, value] : alert->labels.items())
      alert->fingerprint += name + "=" + value + ",";
  if (error.empty()) error = ReadLabels(object, "annotations", &alert->annotations);
  if (error.empty()) error = ReadTime(object, "startsAt", &alert->from_ns);
  if (error.empty() && !alert->firing) error = ReadTime(object, "endsAt", &alert->to_ns);
  return error;
}

}  // namespace

std::string ReadWebhook(std::string_view body, Webhook* webhook) {
  const json message = json::parse(body, nullptr, false);
  if (message.is_discarded()) return "the body is no JSON";
  if (!message.is_object()) return "the body is no object";
  if (const std::string version = TextOf(message, "version"); version != "4")
    return "version '" + version + "' is not the one that is known: 4";
  const auto alerts = message.find("alerts");
  if (alerts == message.end() || !alerts->is_array()) return "alerts is no list";
  webhook->receiver = TextOf(message, "receiver");
  webhook->group = TextOf(message, "groupKey");
  if (const auto at = message.find("truncatedAlerts");
      at != message.end() && at->is_number_unsigned())
    webhook->truncated = at->get<uint64_t>();
  size_t number = 0;
  for (const json& object : *alerts) {
    ++number;
    Alert alert;
    const std::string error = ReadAlert(object, &alert);
    if (error.empty())
      webhook->alerts.push_back(std::move(alert));
    else if (webhook->damage.empty())
      webhook->damage =
          "alert " + std::to_string(number) + ": " + support::CutTo(error, kMostTextBytes);
  }
  return {};
}

}  // namespace heald::alertmanager
