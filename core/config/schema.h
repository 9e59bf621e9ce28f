// The subset of JSON Schema in which components, and heald itself, say what their configuration
// looks like. Read by coerce.h (checks and types YAML by it) and json_schema.cc (prints it).
//
//   type          object, array, string, integer, number, boolean; none: any value
//   properties, required, additionalProperties (false, true or a schema), items, enum, default,
//   minimum, maximum, exclusiveMinimum, exclusiveMaximum, minItems, maxItems, minLength,
//   pattern (RE2, found anywhere as in JSON Schema), description
//   x-unit        duration | size | ratio: text with a unit, handed on as int64 ns, int64 bytes or
//                 double; default and bounds are written the same way ("30s", "64MiB", "5%")
//   x-secret      never printed
//   x-runtime     ${target.…}, ${finding.…}, ${incident.…} may stand here
//   x-marked      what is filled in there stands between marks, for the plugin to escape
//   x-order       place in docs and forms
//   x-deprecated  what to use instead; a warning
//   x-reload      keep: a detector's state fits whatever this key of its config says
//   x-rbac        what has to be allowed in Kubernetes, for `heald rbac` (core/cli/rbac.h)
//   x-elsewhere   {"key": "hint"} for keys that people write here by mistake
//
// Thread rule: immutable once parsed.
#pragma once

#include <re2/re2.h>

#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"
#include "core/model/value.h"

namespace heald {

struct Schema;
using SchemaPtr = std::shared_ptr<const Schema>;

struct Schema {
  enum class Type : uint8_t { kAny, kObject, kArray, kString, kInteger, kNumber, kBoolean };
  enum class Unit : uint8_t { kNone, kDuration, kSize, kRatio };
  using Property = std::pair<std::string, SchemaPtr>;

  Type type = Type::kAny;
  Unit unit = Unit::kNone;
  std::string description;
  std::string deprecated;
  bool secret = false;
  bool runtime = false;
  bool marked = false;
  bool keeps_state = false;
  double order = std::numeric_limits<double>::infinity();
  std::vector<Property> properties;  // by x-order, then as written
  std::vector<std::string> required;
  bool open = true;      // other keys are allowed
  SchemaPtr additional;  // what they look like; null: anything
  SchemaPtr items;       // null: anything
  std::vector<Value> choices;
  std::optional<Value> fallback;  // the default, typed
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
  bool above_minimum = false;  // exclusive
  bool below_maximum = false;
  size_t min_items = 0;
  size_t max_items = std::numeric_limits<size_t>::max();
  size_t min_length = 0;
  std::string pattern_text;
  std::shared_ptr<const RE2> pattern;
  std::map<std::string, std::string> elsewhere;

  const Schema* Find(std::string_view key) const {
    for (const Property& property : properties)
      if (property.first == key) return property.second.get();
    return nullptr;
  }
  bool Requires(std::string_view key) const {
    for (const std::string& name : required)
      if (name == key) return true;
    return false;
  }
};

// Refuses what isn't in the subset, so that a typo in a plugin's schema can't go unnoticed;
// json_pointer names the place.
Result<SchemaPtr> ParseSchema(std::string_view json);

// A scalar in its unit, as a person would write it: 30000000000 -> "30s".
std::string FormatInUnit(const Schema& schema, const Value& value);
// The number in it, also of a duration or a size; NaN where there is none.
double NumberOf(const Value& value);

}  // namespace heald
