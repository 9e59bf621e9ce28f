// One scalar typed by its schema: number, flag, text, or text with a unit; with its bounds and
// choices. Used by coerce.cc, which knows where it stands. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

#include "core/config/schema.h"

namespace heald {

struct ScalarText {
  std::string plain;    // after interpolation
  std::string got;      // how a message may call it: "'abc'", "the value of ${env:X}"
  bool quoted = false;  // text by the author's will
  bool filled = false;  // a placeholder was filled in: the schema alone gives the type
  bool hidden = false;  // not to be shown or hinted at
};

struct ScalarResult {
  Value value;
  std::string must;  // what is wrong: "be a whole number, not 'x'"; empty: nothing
  std::string hint;
};

ScalarResult ReadScalar(const Schema& schema, const ScalarText& text);
// A typed value is within the bounds.
bool Fits(const Schema& schema, const Value& value);

// "a whole number"
std::string_view WantedScalar(const Schema& schema);

}  // namespace heald
