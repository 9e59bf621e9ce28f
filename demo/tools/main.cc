// heald-demo-chaos, started as demo/chaos: traffic and faults for the demo's services.
// Exit codes: 0 done, 1 a service does not answer, 2 bad usage.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "core/base/units.h"
#include "demo/services/profile.h"
#include "demo/tools/named_faults.h"
#include "demo/tools/verbs.h"

namespace heald::demo {
namespace {

constexpr int kUsage = 2;

// A duration, ratio or number as typed, checked by CLI11 while it parses.
struct Typed {
  std::string text;
  bool given() const { return !text.empty(); }
  int64_t duration_ns() const { return *ParseDuration(text); }
};

const CLI::Validator kIsDuration(
    [](std::string& text) {
      const auto parsed = ParseDuration(text);
      return parsed ? std::string() : parsed.error().message;
    },
    "DURATION");
const CLI::Validator kIsShare(
    [](std::string& text) -> std::string {
      const auto parsed = ParseRatio(text);
      if (!parsed) return parsed.error().message;
      return *parsed >= 0 && *parsed <= 1 ? "" : "'" + text + "' is not from 0 to 1";
    },
    "SHARE");

struct Arguments {
  std::vector<std::string> services;
  std::vector<std::string> ports;
  std::vector<std::string> urls;
  Typed duration;
  Typed latency;
  std::string share;
  VerbOptions options;
};

double SteadyRate() {
  return kProfiles[0].steady_per_s;
}

CLI::App* AddVerb(CLI::App* app, const char* name, const char* help, Arguments* arguments) {
  CLI::App* verb = app->add_subcommand(name, help);
  verb->add_option("--service", arguments->services, "orders, users or payments; may be repeated")
      ->check(CLI::IsMember({"orders", "users", "payments"}))
      ->delimiter(',');
  verb->add_option("--ports", arguments->ports, "ports on this machine: orders=8001,users=8002")
      ->delimiter(',');
  verb->add_option("--url", arguments->urls, "where a service is: payments=http://host:8003");
  return verb;
}

void AddDuration(CLI::App* verb, Arguments* arguments, const char* help) {
  verb->add_option("--duration", arguments->duration.text, help)->check(kIsDuration);
}

void AddTraffic(CLI::App* verb, Arguments* arguments, const char* rate_help) {
  verb->add_option("--rate", arguments->options.rate, rate_help)->check(CLI::Range(0.0, 5000.0));
  verb->add_option("--seed", arguments->options.seed, "seed of the traffic and the faults");
}

int Run(const std::string& verb, Arguments* arguments) {
  VerbOptions& options = arguments->options;
  const auto targets = ParseTargets(arguments->ports, arguments->urls);
  if (!targets) {
    std::fprintf(stderr, "demo/chaos: %s\n", targets.error().message.c_str());
    return kUsage;
  }
  if (verb == "break" && arguments->services.empty())
    arguments->services = {FindFault(options.fault)->service};
  if ((verb == "spike" || verb == "leak") && arguments->services.empty())
    arguments->services = {"payments"};
  options.targets = Select(*targets, arguments->services);
  if (arguments->duration.given()) options.duration_ns = arguments->duration.duration_ns();
  if (verb == "health") return RunHealth(options);
  if (verb == "clear") return RunClear(options);
  if (verb == "chaos") return RunChaos(options);
  if (verb == "break") return RunBreak(options);
  if (verb == "leak") return RunLeak(options);
  if (verb != "spike") return RunTraffic(verb.c_str(), options);
  options.latency_ns = arguments->latency.duration_ns();
  options.rate = *ParseRatio(arguments->share);
  return RunSpike(options);
}

}  // namespace
}  // namespace heald::demo

int main(int argc, char** argv) {
  namespace demo = heald::demo;
  demo::Arguments arguments;
  demo::VerbOptions& options = arguments.options;
  options.seed = std::random_device()();
  CLI::App app("Traffic and faults for the demo's services.", "demo/chaos");
  app.require_subcommand(1);

  demo::AddVerb(&app, "health", "Show the three services and their faults", &arguments);

  auto* load = demo::AddVerb(&app, "load", "Send a number of requests", &arguments);
  load->add_option("--requests", options.requests,
                   "how many, over all services; 1000 unless --duration is given")
      ->check(CLI::Range(int64_t{1}, int64_t{100'000'000}));
  demo::AddDuration(load, &arguments, "stop after this time");
  demo::AddTraffic(load, &arguments,
                   "requests per second and service; as fast as possible unless given");
  load->add_option("--connections", options.connections, "connections per service without --rate")
      ->check(CLI::Range(1, 64))
      ->capture_default_str();

  auto* steady = demo::AddVerb(&app, "steady", "Keep a constant rate until Ctrl-C", &arguments);
  demo::AddDuration(steady, &arguments, "stop after this time");
  demo::AddTraffic(steady, &arguments, "requests per second and service; 30 unless given");

  auto* spike =
      demo::AddVerb(&app, "spike", "Make a service slow (payments unless --service)", &arguments);
  arguments.latency.text = heald::FormatDuration(
      static_cast<int64_t>(demo::FindProfile("payments")->fault_latency_ms * 1e6));
  arguments.share = "100%";
  spike->add_option("--latency", arguments.latency.text, "time added to a request")
      ->check(demo::kIsDuration)
      ->capture_default_str();
  spike->add_option("--rate", arguments.share, "share of requests that are slowed")
      ->check(demo::kIsShare)
      ->capture_default_str();
  demo::AddDuration(spike, &arguments, "end by itself after this time");

  auto* leak = demo::AddVerb(&app, "leak", "Make a service lose memory (payments unless --service)",
                             &arguments);
  options.leak_mib_s = demo::kLeakMiBPerS;
  leak->add_option("--mib", options.leak_mib_s, "MiB per second")
      ->check(CLI::Range(0.1, 64.0))
      ->capture_default_str();
  demo::AddDuration(leak, &arguments, "stop growing after this time");

  auto* named =
      demo::AddVerb(&app, "break", "Cause one of the faults of the scenarios", &arguments);
  std::vector<std::string> names;
  for (const demo::NamedFault& fault : demo::NamedFaults()) names.push_back(fault.name);
  named->add_option("fault", options.fault, "which")->required()->check(CLI::IsMember(names));
  demo::AddDuration(named, &arguments, "end by itself after this time, where it lasts");

  auto* chaos = demo::AddVerb(&app, "chaos", "Random faults for a while, then none", &arguments);
  demo::AddDuration(chaos, &arguments, "how long; 60s unless given");
  demo::AddTraffic(chaos, &arguments, "requests per second and service meanwhile; 10 unless given");
  options.faults = {"latency", "errors", "hang"};
  chaos->add_option("--faults", options.faults, "which: latency, errors, hang, crash")
      ->check(CLI::IsMember({"latency", "errors", "hang", "crash"}))
      ->delimiter(',')
      ->capture_default_str();

  demo::AddVerb(&app, "clear", "End all faults", &arguments);

  // CLI11 would only say that a verb is missing.
  const auto known =
      app.get_subcommands([&](CLI::App* verb) { return argc > 1 && verb->get_name() == argv[1]; });
  if (argc > 1 && *argv[1] != '-' && known.empty()) {
    std::fprintf(
        stderr,
        "demo/chaos: no verb '%s': use health, load, steady, spike, leak, break, chaos or clear\n",
        argv[1]);
    return demo::kUsage;
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : demo::kUsage;
  }
  const std::string verb = app.get_subcommands().front()->get_name();
  if (verb == "steady" && options.rate == 0) options.rate = demo::SteadyRate();
  if (verb == "chaos" && options.rate == 0) options.rate = 10;
  if (verb == "chaos" && !arguments.duration.given()) arguments.duration.text = "60s";
  if (verb == "load" && !arguments.duration.given() && options.requests == 0)
    options.requests = 1000;
  std::signal(SIGINT, [](int) { demo::Interrupt(); });
  std::signal(SIGTERM, [](int) { demo::Interrupt(); });
  std::signal(SIGPIPE, SIG_IGN);
  return demo::Run(verb, &arguments);
}
