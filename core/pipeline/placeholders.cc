#include "core/pipeline/placeholders.h"

#include <cmath>
#include <cstdio>

namespace heald {
namespace {

using Text = std::optional<std::string>;

Text Number(double value) {
  if (std::isnan(value)) return std::nullopt;
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.6g", value);
  return buffer;
}

Text OfFinding(const Finding& f, std::string_view name) {
  if (name == "id") return f.id;
  if (name == "node") return f.node;
  if (name == "metric") return f.metric;
  if (name == "severity") return std::string(ToString(f.severity));
  if (name == "kind") return std::string(ToString(f.kind));
  if (name == "value") return Number(f.value);
  if (name == "expected_low") return Number(f.expected_low);
  if (name == "expected_high") return Number(f.expected_high);
  if (name == "score") return Number(f.score);
  if (name == "confidence") return Number(f.confidence);
  if (name == "unit") return f.unit;
  if (name == "summary") return f.summary.empty() ? Describe(f) : f.summary;
  if (name == "probability") return Number(f.probability);
  if (name == "component") return f.component;
  if (name == "recommended_action") return f.recommended_action;
  return std::nullopt;
}

Text OfIncident(const Incident& i, std::string_view name) {
  if (name == "id") return std::to_string(i.id);
  if (name == "severity") return std::string(ToString(i.severity));
  if (name == "state") return std::string(ToString(i.state));
  if (name == "summary") return i.summary;
  if (name == "trace_id") return i.trace_id;
  return std::nullopt;
}

}  // namespace

TemplateLookup Placeholders(const Labels* target, const Finding* finding,
                            const Incident* incident) {
  return [=](std::string_view full) -> Text {
    const size_t dot = full.find('.');
    const std::string_view root = full.substr(0, dot);
    const std::string_view name = dot == std::string_view::npos ? "" : full.substr(dot + 1);
    if (root == "target" && target != nullptr && target->Has(name))
      return std::string(target->Get(name));
    if (root == "finding" && finding != nullptr) return OfFinding(*finding, name);
    if (root == "incident" && incident != nullptr) return OfIncident(*incident, name);
    return std::nullopt;
  };
}

}  // namespace heald
