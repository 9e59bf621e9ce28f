#include "demo/scenario/scenarios.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <sstream>
#include <utility>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "demo/scenario/session.h"
#include "demo/scenario/signals.h"
#include "demo/services/profile.h"
#include "demo/tools/targets.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr int64_t kPoll_ns = 100 * kMillisecond;

int64_t Now() {
  return SystemClock().NowNs();
}

// What an event means for the scenario; empty: nothing.
std::string_view StepOf(const std::string& kind) {
  static const std::pair<std::string_view, std::string_view> kSteps[] = {
      {"finding.opened", "finding"},      {"incident.opened", "incident"},
      {"decision.act", "decision"},       {"execution.issued", "issued"},
      {"finding.cleared", "cleared"},     {"execution.observed", "ready"},
      {"execution.verified", "verified"}, {"incident.resolved", "resolved"}};
  for (const auto& [event, step] : kSteps)
    if (kind == event) return step;
  return "";
}

// The folder goes with a good end and stays, named, with a bad one.
void EndState(const Places& places, bool good) {
  std::error_code error;
  if (good)
    std::filesystem::remove_all(places.state_dir, error);
  else
    std::fprintf(stderr, "heald's log and journal are kept in %s\n", places.state_dir.c_str());
}

std::string LoadProblem(const LoadReport& report) {
  for (const auto& [name, service] : report.services) {
    const double expected = FindProfile(name)->steady_per_s *
                            static_cast<double>(report.elapsed_ns) / static_cast<double>(kSecond);
    if (static_cast<double>(service.requests) < 0.8 * expected)
      return name + " got only " + std::to_string(service.requests) + " requests";
    if (static_cast<double>(service.errors) >
        kHealthyErrorShareMax * static_cast<double>(service.requests))
      return name + " had " + std::to_string(service.errors) +
             " errors without a fault: " + service.last_error;
  }
  return "";
}

// One run with its own heald.
class Trial {
 public:
  Trial(const Scenario& scenario, Places places, const ScenarioOptions& options)
      : scenario_(scenario), session_(std::move(places)), options_(options) {}

  ScenarioResult Run() {
    result_.missing = Try();
    session_.Stop();
    return std::move(result_);
  }

 private:
  std::string Try() {
    Say("starting heald, the services and steady traffic …");
    Status status = session_.Start();
    if (status) status = session_.Learn();
    if (!status) return Missing(status.error());
    static_cast<void>(session_.api().NewEvents());
    const Target target = session_.target(scenario_.service);
    HttpClient client;
    fault_ns_ = Now();
    Say("all healthy; fault: " + scenario_.fault);
    if (scenario_.body.contains("disk_mib_s"))
      Say(session_.HasOwnDisk()
              ? "(the disk is a file system of its own)"
              : "(the disk is a folder with a limit: nothing can be mounted here)");
    const auto reply =
        client.Send("PUT", target.url + "/chaos", scenario_.body.dump(), kCallTimeout_ns);
    if (!reply || reply->status >= 300)
      return "the fault could not be injected: " +
             (reply ? "status " + std::to_string(reply->status) : reply.error().message);
    status = Follow();
    if (!status) return Missing(status.error());
    if (const std::string problem = Unwell(target); !problem.empty())
      return "heald says healed, but " + problem;
    if (const std::string outside = Outside(scenario_.afterwards); !outside.empty())
      return "heald says healed, but " + outside;
    return CheckProcess(&client, target);
  }

  // Until the incident is over or time is up.
  Status Follow() {
    while (!result_.reached_ns.contains("resolved")) {
      if (Status alive = session_.Alive(); !alive) return alive;
      const auto events = session_.api().NewEvents();
      if (events)
        for (const AgentEvent& event : *events) Take(event);
      LookAtService();
      if (!refused_.empty()) return MakeError(Code::kUnavailable, refused_);
      if (Now() - fault_ns_ > options_.limit_ns)
        return MakeError(Code::kDeadline,
                         NotReached() + " within " + FormatElapsed(options_.limit_ns));
      if (PauseOrStop(kPoll_ns)) return MakeError(Code::kCancelled, "stopped");
    }
    if (!result_.reached_ns.contains("verified"))
      return MakeError(Code::kUnavailable, NotReached() + ": the incident ended without it");
    return {};
  }

  // What the service's page says; nothing while it is being restarted.
  std::optional<double> Measure(const std::string& metric) const {
    const auto reply = HttpClient().Send("GET", session_.target(scenario_.service).url + "/metrics",
                                         "", kCallTimeout_ns);
    std::istringstream page(reply ? reply->body : "");
    for (std::string line; std::getline(page, line);)
      if (line.starts_with(metric + " ") || line.starts_with(metric + "{"))
        return std::strtod(line.c_str() + line.rfind(' '), nullptr);
    return std::nullopt;
  }

  // Empty when it is within the bounds, or nobody can say.
  std::string Outside(const Bounds& bounds) const {
    if (bounds.metric.empty()) return "";
    const auto value = Measure(bounds.metric);
    if (!value || (*value > bounds.above && *value < bounds.below)) return "";
    std::ostringstream out;
    out << scenario_.service << " has " << bounds.metric << " " << *value;
    return out.str();
  }

  // heald's word that it was in time isn't taken for it.
  void LookAtService() {
    if (const std::string outside = Outside(scenario_.meanwhile); !outside.empty())
      refused_ = outside + ": heald did nothing before the limit";
  }

  void Take(const AgentEvent& event) {
    const int64_t since_ns = event.ts_ns - fault_ns_;
    if (!options_.quiet && event.kind != "execution.planned")
      std::printf("%+7.1f s  %-10s %s\n", static_cast<double>(since_ns) / 1e9,
                  std::string(StepOf(event.kind)).c_str(), event.text.c_str());
    std::fflush(stdout);
    if (event.target != scenario_.service) {
      if (event.kind == "decision.act")
        refused_ = "heald acted on " + event.target + ", which is well";
      return;
    }
    if (event.kind == "decision.act" && ++decisions_ > scenario_.decisions)
      refused_ = "heald acted more often on one fault than it takes";
    if (event.kind == "incident.escalated") refused_ = event.text;
    if (const std::string_view step = StepOf(event.kind); !step.empty())
      result_.reached_ns.try_emplace(std::string(step), since_ns);
  }

  std::string NotReached() const {
    for (const char* step : {"finding", "incident", "decision", "issued", "ready", "verified"})
      if (!result_.reached_ns.contains(step)) return std::string("no step '") + step + "'";
    return "the incident was not resolved";
  }

  // Where the cure is a restart: a process that began after the fault, so somebody did restart it.
  std::string CheckProcess(HttpClient* client, const Target& target) const {
    const auto reply = client->Send("GET", target.url + "/health", "", kCallTimeout_ns);
    const json health = reply ? json::parse(reply->body, nullptr, false) : json();
    const double up_s = health.is_object() ? health.value("uptime_s", 0.0) : 0;
    const bool is_new = up_s * 1e9 < static_cast<double>(Now() - fault_ns_);
    if (is_new == scenario_.by_restart) return "";
    return scenario_.service + (is_new ? " was restarted, which cures nothing"
                                       : " is still the process that had the fault");
  }

  std::string Missing(const Error& error) {
    result_.stopped = error.code == Code::kCancelled;
    return error.message;
  }

  void Say(const std::string& text) const {
    if (options_.quiet) return;
    std::printf("%s\n", text.c_str());
    std::fflush(stdout);
  }

  const Scenario& scenario_;
  Session session_;
  const ScenarioOptions& options_;
  int64_t fault_ns_ = 0;
  int decisions_ = 0;
  std::string refused_;  // why it can't be a success any more
  ScenarioResult result_;
};

}  // namespace

ScenarioResult RunScenario(const Scenario& scenario, const ScenarioOptions& options) {
  const auto places = PrivatePlaces(options.pipeline);
  ScenarioResult result;
  if (!places) {
    result.missing = places.error().message;
    return result;
  }
  result = Trial(scenario, *places, options).Run();
  EndState(*places, result.missing.empty() || result.stopped);
  return result;
}

std::string RunSilence(int64_t duration_ns, const std::string& pipeline) {
  const auto places = PrivatePlaces(pipeline);
  if (!places) return places.error().message;
  Session session(*places);
  std::string problem;
  int findings = 0;
  const auto watch = [&]() -> Status {
    if (Status s = session.Start(); !s) return s;
    if (Status s = session.Learn(); !s) return s;
    std::printf("learnt what is normal; %s of steady load without a fault …\n",
                FormatElapsed(duration_ns).c_str());
    std::fflush(stdout);
    for (const int64_t end_ns = Now() + duration_ns; Now() < end_ns;) {
      if (Status s = session.Alive(); !s) return s;
      const auto events = session.api().NewEvents();
      if (!events) return events.error();
      for (const AgentEvent& event : *events) {
        std::printf("%s\n", event.text.c_str());
        findings += event.kind == "finding.opened" ? 1 : 0;
        if (event.kind.starts_with("decision.") || event.kind.starts_with("execution."))
          problem += event.text + "\n";
      }
      if (PauseOrStop(kSecond)) return MakeError(Code::kCancelled, "stopped");
    }
    return {};
  };
  if (const Status status = watch(); !status) problem += status.error().message;
  const LoadReport load = session.Load();
  if (problem.empty()) problem = LoadProblem(load);
  int64_t requests = 0;
  for (const auto& [name, service] : load.services) requests += service.requests;
  session.Stop();
  std::printf("%lld requests, %d findings, %s\n", static_cast<long long>(requests), findings,
              problem.empty() ? "no decision, no action" : "not silent");
  EndState(*places, problem.empty());
  return problem;
}

}  // namespace heald::demo
