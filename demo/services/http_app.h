// One demo service without its socket: dispatches a request to its route, adds the latency and the
// faults, measures, and serves /health, /metrics, /docs, /openapi.json and /chaos itself.
// Used by main (behind HttpServer) and by tests.
// Thread rule: Handle from any thread.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "demo/services/burn.h"
#include "demo/services/chaos_state.h"
#include "demo/services/data_folder.h"
#include "demo/services/http_types.h"
#include "demo/services/latency_model.h"
#include "demo/services/leak.h"
#include "demo/services/log.h"
#include "demo/services/metrics.h"
#include "demo/services/pool.h"
#include "demo/services/profile.h"
#include "demo/services/router.h"
#include "demo/services/stop_signal.h"
#include "demo/services/tracer.h"

namespace heald::demo {

struct AppOptions {
  const ServiceProfile* profile = nullptr;
  std::string version;
  Faults faults;
  uint64_t seed = 1;
  Tracer* tracer = nullptr;    // outlives the app; null: no spans
  ServiceLog* log = nullptr;   // likewise; null: no lines
  DataFolder* data = nullptr;  // outlives the app; null: the service keeps nothing
};

class HttpApp {
 public:
  // More business requests than this at once are refused with 503, so that /health always finds a
  // thread.
  static constexpr int kMaxInFlight = 192;

  // `stop` outlives the app.
  HttpApp(const AppOptions& options, std::vector<Route> business, StopSignal* stop);

  Response Handle(Request request);

 private:
  // A request to the business routes, or to none: traced and logged.
  Response Serve(const Match& match, Request* request);
  std::vector<Route> InternalRoutes();
  Response NotServed(const Match& match, const Request& request);
  Response Business(const Route& route, Request* request);
  // Latency and faults; a response when they decide the request.
  std::optional<Response> Suffer(const Request& request);
  Response Health() const;
  void WatchData();
  Response PutChaos(const Request& request);

  const ServiceProfile& profile_;
  const std::string version_;
  const std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  StopSignal& stop_;
  ChaosState chaos_;
  Leak leak_{[this] { return chaos_.Current().leak_mib_s; }, kLeakMostMiB << 20};
  Burn burn_{[this] { return chaos_.Current().cpu_cores; }, kBurnMostCores};
  Pool pool_{kPoolConnections, &stop_};
  Tracer* const tracer_;
  ServiceLog* const log_;
  DataFolder* const data_;
  std::optional<Drip> fill_;  // of the disk
  LatencyModel latency_;
  Metrics metrics_;
  Router router_;
  std::string docs_;
  std::string openapi_;
  std::atomic<int> in_flight_{0};  // business requests
};

}  // namespace heald::demo
