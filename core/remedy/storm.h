// Tells a storm of incidents from many: too many new ones within a short time mean that something
// is wrong which no single repair mends. Pure arithmetic on times; the engine acts on the answers.
// Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/model/finding.h"
#include "core/pipeline/guard_spec.h"

namespace heald::remedy {

class Storm {
 public:
  void SetSpec(const StormSpec& spec) { spec_ = spec; }
  const StormSpec& spec() const { return spec_; }

  // A target without an incident has something wrong. True: open one. False: there were too many
  // lately, count it in.
  bool Admit(int64_t now_ns);

  bool on() const { return since_ns_ != 0; }
  int64_t since_ns() const { return since_ns_; }
  // It is over then if it stays calm.
  int64_t until_ns() const { return until_ns_; }
  // Continues one that another process saw: what it had counted is known as numbers only.
  struct Kind;
  void Restore(int64_t since_ns, int64_t until_ns, std::vector<Kind> counted);
  // No time that was noted lies after now.
  void ClockWentBack(int64_t now_ns);
  void End();

  // It has been quiet for the pause, and what is still wrong makes no new storm.
  bool Calm(int64_t now_ns) const;

  // Findings that were counted instead of taken in, by detector and metric.
  struct Kind {
    std::string node;
    std::string metric;
    Labels example;  // target of the first that this process saw
    Severity severity = Severity::kNormal;
    int64_t began_ns = 0;
    uint64_t total = 0;
    uint64_t open = 0;
  };
  // Null: this one was counted already.
  Kind* Merge(const Finding& finding, int64_t now_ns);
  // One that was counted has cleared. False: it wasn't counted.
  bool Cleared(const std::string& finding_id);
  bool Knows(const std::string& finding_id) const { return followed_.contains(Hash(finding_id)); }
  void NodeGone(std::string_view node);
  // Those that nobody has reported since count as over.
  void Forget(int64_t before_ns);
  const std::vector<Kind>& kinds() const { return kinds_; }
  uint64_t merged_total() const { return merged_total_; }
  uint64_t merged_open() const { return followed_.size(); }

 private:
  static constexpr size_t kMaxKinds = 50;
  static constexpr size_t kMaxFollowed = 200'000;  // further ones are only counted
  struct Followed {
    uint32_t kind;
    int64_t seen_ns;
  };

  static uint64_t Hash(const std::string& id) { return std::hash<std::string>()(id); }
  template <typename Which>
  void Drop(Which which);

  StormSpec spec_;
  std::deque<int64_t> opened_ns_;  // the latest, at most spec_.incidents
  int64_t since_ns_ = 0;
  int64_t until_ns_ = 0;
  std::vector<Kind> kinds_;
  std::unordered_map<uint64_t, Followed> followed_;  // by finding
  uint64_t merged_total_ = 0;
};

}  // namespace heald::remedy
