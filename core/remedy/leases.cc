#include "core/remedy/leases.h"

#include <algorithm>

namespace heald::remedy {
namespace {

constexpr size_t kKept = 500;  // of one policy
constexpr size_t kEndedKept = 256;

// What has no labels is only itself.
bool MayBeOne(const Labels& a, const Labels& b) {
  if (a.empty() || b.empty()) return a.empty() && b.empty();
  return a.Includes(b) || b.Includes(a);
}

bool ShareAThing(const Claim& a, const Claim& b) {
  return std::any_of(a.things.begin(), a.things.end(), [&](const std::string& thing) {
    return std::find(b.things.begin(), b.things.end(), thing) != b.things.end();
  });
}

}  // namespace

Claim ClaimOf(const OpenIncident& open, const Plan& plan) {
  Claim claim{open.target_key, open.incident.target, {}};
  std::string_view rest = plan.target_uid;
  while (!rest.empty()) {
    const size_t end = rest.find(',');
    if (const std::string_view thing = rest.substr(0, end); !thing.empty())
      claim.things.emplace_back(thing);
    rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  }
  return claim;
}

bool Overlap(const Claim& a, const Claim& b) {
  return a.target_key == b.target_key || MayBeOne(a.target, b.target) || ShareAThing(a, b);
}

bool MayBeOneThing(const Claim& a, const Claim& b) {
  if (a.things.empty() || b.things.empty()) return a.target_key == b.target_key;
  return ShareAThing(a, b);
}

void Leases::Release(uint64_t holder) {
  auto held = claims_.extract(holder);
  if (held.empty()) return;
  ++ended_;
  latest_ended_.push_back(std::move(held.mapped()));
  if (latest_ended_.size() > kEndedKept) latest_ended_.pop_front();
}

bool Leases::EndedSince(uint64_t since, const Claim& claim) const {
  const uint64_t count = ended_ - since;
  if (count > latest_ended_.size()) return true;
  return std::any_of(latest_ended_.end() - static_cast<std::ptrdiff_t>(count), latest_ended_.end(),
                     [&](const Claim& ended) { return Overlap(claim, ended); });
}

std::vector<uint64_t> Leases::HoldersOf(const Claim& claim, uint64_t but) const {
  std::vector<uint64_t> holders;
  for (const auto& [holder, held] : claims_)
    if (holder != but && Overlap(claim, held)) holders.push_back(holder);
  return holders;
}

void Touched::Note(const Execution& execution, Claim claim) {
  if (execution.issued_ns == 0) return;
  std::deque<Issue>& issues = issues_[execution.policy];
  std::erase_if(issues, [&](const Issue& one) { return one.decision == execution.decision; });
  const auto at = std::upper_bound(issues.begin(), issues.end(), execution.issued_ns,
                                   [](int64_t ns, const Issue& one) { return ns < one.ts_ns; });
  issues.insert(at, {execution.decision, execution.step, execution.issued_ns, std::move(claim)});
  if (issues.size() > kKept) issues.pop_front();
}

StoreReader::Issues Touched::Of(std::string_view policy, uint32_t step, const Claim& claim,
                                int64_t since_ns, std::string* whose) const {
  StoreReader::Issues found;
  const auto of = issues_.find(policy);
  if (of == issues_.end()) return found;
  for (const Issue& one : of->second) {
    if ((step != 0 && one.step != step) || one.claim.target_key == claim.target_key ||
        !ShareAThing(one.claim, claim))
      continue;
    found.last_ns = one.ts_ns;
    if (one.ts_ns >= since_ns) found.times_ns.push_back(one.ts_ns);
    *whose = one.claim.target.ToString();
  }
  return found;
}

}  // namespace heald::remedy
