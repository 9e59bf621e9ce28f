// For machines: health, metrics, the contract, the live stream.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/api/contract.h"
#include "core/api/json.h"
#include "core/api/problem.h"
#include "core/api/routes.h"

namespace heald::api {
namespace {

constexpr std::string_view kNotifier = "notifier ";
constexpr std::string_view kReceiver = "receiver ";

bool AllOk(const std::vector<Check>& checks) {
  return std::all_of(checks.begin(), checks.end(), [](const Check& check) { return check.ok; });
}

Response ChecksResponse(const std::vector<Check>& checks, bool ok) {
  Response response = Ok({{"status", ok ? "ok" : "failing"}, {"checks", ToJsonArray(checks)}});
  response.status = ok ? 200 : 503;
  return response;
}

Response GetHealth(const Call& call) {
  const std::vector<Check> checks = call.backend.Health();
  return ChecksResponse(checks, AllOk(checks));
}

// A notifier that can't deliver is told, and holds up nothing: what it has to say waits on disk.
// One that hangs is a matter of health. And who isn't ready may be cut off from those who push to
// it: the silence of a receiver would never end.
Response GetReady(const Call& call) {
  const std::vector<Check> checks = call.backend.Ready();
  std::vector<Check> deciding = call.backend.Health();
  std::erase_if(deciding, [](const Check& check) { return !check.name.starts_with(kNotifier); });
  for (const Check& check : checks)
    if (!check.name.starts_with(kNotifier) && !check.name.starts_with(kReceiver))
      deciding.push_back(check);
  return ChecksResponse(checks, AllOk(deciding));
}

Response Text(std::string_view type, std::string_view text) {
  Response response;
  response.content_type = type;
  response.body = text;
  return response;
}

Response GetMetrics(const Call& call) {
  return Text("text/plain; version=0.0.4; charset=utf-8", call.backend.MetricsPage());
}

Response GetContractYaml(const Call&) {
  return Text("application/yaml; charset=utf-8", ContractYaml());
}
Response GetContractJson(const Call&) {
  return Text("application/json", ContractJson());
}

// The connection writes the head and hands its socket to the stream.
Response GetEvents(const Call&) {
  Response response;
  response.content_type = "text/event-stream";
  response.live = true;
  return response;
}

constexpr Route kAgentRoutes[] = {
    {"GET", "/api/v1/events", Role::kViewer, GetEvents},
    {"GET", "/api/v1/openapi.yaml", std::nullopt, GetContractYaml},
    {"GET", "/api/v1/openapi.json", std::nullopt, GetContractJson},
    {"GET", "/metrics", Role::kViewer, GetMetrics},
    {"GET", "/healthz", std::nullopt, GetHealth},
    {"GET", "/readyz", std::nullopt, GetReady},
};

}  // namespace

std::span<const Route> AgentRoutes() {
  return kAgentRoutes;
}

}  // namespace heald::api
