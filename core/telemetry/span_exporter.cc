#include "core/telemetry/span_exporter.h"

#include <algorithm>
#include <chrono>

#include "core/base/clock.h"

namespace heald::tracing {
namespace {

constexpr int64_t kLongestRetryAfterNs = 5 * kMinute;
constexpr size_t kShownOfAnAnswer = 200;  // bytes

// Those that the specification has tried again.
bool MayWorkLater(int status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

int64_t MonotonicNs() {
  return SystemClock().MonotonicNs();
}

std::string Shown(const std::string& body) {
  return body.empty() ? "" : ": " + body.substr(0, kShownOfAnAnswer);
}

}  // namespace

SpanExporter::SpanExporter(ExporterOptions options, SpanSource* source)
    : options_(std::move(options)), source_(*source), thread_([this] { Run(); }) {}

SpanExporter::~SpanExporter() {
  Stop(0);
}

void SpanExporter::Wake() {
  {
    const std::lock_guard lock(mutex_);
    woken_ = true;
  }
  changed_.notify_one();
}

void SpanExporter::Stop(int64_t patience_ns) {
  {
    const std::lock_guard lock(mutex_);
    if (stop_at_ns_ == 0) stop_at_ns_ = MonotonicNs() + patience_ns;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

ExportStats SpanExporter::stats() const {
  const std::lock_guard lock(mutex_);
  return stats_;
}

int64_t SpanExporter::StopsNs() const {
  const std::lock_guard lock(mutex_);
  return stop_at_ns_;
}

void SpanExporter::Pause(int64_t duration_ns, bool until_woken) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, std::chrono::nanoseconds(duration_ns),
                    [&] { return stop_at_ns_ != 0 || (until_woken && woken_); });
  if (until_woken) woken_ = false;
}

void SpanExporter::Run() {
  int64_t pause_ns = options_.first_pause_ns;
  while (StopsNs() == 0) {
    const std::vector<Span> spans = source_.Next(options_.batch);
    if (spans.empty()) {
      Pause(options_.every_ns, true);
      continue;
    }
    int64_t asked_ns = 0;
    if (SendOne(spans, &asked_ns) == Sent::kDone) {
      source_.Done();
      pause_ns = options_.first_pause_ns;
      continue;
    }
    Pause(std::max(pause_ns, asked_ns), false);
    pause_ns = std::min(2 * pause_ns, options_.longest_pause_ns);
  }
  // The last ones: a receiver that is away is not waited for.
  while (MonotonicNs() < StopsNs()) {
    const std::vector<Span> spans = source_.Next(options_.batch);
    int64_t asked_ns = 0;
    if (spans.empty() || SendOne(spans, &asked_ns) == Sent::kAgain) return;
    source_.Done();
  }
}

SpanExporter::Sent SpanExporter::SendOne(const std::vector<Span>& spans, int64_t* pause_ns) {
  const int64_t stops_ns = StopsNs();
  const int64_t timeout_ns = stops_ns == 0 ? options_.timeout_ns
                                           : std::clamp<int64_t>(stops_ns - MonotonicNs(),
                                                                 kMillisecond, options_.timeout_ns);
  const Result<PostAnswer> answer = options_.post(ToOtlpJson(options_.origin, spans), timeout_ns);
  const bool taken = answer && answer->status >= 200 && answer->status < 300;
  const bool again = !answer || MayWorkLater(answer->status);
  PartialSuccess partial;
  if (taken) partial = ReadPartialSuccess(answer->body);
  const uint64_t refused =
      taken ? std::min<uint64_t>(partial.rejected, spans.size()) : spans.size();
  {
    const std::lock_guard lock(mutex_);
    if (again)
      ++stats_.failed_posts;
    else
      stats_.refused += refused;
    if (taken) stats_.sent += spans.size() - refused;
  }
  const bool failing = !taken || refused != 0;
  if (failing != failing_) {
    if (!failing)
      options_.say(false, "traces are taken again");
    else if (again)
      options_.say(
          true, "traces can't be sent, and wait: " +
                    (answer ? "HTTP status " + std::to_string(answer->status) + Shown(answer->body)
                            : answer.error().message));
    else
      options_.say(
          true,
          "the receiver refused " + std::to_string(refused) + " spans, which are lost: " +
              (taken ? partial.message
                     : "HTTP status " + std::to_string(answer->status) + Shown(answer->body)));
  }
  failing_ = failing;
  if (!again) return Sent::kDone;
  if (answer) *pause_ns = std::min(answer->retry_after_ns, kLongestRetryAfterNs);
  return Sent::kAgain;
}

size_t SpanQueue::Push(Span span) {
  const std::lock_guard lock(mutex_);
  if (spans_.size() < most_)
    spans_.push_back(std::move(span));
  else
    ++dropped_;
  return spans_.size();
}

size_t SpanQueue::size() const {
  const std::lock_guard lock(mutex_);
  return spans_.size();
}

uint64_t SpanQueue::dropped() const {
  const std::lock_guard lock(mutex_);
  return dropped_;
}

std::vector<Span> SpanQueue::Next(size_t most) {
  const std::lock_guard lock(mutex_);
  shown_ = std::min(most, spans_.size());
  return {spans_.begin(), spans_.begin() + static_cast<std::ptrdiff_t>(shown_)};
}

void SpanQueue::Done() {
  const std::lock_guard lock(mutex_);
  spans_.erase(spans_.begin(), spans_.begin() + static_cast<std::ptrdiff_t>(shown_));
  shown_ = 0;
}

}  // namespace heald::tracing
