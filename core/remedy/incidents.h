// The open incidents: groups findings by target, keeps the latest state of each, adopts findings
// again after a restart. Pure bookkeeping; the engine journals and acts on what it returns.
// Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/model/incident.h"

namespace heald::remedy {

// The labels of `group_by` that the target has; all of its labels where it has none of those.
Labels GroupTarget(const Labels& target, const std::vector<std::string>& group_by);

// Whether the same detector says the same of the same metric. Of findings of one incident's target,
// whose members may have other names each time.
bool SameFault(const Finding& a, const Finding& b);

struct FindingMeta {
  bool orphan = false;      // read from the journal; no detector of this process has reported it
  std::string silenced_by;  // id of the silence
  std::string muted_by;     // what mutes it
  uint64_t muting_incident = 0;
  bool quiet() const { return !silenced_by.empty() || !muted_by.empty(); }
  int64_t journaled_ns = 0;
  int64_t cleared_ns = 0;  // when that came in; 0: it is open, or nobody remembers
  bool again = false;      // it was over before, in this incident
};

struct OpenIncident {
  Incident incident;              // findings in order of appearance
  std::vector<FindingMeta> meta;  // beside incident.findings
  std::string target_key;
  std::vector<uint64_t> runs;  // ids of the policies' runs
  // Of policies without a run now: their latest attempt, so that none is made twice.
  std::map<std::string, uint32_t, std::less<>> attempts;
  bool escalated = false;
  std::string told_silenced_by;  // what was last told of that
  uint64_t told_muted_by = 0;
  bool storm = false;  // stands for those that were not opened; nothing is done about it
  bool tried = false;  // an execution ended, whatever came of it
  bool told_needed_person = false;  // it is in the journal that somebody is
  std::string healed_by;            // plan summary of a verified execution
  int64_t restored_ns = 0;          // 0: opened by this process
  int64_t cleared_ns = 0;           // of one that may begin again: since when nothing is open
  int64_t again_ns = 0;             // when it last began again; 0: not in this process
  int64_t due_ns = INT64_MAX;

  // Index, or -1.
  int Find(std::string_view finding_id) const;
  // What that finding is about, under the id by which it is known now. A journal has those from
  // before, too.
  std::string PresentId(const std::string& finding_id) const;
  bool AnyOpen() const;
  bool AnyOrphan() const;
  // When the first of its findings began, by the samples' time.
  int64_t BeganNs() const;
  // ... and when what is wrong now did, where it was well in between.
  int64_t SickSinceNs() const;
  // Told to nobody and left alone: all its open findings are silenced or muted.
  bool quiet() const { return !incident.silenced_by.empty() || incident.muted_by != 0; }
  // Now: something that matters is wrong, not only foreseen.
  bool Unhealthy() const;
  // The incident without its findings.
  Incident Header() const;
};

struct Intake {
  enum class What : uint8_t { kIgnored, kOpened, kUpdated, kRaised, kCleared, kAdopted };
  What what = What::kIgnored;
  OpenIncident* open = nullptr;
  size_t index = 0;  // of the finding
  bool new_incident = false;
  // The same thing under an earlier id, as it was: an orphan (kAdopted), one that was never
  // cleared (kAdopted), or one that has cleared (kOpened). Empty id: none.
  Finding replaced;
  bool orphaned = false;
};

class IncidentBook {
 public:
  IncidentBook(std::string store_id, uint64_t last_id)
      : store_id_(std::move(store_id)), last_id_(last_id) {}

  void SetGroupBy(std::vector<std::string> labels) { group_by_ = std::move(labels); }
  const std::vector<std::string>& group_by() const { return group_by_; }

  Intake Take(const Finding& reported, int64_t now_ns);
  std::string TargetKeyOf(const Finding& reported) const;
  // True where Take would open an incident.
  bool WouldOpen(const Finding& reported) const;
  // For what is counted and not taken in.
  OpenIncident* OpenStorm(const Finding& first, int64_t now_ns);
  // An incident from the journal; its open findings become orphans.
  OpenIncident* Restore(Incident incident, int64_t now_ns);
  void Close(uint64_t id);

  OpenIncident* Find(uint64_t id);
  const OpenIncident* OfTarget(const std::string& target_key) const;
  const std::map<uint64_t, std::unique_ptr<OpenIncident>>& all() const { return incidents_; }

 private:
  OpenIncident* Open(const Finding& finding, Labels target, int64_t now_ns);
  void Refresh(OpenIncident* open, const Finding& finding);

  const std::string store_id_;
  uint64_t last_id_;
  std::vector<std::string> group_by_;
  std::map<uint64_t, std::unique_ptr<OpenIncident>> incidents_;
  std::unordered_map<std::string, uint64_t> by_target_;
  std::unordered_map<std::string, uint64_t> by_finding_;
};

}  // namespace heald::remedy
