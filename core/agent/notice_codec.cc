#include "core/agent/notice_codec.h"

#include <algorithm>

#include "core/store/json.h"

namespace heald::agent {
namespace {

constexpr std::string_view kKinds[] = {"finding", "incident", "decision", "outcome"};

std::string Encode(const Notification& n) {
  Json json = {{"kind", kKinds[static_cast<size_t>(n.kind)]},
               {"event_id", n.event_id},
               {"node", n.node},
               {"ts_ns", n.ts_ns},
               {"text", n.text},
               {"url", n.url}};
  if (n.finding) json["finding"] = ToJson(*n.finding);
  if (n.incident) json["incident"] = ToJson(*n.incident);
  if (n.decision) json["decision"] = ToJson(*n.decision);
  if (n.outcome) json["outcome"] = ToJson(*n.outcome);
  return Dump(json);
}

template <typename T>
Status Take(const Json& json, const char* key, Result<T> (*read)(std::string_view),
            std::shared_ptr<const T>* out) {
  const auto at = json.find(key);
  if (at == json.end()) return {};
  Result<T> record = read(Dump(*at));
  if (!record) return record.error();
  *out = std::make_shared<const T>(std::move(*record));
  return {};
}

Result<Notification> Decode(std::string_view text) {
  Notification n;
  const auto damaged = [](const std::string& why) {
    return MakeError(Code::kCorrupt, "an event in the spool can't be read: " + why);
  };
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return damaged("it is no JSON object");
  try {
    const std::string kind = json.at("kind");
    const auto* at = std::find(std::begin(kKinds), std::end(kKinds), kind);
    if (at == std::end(kKinds)) return damaged("unknown kind '" + kind + "'");
    n.kind = static_cast<Notification::Kind>(at - std::begin(kKinds));
    json.at("event_id").get_to(n.event_id);
    n.node = json.value("node", "");
    n.ts_ns = json.value("ts_ns", int64_t{0});
    n.text = json.value("text", "");
    n.url = json.value("url", "");
  } catch (const Json::exception& e) {
    return damaged(e.what());
  }
  for (const Status& taken : {Take(json, "finding", &FindingFromJson, &n.finding),
                              Take(json, "incident", &IncidentFromJson, &n.incident),
                              Take(json, "decision", &DecisionFromJson, &n.decision),
                              Take(json, "outcome", &OutcomeFromJson, &n.outcome)})
    if (!taken) return taken.error();
  return n;
}

}  // namespace

NoticeCodec JsonNotices() {
  return {&Encode, &Decode};
}

}  // namespace heald::agent
