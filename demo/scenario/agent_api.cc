#include "demo/scenario/agent_api.h"

#include <algorithm>

#include "core/base/units.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr int64_t kTimeout_ns = 2 * kSecond;

std::string Text(const json& object, const char* key) {
  const auto at = object.find(key);
  return at != object.end() && at->is_string() ? at->get<std::string>() : std::string();
}

AgentEvent ToEvent(const json& chain, const json& entry) {
  AgentEvent event;
  if (const auto time = ParseTime(Text(entry, "time"))) event.ts_ns = *time;
  event.incident = chain.value("id", uint64_t{0});
  event.target = Text(chain, "target_name");
  event.kind = Text(entry, "event");
  event.detail = entry.value("detail", json::object());
  event.text = Text(entry, "text");
  return event;
}

}  // namespace

Result<json> AgentApi::Get(const std::string& path) {
  const auto reply = client_.Send("GET", url_ + path, "", kTimeout_ns);
  if (!reply) return MakeError(reply.error().code, url_ + path + ": " + reply.error().message);
  json body = json::parse(reply->body, nullptr, false);
  if (reply->status == 200 && body.is_object()) return body;
  return MakeError(Code::kUnavailable, url_ + path + " answered " + std::to_string(reply->status));
}

Result<std::vector<AgentEvent>> AgentApi::NewEvents() {
  const auto page = Get("/api/v1/incidents?limit=50");
  if (!page) return page.error();
  std::vector<AgentEvent> events;
  const json incidents = page->value("incidents", json::array());
  // Newest first in the answer; ids rise with time.
  for (auto at = incidents.rbegin(); at != incidents.rend(); ++at) {
    const uint64_t id = at->value("id", uint64_t{0});
    Seen& seen = seen_[id];
    if (seen.over) continue;
    const auto chain = Get("/api/v1/incidents/" + std::to_string(id));
    if (!chain) return chain.error();
    const json timeline = chain->value("timeline", json::array());
    if (!first_)
      for (size_t i = seen.events; i < timeline.size(); ++i)
        events.push_back(ToEvent(*chain, timeline[i]));
    seen.events = timeline.size();
    seen.over = Text(*chain, "state") == "resolved";
  }
  first_ = false;
  std::stable_sort(events.begin(), events.end(),
                   [](const AgentEvent& a, const AgentEvent& b) { return a.ts_ns < b.ts_ns; });
  return events;
}

}  // namespace heald::demo
