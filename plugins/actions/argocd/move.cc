#include "plugins/actions/argocd/move.h"

namespace heald::argocd {
namespace {

Json ToJson(const Deployment& deployment) {
  return {{"id", deployment.id}, {"what", deployment.what}};
}

Deployment StoredDeployment(const Json& json) {
  return {json.at("id").get<int64_t>(), json.at("what")};
}

}  // namespace

Json ToJson(const Move& move) {
  return {{"from", ToJson(move.from)},
          {"to", ToJson(move.to)},
          {"latest_id", move.latest_id},
          {"op_started", move.op_started}};
}

Move ReadMove(const Json& json) {
  return {StoredDeployment(json.at("from")), StoredDeployment(json.at("to")),
          json.at("latest_id").get<int64_t>(), json.at("op_started").get<std::string>()};
}

Stage StageOf(const Application& app, const Move& move) {
  // An operation that was just asked for has no start yet.
  const bool news = app.operation && !app.operation->dry_run &&
                    (app.Busy() || app.operation->started_at != move.op_started);
  if (news && app.Busy()) {
    if (app.operation->target.Same(move.to)) return Stage::kRunning;
    if (app.operation->target.Same(move.from)) return Stage::kLeaving;
  }
  bool deployed = false;
  bool back = false;
  for (const Deployment& entry : app.history) {
    if (entry.id <= move.latest_id) continue;
    if (entry.Same(move.to)) {
      deployed = true;
      back = false;
    } else if (entry.Same(move.from)) {
      back = true;
    }
  }
  if (deployed && app.history.back().Same(move.to)) return Stage::kDeployed;
  if (back) return Stage::kBack;
  if (deployed) return Stage::kReplaced;
  if (news && !app.Busy() && app.operation->target.Same(move.to)) return Stage::kFailed;
  return Stage::kAbsent;
}

}  // namespace heald::argocd
