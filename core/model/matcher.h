// Conditions on labels as in Prometheus: `service=payments`, `metric=~latency.*`, `zone!=a`,
// `pod!~web-.*`. A regular expression matches the whole text. Say what a silence is about and what
// inhibits what. Thread rule: immutable once made; safe from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/model/finding.h"

namespace re2 {
class RE2;
}

namespace heald {

// What matchers look at: a finding, its incident's target, and the policy if it is about one.
// `detector`, `metric`, `severity`, `kind` and `policy` are what they say; every other name is a
// label of the target, and `target.metric` a label that is called like one of those.
struct MatchSubject {
  const Finding& finding;
  const Labels& incident_target;
  std::string_view policy = {};

  std::string_view Value(std::string_view name) const;
};

class Matcher {
 public:
  enum class Op : uint8_t { kEqual, kNotEqual, kMatch, kNoMatch };

  static Result<Matcher> Make(std::string_view name, Op op, std::string_view value);
  // "service=payments", with or without quotes around the value.
  static Result<Matcher> Parse(std::string_view text);

  bool Matches(std::string_view value) const;
  const std::string& name() const { return name_; }
  Op op() const { return op_; }
  const std::string& value() const { return value_; }
  // Reads back as the same matcher.
  std::string ToString() const;

 private:
  std::string name_;
  Op op_ = Op::kEqual;
  std::string value_;
  std::shared_ptr<const re2::RE2> regex_;
};

std::string_view ToString(Matcher::Op op);  // "=~"

// All of them; none matches anything.
bool MatchesAll(const std::vector<Matcher>& matchers, const MatchSubject& subject);
// `service="payments", metric=~"latency.*"`
std::string ToString(const std::vector<Matcher>& matchers);

}  // namespace heald
