// What others push to a source. Answered by the source's plugin; everything before that, tokens,
// limits and deadlines, is the listener's.
#include "core/api/problem.h"
#include "core/api/routes.h"

namespace heald::api {
namespace {

// As the plugin that mounted the route sees it: "" or "/word".
std::string PathBelow(const Call& call) {
  return call.params[1].empty() ? "" : "/" + std::string(call.params[1]);
}

Response PostReceive(const Call& call) {
  Result<Response> answer =
      call.backend.Receive(call.params[0], PathBelow(call), call.request, call.who.actor);
  return answer ? std::move(*answer) : Problem(answer.error());
}

constexpr Route kReceiveRoutes[] = {
    {"POST", "/receive/{node}", Role::kSender, PostReceive},
    {"POST", "/receive/{node}/{path}", Role::kSender, PostReceive},
};

}  // namespace

std::span<const Route> ReceiveRoutes() {
  return kReceiveRoutes;
}

}  // namespace heald::api
