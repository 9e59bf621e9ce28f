#include "tests/fakes/kubernetes/watch.h"

#include <algorithm>
#include <utility>

#include "tests/fakes/http_server.h"
#include "tests/fakes/kubernetes/status.h"

namespace heald::fakes::kubernetes {
namespace {

// How long a watch waits for the next change before it looks whether its client is still there.
constexpr std::chrono::milliseconds kGlance{100};

}  // namespace

Watch::Watch(Cluster& cluster, WatchPlan plan)
    : cluster_(cluster),
      plan_(std::move(plan)),
      ends_(std::chrono::steady_clock::now() + plan_.timeout),
      bookmark_(std::chrono::steady_clock::now() + cluster.bookmark_every),
      expire_(cluster.expire_watches),
      cut_(cluster.cut_watches) {
  if (plan_.from) {
    seen_ = *plan_.from;
    stale_ = seen_ < cluster.store.compacted();
    return;
  }
  seen_ = cluster.store.version();
  for (const Object& object : cluster.store.List(*plan_.resource, plan_.space))
    if (Selected(*object)) initial_.push_back(object);
}

bool Watch::Selected(const Json& object) const {
  return plan_.labels.Matches(object) && plan_.fields.Matches(object);
}

std::string Watch::Line(const std::string& type, const Json& object) const {
  return R"({"type":")" + type + R"(","object":)" +
         ToVersion(*plan_.resource, object, plan_.api_version).dump() + "}\n";
}

std::string Watch::Gone(int64_t version) {
  ended_ = true;
  const Json body = StatusBody(410, "Expired",
                               "too old resource version: " + std::to_string(version) + " (" +
                                   std::to_string(cluster_.store.compacted()) + ")");
  return R"({"type":"ERROR","object":)" + body.dump() + "}\n";
}

std::string Watch::Bookmark() const {
  Json object = {{"kind", plan_.resource->kind},
                 {"apiVersion", plan_.api_version},
                 {"metadata",
                  {{"resourceVersion", std::to_string(cluster_.store.version())},
                   {"creationTimestamp", nullptr}}}};
  if (plan_.resource->kind == "Pod") {
    object["spec"] = {{"containers", nullptr}};
    object["status"] = Json::object();
  }
  return R"({"type":"BOOKMARK","object":)" + object.dump() + "}\n";
}

std::string Watch::Collect() {
  std::string lines;
  for (; !initial_.empty() && lines.size() < 65536; initial_.pop_front())
    lines += Line("ADDED", *initial_.front());
  if (!initial_.empty()) return lines;
  const auto& changes = cluster_.store.ChangesOf(*plan_.resource);
  auto at = std::upper_bound(
      changes.begin(), changes.end(), seen_,
      [](int64_t version, const Change& change) { return version < change.version; });
  for (; at != changes.end() && lines.size() < 65536; ++at) {
    seen_ = at->version;
    if (!plan_.space.empty() && NamespaceOf(*at->object) != plan_.space) continue;
    const bool now = at->type != "DELETED" && Selected(*at->object);
    const bool before = at->before != nullptr && Selected(*at->before);
    if (now)
      lines += Line(before ? "MODIFIED" : "ADDED", *at->object);
    else if (before)
      lines += Line("DELETED", *at->object);
  }
  return lines;
}

std::optional<std::string> Watch::Next() {
  std::unique_lock lock(cluster_.mutex);
  if (ended_) return std::nullopt;
  if (cut_ != cluster_.cut_watches) throw StreamCut();
  if (stale_ || expire_ != cluster_.expire_watches) return Gone(seen_);
  std::string lines = Collect();
  const auto now = std::chrono::steady_clock::now();
  if (lines.empty() && now >= ends_) {
    ended_ = true;
    return plan_.bookmarks ? std::optional(Bookmark()) : std::nullopt;
  }
  if (lines.empty() && plan_.bookmarks && now >= bookmark_) {
    bookmark_ = now + cluster_.bookmark_every;
    seen_ = std::max(seen_, cluster_.store.version());
    return Bookmark();
  }
  if (lines.empty())
    cluster_.changed.wait_until(lock, std::min({now + kGlance, ends_, bookmark_ + kGlance}));
  return lines;
}

}  // namespace heald::fakes::kubernetes
