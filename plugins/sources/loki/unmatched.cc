#include "plugins/sources/loki/unmatched.h"

#include <nlohmann/json.hpp>

#include "plugins/sources/loki/requests.h"
#include "plugins/support/utf8.h"

namespace heald::loki {
namespace {

constexpr int kFirstAfter = 6;  // intervals without a line
constexpr int kAgainAfter = 60;
constexpr int64_t kLookBackNs = 3'600'000'000'000;
constexpr size_t kLabelsNamed = 12;

// The list that Loki answers with; null: it didn't.
nlohmann::json ListOf(support::HttpClient& http, const support::HttpRequest& request) {
  const support::HttpResult result = http.Perform(request);
  if (!result.ok()) return nullptr;
  const nlohmann::json answer = nlohmann::json::parse(result.response.body, nullptr, false);
  if (!answer.is_object()) return nullptr;
  if (const auto status = answer.find("status"); status == answer.end() || *status != "success")
    return nullptr;
  // Without any, Loki leaves it out.
  return answer.value("data", nlohmann::json::array());
}

std::string NamesIn(const nlohmann::json& labels) {
  std::string text;
  size_t named = 0;
  for (const nlohmann::json& label : labels)
    if (label.is_string() && named++ < kLabelsNamed)
      text += (text.empty() ? "" : ", ") + support::CutTo(label.get_ref<const std::string&>(), 60);
  return named > kLabelsNamed ? text + ", …" : text;
}

}  // namespace

Unmatched::Word Unmatched::Look(const LogQuery& query, support::HttpClient& http, int64_t now_ns,
                                int64_t timeout_ns) {
  Quiet& quiet = quiet_[query.name()];
  if (query.heard()) {
    quiet.look_ns = 0;
    if (!std::exchange(quiet.told, false)) return {};
    return {"lines come now", false};
  }
  if (quiet.look_ns == 0) quiet.look_ns = now_ns + kFirstAfter * interval_ns_;
  if (quiet.told || now_ns < quiet.look_ns) return {};
  quiet.look_ns = now_ns + kAgainAfter * interval_ns_;
  const std::string selector = SelectorOf(query.logql());
  const int64_t from_ns = now_ns - kLookBackNs;
  const nlohmann::json streams = ListOf(http, ReadSeries(selector, from_ns, now_ns, timeout_ns));
  if (!streams.is_array() || !streams.empty()) return {};
  const nlohmann::json labels = ListOf(http, ReadLabels(from_ns, now_ns, timeout_ns));
  if (!labels.is_array()) return {};
  quiet.told = true;
  const std::string names = NamesIn(labels);
  return {"no stream of the last hour matches " + selector +
              (names.empty() ? ": nothing at all was written to this Loki"
                             : "; the streams there have the labels " + names),
          true};
}

}  // namespace heald::loki
