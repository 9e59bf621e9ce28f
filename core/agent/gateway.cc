#include "core/agent/gateway.h"

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <memory>

#include "core/pipeline/placeholders.h"

namespace heald::agent {

Gateway::Gateway(Runner& runner, const Clock& clock, Lane& engine_lane, Post post,
                 heald::Metric sample_to_action, UrlOf incident_url)
    : runner_(runner),
      clock_(clock),
      engine_lane_(engine_lane),
      post_(std::move(post)),
      sample_to_action_(std::move(sample_to_action)),
      incident_url_(std::move(incident_url)) {}

template <typename T>
void Gateway::Run(std::string_view what, const remedy::ActionRequest& request,
                  std::function<void(Result<T>)> done,
                  std::function<Result<T>(ActionInstance&, const ActionCall&)> call) {
  const auto refuse = [&](Error error) {
    post_([done, error = std::move(error)] { done(error); });
  };
  const std::shared_ptr<const NodeSpec> spec = runner_.ActionSpec(request.node);
  if (spec == nullptr) {
    refuse(MakeError(Code::kNotFound,
                     "there is no action '" + request.node + "' in the pipeline now"));
    return;
  }
  ActionCall out;
  out.decision = request.decision;
  out.policy = request.policy;
  out.incident = request.incident.id;
  out.trace_id = request.incident.trace_id;
  out.target = request.target;
  out.part = request.part;
  out.params = spec->config;
  if (spec->templated) {
    Result<Value> rendered = RenderTemplate(
        spec->config, Placeholders(&request.target, &request.finding, &request.incident,
                                   incident_url_(request.incident.id)));
    if (!rendered) {
      refuse(std::move(rendered.error()));
      return;
    }
    out.params = std::move(*rendered);
  }
  const int64_t left_ns = std::max<int64_t>(request.deadline_ns - clock_.NowNs(), 0);
  out.deadline_ns = clock_.MonotonicNs() + left_ns;

  // Whoever comes first, the answer or the deadline, is heard.
  struct Waiting {
    std::atomic<bool> answered{false};
    std::unique_ptr<boost::asio::steady_timer> timer;
  };
  const auto waiting = std::make_shared<Waiting>();
  const auto answer = [waiting, post = post_, done](Result<T> result) {
    if (waiting->answered.exchange(true)) return;
    post([waiting, done, result = std::move(result)]() mutable {
      waiting->timer.reset();
      done(std::move(result));
    });
  };
  waiting->timer = std::make_unique<boost::asio::steady_timer>(engine_lane_.context());
  waiting->timer->expires_after(std::chrono::nanoseconds(left_ns));
  waiting->timer->async_wait([answer, node = request.node,
                              op = std::string(what)](const boost::system::error_code& error) {
    if (!error)
      answer(MakeError(Code::kDeadline, op + " of action '" + node + "' didn't answer in time"));
  });
  const bool found = runner_.CallAction(
      request.node, what, out.deadline_ns,
      [waiting, answer, call = std::move(call), out, finding = request.finding,
       node = request.node](ActionInstance* action) mutable {
        if (action == nullptr) {
          answer(MakeError(Code::kUnavailable, "action '" + node + "' is stopped or hangs"));
          return;
        }
        if (waiting->answered) return;  // too late to begin
        out.finding = &finding;
        answer(call(*action, out));
      });
  if (!found)
    answer(MakeError(Code::kNotFound,
                     "there is no action '" + request.node + "' in the pipeline now"));
}

void Gateway::Plan(const remedy::ActionRequest& request, PlanDone done) {
  Run<heald::Plan>(
      "plan", request, std::move(done),
      [](ActionInstance& action, const ActionCall& call) { return action.MakePlan(call); });
}

void Gateway::DryRun(const remedy::ActionRequest& request, const heald::Plan& plan,
                     EffectDone done) {
  Run<Effect>("dry run", request, std::move(done),
              [plan](ActionInstance& action, const ActionCall& call) -> Result<Effect> {
                if (!action.can_dry_run())
                  return Effect{EffectState::kDone, "planned; the target has no dry run"};
                return action.DryRun(call, plan);
              });
}

void Gateway::Execute(const remedy::ActionRequest& request, const heald::Plan& plan,
                      EffectDone done) {
  Run<Effect>(
      "execute", request, std::move(done),
      [plan, metric = sample_to_action_, &clock = clock_](ActionInstance& action,
                                                          const ActionCall& call) mutable {
        if (call.finding->arrived_ns != 0)
          metric.Record(static_cast<double>(clock.MonotonicNs() - call.finding->arrived_ns) / 1e9);
        return action.Execute(call, plan);
      });
}

void Gateway::Observe(const remedy::ActionRequest& request, const heald::Plan& plan,
                      EffectDone done) {
  Run<Effect>("observe", request, std::move(done),
              [plan](ActionInstance& action, const ActionCall& call) {
                return action.Observe(call, plan);
              });
}

void Gateway::Undo(const remedy::ActionRequest& request, const heald::Plan& plan, EffectDone done) {
  Run<Effect>(
      "undo", request, std::move(done),
      [plan](ActionInstance& action, const ActionCall& call) { return action.Undo(call, plan); });
}

}  // namespace heald::agent
