#include "plugins/actions/kubernetes/kubernetes_action.h"

#include <algorithm>
#include <utility>

namespace heald::kubernetes {

using sdk::Effect;
using sdk::Failure;
using sdk::Plan;
using sdk::Request;

UnderWay::Mark::Mark(UnderWay& all, std::string_view decision) : all_(all), decision_(decision) {
  const std::lock_guard lock(all_.mutex_);
  all_.decisions_.insert(decision_);
}

UnderWay::Mark::~Mark() {
  const std::lock_guard lock(all_.mutex_);
  all_.decisions_.erase(decision_);
}

bool UnderWay::Has(std::string_view decision) {
  const std::lock_guard lock(mutex_);
  return decisions_.contains(decision);
}

void Context::LimitRequests() const {
  constexpr int64_t kLeastRequestNs = kDeadlineMarginNs / 2;
  const int64_t left_ns = request.deadline_ns - kDeadlineMarginNs - host.MonotonicNs();
  session.client.SetTimeout(std::min(params.timeout.ns, std::max(left_ns, kLeastRequestNs)));
}

bool Context::HasTimeFor(int64_t pause_ns) const {
  LimitRequests();
  return host.MonotonicNs() + pause_ns + kDeadlineMarginNs <= request.deadline_ns;
}

std::string_view Context::WhyCutOff() const {
  return host.MonotonicNs() < request.deadline_ns ? "cut off, as heald stops"
                                                  : "cut off at its deadline";
}

void Tell(const Context& context, const Json& object, const std::string& reason,
          const std::string& message, bool warning) {
  if (!context.params.events) return;
  std::string why = message;
  if (!context.request.policy.empty())
    why += " (policy " + std::string(context.request.policy) + ", incident #" +
           std::to_string(context.request.incident) + ")";
  const EventNote note{
      .target = object,
      .warning = warning,
      .reason = reason,
      .action = std::string(kOperationWords[static_cast<size_t>(context.params.operation)]),
      .message = why};
  if (const auto failed =
          context.session.events.Write(context.client(), note, context.host.NowNs()))
    context.host.Log(sdk::Level::kWarning, "no event was written: " + *failed);
}

KubernetesAction::KubernetesAction(sdk::Host host, const Config& config)
    : host_(host), cluster_(config), sessions_([this] {
        return std::make_unique<Session>(host_, ResolveCluster(cluster_),
                                         [host = host_] { return host.Cancelled(); });
      }) {}

void KubernetesAction::Start() {
  ResolveCluster(cluster_);
}

template <typename F>
auto KubernetesAction::With(const Request& request, const Config& params, F step) {
  const auto session = sessions_.Borrow();
  const Context context{*session, params, request, under_way_, host_};
  context.LimitRequests();
  using Make = std::unique_ptr<Operations> (*)(const Context&);
  // In the order of Operation.
  constexpr Make kMake[] = {&MakeRestartPod, &MakeRollingRestart, &MakeRollback,
                            &MakeScaleOut,   &MakeCordon,         &MakeUncordon,
                            &MakeDrain,      &MakeDeleteJob,      &MakePatch};
  static_assert(std::size(kMake) == std::size(kOperationWords));
  return step(*kMake[static_cast<size_t>(params.operation)](context));
}

Plan KubernetesAction::MakePlan(const Request& request, const Config& params) {
  return With(request, params, [](Operations& operations) { return operations.MakePlan(); });
}

Effect KubernetesAction::DryRun(const Request& request, const Plan& plan, const Config& params) {
  return With(request, params, [&](Operations& operations) { return operations.DryRun(plan); });
}

Effect KubernetesAction::Execute(const Request& request, const Plan& plan, const Config& params) {
  return With(request, params, [&](Operations& operations) {
    const UnderWay::Mark mark(under_way_, request.decision);
    return operations.Execute(plan);
  });
}

Effect KubernetesAction::Observe(const Request& request, const Plan& plan, const Config& params) {
  return With(request, params, [&](Operations& operations) { return operations.Observe(plan); });
}

Effect KubernetesAction::Undo(const Request& request, const Plan& plan, const Config& params) {
  return With(request, params, [&](Operations& operations) { return operations.Undo(plan); });
}

}  // namespace heald::kubernetes
