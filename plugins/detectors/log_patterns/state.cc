// What log_patterns keeps over a restart: templates in the order of their use, groups, rates, open
// findings.
#include "plugins/detectors/log_patterns/detector.h"

namespace heald::log_patterns {
namespace {

constexpr uint32_t kVersion = 1;
// Of a word. Earlier versions didn't write kVariableWord.
constexpr uint32_t kSpaceAfter = 1;
constexpr uint32_t kVariableWord = 2;

void Save(const Template& known, sdk::SnapshotWriter& out) {
  out.U32(static_cast<uint32_t>(known.words.size()));
  for (size_t i = 0; i < known.words.size(); ++i) {
    out.U64(known.words[i]);
    out.Text(known.texts[i]);
    out.U32((known.spaces[i] ? kSpaceAfter : 0) | (known.variable[i] ? kVariableWord : 0));
  }
  out.Text(known.example);
  out.U32(static_cast<uint32_t>(known.level));
  out.U64(known.count);
  out.I64(known.first_ns);
  out.I64(known.last_ns);
  out.U32(known.news_of);
  out.U32(static_cast<uint32_t>(known.rates.size()));
  for (const TemplateRate& rate : known.rates) {
    out.U32(rate.group);
    rate.rate.Save(out);
  }
}

Template LoadTemplate(sdk::SnapshotReader& in) {
  Template known;
  const uint32_t words = in.U32();
  if (words == 0 || words > kMaxTokens)
    sdk::SnapshotReader::Refuse("a template without words, or with too many");
  for (uint32_t i = 0; i < words; ++i) {
    known.words.push_back(in.U64());
    known.texts.push_back(in.Text());
    const uint32_t flags = in.U32();
    known.spaces.push_back((flags & kSpaceAfter) != 0);
    known.variable.push_back((flags & kVariableWord) != 0 ||
                             (known.words.back() != 0 && !HasLetters(known.texts.back())));
  }
  known.example = in.Text();
  const uint32_t level = in.U32();
  if (level > static_cast<uint32_t>(Level::kError))
    sdk::SnapshotReader::Refuse("a template has an unknown level");
  known.level = static_cast<Level>(level);
  known.count = in.U64();
  known.first_ns = in.I64();
  known.last_ns = in.I64();
  known.news_of = in.U32();
  for (uint32_t left = in.U32(); left > 0; --left) {
    const uint32_t group = in.U32();
    known.rates.push_back({group, Rate::Load(in)});
  }
  return known;
}

// places: of each template in the order in which they were saved.
void Save(const OpenFinding& open, const std::map<uint64_t, uint64_t>& places,
          sdk::SnapshotWriter& out) {
  out.U64(open.id);
  if (open.id == 0) return;
  for (const int64_t number : {open.began_ns, open.ts_ns, open.began, open.hot}) out.I64(number);
  out.U64(open.count);
  out.F64(open.score);
  out.F64(open.confidence);
  out.U32(static_cast<uint32_t>(open.severity));
  out.U32(static_cast<uint32_t>(open.recent.size()));
  for (const double value : open.recent) out.F64(value);
  std::vector<Concerned> alive;
  for (const Concerned& one : open.templates)
    if (places.contains(one.serial)) alive.push_back(one);
  out.U32(static_cast<uint32_t>(alive.size()));
  for (const Concerned& one : alive) {
    out.U64(places.at(one.serial));
    out.I64(one.hot);
    out.U64(one.count);
  }
}

// The templates' places stand in `id` until these are known.
OpenFinding LoadOpen(size_t templates, sdk::SnapshotReader& in) {
  OpenFinding open;
  open.id = in.U64();
  if (open.id == 0) return open;
  for (int64_t* number : {&open.began_ns, &open.ts_ns, &open.began, &open.hot}) *number = in.I64();
  open.count = in.U64();
  open.score = in.F64();
  open.confidence = in.F64();
  const uint32_t severity = in.U32();
  if (severity > static_cast<uint32_t>(sdk::Severity::kCritical))
    sdk::SnapshotReader::Refuse("a finding has an unknown severity");
  open.severity = static_cast<sdk::Severity>(severity);
  for (uint32_t left = in.U32(); left > 0; --left) open.recent.push_back(in.F64());
  for (uint32_t left = in.U32(); left > 0; --left) {
    Concerned one;
    const uint64_t place = in.U64();
    if (place >= templates) sdk::SnapshotReader::Refuse("a finding names a template it hasn't");
    one.id = static_cast<uint32_t>(place);
    one.hot = in.I64();
    one.count = in.U64();
    open.templates.push_back(one);
  }
  return open;
}

}  // namespace

std::string Detector::Snapshot() {
  sdk::SnapshotWriter out(kInfo.name, kVersion);
  out.I64(config_.interval.ns);
  out.U32(next_group_);
  out.U64(next_finding_);
  std::map<uint64_t, uint64_t> places;
  out.U64(templates_.size());
  templates_.ForEach([&](uint32_t, const Template& known) {
    places.emplace(known.serial, places.size());
    Save(known, out);
  });
  out.U64(groups_.size());
  for (const auto& [target, group] : groups_) {
    out.Labels(target);
    out.U32(group->id);
    for (const int64_t number : {group->born, group->now, group->last_ns}) out.I64(number);
    group->errors.Save(out);
    group->fresh.Save(out);
    for (const OpenFinding& open : group->open) Save(open, places, out);
  }
  return std::move(out).Finish();
}

void Detector::Restore(std::string_view state) {
  sdk::SnapshotReader in(state, kInfo.name, kVersion);
  // Counts of intervals of another length say nothing: then the templates alone are kept.
  const bool same_interval = in.I64() == config_.interval.ns;
  const uint32_t next_group = in.U32();
  const uint64_t next_finding = in.U64();
  std::vector<Template> known;
  for (uint64_t left = in.U64(); left > 0; --left) known.push_back(LoadTemplate(in));
  std::map<sdk::LabelSet, std::unique_ptr<Group>> groups;
  for (uint64_t left = in.U64(); left > 0; --left) {
    auto group = std::make_unique<Group>();
    group->target = in.Labels();
    group->id = in.U32();
    for (int64_t* number : {&group->born, &group->now, &group->last_ns}) *number = in.I64();
    group->errors = Rate::Load(in);
    group->fresh = Rate::Load(in);
    for (OpenFinding& open : group->open) open = LoadOpen(known.size(), in);
    group->arrived_ns = host_.NowNs();
    sdk::LabelSet target = group->target;
    groups.emplace(std::move(target), std::move(group));
  }
  in.End();

  // Into a tree of this configuration's size: of too many, those used longest ago stay away.
  Templates restored(LimitsOf());
  std::vector<uint32_t> ids;
  std::vector<uint64_t> serials;
  for (Template& one : known) {
    if (!same_interval) {
      one.rates.clear();
      one.news_of = 0;
    }
    ids.push_back(restored.Restore(std::move(one)));
    serials.push_back(restored[ids.back()].serial);
  }
  if (!same_interval) groups.clear();
  for (auto& [target, group] : groups)
    for (OpenFinding& open : group->open)
      for (Concerned& one : open.templates) {
        const uint32_t place = one.id;
        one.id = ids[place];
        one.serial = serials[place];
      }
  templates_ = std::move(restored);
  groups_ = std::move(groups);
  next_group_ = next_group;
  next_finding_ = next_finding;
}

}  // namespace heald::log_patterns
