// Sends spans to a receiver of OTLP over HTTP, from a thread of its own: in batches, again where
// the receiver is away or asks for it, and what is left at the stop. Whoever makes spans never
// waits for it. Used by the agent (over its journal) and by the demo services (over a SpanQueue).
// Thread rule: Wake and stats from any thread; Stop and the destructor from one.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/telemetry/otlp.h"

namespace heald::tracing {

// Where the spans come from. Called by the exporter's thread alone.
class SpanSource {
 public:
  virtual ~SpanSource() = default;
  // The next ones, `most` or a few more; the same again until Done. Empty: none for now.
  virtual std::vector<Span> Next(size_t most) = 0;
  virtual void Done() = 0;
};

struct PostAnswer {
  int status = 0;
  std::string body;
  int64_t retry_after_ns = 0;
};
// One HTTP request with a JSON body; any status is an answer.
using Post = std::function<Result<PostAnswer>(const std::string& body, int64_t timeout_ns)>;

struct ExporterOptions {
  Origin origin;
  Post post;
  int64_t every_ns = kSecond;  // looks for spans, unless woken
  int64_t timeout_ns = 5 * kSecond;
  int64_t first_pause_ns = kSecond;  // before the second try; each further one is twice as long
  int64_t longest_pause_ns = 30 * kSecond;
  size_t batch = 256;
  // Takes a line for the log when sending begins to fail, and when it works again.
  std::function<void(bool bad, const std::string& text)> say = [](bool, const std::string&) {};
};

struct ExportStats {
  uint64_t sent = 0;          // spans that the receiver took
  uint64_t refused = 0;       // ... and didn't want
  uint64_t failed_posts = 0;  // requests that are tried again
};

class SpanExporter {
 public:
  // `source` outlives the exporter.
  SpanExporter(ExporterOptions options, SpanSource* source);
  ~SpanExporter();
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  void Wake();
  // Sends what there is, each batch once, for about so long at most.
  void Stop(int64_t patience_ns);
  ExportStats stats() const;

 private:
  enum class Sent { kDone, kAgain };
  void Run();
  // `pause_ns`: how long the receiver wants to be left alone.
  Sent SendOne(const std::vector<Span>& spans, int64_t* pause_ns);
  // Until woken, or to its end where only Stop may cut it short.
  void Pause(int64_t duration_ns, bool until_woken);
  int64_t StopsNs() const;

  const ExporterOptions options_;
  SpanSource& source_;
  bool failing_ = false;  // of the thread

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // Guarded by mutex_:
  bool woken_ = false;
  int64_t stop_at_ns_ = 0;  // monotonic; 0: goes on
  ExportStats stats_;
  std::thread thread_;
};

// Spans in memory, of which the latest are dropped where there is no room.
class SpanQueue final : public SpanSource {
 public:
  explicit SpanQueue(size_t most) : most_(most) {}

  // From any thread; returns how many there are now.
  size_t Push(Span span);
  size_t size() const;
  uint64_t dropped() const;

  std::vector<Span> Next(size_t most) override;
  void Done() override;

 private:
  const size_t most_;
  mutable std::mutex mutex_;
  // Guarded by mutex_:
  std::deque<Span> spans_;
  size_t shown_ = 0;  // by Next
  uint64_t dropped_ = 0;
};

}  // namespace heald::tracing
