#include "core/model/when.h"

#include <charconv>
#include <cmath>

#include "core/base/units.h"
#include "core/model/when_ast.h"

namespace heald {
namespace {

using Node = When::Node;
using Op = Node::Op;

void AppendNumber(double value, std::string* out) {
  char buffer[32];
  const auto [end, code] =
      std::to_chars(buffer, buffer + sizeof buffer, value, std::chars_format::general, 6);
  if (code == std::errc()) out->append(buffer, end);
}

void AppendValue(const WhenValue& value, std::string* out) {
  if (const auto* number = std::get_if<double>(&value)) {
    AppendNumber(*number, out);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    *out += '"';
    *out += *text;
    *out += '"';
  } else if (const auto* severity = std::get_if<Severity>(&value)) {
    *out += ToString(*severity);
  } else {
    *out += std::get<bool>(value) ? "true" : "false";
  }
}

std::string_view TypeName(const WhenValue& value) {
  constexpr std::string_view kNames[] = {"a number", "text", "a severity", "true or false"};
  return kNames[value.index()];
}

std::string_view OpText(Op op) {
  switch (op) {
    case Op::kEqual:
      return "==";
    case Op::kNotEqual:
      return "!=";
    case Op::kLess:
      return "<";
    case Op::kLessEqual:
      return "<=";
    case Op::kGreater:
      return ">";
    case Op::kGreaterEqual:
      return ">=";
    case Op::kMatch:
      return "=~";
    case Op::kNoMatch:
      return "!~";
    case Op::kIn:
      return "in";
    default:
      return "not in";
  }
}

template <typename T>
bool Ordered(Op op, const T& a, const T& b) {
  switch (op) {
    case Op::kEqual:
      return a == b;
    case Op::kNotEqual:
      return a != b;
    case Op::kLess:
      return a < b;
    case Op::kLessEqual:
      return a <= b;
    case Op::kGreater:
      return a > b;
    default:
      return a >= b;
  }
}

Verdict Of(bool yes) {
  return yes ? Verdict::kTrue : Verdict::kFalse;
}

// One pass over a condition. Every comparison is evaluated, also those that can't change the
// answer any more: the explanation has to be complete.
class Evaluation {
 public:
  Evaluation(const WhenScope& scope, std::string* why) : scope_(scope), why_(why) {}

  Verdict Logic(const Node& node) {
    if (node.op == Op::kNot) {
      const Verdict verdict = Logic(*node.children[0]);
      if (verdict == Verdict::kInconclusive) return verdict;
      return Of(verdict == Verdict::kFalse);
    }
    if (node.op == Op::kAnd || node.op == Op::kOr) {
      const Verdict decisive = node.op == Op::kAnd ? Verdict::kFalse : Verdict::kTrue;
      Verdict all = node.op == Op::kAnd ? Verdict::kTrue : Verdict::kFalse;
      for (const auto& child : node.children) {
        const Verdict verdict = Logic(*child);
        if (verdict == decisive)
          all = decisive;
        else if (verdict == Verdict::kInconclusive && all != decisive)
          all = Verdict::kInconclusive;
      }
      return all;
    }
    return IsComparison(node.op) ? Comparison(node) : Flag(node);
  }

 private:
  // A pointer into the tree, into *storage, or null with reason_ set.
  const WhenValue* Get(const Node& node, std::optional<WhenValue>* storage) {
    if (node.op == Op::kConst) return &node.value;
    if (node.op == Op::kName) {
      *storage = scope_.Lookup(node.text);
      const double* number = *storage ? std::get_if<double>(&**storage) : nullptr;
      if (*storage && (number == nullptr || !std::isnan(*number))) return &**storage;
      reason_ = "no fresh value of " + node.text;
      return nullptr;
    }
    if (!IsArithmetic(node.op)) {  // a condition in brackets as an operand
      const Verdict verdict = Logic(node);
      if (verdict == Verdict::kInconclusive) {
        reason_ = "it is inconclusive itself";
        return nullptr;
      }
      *storage = verdict == Verdict::kTrue;
      return &**storage;
    }
    double operands[2] = {0, 0};
    for (size_t i = 0; i < node.children.size(); ++i) {
      std::optional<WhenValue> local;
      const WhenValue* value = Get(*node.children[i], &local);
      if (value == nullptr) return nullptr;
      const double* number = std::get_if<double>(value);
      if (number == nullptr) {
        reason_ = node.children[i]->text + " is " + std::string(TypeName(*value)) +
                  ", which can't be calculated with";
        return nullptr;
      }
      operands[i] = *number;
    }
    const double result = Calculate(node.op, operands[0], operands[1]);
    if (!std::isfinite(result) && std::isfinite(operands[0]) && std::isfinite(operands[1])) {
      reason_ = node.op == Op::kDivide && operands[1] == 0 ? "division by zero" : "out of range";
      return nullptr;
    }
    if (std::isnan(result)) {
      reason_ = "infinite values leave no answer";
      return nullptr;
    }
    *storage = result;
    return &**storage;
  }

  static double Calculate(Op op, double a, double b) {
    switch (op) {
      case Op::kNegate:
        return -a;
      case Op::kAdd:
        return a + b;
      case Op::kSubtract:
        return a - b;
      case Op::kMultiply:
        return a * b;
      default:
        return a / b;
    }
  }

  // A name or constant that is a condition by itself.
  Verdict Flag(const Node& node) {
    std::optional<WhenValue> storage;
    const WhenValue* value = Get(node, &storage);
    const bool* flag = value == nullptr ? nullptr : std::get_if<bool>(value);
    if (value != nullptr && flag == nullptr)
      reason_ = node.text + " is " + std::string(TypeName(*value)) + ", not true or false";
    Begin();
    *why_ += node.text;
    return Finish(flag == nullptr ? Verdict::kInconclusive : Of(*flag));
  }

  Verdict Comparison(const Node& node) {
    const Node& left = *node.children[0];
    const Node& right = *node.children[1];
    std::optional<WhenValue> left_storage;
    std::optional<WhenValue> right_storage;
    const WhenValue* a = Get(left, &left_storage);
    const WhenValue* b =
        a == nullptr || right.op == Op::kList ? nullptr : Get(right, &right_storage);
    Verdict verdict = Verdict::kInconclusive;
    if (a != nullptr && right.op == Op::kList)
      verdict = Membership(node, *a, right);
    else if (a != nullptr && b != nullptr)
      verdict = Compare(node, *a, *b);
    Begin();
    Describe(left, a);
    *why_ += ' ';
    *why_ += OpText(node.op);
    *why_ += ' ';
    Describe(right, b);
    return Finish(verdict);
  }

  Verdict Membership(const Node& node, const WhenValue& value, const Node& list) {
    bool found = false;
    for (const auto& item : list.children) {
      if (item->value.index() != value.index()) {
        Mismatch(node, value, item->value);
        return Verdict::kInconclusive;
      }
      found = found || item->value == value;
    }
    return Of(found == (node.op == Op::kIn));
  }

  Verdict Compare(const Node& node, const WhenValue& a, const WhenValue& b) {
    if (node.regex != nullptr) {
      const auto* text = std::get_if<std::string>(&a);
      if (text == nullptr) {
        Mismatch(node, a, b);
        return Verdict::kInconclusive;
      }
      return Of(RE2::FullMatch(*text, *node.regex) == (node.op == Op::kMatch));
    }
    if (a.index() != b.index()) {
      Mismatch(node, a, b);
      return Verdict::kInconclusive;
    }
    const bool needs_order = node.op >= Op::kLess;
    if (const auto* number = std::get_if<double>(&a))
      return Of(Ordered(node.op, *number, std::get<double>(b)));
    if (const auto* severity = std::get_if<Severity>(&a))
      return Of(Ordered(node.op, *severity, std::get<Severity>(b)));
    if (needs_order) {
      reason_ = std::string(TypeName(a)) + " has no order";
      return Verdict::kInconclusive;
    }
    return Of((a == b) == (node.op == Op::kEqual));
  }

  void Mismatch(const Node& node, const WhenValue& a, const WhenValue& b) {
    reason_ = node.children[0]->text + " is " + std::string(TypeName(a)) + ", " +
              node.children[1]->text + " is " + std::string(TypeName(b));
  }

  void Begin() {
    if (!why_->empty()) *why_ += ", ";
  }
  void Describe(const Node& node, const WhenValue* value) {
    *why_ += node.text;
    if (node.op == Op::kConst || value == nullptr) return;
    *why_ += ' ';
    const double* number = std::get_if<double>(value);
    if (number != nullptr && (node.text == "eta" || node.text == "age"))
      *why_ += *number <= 0 ? "now" : FormatElapsed(static_cast<int64_t>(*number * 1e9));
    else
      AppendValue(*value, why_);
  }
  Verdict Finish(Verdict verdict) {
    constexpr std::string_view kWords[] = {" no", " yes", " inconclusive: "};
    *why_ += kWords[static_cast<size_t>(verdict)];
    if (verdict == Verdict::kInconclusive) *why_ += reason_;
    return verdict;
  }

  const WhenScope& scope_;
  std::string* why_;
  std::string reason_;
};

}  // namespace

When::When() = default;

WhenAnswer When::Evaluate(const WhenScope& scope) const {
  WhenAnswer answer;
  if (root_ == nullptr) {
    answer.verdict = Verdict::kTrue;
    answer.why = "no condition";
    return answer;
  }
  answer.why.reserve(text_.size() * 2);
  answer.verdict = Evaluation(scope, &answer.why).Logic(*root_);
  return answer;
}

}  // namespace heald
