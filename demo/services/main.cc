// heald-demo-service: one program, three services. It runs until SIGTERM or SIGINT.
#include <pthread.h>

#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>

#include "demo/services/http_app.h"
#include "demo/services/http_server.h"
#include "demo/services/log.h"
#include "demo/services/orders.h"
#include "demo/services/payments.h"
#include "demo/services/profile.h"
#include "demo/services/tracer.h"
#include "demo/services/users.h"

namespace heald::demo {
namespace {

constexpr int64_t kDrain_ns = 1'000'000'000;
constexpr int64_t kLastSpans_ns = 500'000'000;
constexpr int kUsage = 2;

struct Options {
  std::string service;
  std::string host = "127.0.0.1";
  int port = -1;
  std::string users_url = "http://127.0.0.1:" + std::to_string(FindProfile("users")->port);
  std::string payments_url = "http://127.0.0.1:" + std::to_string(FindProfile("payments")->port);
  uint64_t seed = 0;
  std::string data;  // empty: none
};

int Fail(const std::string& message) {
  std::fprintf(stderr, "heald-demo-service: %s\n", message.c_str());
  return 1;
}

// The three services; only the chosen one is made.
struct Services {
  std::unique_ptr<DataFolder> data;
  std::unique_ptr<Orders> orders;
  std::unique_ptr<Users> users;
  std::unique_ptr<Payments> payments;

  std::vector<Route> Make(const Options& options) {
    if (options.service == "orders") {
      orders = std::make_unique<Orders>(options.users_url, options.payments_url);
      return orders->Routes();
    }
    if (options.service == "users") {
      users = std::make_unique<Users>();
      return users->Routes();
    }
    payments = std::make_unique<Payments>(data.get());
    return payments->Routes();
  }
};

Result<std::unique_ptr<Tracer>> MakeTracer(const std::string& service, ServiceLog* log) {
  const auto environment = ReadOtlpEnvironment([](const std::string& name) {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  });
  if (!environment) return environment.error();
  return Tracer::Create(service, HEALD_VERSION, *environment, [log](bool bad, const auto& text) {
    log->Write(bad ? Level::kWarning : Level::kInfo, text);
  });
}

int Run(const Options& options) {
  AppOptions app_options;
  app_options.profile = FindProfile(options.service);
  app_options.version = HEALD_VERSION;
  app_options.seed = options.seed != 0 ? options.seed : std::random_device()();
  const auto faults = FaultsFromEnvironment([](const char* name) { return std::getenv(name); },
                                            app_options.profile->fault_latency_ms);
  if (!faults) return Fail(faults.error().message);
  app_options.faults = *faults;

  // Threads inherit the mask, so that only sigwait below sees the signals.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  ServiceLog log(options.service);
  auto tracer = MakeTracer(options.service, &log);
  if (!tracer) return Fail(options.service + ": " + tracer.error().message);
  app_options.log = &log;
  app_options.tracer = tracer->get();

  Services services;
  if (!options.data.empty()) {
    auto data = DataFolder::Open(options.data + "/" + options.service, options.service);
    if (!data) return Fail(options.service + ": " + data.error().message);
    services.data = std::move(*data);
    app_options.data = services.data.get();
  }
  StopSignal stop;
  HttpApp app(app_options, services.Make(options), &stop);
  const int port = options.port >= 0 ? options.port : app_options.profile->port;
  auto server = HttpServer::Start(options.host, static_cast<uint16_t>(port), &app, &stop);
  if (!server) return Fail(options.service + ": " + server.error().message);

  log.Write(Level::kInfo, options.service + " listening on http://" + options.host + ":" +
                              std::to_string((*server)->port()) + " (docs at /docs)");
  if (faults->Any())
    log.Write(Level::kWarning, options.service + " chaos from the environment",
              {{"failure_rate", faults->failure_rate},
               {"latency_ms", faults->latency_ms},
               {"latency_rate", faults->latency_ms > 0 ? faults->latency_rate : 0.0}});

  int signal = 0;
  sigwait(&signals, &signal);
  (*server)->Stop(kDrain_ns);
  (*tracer)->Stop(kLastSpans_ns);
  const std::string traces = (*tracer)->Summary();
  log.Write(Level::kInfo, options.service + " stopped" + (traces.empty() ? "" : ": " + traces));
  return 0;
}

}  // namespace
}  // namespace heald::demo

int main(int argc, char** argv) {
  heald::demo::Options options;
  CLI::App app("A service of the heald demo.", "heald-demo-service");
  app.set_version_flag("--version", HEALD_VERSION);
  app.add_option("--service", options.service, "which service to be")
      ->required()
      ->check(CLI::IsMember({"orders", "users", "payments"}));
  app.add_option("--port", options.port,
                 "port; 0 picks a free one; orders 8001, users 8002, payments 8003 unless given")
      ->check(CLI::Range(0, 65535));
  app.add_option("--host", options.host, "address to listen on")->capture_default_str();
  app.add_option("--users-url", options.users_url, "where orders finds users")
      ->capture_default_str();
  app.add_option("--payments-url", options.payments_url, "where orders finds payments")
      ->capture_default_str();
  app.add_option("--data", options.data,
                 "folder for what it keeps, below its name; without it, it keeps nothing");
  app.add_option("--seed", options.seed, "seed of the noise; random unless given");
  app.footer(
      "Environment: CHAOS_ENABLED=true with FAILURE_RATE and LATENCY_SPIKE_RATE (0 to 1)\n"
      "starts the service broken. OTEL_EXPORTER_OTLP_ENDPOINT=http://HOST:4318 says where its\n"
      "traces go.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : heald::demo::kUsage;
  }
  try {
    return heald::demo::Run(options);
  } catch (const std::exception& error) {
    return heald::demo::Fail(error.what());
  }
}
