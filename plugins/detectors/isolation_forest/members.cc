// Which series belongs to which entity, and what happens when they come and go.
#include <algorithm>
#include <utility>

#include "plugins/detectors/isolation_forest/detector.h"

namespace heald::isolation_forest {

namespace {

// Texts with their length, so that no two lists read alike.
void Append(std::string& to, std::string_view text) {
  to += std::to_string(text.size());
  to += ':';
  to += text;
}

std::string IdentityOf(const sdk::LabelSet& labels) {
  std::string identity;
  for (const sdk::Label& label : labels.items()) {
    Append(identity, label.first);
    Append(identity, label.second);
  }
  return identity;
}

}  // namespace

// Null: there is no room for the series.
Detector::Member* Detector::Seat(heald_series series, const sdk::Sink& sink) {
  Member* member = members_.Find(series);
  if (member != nullptr &&
      (member->entity != nullptr || member->unwanted || member->tried == room_))
    return member;
  if (member == nullptr) {
    if (static_cast<int64_t>(members_.size()) >= config_.max_series) return nullptr;
    member = &members_.FindOrAdd(
        series, [] { return Member{}; },
        [&](heald_series old, Member& gone) { Leave(gone, old, sink); });
  }
  Join(*member, series, host_.LabelsOf(series), sink);
  return member;
}

void Detector::Join(Member& member, heald_series series, const sdk::LabelSet& labels,
                    const sdk::Sink& sink) {
  const std::string_view metric = labels.Get("__name__");
  if (!config_.features.empty() && std::find(config_.features.begin(), config_.features.end(),
                                             metric) == config_.features.end()) {
    member.unwanted = true;
    return;
  }
  const std::string identity = IdentityOf(labels);
  std::string key = "group ";
  size_t found = 0;
  for (const std::string& name : config_.group_by)
    if (const std::string_view value = labels.Get(name); !value.empty()) {
      Append(key, value);
      ++found;
    }
  const bool alone = found == 0 || found != config_.group_by.size();
  if (alone) key = "series " + identity;
  Entity* const entity = EntityFor(key, sink);
  Column* const column = entity == nullptr ? nullptr : ColumnFor(*entity, identity);
  if (column == nullptr) {
    if (entity != nullptr && !std::exchange(told_full_, true))
      host_.Log(sdk::Level::kWarning, "an entity has more than " +
                                          std::to_string(config_.max_features) +
                                          " series (max_features): `" + std::string(metric) +
                                          "` and what comes after it is left out");
    member.tried = room_;
    return;
  }
  const bool first = entity->Gone();
  column->series = series;
  column->moment = 0;
  member.entity = entity;
  member.column = static_cast<uint32_t>(column - entity->columns.data());
  entity->alone = alone;
  ++entity->expected;
  if (first) {
    entity->expected = 1;
    entity->target = labels;
    entity->target.Remove("__name__");
    return;
  }
  const sdk::LabelSet before = entity->target;
  for (const sdk::Label& label : before.items())
    if (labels.Get(label.first) != label.second) entity->target.Remove(label.first);
}

Entity* Detector::EntityFor(const std::string& key, const sdk::Sink& sink) {
  if (const auto at = entities_.find(key); at != entities_.end()) return at->second.get();
  if (static_cast<int64_t>(entities_.size()) >= config_.max_entities) {
    // The one that ended first has to make room.
    auto oldest = entities_.end();
    for (auto at = entities_.begin(); at != entities_.end(); ++at)
      if (at->second->Gone() &&
          (oldest == entities_.end() || at->second->ts_ns < oldest->second->ts_ns))
        oldest = at;
    if (oldest == entities_.end()) return nullptr;
    Forget(oldest, sink);
  }
  const uint64_t seed = sdk::detail::SnapshotChecksum(key) ^ static_cast<uint64_t>(config_.seed);
  return entities_.emplace(key, std::make_unique<Entity>(key, seed)).first->second.get();
}

Column* Detector::ColumnFor(Entity& entity, const std::string& identity) {
  const auto at = std::find_if(entity.columns.begin(), entity.columns.end(),
                               [&](const Column& c) { return c.identity == identity; });
  if (at != entity.columns.end()) return &*at;
  const auto most = static_cast<size_t>(config_.max_features);
  if (entity.columns.size() >= most) RemoveGone(entity, entity.ts_ns + 1);
  if (entity.columns.size() >= most) return nullptr;
  entity.model.AddColumn();
  entity.columns.emplace_back().identity = identity;
  return &entity.columns.back();
}

void Detector::Leave(Member& member, heald_series series, const sdk::Sink& sink) {
  if (member.entity == nullptr) return;
  Entity& entity = *member.entity;
  Column& column = entity.columns[member.column];
  if (column.series != series) return;
  column.series = HEALD_SERIES_NONE;
  member.entity = nullptr;
  if (entity.expected > 0) --entity.expected;
  ++room_;
  // What it learnt is kept for a while: a service that is back knows what was usual.
  if (entity.Gone())
    Close(entity, sdk::Cleared::kExpired, "its series ended: whether it recovered isn't known",
          sink);
}

void Detector::RemoveGone(Entity& entity, int64_t before_ns) {
  for (size_t i = entity.columns.size(); i-- > 0;) {
    if (entity.columns[i].series != HEALD_SERIES_NONE || entity.columns[i].last_ns >= before_ns)
      continue;
    entity.model.RemoveColumn(i);
    entity.columns.erase(entity.columns.begin() + static_cast<std::ptrdiff_t>(i));
    for (size_t behind = i; behind < entity.columns.size(); ++behind)
      if (Member* const member = members_.Find(entity.columns[behind].series))
        member->column = static_cast<uint32_t>(behind);
  }
}

void Detector::Forget(Entities::iterator at, const sdk::Sink& sink) {
  Close(*at->second, sdk::Cleared::kExpired, "its series didn't come back", sink);
  std::erase(touched_, at->second.get());
  entities_.erase(at);
  ++room_;
}

void Detector::Expired(std::span<const heald_series> gone, sdk::Sink& sink) {
  for (const heald_series series : gone) {
    Member* const member = members_.Find(series);
    if (member == nullptr) continue;
    Leave(*member, series, sink);
    members_.Remove(series);
  }
}

}  // namespace heald::isolation_forest
