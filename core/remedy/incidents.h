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

struct FindingMeta {
  bool orphan = false;  // read from the journal; no detector of this process has reported it
  int64_t journaled_ns = 0;
};

struct OpenIncident {
  Incident incident;              // findings in order of appearance
  std::vector<FindingMeta> meta;  // beside incident.findings
  std::string target_key;
  std::vector<uint64_t> runs;  // ids of the policies' runs
  bool escalated = false;
  std::string healed_by;    // plan summary of a verified execution
  int64_t restored_ns = 0;  // 0: opened by this process
  int64_t due_ns = INT64_MAX;

  // Index, or -1.
  int Find(std::string_view finding_id) const;
  bool AnyOpen() const;
  bool AnyOrphan() const;
  // When the first of its findings began, by the samples' time.
  int64_t BeganNs() const;
  // The incident without its findings.
  Incident Header() const;
};

struct Intake {
  enum class What : uint8_t { kIgnored, kOpened, kUpdated, kRaised, kCleared, kAdopted };
  What what = What::kIgnored;
  OpenIncident* open = nullptr;
  size_t index = 0;  // of the finding
  bool new_incident = false;
  Finding replaced;  // kAdopted: the orphan as it was
};

class IncidentBook {
 public:
  IncidentBook(std::string store_id, uint64_t last_id)
      : store_id_(std::move(store_id)), last_id_(last_id) {}

  void SetGroupBy(std::vector<std::string> labels) { group_by_ = std::move(labels); }
  const std::vector<std::string>& group_by() const { return group_by_; }

  Intake Take(const Finding& reported, int64_t now_ns);
  // An incident from the journal; its open findings become orphans.
  OpenIncident* Restore(Incident incident, int64_t now_ns);
  void Close(uint64_t id);

  OpenIncident* Find(uint64_t id);
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
