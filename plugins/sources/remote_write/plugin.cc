#include <optional>

#include "heald/http.h"
#include "heald/plugin.h"
#include "plugins/sources/remote_write/intake.h"
#include "plugins/sources/remote_write/settings.h"
#include "plugins/sources/remote_write/write_request.h"
#include "plugins/support/silence.h"

namespace heald::remote_write {
namespace {

constexpr uint64_t kMostMessageBytes = uint64_t{64} << 20;
constexpr int64_t kLogEveryNs = 60'000'000'000;

class RemoteWriteSource : public sdk::Source<RemoteWriteSource> {
 public:
  static constexpr sdk::Info kInfo{
      .name = "remote_write",
      .doc = "Metrics as Prometheus pushes them by remote write, without the wait of a poll"};
  using Config = RemoteWriteConfig;

  static void Validate(const Config& config, sdk::Problems& problems) {
    for (const Problem& problem : CheckConfig(config))
      problems.Add(problem.pointer, problem.message);
  }
  static std::vector<std::string> Outputs(const Config& config) {
    std::vector<std::string> names;
    for (const auto& [name, metric] : config.metrics) names.push_back(name);
    return names;
  }

  RemoteWriteSource(sdk::Host host, const Config& config)
      : host_(host), config_(config), intake_(host, config), silence_(host, config.silent_after) {}

  void Start(sdk::Sink sink) {
    sink_.emplace(sink);
    route_.emplace(host_, "", static_cast<uint64_t>(config_.max_body.count),
                   [this](const sdk::HttpRequest& request) { return Receive(request); });
  }
  void Stop() { route_.reset(); }

  // Only to see whether anybody pushes.
  sdk::Duration Interval() const { return silence_.Interval(); }
  void Poll(sdk::Sink&, int64_t) { silence_.Check(); }

 private:
  sdk::HttpResponse Receive(const sdk::HttpRequest& request) {
    try {
      return Take(request);
    } catch (const sdk::Failure& failed) {
      if (failed.code() == HEALD_INVALID) Tell(request, failed.what());
      throw;
    }
  }

  sdk::HttpResponse Take(const sdk::HttpRequest& request) {
    const std::string_view type = request.Header("content-type");
    if (!type.starts_with("application/x-protobuf") || type.find("write.v2") != type.npos ||
        request.Header("x-prometheus-remote-write-version").starts_with("2"))
      return Refuse(request, 415,
                    "send remote write 1.0: Content-Type application/x-protobuf with a "
                    "prometheus.WriteRequest");
    if (request.Header("content-encoding") != "snappy")
      return Refuse(request, 415, "send it with Content-Encoding snappy (block format)");
    uint64_t bytes = 0;
    std::string error = UncompressedBytes(request.body, &bytes);
    if (error.empty() && bytes > kMostMessageBytes)
      return Refuse(request, 413, "uncompressed it is longer than 64 MiB");
    if (error.empty()) error = Uncompress(request.body, &message_);
    if (!error.empty()) throw sdk::Failure(HEALD_INVALID, error);
    intake_.Take(message_, *sink_);
    silence_.Heard();
    return {};
  }

  sdk::HttpResponse Refuse(const sdk::HttpRequest& request, int status, const std::string& why) {
    Tell(request, why);
    return sdk::HttpProblem(status, why);
  }

  // Now and then: a sender that is set up wrongly repeats itself.
  void Tell(const sdk::HttpRequest& request, const std::string& why) {
    ++refused_;
    const int64_t now_ns = host_.MonotonicNs();
    if (told_ns_ != 0 && now_ns - told_ns_ < kLogEveryNs) return;
    told_ns_ = now_ns;
    host_.Log(sdk::Level::kWarning, "remote_write `" + std::string(host_.Name()) +
                                        "`: refused what " + std::string(request.actor) +
                                        " pushed: " + why + " (" + std::to_string(refused_) +
                                        " refused so far)");
  }

  const sdk::Host host_;
  const Config config_;
  Intake intake_;
  support::Silence silence_;
  std::optional<sdk::Sink> sink_;
  std::optional<sdk::HttpRoute> route_;
  std::string message_;  // kept for its room
  uint64_t refused_ = 0;
  int64_t told_ns_ = 0;
};

}  // namespace
}  // namespace heald::remote_write

HEALD_PLUGIN("remote_write", "0.1.0", "heald", "MIT", heald::remote_write::RemoteWriteSource);
