// What an execution touches, and who acts on it now. Two targets under different labels may be one
// thing, so neither the incident's labels nor the action's name tells alone. Used by the engine.
// Thread rule: the engine's strand.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/remedy/incidents.h"
#include "core/store/store.h"

namespace heald::remedy {

struct Claim {
  std::string target_key;           // of the incident
  Labels target;                    // the same as labels
  std::vector<std::string> things;  // that the plan names as what it acts on
};

Claim ClaimOf(const OpenIncident& open, const Plan& plan);
// One of the two targets is the other one or a part of it ({service=c} and
// {service=c, namespace=shop}), or the plans name the same thing.
bool Overlap(const Claim& a, const Claim& b);
// The plans name the same thing, or don't say of what they act on one target.
bool MayBeOneThing(const Claim& a, const Claim& b);

class Leases {
 public:
  void Take(uint64_t holder, Claim claim) { claims_[holder] = std::move(claim); }
  void Release(uint64_t holder);
  bool Has(uint64_t holder) const { return claims_.contains(holder); }
  // The others that hold something of it.
  std::vector<uint64_t> HoldersOf(const Claim& claim, uint64_t but) const;
  // Grows with every lease that ends.
  uint64_t ended() const { return ended_; }
  // Whether one on something of it has ended since ended() was `since`: what was read of it then
  // may not be so any more. True where that is too long ago to know.
  bool EndedSince(uint64_t since, const Claim& claim) const;

 private:
  std::map<uint64_t, Claim> claims_;
  std::deque<Claim> latest_ended_;
  uint64_t ended_ = 0;
};

// What policies did lately and to what, for limits that count what one thing has seen. The journal
// counts by the incident's target; this finds the same thing under other targets.
class Touched {
 public:
  void Note(const Execution& execution, Claim claim);
  // Issues of the policy on what overlaps with `claim`, but was done under another target; of one
  // step, or of all with 0. `whose` gets the name of the target that was acted on last.
  StoreReader::Issues Of(std::string_view policy, uint32_t step, const Claim& claim,
                         int64_t since_ns, std::string* whose) const;

 private:
  struct Issue {
    std::string decision;
    uint32_t step = 1;
    int64_t ts_ns = 0;
    Claim claim;
  };
  std::map<std::string, std::deque<Issue>, std::less<>> issues_;  // by policy, oldest first
};

}  // namespace heald::remedy
