#include "demo/scenario/interactive.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <map>
#include <set>

#include "core/base/clock.h"
#include "core/base/units.h"
#include "demo/scenario/remains.h"
#include "demo/scenario/session.h"
#include "demo/scenario/signals.h"
#include "demo/services/profile.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr int64_t kDrawEvery_ns = 250 * kMillisecond;
constexpr int64_t kChaosTimeout_ns = 200 * kMillisecond;

std::string TimeOfDay(int64_t ts_ns) {
  const std::time_t seconds = ts_ns / kSecond;
  std::tm local{};
  localtime_r(&seconds, &local);
  char text[16];
  std::strftime(text, sizeof text, "%H:%M:%S", &local);
  return text;
}

void Replace(std::string* text, const std::string& from, const std::string& to) {
  const size_t at = text->find(from);
  if (at != std::string::npos) text->replace(at, from.size(), to);
}

// When each service's fault began, so that the end can be told from there. heald does not look at
// this.
class FaultWatch {
 public:
  explicit FaultWatch(std::vector<Target> targets) : targets_(std::move(targets)) {}

  void Look() {
    for (const Target& target : targets_) {
      const auto reply = client_.Send("GET", target.url + "/chaos", "", kChaosTimeout_ns);
      const json chaos = reply ? json::parse(reply->body, nullptr, false) : json();
      const bool faulty = !reply || (chaos.is_object() && chaos.value("active", false));
      State& state = states_[target.service];
      // A restart looks like a fault, too: the one it cures goes on.
      if (faulty && !state.faulty && !(state.since_ns != 0 && !reply))
        state.since_ns = SystemClock().NowNs();
      state.faulty = faulty;
    }
  }
  int64_t since_ns(const std::string& service) { return states_[service].since_ns; }
  void Over(const std::string& service) { states_[service].since_ns = 0; }

 private:
  struct State {
    bool faulty = false;
    int64_t since_ns = 0;
  };
  const std::vector<Target> targets_;
  HttpClient client_;
  std::map<std::string, State> states_;
};

int Fail(const Error& error) {
  if (error.code == Code::kCancelled) return 0;
  std::fprintf(stderr, "demo/run: %s\n", error.message.c_str());
  return 1;
}

// What has happened since the last look, line by line.
class Screen {
 public:
  explicit Screen(Session* session) : session_(*session), faults_(session->places().targets()) {}

  void Show() {
    faults_.Look();
    // A call that fails while heald lives is made again.
    const auto events = session_.api().NewEvents();
    if (!events) return;
    for (const AgentEvent& event : *events) {
      const int64_t fault_ns = faults_.since_ns(event.target);
      const std::string line = LineFor(event, fault_ns <= event.ts_ns ? fault_ns : 0);
      if (!line.empty()) Print(TimeOfDay(event.ts_ns) + "  " + line);
      if (event.kind == "incident.resolved") faults_.Over(event.target);
    }
  }
  // A line that End completes, unless something else had to be said in between.
  void Begin(const std::string& text) {
    begun_ = text;
    std::printf("%s", text.c_str());
    std::fflush(stdout);
  }
  void End(const std::string& text) {
    std::printf("%s%s\n", interrupted_ ? begun_.c_str() : "", text.c_str());
    begun_.clear();
  }

 private:
  void Print(const std::string& line) {
    std::printf("%s%s\n", begun_.empty() || interrupted_ ? "" : "\n", line.c_str());
    std::fflush(stdout);
    interrupted_ = !begun_.empty();
  }

  Session& session_;
  FaultWatch faults_;
  std::string begun_;
  bool interrupted_ = false;
};

std::string Headline(const Places& places) {
  std::string out = "heald demo: ";
  for (const auto& profile : kProfiles) {
    const std::string name(profile.name);
    out += name + " :" + std::to_string(places.ports.at(name)) + "  ";
  }
  return out + " dashboard " + places.dashboard();
}

// What demo/chaos must be told when the ports are not the known ones.
std::string PortsOption(const Places& places) {
  std::string out;
  for (const auto& profile : kProfiles) {
    const std::string name(profile.name);
    if (places.ports.at(name) != profile.port)
      out += (out.empty() ? " --ports " : ",") + name + "=" + std::to_string(places.ports.at(name));
  }
  return out;
}

}  // namespace

std::string LineFor(const AgentEvent& event, int64_t fault_ns) {
  static const std::set<std::string> kRepeats = {"incident.opened", "finding.cleared",
                                                 "execution.planned", "execution.issued"};
  const bool healed = event.detail.is_object() && event.detail.value("healed", false);
  if (kRepeats.contains(event.kind) || (event.kind == "incident.resolved" && healed)) return "";
  std::string line = event.text;
  // What a program or a server answered ends in a newline, and has some in between.
  line.resize(line.find_last_not_of(" \r\n") + 1);
  std::replace(line.begin(), line.end(), '\n', ' ');
  Replace(&line, " -> ", " → ");
  if (event.kind == "finding.opened" && event.detail.is_object()) {
    const int64_t began_ns = event.detail.value("began_ns", int64_t{0});
    if (began_ns != 0 && event.ts_ns - began_ns >= kSecond && line.ends_with(')'))
      line.insert(line.size() - 1, ", since " + TimeOfDay(began_ns));
  }
  if (event.kind == "execution.verified" && fault_ns != 0) {
    const size_t healed_at = line.find(". Healed ");
    if (healed_at != std::string::npos)
      line = line.substr(0, healed_at) + ". Healed " + FormatElapsed(event.ts_ns - fault_ns) +
             " after the fault.";
  }
  return line;
}

int RunInteractive(const std::string& pipeline) {
  const auto places = InteractivePlaces(pipeline);
  if (!places) return Fail(places.error());
  const std::vector<Remain> remains = FindRemains(places->state_dir);
  std::vector<std::string> adopted;
  for (const Remain& remain : remains) {
    if (remain.agent != 0)
      return Fail(MakeError(Code::kConflict,
                            "a demo runs already (heald is pid " + std::to_string(remain.agent) +
                                ", state in " + places->state_dir +
                                "): end it with Ctrl-C, or give this one ports and a "
                                "HEALD_DEMO_STATE of its own"));
    adopted.push_back(remain.service);
  }
  if (const std::string busy = BusyPorts(*places, adopted); !busy.empty()) {
    std::fprintf(stderr, "%sNothing was started.\n", busy.c_str());
    return 1;
  }
  if (const Status ready = PrepareState(*places, !remains.empty()); !ready)
    return Fail(ready.error());

  Session session(*places);
  std::printf("%s\n", Headline(*places).c_str());
  if (!remains.empty())
    std::printf("  an earlier heald was killed; this one adopts the %zu services it left\n",
                remains.size());
  std::printf("  heald's log: %s\n", places->heald_log().c_str());
  std::fflush(stdout);
  Status status = session.Start();
  Screen screen(&session);
  if (status) {
    const auto start = std::chrono::steady_clock::now();
    screen.Begin("  learning what normal looks like …");
    status = session.Learn([&screen] { screen.Show(); });
    const auto took =
        std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start);
    screen.End(status ? " ready (" + std::to_string(took.count()) + " s)" : "");
  }
  if (status) {
    std::printf("  %s Break one:  demo/chaos spike --service payments%s\n",
                session.Calm() ? "all three services healthy." : "one is being healed.",
                PortsOption(*places).c_str());
    std::fflush(stdout);
    do {
      screen.Show();
      status = session.Alive();
    } while (status && !PauseOrStop(kDrawEvery_ns));
  }
  if (status || status.error().code == Code::kCancelled) {
    session.Stop();
    std::printf("\nstopped: heald, the services and the traffic\n");
    return 0;
  }
  session.Leave();
  Fail(status.error());
  if (const auto left = FindRemains(places->state_dir); !left.empty()) {
    std::string pids;
    for (const Remain& remain : left) pids += " " + std::to_string(remain.pid);
    std::fprintf(stderr, "The services go on without it. demo/run adopts them; kill%s ends them.\n",
                 pids.c_str());
  }
  return 1;
}

}  // namespace heald::demo
