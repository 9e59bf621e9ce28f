#include "core/cli/explain.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "core/agent/environment.h"
#include "core/base/units.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"
#include "core/remedy/hints.h"
#include "core/store/json.h"
#include "core/store/open.h"

namespace heald::cli {
namespace {

// "20:14:03.250"
std::string TimeOfDay(int64_t ns) {
  return FormatTime(ns).substr(11, 12);
}

std::string Field(const Json& json, const char* key) {
  const auto at = json.find(key);
  return at != json.end() && at->is_string() ? at->get<std::string>() : "";
}

}  // namespace

Result<std::unique_ptr<StoreReader>> OpenJournal(const std::string& store,
                                                 const PipelineOptions& pipeline) {
  if (!store.empty())
    return OpenStoreReader({store, std::filesystem::current_path().string(), false});
  const plugin::Loader loader(pipeline.plugin_dir, {}, pipeline.program);
  const agent::AgentEnvironment environment;
  const LoadResult result =
      pipeline.file.empty()
          ? LoadPipelineText(BuiltInPipeline(), "<built-in>",
                             std::filesystem::current_path().string(), loader, environment)
          : LoadPipeline(pipeline.file, loader, environment);
  if (!result.spec)
    return MakeError(Code::kInvalid,
                     FormatText(result.diagnostics) +
                         "the pipeline file has errors; name the journal with --store sqlite:PATH");
  return OpenStoreReader({result.spec->agent.store, result.spec->agent.state_dir, false});
}

std::string ExplainText(const Chain& chain) {
  const Incident& incident = chain.incident;
  int64_t began_ns = incident.opened_ns;
  for (const Finding& finding : incident.findings)
    if (finding.began_ns != 0) began_ns = std::min(began_ns, finding.began_ns);
  std::string out = "incident #" + std::to_string(incident.id) + "  " +
                    TargetName(incident.target) + "  " + std::string(ToString(incident.state)) +
                    "  " + std::string(ToString(incident.severity)) + "\n  " + incident.summary +
                    "\n  target " + incident.target.ToString() + "  trace " + incident.trace_id +
                    "\n  opened " + FormatTime(incident.opened_ns);
  if (incident.closed_ns != 0)
    out += ", closed after " + FormatElapsed(incident.closed_ns - incident.opened_ns);
  out += "\n";
  const std::vector<remedy::Hint> hints = remedy::HintsOf(chain.events);
  if (!hints.empty()) out += "  likely causes\n";
  for (const remedy::Hint& hint : hints)
    out += "    " + TimeOfDay(hint.ts_ns) + "  " + hint.text + "\n";
  out += "\n";
  for (const AuditEvent& event : chain.events) {
    char when[48];
    std::snprintf(when, sizeof when, "%s  %+8.2f s  ", TimeOfDay(event.ts_ns).c_str(),
                  static_cast<double>(event.ts_ns - began_ns) / 1e9);
    const Json detail = Json::parse(event.detail, nullptr, false);
    const std::string text = Field(detail, "text");
    char kind[32];
    std::snprintf(kind, sizeof kind, "%-22s ", event.kind.c_str());
    out += when + std::string(kind) + (text.empty() ? event.subject : text);
    if (event.actor != "heald") out += "  by " + event.actor;
    out += '\n';
  }
  for (const Decision& decision : chain.decisions) {
    out += "\ndecision " + decision.id + "  policy " + decision.policy + "  " +
           std::string(ToString(decision.verdict)) + " (" + std::string(ToString(decision.mode)) +
           (decision.dry_run ? ", dry run" : "") + ")  by " + decision.actor + "\n";
    if (!decision.why.empty()) out += "  because  " + decision.why + "\n";
    if (!decision.plan.summary.empty())
      out += "  plan     " + decision.plan.summary +
             (decision.plan.reversible ? " (reversible)" : "") + "\n";
    for (const GuardVerdict& guard : decision.guards)
      out += std::string("  guard    ") + (guard.allowed ? "ok   " : "NO   ") + guard.guard + ": " +
             guard.reason + "\n";
    for (const Execution& e : chain.executions)
      if (e.decision == decision.id)
        out += "  outcome  " + std::string(ToString(e.state)) +
               (e.detail.empty() ? "" : ": " + e.detail) + "\n";
  }
  return out;
}

int Explain(const ExplainOptions& options, const PipelineOptions& pipeline) {
  const Result<std::unique_ptr<StoreReader>> reader = OpenJournal(options.store, pipeline);
  if (!reader) {
    std::fprintf(stderr, "heald: %s\n", reader.error().message.c_str());
    return kFailed;
  }
  const Result<std::optional<Chain>> chain = (*reader)->ChainOf(options.incident);
  if (!chain) {
    std::fprintf(stderr, "heald: %s\n", chain.error().message.c_str());
    return kFailed;
  }
  if (!*chain) {
    std::fprintf(stderr, "heald: there is no incident %llu; `heald incidents` lists them\n",
                 static_cast<unsigned long long>(options.incident));
    return kNo;
  }
  if (options.format == "json") {
    Json json = ToJson(**chain);
    json["hints"] = Json::array();
    for (const remedy::Hint& hint : remedy::HintsOf((*chain)->events))
      json["hints"].push_back({{"ts_ns", hint.ts_ns}, {"text", hint.text}});
    std::puts(Dump(json, 2).c_str());
  } else {
    std::fputs(ExplainText(**chain).c_str(), stdout);
  }
  return kDone;
}

}  // namespace heald::cli
