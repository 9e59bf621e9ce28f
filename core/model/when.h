// The condition language of policies: `service == "orders" and latency_p99 > 0.5 and severity >=
// warning`. Typed at parse time as far as names allow, errors by column, three-valued at run time:
// a name without a fresh value makes the answer inconclusive, which never acts.
//
//   expr  := or;  or := and ("or" and)*;  and := not ("and" not)*;  not := "not" not | cmp
//   cmp   := sum (("=="|"!="|"<"|"<="|">"|">="|"=~"|"!~"|"in"|"not in") sum)?
//   sum   := product (("+"|"-") product)*;  product := unary (("*"|"/") unary)*
//   unary := "-" unary | primary
//   primary := number | duration | "string" | severity | true | false | name(.name)* | [list] |
//   (expr)
//
// A number may be a duration (5m, in seconds), a size (64MiB, in bytes) or a percentage (5%, 0.05).
// =~ matches the whole text, as in Prometheus. An unknown escape in a string stays as it is, so
// "\d+" needs no doubling.
//
// Thread rule: immutable once parsed; Evaluate is safe from any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/result.h"
#include "core/model/finding.h"

namespace heald {

enum class Verdict : uint8_t { kFalse, kTrue, kInconclusive };

// Numbers carry durations in seconds; times (eta) are durations from now in seconds.
using WhenValue = std::variant<double, std::string, Severity, bool>;

// Gives names their values. Nullopt: unknown, missing or stale.
class WhenScope {
 public:
  virtual ~WhenScope() = default;
  virtual std::optional<WhenValue> Lookup(std::string_view name) const = 0;
};

// The finding's own names ("severity", "score", …); every other one is a label or a query.
const std::vector<std::string>& WhenFields();

struct WhenError {
  size_t column = 0;  // 0-based offset into the text
  size_t length = 1;
  std::string message;
  std::string hint;  // "did you mean 'warning'?", may be empty
};

struct WhenAnswer {
  Verdict verdict = Verdict::kInconclusive;
  std::string why;  // each comparison with its values: latency_p99 1.84 > 0.5 yes, severity
                    // critical >= warning yes
};

class When {
 public:
  When();  // always true
  static std::variant<When, WhenError> Parse(std::string_view text);

  WhenAnswer Evaluate(const WhenScope& scope) const;
  const std::string& text() const { return text_; }
  // Every name that is looked up, in order of appearance, without repeats.
  const std::vector<std::string>& names() const { return names_; }
  // Those that stand alone on the right of == or !=.
  const std::vector<std::string>& compared_names() const { return compared_names_; }
  // Names that must have this text for it to be true, whatever else holds: `service == "orders"`
  // among what is joined by `and`.
  const std::vector<std::pair<std::string, std::string>>& required_texts() const {
    return required_texts_;
  }

  struct Node;  // in when_ast.h

 private:
  std::string text_;
  std::vector<std::string> names_;
  std::vector<std::string> compared_names_;
  std::vector<std::pair<std::string, std::string>> required_texts_;
  std::shared_ptr<const Node> root_;
};

}  // namespace heald
