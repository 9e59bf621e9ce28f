// isolation_forest's memory across restarts: every entity with its series, reservoir and forest,
// and what is open. Entities come back as ended; their series join them again by their labels.
#include <utility>

#include "plugins/detectors/isolation_forest/detector.h"

namespace heald::isolation_forest {

namespace {

constexpr uint32_t kVersion = 2;  // 1 had no Strayed

struct Save {
  sdk::SnapshotWriter& out;
  void operator()(double value) const { out.F64(value); }
  void operator()(float value) const { out.F64(value); }
  void operator()(int64_t value) const { out.I64(value); }
  void operator()(bool value) const { out.U32(value ? 1 : 0); }
};

struct Load {
  sdk::SnapshotReader& in;
  void operator()(double& value) const { value = in.F64(); }
  void operator()(float& value) const { value = static_cast<float>(in.F64()); }
  void operator()(int64_t& value) const { value = in.I64(); }
  void operator()(bool& value) const { value = in.U32() != 0; }
};

void SaveFinding(const sdk::Finding& finding, sdk::SnapshotWriter& out) {
  out.U64(finding.id);
  out.U32(static_cast<uint32_t>(finding.severity));
  out.Labels(finding.target);
  out.Text(finding.metric);
  out.Text(finding.unit);
  out.I64(finding.began_ns);
  out.I64(finding.ts_ns);
  for (const double number : {finding.value, finding.expected_low, finding.expected_high,
                              finding.score, finding.confidence})
    out.F64(number);
}

// sent_ns stays 0: the entity's next moment sends an update.
sdk::Finding LoadFinding(sdk::SnapshotReader& in) {
  sdk::Finding finding;
  finding.id = in.U64();
  finding.severity = static_cast<sdk::Severity>(in.U32());
  finding.target = in.Labels();
  finding.metric = in.Text();
  finding.unit = in.Text();
  finding.began_ns = in.I64();
  finding.ts_ns = in.I64();
  for (double* number : {&finding.value, &finding.expected_low, &finding.expected_high,
                         &finding.score, &finding.confidence})
    *number = in.F64();
  finding.contributors.push_back({finding.metric, 1, finding.value});
  return finding;
}

}  // namespace

std::string Detector::Snapshot() {
  sdk::SnapshotWriter out(kInfo.name, kVersion);
  out.U64(next_id_);
  out.U64(entities_.size());
  for (const auto& [key, entity] : entities_) {
    out.Text(key);
    out.I64(entity->ts_ns);
    entity->judge.Persist(Save{out});
    out.U32(static_cast<uint32_t>(entity->columns.size()));
    for (Column& column : entity->columns) {
      out.Text(column.identity);
      column.Persist(Save{out});
    }
    entity->model.Save(out);
    out.U32(entity->open != nullptr ? 1 : 0);
    if (entity->open != nullptr) SaveFinding(entity->open->finding, out);
    out.U32(entity->strayed ? 1 : 0);
    if (!entity->strayed) continue;
    out.Text(entity->strayed->column);
    out.F64(entity->strayed->low);
    out.F64(entity->strayed->high);
    out.I64(entity->strayed->since_ns);
  }
  return std::move(out).Finish();
}

void Detector::Restore(std::string_view state) {
  sdk::SnapshotReader in(state, kInfo.name, kVersion);
  const uint64_t next_id = in.U64();
  Entities entities;
  for (uint64_t left = in.U64(); left > 0; --left) {
    const std::string key = in.Text();
    auto entity = std::make_unique<Entity>(key, 0);
    entity->ts_ns = in.I64();
    entity->judge.Persist(Load{in});
    for (uint32_t columns = in.U32(); columns > 0; --columns) {
      Column& column = entity->columns.emplace_back();
      column.identity = in.Text();
      column.Persist(Load{in});
    }
    entity->model.Load(in);
    if (entity->model.columns() != entity->columns.size())
      sdk::SnapshotReader::Refuse("an entity in it has another number of series than its rows");
    if (in.U32() != 0) {
      entity->open = std::make_unique<OpenFinding>();
      entity->open->finding = LoadFinding(in);
    }
    if (in.U32() != 0) {
      Strayed& strayed = entity->strayed.emplace();
      strayed.column = in.Text();
      strayed.low = in.F64();
      strayed.high = in.F64();
      strayed.since_ns = in.I64();
    }
    entities.emplace(key, std::move(entity));
  }
  in.End();
  next_id_ = next_id;
  entities_ = std::move(entities);
}

}  // namespace heald::isolation_forest
