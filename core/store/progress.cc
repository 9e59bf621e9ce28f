#include "core/store/progress.h"

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace heald {
namespace {

using Json = nlohmann::json;

constexpr std::array<std::string_view, 3> kParts = {"all", "canary", "rest"};

template <typename Enum>
Enum Named(const Json& json, const char* key, Enum last) {
  const std::string name = json.at(key).get<std::string>();
  for (uint8_t i = 0; i <= static_cast<uint8_t>(last); ++i)
    if (ToString(static_cast<Enum>(i)) == name) return static_cast<Enum>(i);
  throw std::runtime_error("unknown " + std::string(key) + " '" + name + "'");
}

Json ToJson(const Rules& rules) {
  Json json = {{"steps", rules.steps},
               {"verify_within_ns", rules.verify_within_ns},
               {"undo_on_failure", rules.undo_on_failure},
               {"undo_after_ns", rules.undo_after_ns},
               {"inputs", rules.inputs}};
  if (const std::optional<Rules::Check>& c = rules.canary)
    json["canary"] = {{"check", c->text},
                      {"samples", c->samples},
                      {"for_ns", c->for_ns},
                      {"within_ns", c->within_ns}};
  return json;
}

Rules ReadRules(const Json& json) {
  Rules rules;
  rules.steps = json.at("steps").get<uint32_t>();
  rules.verify_within_ns = json.at("verify_within_ns").get<int64_t>();
  rules.undo_on_failure = json.at("undo_on_failure").get<bool>();
  rules.undo_after_ns = json.at("undo_after_ns").get<int64_t>();
  json.at("inputs").get_to(rules.inputs);
  if (const auto at = json.find("canary"); at != json.end())
    rules.canary = {at->at("check").get<std::string>(),
                    at->at("samples").get<std::vector<std::string>>(),
                    at->at("for_ns").get<int64_t>(), at->at("within_ns").get<int64_t>()};
  return rules;
}

}  // namespace

std::string_view ToString(UndoState state) {
  constexpr std::string_view kNames[] = {"none", "due", "issued", "done", "failed", "dropped"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view ToString(CanaryState state) {
  constexpr std::string_view kNames[] = {"none", "running", "checking", "held", "passed", "failed"};
  return kNames[static_cast<size_t>(state)];
}

std::string_view ToString(Part part) {
  return kParts[static_cast<size_t>(part)];
}

std::string_view ToString(Proof proof) {
  constexpr std::string_view kNames[] = {"plain",        "inconclusive", "too_early",
                                         "did_not_last", "cancelled",    "superseded"};
  return kNames[static_cast<size_t>(proof)];
}

Json ToJson(const Progress& progress) {
  Json json = Json::object();
  if (progress.rules) json["rules"] = ToJson(*progress.rules);
  if (progress.part != Part::kAll) json["part"] = ToString(progress.part);
  if (progress.number != 0) json["number"] = progress.number;
  if (progress.gravity != Severity::kNormal) json["gravity"] = ToString(progress.gravity);
  if (!progress.made_way_for.empty()) json["made_way_for"] = progress.made_way_for;
  if (const Canary& c = progress.canary; c.state != CanaryState::kNone)
    json["canary"] = {{"state", ToString(c.state)},       {"issued_ns", c.issued_ns},
                      {"observed_ns", c.observed_ns},     {"decided_ns", c.decided_ns},
                      {"severity", ToString(c.severity)}, {"detail", c.detail}};
  if (const Undo& u = progress.undo; u.state != UndoState::kNone)
    json["undo"] = {
        {"state", ToString(u.state)}, {"after_failure", u.after_failure}, {"due_ns", u.due_ns},
        {"issued_ns", u.issued_ns},   {"ended_ns", u.ended_ns},           {"issues", u.issues},
        {"away_ns", u.away_ns},       {"detail", u.detail}};
  if (progress.proof != Proof::kPlain) json["proof"] = ToString(progress.proof);
  if (progress.began_ns != 0) json["began_ns"] = progress.began_ns;
  if (!progress.covered.empty()) json["covered"] = progress.covered;
  if (progress.settled_ns != 0) json["settled_ns"] = progress.settled_ns;
  if (progress.denied_mode) json["denied_mode"] = ToString(*progress.denied_mode);
  return json;
}

Progress ReadProgress(const Json& json) {
  Progress progress;
  if (const auto at = json.find("rules"); at != json.end()) progress.rules = ReadRules(*at);
  if (json.contains("part")) progress.part = Named(json, "part", Part::kRest);
  progress.number = json.value("number", uint64_t{0});
  if (json.contains("gravity")) progress.gravity = Named(json, "gravity", Severity::kCritical);
  progress.made_way_for = json.value("made_way_for", std::vector<std::string>());
  if (const auto at = json.find("canary"); at != json.end()) {
    Canary& c = progress.canary;
    c.state = Named(*at, "state", CanaryState::kFailed);
    c.issued_ns = at->value("issued_ns", int64_t{0});
    c.observed_ns = at->value("observed_ns", int64_t{0});
    c.decided_ns = at->value("decided_ns", int64_t{0});
    c.severity = Named(*at, "severity", Severity::kCritical);
    c.detail = at->value("detail", "");
  }
  if (const auto at = json.find("undo"); at != json.end()) {
    Undo& u = progress.undo;
    u.state = Named(*at, "state", UndoState::kDropped);
    u.after_failure = at->value("after_failure", false);
    u.due_ns = at->value("due_ns", int64_t{0});
    u.issued_ns = at->value("issued_ns", int64_t{0});
    u.ended_ns = at->value("ended_ns", int64_t{0});
    u.issues = at->value("issues", uint32_t{0});
    u.away_ns = at->value("away_ns", int64_t{0});
    u.detail = at->value("detail", "");
  }
  if (json.contains("proof")) progress.proof = Named(json, "proof", Proof::kSuperseded);
  progress.began_ns = json.value("began_ns", int64_t{0});
  progress.covered = json.value("covered", std::vector<std::string>());
  progress.settled_ns = json.value("settled_ns", int64_t{0});
  if (json.contains("denied_mode"))
    progress.denied_mode = Named(json, "denied_mode", Mode::kEnforce);
  return progress;
}

ProgressFacts ReadFacts(std::string_view progress) {
  ProgressFacts facts;
  if (progress.find("\"proof\"") == std::string_view::npos &&
      progress.find("\"began_ns\"") == std::string_view::npos)
    return facts;
  const Json json = Json::parse(progress, nullptr, false);
  if (!json.is_object()) return facts;
  if (json.contains("proof")) facts.proof = Named(json, "proof", Proof::kSuperseded);
  facts.began_ns = json.value("began_ns", int64_t{0});
  return facts;
}

}  // namespace heald
