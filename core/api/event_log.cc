#include "core/api/event_log.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace heald::api {

std::string EventText(std::string_view event, std::string_view id, std::string_view data) {
  std::string text;
  text.reserve(event.size() + id.size() + data.size() + 32);
  if (!id.empty()) text.append("id: ").append(id).append("\n");
  text.append("event: ").append(event).append("\n");
  if (data.ends_with('\n')) data.remove_suffix(1);
  // A line break inside the data would end the field.
  for (;;) {
    const size_t end = data.find_first_of("\r\n");
    text.append("data: ").append(data.substr(0, end)).append("\n");
    if (end == std::string_view::npos) break;
    data.remove_prefix(end + (data.substr(end).starts_with("\r\n") ? 2 : 1));
  }
  return text.append("\n");
}

EventLog::EventLog(std::string epoch, size_t kept_events, size_t kept_bytes)
    : epoch_(std::move(epoch)), max_events_(kept_events), max_bytes_(kept_bytes) {}

void EventLog::Keep(std::string_view event, std::string_view data) {
  Bytes bytes = std::make_shared<const std::string>(
      EventText(event, epoch_ + '-' + std::to_string(next_), data));
  kept_bytes_ += bytes->size();
  total_bytes_ += bytes->size();
  kept_.push_back({std::move(bytes), total_bytes_});
  ++next_;
  while (kept_.size() > 1 && (kept_.size() > max_events_ || kept_bytes_ > max_bytes_)) {
    kept_bytes_ -= kept_.front().bytes->size();
    kept_.pop_front();
  }
}

void EventLog::Pass(std::string_view event, std::string_view data) {
  std::erase_if(passing_, [&](const Passing& passing) { return passing.event == event; });
  passing_.push_back({std::string(event), ++latest_version_,
                      std::make_shared<const std::string>(EventText(event, "", data))});
}

std::optional<EventCursor> EventLog::After(std::string_view id) const {
  if (!id.starts_with(epoch_) || !id.substr(epoch_.size()).starts_with('-')) return std::nullopt;
  id.remove_prefix(epoch_.size() + 1);
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), number);
  if (error != std::errc() || end != id.data() + id.size()) return std::nullopt;
  if (number >= next_ || number + 1 < first()) return std::nullopt;
  return EventCursor{number + 1, latest_version_};
}

std::string EventLog::IdBefore(const EventCursor& cursor) const {
  return epoch_ + '-' + std::to_string(cursor.next - 1);
}

size_t EventLog::BytesBehind(const EventCursor& cursor) const {
  if (cursor.next >= next_) return 0;
  if (!Holds(cursor)) return kept_bytes_;
  const Kept& kept = kept_[cursor.next - first()];
  return total_bytes_ - kept.end + kept.bytes->size();
}

Bytes EventLog::Next(EventCursor& cursor, size_t size) const {
  std::vector<const Bytes*> found;
  size_t bytes = 0;
  while (cursor.next < next_ && bytes < size) {
    found.push_back(&kept_[cursor.next - first()].bytes);
    bytes += (*found.back())->size();
    ++cursor.next;
  }
  if (found.empty())
    for (const Passing& passing : passing_) {
      if (passing.version <= cursor.latest_seen) continue;
      found.push_back(&passing.bytes);
      bytes += passing.bytes->size();
      cursor.latest_seen = passing.version;
    }
  if (found.empty()) return nullptr;
  if (found.size() == 1) return *found.front();
  std::string all;
  all.reserve(bytes);
  for (const Bytes* part : found) all += **part;
  return std::make_shared<const std::string>(std::move(all));
}

}  // namespace heald::api
