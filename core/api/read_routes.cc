// What the API shows.
#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "core/api/json.h"
#include "core/api/problem.h"
#include "core/api/routes.h"

namespace heald::api {
namespace {

constexpr size_t kMaxLimit = 200;

template <typename Number>
bool ParseWhole(std::string_view text, Number& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// What a list is asked for.
struct ListQuery {
  size_t limit = 50;
  uint64_t before = 0;
  std::string state;
  std::string label;
};

// `states`: what `state` may be, for the error; empty: the list has no such parameter.
Result<ListQuery> ParseList(const Request& request, std::string_view states = {},
                            bool labels = false) {
  ListQuery query;
  for (const auto& [name, value] : request.query) {
    if (name == "limit") {
      if (!ParseWhole(value, query.limit) || query.limit < 1 || query.limit > kMaxLimit)
        return MakeError(Code::kInvalid, "limit '" + value + "' must be a number from 1 to 200");
    } else if (name == "cursor") {
      // The store counts rows in 63 bits.
      if (!ParseWhole(value, query.before) || query.before == 0 || query.before > INT64_MAX)
        return MakeError(Code::kInvalid, "cursor '" + value +
                                             "' is not one of ours: pass next_cursor of the "
                                             "answer before");
    } else if (name == "state" && !states.empty()) {
      query.state = value;
    } else if (name == "label" && labels) {
      query.label = value;
    } else {
      return MakeError(Code::kInvalid, "unknown parameter '" + name + "': known are limit" +
                                           (states.empty() ? " and cursor"
                                            : labels       ? ", cursor, state and label"
                                                           : ", cursor and state"));
    }
  }
  return query;
}

Error UnknownState(const std::string& state, std::string_view states) {
  return MakeError(Code::kInvalid, "state '" + state + "' is unknown: use " + std::string(states));
}

Json Cursor(uint64_t next) {
  return next == 0 ? Json() : Json(std::to_string(next));
}

template <typename T>
Response Page(const char* name, const std::vector<T>& items, uint64_t next) {
  return Ok({{name, ToJsonArray(items)}, {"next_cursor", Cursor(next)}});
}

// ---- the agent as a whole ----

Response GetStatus(const Call& call) {
  return Ok(ToJson(call.backend.Status()));
}

Response GetMe(const Call& call) {
  return Ok(
      {{"actor", call.who.actor}, {"role", ToString(call.who.role)}, {"open", call.access.Open()}});
}

Response GetTokens(const Call& call) {
  return Ok({{"tokens", ToJsonArray(call.access.Tokens())}});
}

Response GetPipeline(const Call& call) {
  return Ok(ToJson(call.backend.Pipeline()));
}

Response GetConfig(const Call& call) {
  const ConfigReport config = call.backend.Config();
  return Ok({{"file", config.file}, {"yaml", config.yaml}});
}

Response GetPlugins(const Call& call) {
  std::vector<PluginEntry> plugins = call.backend.Plugins();
  for (PluginEntry& plugin : plugins) plugin.schema.clear();
  return Ok({{"plugins", ToJsonArray(plugins)}});
}

Response GetPlugin(const Call& call) {
  for (const PluginEntry& plugin : call.backend.Plugins())
    if (ToString(plugin.kind) == call.params[0] && plugin.name == call.params[1])
      return Ok(ToJson(plugin));
  return Problem(404, "there is no plugin '" + std::string(call.params[1]) + "' of kind '" +
                          std::string(call.params[0]) + "': GET /api/v1/plugins lists them");
}

// ---- what is watched ----

Response GetServices(const Call& call) {
  return Ok({{"services", ToJsonArray(call.backend.Services())}});
}

Response Findings(const Call& call, FindingKind kind, const char* name) {
  constexpr std::string_view kStates = "open";
  const Result<ListQuery> list = ParseList(call.request, kStates);
  if (!list) return Problem(list.error());
  if (!list->state.empty() && list->state != kStates)
    return Problem(UnknownState(list->state, kStates));
  const Result<FindingPage> page =
      call.backend.Findings({kind, list->limit, list->before, !list->state.empty()});
  return page ? Page(name, page->findings, page->next) : Problem(page.error());
}

Response GetAnomalies(const Call& call) {
  return Findings(call, FindingKind::kAnomaly, "anomalies");
}

Response GetPredictions(const Call& call) {
  return Findings(call, FindingKind::kPrediction, "predictions");
}

Response GetIncidents(const Call& call) {
  constexpr std::string_view kStates = "open, acting, verifying, resolved or escalated";
  const Result<ListQuery> list = ParseList(call.request, kStates, true);
  if (!list) return Problem(list.error());
  IncidentQuery query{list->limit, list->before, std::nullopt, list->label};
  if (!query.label.empty() && std::find(std::begin(kIncidentLabels), std::end(kIncidentLabels),
                                        query.label) == std::end(kIncidentLabels))
    return Problem(400, "label '" + query.label +
                            "' is unknown: use true_positive, false_positive, noise or expected");
  for (const IncidentState state :
       {IncidentState::kOpen, IncidentState::kActing, IncidentState::kVerifying,
        IncidentState::kResolved, IncidentState::kEscalated})
    if (list->state == ToString(state)) query.state = state;
  if (!list->state.empty() && !query.state) return Problem(UnknownState(list->state, kStates));
  const Result<IncidentPage> page = call.backend.Incidents(query);
  if (!page) return Problem(page.error());
  const bool more = page->more && !page->incidents.empty();
  return Page("incidents", page->incidents, more ? page->incidents.back().id : 0);
}

Response GetIncident(const Call& call) {
  uint64_t id = 0;
  if (!ParseWhole(call.params[0], id) || id > INT64_MAX)
    return Problem(404, "incident '" + std::string(call.params[0]) + "': ids are whole numbers");
  const Result<IncidentChain> chain = call.backend.FindIncident(id);
  return chain ? Ok(ToJson(*chain)) : Problem(chain.error());
}

// ---- what is done ----

Response GetActions(const Call& call) {
  return Ok({{"actions", ToJsonArray(call.backend.Actions())}});
}

Response GetExecutions(const Call& call) {
  const Result<ListQuery> list = ParseList(call.request);
  if (!list) return Problem(list.error());
  const Result<ExecutionPage> page = call.backend.Executions(list->before, list->limit);
  return page ? Page("executions", page->executions, page->next) : Problem(page.error());
}

Response GetAudit(const Call& call) {
  const Result<ListQuery> list = ParseList(call.request);
  if (!list) return Problem(list.error());
  const Result<AuditPage> page = call.backend.Audit(list->before, list->limit);
  return page ? Page("events", page->events, page->next) : Problem(page.error());
}

Response GetPolicies(const Call& call) {
  return Ok({{"policies", ToJsonArray(call.backend.Policies())}});
}

Response GetPolicy(const Call& call) {
  for (const PolicyStatus& policy : call.backend.Policies())
    if (policy.name == call.params[0]) return Ok(ToJson(policy));
  return Problem(404, "there is no policy '" + std::string(call.params[0]) + "'");
}

Response GetSwitch(const Call& call) {
  return Ok(ToJson(call.backend.Switch()));
}

Response GetSilences(const Call& call) {
  return Ok({{"silences", ToJsonArray(call.backend.Silences())}});
}

Response GetApprovals(const Call& call) {
  return Ok({{"approvals", ToJsonArray(call.backend.Approvals())},
             {"undos", ToJsonArray(call.backend.WaitingUndos())}});
}

constexpr Route kReadRoutes[] = {
    {"GET", "/api/v1/status", Role::kViewer, GetStatus},
    {"GET", "/api/v1/me", Role::kViewer, GetMe},
    {"GET", "/api/v1/services", Role::kViewer, GetServices},
    {"GET", "/api/v1/anomalies", Role::kViewer, GetAnomalies},
    {"GET", "/api/v1/predictions", Role::kViewer, GetPredictions},
    {"GET", "/api/v1/incidents", Role::kViewer, GetIncidents},
    {"GET", "/api/v1/incidents/{id}", Role::kViewer, GetIncident},
    {"GET", "/api/v1/actions", Role::kViewer, GetActions},
    {"GET", "/api/v1/executions", Role::kViewer, GetExecutions},
    {"GET", "/api/v1/policies", Role::kViewer, GetPolicies},
    {"GET", "/api/v1/policies/{name}", Role::kViewer, GetPolicy},
    {"GET", "/api/v1/switch", Role::kViewer, GetSwitch},
    {"GET", "/api/v1/approvals", Role::kViewer, GetApprovals},
    {"GET", "/api/v1/silences", Role::kViewer, GetSilences},
    {"GET", "/api/v1/pipeline", Role::kViewer, GetPipeline},
    {"GET", "/api/v1/plugins", Role::kViewer, GetPlugins},
    {"GET", "/api/v1/plugins/{kind}/{name}", Role::kViewer, GetPlugin},
    {"GET", "/api/v1/config", Role::kViewer, GetConfig},
    {"GET", "/api/v1/audit", Role::kViewer, GetAudit},
    {"GET", "/api/v1/tokens", Role::kAdmin, GetTokens},
};

}  // namespace

Response Ok(const Json& json) {
  Response response;
  response.body = Dump(json);
  return response;
}

std::span<const Route> ReadRoutes() {
  return kReadRoutes;
}

}  // namespace heald::api
