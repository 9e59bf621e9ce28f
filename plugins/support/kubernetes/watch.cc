#include "plugins/support/kubernetes/watch.h"

#include <chrono>

#include "plugins/support/clock.h"
#include "plugins/support/json_at.h"
#include "plugins/support/kubernetes/item_splitter.h"
#include "plugins/support/kubernetes/object.h"
#include "plugins/support/retry.h"

namespace heald::kubernetes {
namespace {

using support::SteadyNs;
using support::Text;

using support::kSecond;
// Beyond what the server was asked to serve the stream for.
constexpr int64_t kMarginNs = 10 * kSecond;
// A stream that ends at once must not be asked for without end.
constexpr int64_t kShortNs = kSecond;

}  // namespace

// One stream of events, taken apart.
class Watch::Session {
 public:
  Session(Watch& watch, std::string* version)
      : watch_(watch),
        version_(*version),
        splitter_(ItemSplitter::Of::kStream, [this](std::string_view text) { return Take(text); }) {
  }

  void Run(const std::string& url) {
    const Asked asked{"watch", watch_.ref_};
    watch_.client_.Stream(asked, url, watch_.options_.window_ns + kMarginNs,
                          [this](std::string_view data) { return splitter_.Feed(data); });
    if (status_) throw RefusedError(asked, *std::move(status_), watch_.client_.cluster());
    if (garbage_.empty() && splitter_.malformed()) garbage_ = splitter_.pending();
    if (!garbage_.empty())
      throw UnreachableError(asked, {support::HttpFault::kBroken,
                                     "'" + garbage_.substr(0, 100) + "' is no event of a watch",
                                     "is this the API server's address?", true, 0});
  }
  bool heard() const { return heard_; }

 private:
  bool Take(std::string_view text) {
    Json event = ParseObject(text);
    const std::string type = event.is_object() ? Text(event, "/type") : "";
    if (type == "ERROR") {
      status_ = ParseStatus(0, event["object"].dump(), 0);
      return false;
    }
    if (!event.is_object() || !event.contains("object")) {
      garbage_ = text.substr(0, 100);
      return false;
    }
    Json& object = event["object"];
    heard_ = true;
    if (std::string version = Text(object, "/metadata/resourceVersion"); !version.empty())
      version_ = std::move(version);
    if (type == "BOOKMARK") return true;
    ++watch_.events_total_;
    const Change change = type == "ADDED"     ? Change::kAdded
                          : type == "DELETED" ? Change::kDeleted
                                              : Change::kModified;
    watch_.handlers_.object(change, object);
    return true;
  }

  Watch& watch_;
  std::string& version_;
  bool heard_ = false;
  std::optional<Status> status_;
  std::string garbage_;
  ItemSplitter splitter_;
};

Watch::Watch(Cluster cluster, Ref ref, WatchOptions options, WatchHandlers handlers,
             std::shared_ptr<support::HttpMetrics> metrics)
    : ref_(std::move(ref)),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      client_(
          std::move(cluster), [this] { return stopping_.load(); }, std::move(metrics)) {}

Watch::~Watch() {
  Stop();
}

void Watch::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Watch::Stop() {
  stopping_ = true;
  client_.Cancel();
  if (thread_.joinable()) thread_.join();
}

Watch::Trouble Watch::trouble() const {
  const std::lock_guard lock(mutex_);
  return trouble_;
}

void Watch::Failed(int32_t code, const std::string& why) {
  const std::lock_guard lock(mutex_);
  if (trouble_.since_ns == 0) trouble_.since_ns = SteadyNs();
  trouble_.code = code;
  trouble_.why = why;
}

void Watch::Well() {
  const std::lock_guard lock(mutex_);
  trouble_ = {};
}

std::string Watch::ListAll() {
  if (handlers_.listing) handlers_.listing();
  std::string version =
      client_.ForEach(ref_, {options_.label_selector, options_.field_selector, options_.page_size},
                      [this](Json&& item) { handlers_.object(Change::kAdded, item); });
  ++lists_total_;
  synced_ = true;
  if (handlers_.synced) handlers_.synced();
  Well();
  return version;
}

std::string Watch::UrlFrom(const std::string& version) const {
  std::string url = ref_.Path() + "?allowWatchBookmarks=true";
  if (!options_.field_selector.empty())
    url += "&fieldSelector=" + support::UrlEncode(options_.field_selector);
  if (!options_.label_selector.empty())
    url += "&labelSelector=" + support::UrlEncode(options_.label_selector);
  return url + "&resourceVersion=" + support::UrlEncode(version) +
         "&timeoutSeconds=" + std::to_string((options_.window_ns + kSecond - 1) / kSecond) +
         "&watch=true";
}

// A stream says nothing before the first event, so whether the trouble is over is asked for.
void Watch::Probe() {
  const Asked asked{"list", ref_};
  client_.Stream(asked, ref_.Path() + "?limit=1", client_.cluster().http.timeout.ns,
                 [](std::string_view) { return true; });
  Well();
}

void Watch::Run() {
  support::Backoff backoff({.base_ns = options_.first_pause_ns, .cap_ns = options_.most_pause_ns});
  std::string version;  // empty: list first
  while (!stopping_) {
    int64_t pause_ns = 0;
    const int64_t began_ns = SteadyNs();
    Session session(*this, &version);
    try {
      if (version.empty())
        version = ListAll();
      else if (trouble().since_ns != 0)
        Probe();
      session.Run(UrlFrom(version));
      // The server closed it in good order: resume at once.
      if (session.heard() || SteadyNs() - began_ns > kShortNs)
        backoff.Reset();
      else
        pause_ns = backoff.NextNs();
    } catch (const ApiError& error) {
      if (stopping_) return;
      if (session.heard()) backoff.Reset();
      pause_ns = backoff.NextNs(error.retry_after_ns());
      // 410: the server's history begins after our version. 400 and 500: it can't read the version,
      // for instance where versions began anew with a restored backup.
      const int status = error.status().code;
      if (status == 410 || status == 400 || status == 500) version.clear();
      if (status != 410) Failed(error.code(), error.what());
    } catch (const std::exception& error) {
      Failed(HEALD_INTERNAL, error.what());
      pause_ns = backoff.NextNs();
    }
    if (pause_ns > 0 && !client_.Sleep(pause_ns)) return;
  }
}

}  // namespace heald::kubernetes
