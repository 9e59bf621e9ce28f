// The syntax tree of a condition, shared by its parser and its evaluator and by nobody else.
// Thread rule: immutable once parsed.
#pragma once

#include <re2/re2.h>

#include <memory>
#include <string>
#include <vector>

#include "core/model/when.h"

namespace heald {

struct When::Node {
  enum class Op : uint8_t {
    kConst,
    kName,
    kList,
    kNegate,
    kAdd,
    kSubtract,
    kMultiply,
    kDivide,
    kEqual,
    kNotEqual,
    kLess,
    kLessEqual,
    kGreater,
    kGreaterEqual,
    kMatch,
    kNoMatch,
    kIn,
    kNotIn,
    kNot,
    kAnd,
    kOr,
  };
  // What is known before any value is: labels and queries are kUnknown.
  enum class Type : uint8_t { kNumber, kText, kSeverity, kBool, kList, kUnknown };

  Op op = Op::kConst;
  Type type = Type::kUnknown;
  size_t column = 0;
  std::string text;  // as written
  WhenValue value;   // of a constant
  std::unique_ptr<RE2> regex;
  std::vector<std::unique_ptr<const Node>> children;
};

inline bool IsComparison(When::Node::Op op) {
  return op >= When::Node::Op::kEqual && op <= When::Node::Op::kNotIn;
}
inline bool IsArithmetic(When::Node::Op op) {
  return op >= When::Node::Op::kNegate && op <= When::Node::Op::kDivide;
}
inline bool IsLogic(When::Node::Op op) {
  return op >= When::Node::Op::kNot;
}

}  // namespace heald
