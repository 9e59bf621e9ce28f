// What was written before the clock was set back, and lies in the future now, counts as of when
// that was known: a time that is to come can't be waited for, and nothing takes less than no time.
// Thread rule: pure functions on plain values.
#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>

#include "core/remedy/incidents.h"
#include "core/store/store.h"

namespace heald::remedy {

struct SetBack {
  int64_t now_ns = 0;
  int64_t since_ns = 0;  // since then the clock only went on, for all that this process knows

  int64_t Of(int64_t ns) const { return ns > now_ns ? std::min(ns, since_ns) : ns; }
  void Apply(std::initializer_list<int64_t*> times) const {
    for (int64_t* const ns : times) *ns = Of(*ns);
  }
  // But for what the journal knows it by: when it was planned and ended.
  void Apply(Execution* execution) const {
    Canary& canary = execution->progress.canary;
    Apply({&execution->issued_ns, &execution->observed_ns, &canary.issued_ns, &canary.observed_ns,
           &canary.decided_ns});
  }
  void Apply(Incident* incident) const {
    Apply({&incident->opened_ns, &incident->began_ns, &incident->closed_ns});
    for (Finding& finding : incident->findings) Apply({&finding.began_ns, &finding.ts_ns});
  }
  void Apply(OpenIncident* open) const {
    Apply(&open->incident);
    Apply({&open->restored_ns, &open->cleared_ns, &open->again_ns});
    for (FindingMeta& meta : open->meta) Apply({&meta.journaled_ns, &meta.cleared_ns});
  }
  void Apply(Chain* chain) const {
    Apply(&chain->incident);
    for (Execution& execution : chain->executions) Apply(&execution);
  }
};

}  // namespace heald::remedy
