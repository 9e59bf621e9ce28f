// Run-time placeholders in a configuration tree: `${target.service}`, `${finding.value}`,
// `${incident.id}` in its string leaves. config lists and checks them, the runner renders them for
// each decision and each notification. `$${` is a literal `${`, and `${$}` a literal dollar sign
// (config writes that where a value from outside holds one, so that it is never taken for a
// placeholder). Thread rule: pure functions.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/value.h"

namespace heald {

struct Placeholder {
  std::string name;   // "target.service"
  std::string path;   // RFC 6901 of the leaf, relative to the tree
  size_t offset = 0;  // of the `$` in the leaf
  size_t length = 0;  // up to and with the `}`
};

// True for "target.x", "finding.x", "incident.x" and the roots that only notifiers have.
bool IsRuntimeName(std::string_view name);
// What only an event has: "approval.x", "decision.x", "event.x", "outcome.x".
bool IsForNotifiers(std::string_view name);

// A placeholder, and what it stands for. docs/templates.md has this table, checked by a test.
struct RuntimeField {
  std::string_view name;  // "finding.value"
  std::string_view doc;
};
// All but a target's, which are its labels, whatever they are.
std::span<const RuntimeField> RuntimeFields();
const std::vector<std::string>& RuntimeNames();

// Fails on a malformed placeholder or one of another root; json_pointer names the leaf.
Result<std::vector<Placeholder>> ListPlaceholders(const Value& tree);

// Gives a placeholder's text; nullopt: there is none, which is an error, because an action on half
// a name is worse than no action.
using TemplateLookup = std::function<std::optional<std::string>(std::string_view name)>;
Result<Value> RenderTemplate(const Value& tree, const TemplateLookup& lookup);
// The leaves without placeholders as they will always be; the others stay templates.
Value RenderConstants(const Value& tree);
Result<std::string> RenderText(std::string_view text, const TemplateLookup& lookup);

// The same template, in which each placeholder stands between U+0002 and U+0003: what is filled in
// can then be told from what was written, because RenderText lets no value bring these itself.
std::string MarkPlaceholders(std::string_view text);

// Text that renders to `text`, whatever is in it.
std::string EscapeTemplate(std::string_view text);

// "a/b~c" as a token of a JSON pointer: "a~1b~0c".
std::string PointerToken(std::string_view key);

}  // namespace heald
