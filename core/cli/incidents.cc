#include "core/cli/incidents.h"

#include <algorithm>
#include <cstdio>

#include "core/base/units.h"
#include "core/cli/explain.h"
#include "core/store/json.h"

namespace heald::cli {
namespace {

constexpr IncidentState kStates[] = {IncidentState::kOpen, IncidentState::kActing,
                                     IncidentState::kVerifying, IncidentState::kResolved,
                                     IncidentState::kEscalated};

std::string SummaryOf(const Incident& incident) {
  if (incident.quiet_since_ns == 0) return incident.summary;
  return "(quiet since " + FormatTime(incident.quiet_since_ns).substr(11, 8) +
         " UTC, began again " + std::to_string(incident.reopened) + "x) " + incident.summary;
}

void PrintTable(const std::vector<Incident>& incidents) {
  std::printf("%-6s %-10s %-9s %-16s %-20s %-9s %s\n", "id", "state", "severity", "target",
              "opened", "took", "summary");
  for (const Incident& i : incidents)
    std::printf("%-6llu %-10s %-9s %-16s %-20s %-9s %s\n", static_cast<unsigned long long>(i.id),
                std::string(ToString(i.state)).c_str(), std::string(ToString(i.severity)).c_str(),
                TargetName(i.target).c_str(), (FormatTime(i.opened_ns).substr(0, 19) + "Z").c_str(),
                i.closed_ns == 0
                    ? "-"
                    : FormatElapsed(std::max<int64_t>(i.closed_ns - i.opened_ns, 0)).c_str(),
                SummaryOf(i).c_str());
}

}  // namespace

int Incidents(const IncidentsOptions& options, const PipelineOptions& pipeline) {
  IncidentFilter filter;
  filter.limit = std::clamp<size_t>(options.limit, 1, 10'000);
  if (!options.state.empty()) {
    const auto state = std::find_if(std::begin(kStates), std::end(kStates),
                                    [&](IncidentState s) { return ToString(s) == options.state; });
    if (state == std::end(kStates)) {
      std::fprintf(stderr,
                   "heald: '%s' is no state: open, acting, verifying, resolved or escalated\n",
                   options.state.c_str());
      return kUsage;
    }
    filter.states = {*state};
  }
  const Result<std::unique_ptr<StoreReader>> reader = OpenJournal(options.store, pipeline);
  Result<IncidentPage> page =
      reader ? (*reader)->Incidents(filter) : Result<IncidentPage>(reader.error());
  if (!page) {
    std::fprintf(stderr, "heald: %s\n", page.error().message.c_str());
    return kFailed;
  }
  for (Incident& incident : page->incidents) {
    if (incident.reopened == 0 || incident.closed_ns != 0) continue;
    if (const Result<std::optional<Chain>> chain = (*reader)->ChainOf(incident.id); chain && *chain)
      incident.quiet_since_ns = QuietSinceNs((*chain)->incident);
  }
  if (options.format == "json") {
    heald::Json out = heald::Json::array();
    for (const Incident& incident : page->incidents) out.push_back(ToJson(incident));
    std::puts(Dump(out, 2).c_str());
  } else if (page->incidents.empty()) {
    std::puts("no incidents");
  } else {
    PrintTable(page->incidents);
    if (page->next != 0) std::puts("… more with --limit");
  }
  return kDone;
}

}  // namespace heald::cli
