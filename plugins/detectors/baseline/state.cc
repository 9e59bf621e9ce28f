// baseline's memory across restarts: everything that was learnt, by labels, and what is open.
#include <memory>
#include <utility>

#include "plugins/detectors/baseline/detector.h"

namespace heald::baseline {

namespace {

constexpr uint32_t kVersion = 4;  // 3 knew no leads inside

struct Save {
  sdk::SnapshotWriter& out;
  void operator()(double value) const { out.F64(value); }
  void operator()(float value) const { out.F64(value); }
  template <typename T>
  void operator()(const T& value) const {
    out.I64(static_cast<int64_t>(value));
  }
};

struct Load {
  sdk::SnapshotReader& in;
  void operator()(double& value) const { value = in.F64(); }
  void operator()(float& value) const { value = static_cast<float>(in.F64()); }
  template <typename T>
  void operator()(T& value) const {
    value = static_cast<T>(in.I64());
  }
};

void SaveEntity(Entity& entity, const sdk::Host& host, sdk::SnapshotWriter& out) {
  entity.judge.Persist(Save{out});
  out.U32(entity.open != nullptr ? 1 : 0);
  if (entity.open == nullptr) return;
  const sdk::Finding& finding = entity.open->finding;
  out.U64(finding.id);
  out.Labels(finding.target);
  out.Text(finding.metric);
  out.Text(finding.unit);
  out.I64(finding.began_ns);
  out.I64(finding.ts_ns);
  for (const double number : {finding.value, finding.expected_low, finding.expected_high,
                              finding.score, finding.confidence})
    out.F64(number);
  out.U32(static_cast<uint32_t>(entity.open->leads.size()));
  for (const Lead& lead : entity.open->leads) {
    out.Labels(lead.series == HEALD_SERIES_NONE ? lead.labels : host.LabelsOf(lead.series));
    for (const double number : {lead.expected, lead.deviation, lead.low, lead.high})
      out.F64(number);
    out.U32(lead.inside ? 1 : 0);
  }
}

// sent_ns and severity stay 0: the entity's next moment sends an update.
void LoadEntity(Entity& entity, sdk::SnapshotReader& in) {
  entity.judge.Persist(Load{in});
  if (in.U32() == 0) return;
  entity.open = std::make_unique<OpenFinding>();
  sdk::Finding& finding = entity.open->finding;
  finding.id = in.U64();
  finding.target = in.Labels();
  finding.metric = in.Text();
  finding.unit = in.Text();
  finding.began_ns = in.I64();
  finding.ts_ns = in.I64();
  for (double* number : {&finding.value, &finding.expected_low, &finding.expected_high,
                         &finding.score, &finding.confidence})
    *number = in.F64();
  finding.contributors.push_back({finding.metric, 1, finding.value});
  for (uint32_t left = in.U32(); left > 0; --left) {
    Lead& lead = entity.open->leads.emplace_back();
    lead.labels = in.Labels();
    for (double* number : {&lead.expected, &lead.deviation, &lead.low, &lead.high})
      *number = in.F64();
    lead.inside = in.U32() != 0;
  }
}

}  // namespace

std::string Detector::Snapshot() {
  sdk::SnapshotWriter out(kInfo.name, kVersion);
  out.U64(next_id_);
  std::vector<std::pair<sdk::LabelSet, Member*>> series;
  members_.ForEach([&](heald_series handle, Member& member) {
    if (sdk::LabelSet labels = host_.LabelsOf(handle); !labels.items().empty())
      series.emplace_back(std::move(labels), &member);
  });
  for (auto& [labels, member] : saved_series_) series.emplace_back(labels, &member);
  out.U64(series.size());
  for (auto& [labels, member] : series) {
    out.Labels(labels);
    out.I64(member->last_ns);
    out.F64(member->value);
    out.F64(member->amount);
    out.F64(member->smoothed);
    member->series.Persist(Save{out});
    Entity* const own = member->home.own();
    out.U32(own != nullptr ? 1 : 0);
    if (own != nullptr) SaveEntity(*own, host_, out);
  }
  out.U64(groups_.size() + saved_groups_.size());
  for (const auto* groups : {&groups_, &saved_groups_})
    for (const auto& [key, entity] : *groups) {
      out.U32(static_cast<uint32_t>(key.size()));
      for (const std::string& value : key) out.Text(value);
      out.I64(entity->series.ts_ns);
      SaveEntity(*entity, host_, out);
    }
  return std::move(out).Finish();
}

void Detector::Restore(std::string_view state) {
  sdk::SnapshotReader in(state, kInfo.name, kVersion);
  const uint64_t next_id = in.U64();
  std::map<sdk::LabelSet, Member> saved_series;
  for (uint64_t left = in.U64(); left > 0; --left) {
    sdk::LabelSet labels = in.Labels();
    Member member;
    member.last_ns = in.I64();
    member.value = in.F64();
    member.amount = static_cast<float>(in.F64());
    member.smoothed = static_cast<float>(in.F64());
    member.series.Persist(Load{in});
    if (in.U32() != 0) {
      member.home.Own(std::make_unique<Entity>());
      LoadEntity(*member.home.own(), in);
    }
    saved_series.emplace(std::move(labels), std::move(member));
  }
  std::map<Key, std::unique_ptr<Grouped>> saved_groups;
  for (uint64_t left = in.U64(); left > 0; --left) {
    Key key;
    for (uint32_t values = in.U32(); values > 0; --values) key.push_back(in.Text());
    auto entity = std::make_unique<Grouped>();
    entity->series.key = key;
    entity->series.ts_ns = in.I64();
    LoadEntity(*entity, in);
    saved_groups.emplace(std::move(key), std::move(entity));
  }
  in.End();
  next_id_ = next_id;
  saved_series_ = std::move(saved_series);
  saved_groups_ = std::move(saved_groups);
}

}  // namespace heald::baseline
