#include "demo/tools/load_engine.h"

#include <curl/curl.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>

#include "core/base/units.h"
#include "demo/tools/traffic_mix.h"

namespace heald::demo {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kProgressEvery_ns = 100 * kMillisecond;

int64_t Now() {
  return std::chrono::nanoseconds(Clock::now().time_since_epoch()).count();
}

size_t Append(char* data, size_t size, size_t count, void* out) {
  static_cast<std::string*>(out)->append(data, size * count);
  return size * count;
}

struct Stream;

struct Transfer {
  CURL* easy = curl_easy_init();
  Stream* stream = nullptr;
  PlannedRequest request;
  std::string reply;
  int64_t start_ns = 0;

  Transfer() = default;
  ~Transfer() { curl_easy_cleanup(easy); }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;
};

// The arrivals at one service.
struct Stream {
  Stream(Target at, uint64_t seed) : target(std::move(at)), mix(target.service, seed) {}

  Target target;
  TrafficMix mix;
  int64_t next_due_ns = 0;
  int in_flight = 0;
  ServiceReport* report = nullptr;
};

class Engine {
 public:
  Engine(const LoadPlan& plan, const std::atomic<bool>& stop);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  Result<LoadReport> Run(const std::function<void(const LoadReport&)>& progress);

 private:
  bool MayStart(int64_t now) const;
  // Starts what is due; returns when something will be due next.
  int64_t StartDue(int64_t now);
  void Start(Stream* stream, int64_t now);
  void Finish(CURL* easy, CURLcode code);
  void Reap();

  const LoadPlan& plan_;
  const std::atomic<bool>& stop_;
  CURLM* multi_ = curl_multi_init();
  curl_slist* headers_ = curl_slist_append(nullptr, "Content-Type: application/json");
  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::unique_ptr<Transfer>> transfers_;
  std::vector<Transfer*> idle_;
  LoadReport report_;
  int64_t start_ns_ = Now();
  int64_t started_ = 0;
  int in_flight_ = 0;
};

Engine::Engine(const LoadPlan& plan, const std::atomic<bool>& stop) : plan_(plan), stop_(stop) {
  const auto share_ns = plan.rate_per_s > 0 ? static_cast<int64_t>(1e9 / plan.rate_per_s) : 0;
  for (size_t i = 0; i < plan.targets.size(); ++i) {
    auto stream = std::make_unique<Stream>(plan.targets[i], plan.seed + i);
    // Spread out, so that the services are not asked at the same instants.
    stream->next_due_ns =
        start_ns_ + share_ns * static_cast<int64_t>(i) / static_cast<int64_t>(plan.targets.size());
    stream->report = &report_.services[plan.targets[i].service];
    streams_.push_back(std::move(stream));
  }
}

Engine::~Engine() {
  for (const auto& transfer : transfers_) curl_multi_remove_handle(multi_, transfer->easy);
  transfers_.clear();
  curl_multi_cleanup(multi_);
  curl_slist_free_all(headers_);
}

bool Engine::MayStart(int64_t now) const {
  return !stop_ && (plan_.max_requests == 0 || started_ < plan_.max_requests) &&
         (plan_.duration_ns == 0 || now - start_ns_ < plan_.duration_ns);
}

int64_t Engine::StartDue(int64_t now) {
  int64_t next_ns = now + kProgressEvery_ns;
  bool started = true;
  while (started) {  // in turns, so that a limit on requests is shared evenly
    started = false;
    for (const auto& stream : streams_) {
      if (!MayStart(now)) return next_ns;
      if (plan_.rate_per_s > 0 && stream->next_due_ns > now) {
        next_ns = std::min(next_ns, stream->next_due_ns);
        continue;
      }
      const bool room = stream->in_flight < plan_.connections;
      if (plan_.rate_per_s > 0) {
        stream->next_due_ns += static_cast<int64_t>(1e9 / plan_.rate_per_s);
        if (!room) ++stream->report->skipped;
        started = true;
      }
      if (!room) continue;
      Start(stream.get(), now);
      started = true;
    }
  }
  return next_ns;
}

void Engine::Start(Stream* stream, int64_t now) {
  if (idle_.empty()) {
    transfers_.push_back(std::make_unique<Transfer>());
    idle_.push_back(transfers_.back().get());
  }
  Transfer* transfer = idle_.back();
  idle_.pop_back();
  transfer->stream = stream;
  transfer->request = stream->mix.Next();
  transfer->reply.clear();
  transfer->start_ns = now;
  CURL* easy = transfer->easy;
  curl_easy_reset(easy);
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
  curl_easy_setopt(easy, CURLOPT_URL, (stream->target.url + transfer->request.path).c_str());
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, transfer->request.method.c_str());
  curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(kRequestTimeout_ns / kMillisecond));
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Append);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &transfer->reply);
  if (!transfer->request.body.empty()) {
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(transfer->request.body.size()));
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->request.body.c_str());
  }
  curl_multi_add_handle(multi_, easy);
  ++started_;
  ++in_flight_;
  ++stream->in_flight;
}

void Engine::Finish(CURL* easy, CURLcode code) {
  Transfer* transfer = nullptr;
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_PRIVATE, &transfer);
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  curl_multi_remove_handle(multi_, easy);
  Stream* stream = transfer->stream;
  --in_flight_;
  --stream->in_flight;
  idle_.push_back(transfer);
  ServiceReport& report = *stream->report;
  ++report.requests;
  if (code != CURLE_OK || status >= 500) {
    ++report.errors;
    report.last_error =
        code != CURLE_OK ? curl_easy_strerror(code) : "status " + std::to_string(status);
  }
  if (code != CURLE_OK) return;
  report.latency.Add(Now() - transfer->start_ns);
  stream->mix.Learn(transfer->request, static_cast<int>(status), transfer->reply);
}

void Engine::Reap() {
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left))
    if (message->msg == CURLMSG_DONE) Finish(message->easy_handle, message->data.result);
}

Result<LoadReport> Engine::Run(const std::function<void(const LoadReport&)>& progress) {
  int64_t next_progress_ns = start_ns_ + kProgressEvery_ns;
  while (true) {
    const int64_t now = Now();
    const int64_t wake_ns = std::min(StartDue(now), next_progress_ns);
    int running = 0;
    CURLMcode code = curl_multi_perform(multi_, &running);
    Reap();
    if (in_flight_ == 0 && !MayStart(Now())) break;
    // Rounded up: waking a little late beats spinning through the last millisecond.
    const int64_t wait_ms = (std::max<int64_t>(0, wake_ns - Now()) + 999'999) / kMillisecond;
    if (code == CURLM_OK)
      code = curl_multi_poll(multi_, nullptr, 0, static_cast<int>(wait_ms), nullptr);
    if (code != CURLM_OK)
      return MakeError(Code::kInternal, std::string("libcurl: ") + curl_multi_strerror(code));
    if (Now() < next_progress_ns) continue;
    next_progress_ns = Now() + kProgressEvery_ns;
    report_.elapsed_ns = Now() - start_ns_;
    progress(report_);
  }
  report_.elapsed_ns = Now() - start_ns_;
  return report_;
}

}  // namespace

Result<LoadReport> RunLoad(const LoadPlan& plan, const std::atomic<bool>& stop,
                           const std::function<void(const LoadReport&)>& progress) {
  return Engine(plan, stop).Run(progress);
}

}  // namespace heald::demo
