#include "plugins/support/kubernetes/event_writer.h"

#include <cstdio>
#include <random>

#include "heald/time_text.h"
#include "plugins/support/clock.h"
#include "plugins/support/json_at.h"

namespace heald::kubernetes {
namespace {

using support::Text;

using support::kSecond;
constexpr int64_t kCountUpNs = 600 * kSecond;
constexpr size_t kMostRemembered = 256;
constexpr size_t kMostMessageBytes = 1024;  // the API server's own limit
constexpr size_t kMostNameBytes = 253 - 17;

// Times of core/v1 have no fractions.
std::string Seconds(int64_t ns) {
  std::string text = sdk::FormatTimeText(ns);
  return text.substr(0, text.find('.')) + "Z";
}

std::string Cut(std::string text, size_t most) {
  if (text.size() <= most) return text;
  size_t end = most - 3;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

// As clients name events: the target's name and a number that no other event has.
std::string NameOf(const std::string& target, int64_t now_ns) {
  static thread_local std::mt19937_64 random(std::random_device{}());
  char suffix[32];
  std::snprintf(suffix, sizeof suffix, ".%016llx",
                static_cast<unsigned long long>(now_ns) ^ (random() & 0xfffff));
  return target.substr(0, kMostNameBytes) + suffix;
}

}  // namespace

Json ReferenceTo(const Json& object, const Resource* resource) {
  Json reference{{"kind", Text(object, "/kind")}, {"apiVersion", Text(object, "/apiVersion")}};
  if (resource != nullptr)
    reference = {{"kind", resource->kind}, {"apiVersion", resource->ApiVersion()}};
  for (const char* key : {"name", "namespace", "uid", "resourceVersion"})
    if (std::string value =
            Text(support::At(object, "/metadata"), ("/" + std::string(key)).c_str());
        !value.empty())
      reference[key] = std::move(value);
  return reference;
}

bool EventWriter::CountUp(Client& client, Written& former, int64_t now_ns) {
  try {
    client.Patch({kEvents, former.name_space, former.name}, PatchType::kStrategic,
                 {{"count", former.count + 1}, {"lastTimestamp", Seconds(now_ns)}});
  } catch (const ApiError& error) {
    // Events are forgotten after an hour, or by hand.
    if (error.NotFound()) return false;
    throw;
  }
  ++former.count;
  former.last_ns = now_ns;
  return true;
}

std::optional<std::string> EventWriter::Write(Client& client, const EventNote& note,
                                              int64_t now_ns) {
  try {
    const Json reference = ReferenceTo(note.target, note.resource);
    const std::string type = note.warning ? "Warning" : "Normal";
    const std::string message = Cut(note.message, kMostMessageBytes);
    const std::string key = Text(reference, "/uid") + '\n' + Text(reference, "/name") + '\n' +
                            note.reason + '\n' + type + '\n' + message;
    for (auto at = written_.begin(); at != written_.end(); ++at) {
      if (at->key != key || now_ns - at->last_ns > kCountUpNs) continue;
      if (CountUp(client, *at, now_ns)) return std::nullopt;
      written_.erase(at);
      break;
    }
    // Events on what has no namespace live in `default`, where kubectl looks for them.
    std::string name_space = Text(reference, "/namespace");
    if (name_space.empty()) name_space = "default";
    const std::string name = NameOf(Text(reference, "/name"), now_ns);
    client.Create({kEvents, name_space}, {{"apiVersion", "v1"},
                                          {"kind", "Event"},
                                          {"metadata", {{"name", name}, {"namespace", name_space}}},
                                          {"involvedObject", reference},
                                          {"reason", note.reason},
                                          {"action", note.action},
                                          {"message", message},
                                          {"type", type},
                                          {"source", {{"component", kFieldManager}}},
                                          {"reportingComponent", kFieldManager},
                                          {"reportingInstance", instance_},
                                          {"firstTimestamp", Seconds(now_ns)},
                                          {"lastTimestamp", Seconds(now_ns)},
                                          {"count", 1}});
    written_.push_back({key, name_space, name, 1, now_ns});
    if (written_.size() > kMostRemembered) written_.pop_front();
    return std::nullopt;
  } catch (const std::exception& error) {
    return error.what();
  }
}

}  // namespace heald::kubernetes
