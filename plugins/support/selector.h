// Series selectors as PromQL writes them: http_requests_total{code=~"5..", path!="/health"}.
// Several joined by `or` match what any of them matches. Used by the sources that pick series
// themselves. Thread rule: immutable once parsed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "heald/host.h"

namespace re2 {
class RE2;
}

namespace heald::support {

struct Matcher {
  enum class Op { kEqual, kNotEqual, kRegex, kNotRegex };
  std::string label;
  Op op = Op::kEqual;
  std::string value;
  std::shared_ptr<const re2::RE2> regex;
  bool Matches(std::string_view text) const;
};

struct Selector {
  std::string metric;
  std::vector<Matcher> matchers;
  // A label that isn't there counts as the empty text.
  bool Matches(std::string_view name, const sdk::LabelSet& labels) const;
};

// Empty: *selectors is filled. Else what is wrong, with its column.
std::string ParseSelectors(std::string_view text, std::vector<Selector>* selectors);

// Only the part in braces: {path!="/health"}.
std::string ParseMatchers(std::string_view text, std::vector<Matcher>* matchers);

bool IsMetricName(std::string_view text);
bool IsLabelName(std::string_view text);

// "a/b~c" as a token of a JSON pointer, for complaints about a map's member: "a~1b~0c".
std::string PointerToken(std::string_view key);

}  // namespace heald::support
