#include "core/api/chain_detail.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/units.h"

namespace heald::api {
namespace {

using Json = nlohmann::ordered_json;

int64_t Number(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_number_integer() ? at->get<int64_t>() : 0;
}

std::string Text(const Json& object, const char* name) {
  const auto at = object.find(name);
  return at != object.end() && at->is_string() ? at->get<std::string>() : "";
}

Json TakeArray(Json* detail, const char* name) {
  const auto at = detail->find(name);
  if (at == detail->end() || !at->is_array()) return Json::array();
  Json taken = std::move(*at);
  detail->erase(name);
  return taken;
}

}  // namespace

Json TakeCalls(Json* detail) {
  Json out = Json::array();
  for (const Json& call : TakeArray(detail, "calls")) {
    if (!call.is_object()) continue;
    out.push_back(
        {{"call", Text(call, "call")},
         {"answer", Text(call, "answer")},
         {"time", FormatTime(Number(call, "at_ns"))},
         {"took_seconds", static_cast<double>(Number(call, "took_ns")) / double{kSecond}}});
  }
  return out;
}

Json TakeSamples(Json* detail) {
  Json out = Json::array();
  const Json values = TakeArray(detail, "recent");
  const int64_t step_ns = Number(*detail, "recent_step_ns");
  const int64_t last_ns = Number(*detail, "sample_ts_ns");
  detail->erase("recent_step_ns");
  for (size_t i = 0; i < values.size(); ++i) {
    const auto back = static_cast<int64_t>(values.size() - 1 - i);
    // Where they come at no fixed rate, only the last one's time is known.
    const bool known = last_ns != 0 && (back == 0 || step_ns != 0);
    out.push_back({{"time", known ? Json(FormatTime(last_ns - back * step_ns)) : Json()},
                   {"value", values[i].is_number() ? values[i] : Json()}});
  }
  return out;
}

}  // namespace heald::api
