#include "core/model/template.h"

#include <algorithm>
#include <iterator>

namespace heald {
namespace {

constexpr std::string_view kRoots[] = {"target",   "finding", "incident", "approval",
                                       "decision", "event",   "outcome"};
constexpr size_t kForActions = 3;  // of kRoots, those that an action has as well

constexpr RuntimeField kFields[] = {
    {"finding.id",
     "its id, `spikes/1k2j/7`: the same from its opening to its end, in the API and in every "
     "event"},
    {"finding.node", "the detector that found it"},
    {"finding.metric", "query or metric: `latency_p99`"},
    {"finding.severity", "`normal`, `info`, `warning`, `critical`"},
    {"finding.kind", "`anomaly`, `prediction`, `event`"},
    {"finding.value", "the value as a number: `1.84`"},
    {"finding.now", "the value with its unit: `1.84 s`"},
    {"finding.expected", "what was expected, with its unit: `at most 0.09 s`"},
    {"finding.expected_low", "lower bound as a number"},
    {"finding.expected_high", "upper bound as a number"},
    {"finding.score", "how far off, by the detector's own measure"},
    {"finding.confidence", "0 to 1"},
    {"finding.unit", "`s`, `By`, `1/s`"},
    {"finding.summary", "one sentence"},
    {"finding.began", "when it began: `2026-11-21 21:02:30 UTC`"},
    {"finding.count", "events behind it; empty where that means nothing"},
    {"finding.probability", "of a prediction: 0 to 1"},
    {"finding.component", "of a prediction: what is likely to fail"},
    {"finding.recommended_action", "of a prediction"},
    {"incident.id", "its number: `3`"},
    {"incident.severity", "the highest it has had"},
    {"incident.state", "`open`, `acting`, `verifying`, `resolved`, `escalated`"},
    {"incident.summary", "one sentence"},
    {"incident.trace_id", "32 hex digits, its own for ever"},
    {"incident.opened", "when it was opened: `2026-11-21 21:02:31 UTC`"},
    {"incident.url", "its page on the dashboard, where `agent.public_url` is set"},
    {"approval.url", "where a decision that waits is answered, where `agent.approval.links` is on"},
    {"approval.expires", "until when: `21:15 UTC`"},
    {"decision.id", "also the idempotency key of its action"},
    {"decision.policy", "the policy that made it"},
    {"decision.action", "the action it is about"},
    {"decision.verdict", "`would_act`, `act`, `refused`, `awaits_approval`"},
    {"decision.mode", "`shadow`, `approve`, `enforce`"},
    {"decision.actor", "`heald`, or who answered: `user:anna`"},
    {"decision.plan", "what would be done: `restart container payments`"},
    {"decision.refused_by", "the guards that refused, with their reasons"},
    {"outcome.state", "`issued`, `observed`, `verified`, `failed`, `undone`, `dry_run`"},
    {"outcome.detail", "`ready after 0.9 s`"},
    {"event.id", "the same when an event is delivered again"},
    {"event.kind", "`finding`, `incident`, `decision`, `outcome`"},
    {"event.node", "the detector or policy it came from"},
    {"event.text", "the event in one line"},
    {"event.time", "when it happened: `2026-11-21 21:02:38 UTC`"}};

constexpr char kMarkBegin = '\x02';
constexpr char kMarkEnd = '\x03';

bool IsMark(char c) {
  return c == kMarkBegin || c == kMarkEnd;
}

struct Piece {
  std::string literal;                     // text before the placeholder
  std::optional<Placeholder> placeholder;  // none: the end of the text
};

Result<std::vector<Piece>> Split(std::string_view text) {
  std::vector<Piece> pieces(1);
  size_t i = 0;
  while (i < text.size()) {
    if (text.substr(i, 3) == "$${") {
      pieces.back().literal += "${";
      i += 3;
      continue;
    }
    if (text.substr(i, 2) != "${") {
      pieces.back().literal += text[i++];
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == std::string_view::npos)
      return MakeError(Code::kInvalid, "'" + std::string(text.substr(i)) +
                                           "' has no closing }: write $${ for a literal ${");
    const std::string_view name = text.substr(i + 2, end - i - 2);
    if (name == "$") {
      pieces.back().literal += '$';
    } else if (IsRuntimeName(name)) {
      pieces.back().placeholder = Placeholder{std::string(name), "", i, end + 1 - i};
      pieces.emplace_back();
    } else {
      return MakeError(Code::kInvalid,
                       "unknown placeholder '${" + std::string(name) +
                           "}': known here are ${target.…}, ${finding.…} and ${incident.…}; "
                           "write $${ for a literal ${");
    }
    i = end + 1;
  }
  return pieces;
}

// Calls `leaf` for every string of the tree; stops at the first error.
Status ForEachText(const Value& tree, const std::string& path,
                   const std::function<Status(const std::string&, const std::string&)>& leaf) {
  if (const std::string* text = tree.AsString()) {
    Status status = leaf(*text, path);
    if (!status.ok() && status.error().json_pointer.empty()) status.error().json_pointer = path;
    return status;
  }
  if (const Value::List* list = tree.AsList())
    for (size_t i = 0; i < list->size(); ++i)
      if (Status s = ForEachText((*list)[i], path + "/" + std::to_string(i), leaf); !s.ok())
        return s;
  if (const Value::Map* map = tree.AsMap())
    for (const Value::Member& member : *map)
      if (Status s = ForEachText(member.second, path + "/" + PointerToken(member.first), leaf);
          !s.ok())
        return s;
  return {};
}

Status RenderInto(Value* tree, const std::string& path, const TemplateLookup& lookup) {
  if (std::string* text = tree->AsString()) {
    if (text->find('$') == std::string::npos) return {};
    Result<std::string> rendered = RenderText(*text, lookup);
    if (!rendered.ok()) {
      rendered.error().json_pointer = path;
      return rendered.error();
    }
    *text = std::move(*rendered);
  } else if (Value::List* list = tree->AsList()) {
    for (size_t i = 0; i < list->size(); ++i)
      if (Status s = RenderInto(&(*list)[i], path + "/" + std::to_string(i), lookup); !s.ok())
        return s;
  } else if (Value::Map* map = tree->AsMap()) {
    for (Value::Member& member : *map)
      if (Status s = RenderInto(&member.second, path + "/" + PointerToken(member.first), lookup);
          !s.ok())
        return s;
  }
  return {};
}

}  // namespace

bool IsRuntimeName(std::string_view name) {
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos || dot + 1 == name.size()) return false;
  if (std::find(std::begin(kRoots), std::end(kRoots), name.substr(0, dot)) == std::end(kRoots))
    return false;
  return name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/", dot + 1) ==
         std::string_view::npos;
}

bool IsForNotifiers(std::string_view name) {
  return std::find(std::begin(kRoots) + kForActions, std::end(kRoots),
                   name.substr(0, name.find('.'))) != std::end(kRoots);
}

std::span<const RuntimeField> RuntimeFields() {
  return kFields;
}

const std::vector<std::string>& RuntimeNames() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    for (const RuntimeField& field : kFields) names.emplace_back(field.name);
    return names;
  }();
  return kNames;
}

Result<std::vector<Placeholder>> ListPlaceholders(const Value& tree) {
  std::vector<Placeholder> all;
  Status status = ForEachText(tree, "", [&](const std::string& text, const std::string& path) {
    Result<std::vector<Piece>> pieces = Split(text);
    if (!pieces.ok()) return Status(pieces.error());
    for (Piece& piece : *pieces) {
      if (!piece.placeholder) continue;
      piece.placeholder->path = path;
      all.push_back(std::move(*piece.placeholder));
    }
    return Status();
  });
  if (!status.ok()) return status.error();
  return all;
}

Result<std::string> RenderText(std::string_view text, const TemplateLookup& lookup) {
  Result<std::vector<Piece>> pieces = Split(text);
  if (!pieces.ok()) return pieces.error();
  std::string out;
  for (const Piece& piece : *pieces) {
    out += piece.literal;
    if (!piece.placeholder) continue;
    const std::optional<std::string> value = lookup(piece.placeholder->name);
    if (!value)
      return MakeError(Code::kInvalid, "${" + piece.placeholder->name + "} has no value here");
    std::copy_if(value->begin(), value->end(), std::back_inserter(out),
                 [](char c) { return !IsMark(c); });
  }
  return out;
}

Result<Value> RenderTemplate(const Value& tree, const TemplateLookup& lookup) {
  Value copy = tree;
  if (Status status = RenderInto(&copy, "", lookup); !status.ok()) return status.error();
  return copy;
}

Value RenderConstants(const Value& tree) {
  if (const std::string* text = tree.AsString()) {
    Result<std::string> rendered =
        RenderText(*text, [](std::string_view) -> std::optional<std::string> { return {}; });
    return rendered ? Value(std::move(*rendered)) : tree;
  }
  Value copy = tree;
  if (Value::List* list = copy.AsList())
    for (Value& item : *list) item = RenderConstants(item);
  if (Value::Map* map = copy.AsMap())
    for (Value::Member& member : *map) member.second = RenderConstants(member.second);
  return copy;
}

std::string MarkPlaceholders(std::string_view text) {
  std::string out(text);
  std::erase_if(out, IsMark);
  const Result<std::vector<Placeholder>> all = ListPlaceholders(Value(out));
  if (!all.ok()) return out;
  for (auto placeholder = all->rbegin(); placeholder != all->rend(); ++placeholder) {
    out.insert(placeholder->offset + placeholder->length, 1, kMarkEnd);
    out.insert(placeholder->offset, 1, kMarkBegin);
  }
  return out;
}

std::string EscapeTemplate(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '$')
      out += "${$}";
    else
      out += c;
  }
  return out;
}

std::string PointerToken(std::string_view key) {
  std::string out;
  for (const char c : key) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else
      out += c;
  }
  return out;
}

}  // namespace heald
