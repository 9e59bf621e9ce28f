// Label and field selectors as an API server reads them.
// Thread rule: values, any thread.
#pragma once

#include <string>
#include <vector>

#include "tests/fakes/kubernetes/resources.h"

namespace heald::fakes::kubernetes {

class LabelSelector {
 public:
  LabelSelector() = default;
  // "app=web,tier in (a,b),!canary"; throws a Refusal of 400.
  static LabelSelector Parse(const std::string& text);
  // matchLabels and matchExpressions.
  static LabelSelector Of(const Json& selector);

  bool empty() const { return terms_.empty(); }
  bool MatchesLabels(const Json& labels) const;
  bool Matches(const Json& object) const;

 private:
  struct Term {
    std::string key;
    enum { kIn, kNotIn, kExists, kAbsent } what = kExists;
    std::vector<std::string> values;
  };
  std::vector<Term> terms_;
};

class FieldSelector {
 public:
  // "spec.nodeName=a,status.phase!=Failed"; throws a Refusal of 400 for a field that the kind
  // does not offer.
  static FieldSelector Parse(const Resource& resource, const std::string& text);
  bool empty() const { return terms_.empty(); }
  bool Matches(const Json& object) const;

 private:
  struct Term {
    std::string pointer;
    std::string value;
    bool equal = true;
  };
  std::vector<Term> terms_;
};

}  // namespace heald::fakes::kubernetes
