#include "core/config/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "core/base/units.h"
#include "core/model/suggest.h"

namespace heald {
namespace {

using Type = Schema::Type;
using Unit = Schema::Unit;

std::optional<int64_t> ReadInteger(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> ReadNumber(std::string_view text) {
  if (!text.empty() && text[0] == '+') text.remove_prefix(1);
  double value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc() || end != text.data() + text.size() || !std::isfinite(value))
    return std::nullopt;
  return value;
}

std::optional<bool> ReadBoolean(std::string_view text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  return std::nullopt;
}

bool IsOneOf(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), text) != words.end();
}

ScalarResult Good(Value value) {
  return {std::move(value), "", ""};
}

ScalarResult NotOfType(const Schema& schema, const std::string& got, std::string hint) {
  return {Value(), "be " + std::string(WantedScalar(schema)) + ", not " + got, std::move(hint)};
}

ScalarResult InUnit(const Schema& schema, const ScalarText& text) {
  std::string problem;
  if (schema.unit == Unit::kRatio) {
    const Result<double> ratio = ParseRatio(text.plain);
    if (ratio.ok()) return Good(*ratio);
    problem = ratio.error().message;
  } else {
    const Result<int64_t> amount =
        schema.unit == Unit::kDuration ? ParseDuration(text.plain) : ParseSize(text.plain);
    if (amount.ok()) return Good(*amount);
    problem = amount.error().message;
  }
  // What follows the value is the advice, without the value.
  return NotOfType(schema, text.got, problem.substr(problem.rfind(": ") + 2));
}

// By YAML's own rules, where no schema says anything.
Value Untyped(const ScalarText& text) {
  if (text.quoted || text.filled) return text.plain;
  if (const auto flag = ReadBoolean(text.plain)) return *flag;
  if (const auto integer = ReadInteger(text.plain)) return *integer;
  if (const auto number = ReadNumber(text.plain)) return *number;
  return text.plain;
}

ScalarResult ByType(const Schema& schema, const ScalarText& text) {
  if (schema.unit != Unit::kNone) return InUnit(schema, text);
  if (schema.type == Type::kString) return Good(text.plain);
  if (schema.type == Type::kAny) return Good(Untyped(text));
  Value value;
  if (schema.type == Type::kInteger) {
    if (const auto integer = ReadInteger(text.plain)) value = *integer;
  } else if (schema.type == Type::kNumber) {
    if (const auto number = ReadNumber(text.plain)) value = *number;
  } else if (const auto flag = ReadBoolean(text.plain)) {
    value = *flag;
  } else if (text.filled && IsOneOf(text.plain, {"0", "1"})) {
    value = text.plain == "1";
  }
  const bool meant_as_text = text.quoted && !text.filled;
  if (!value.is_null() && !meant_as_text) return Good(std::move(value));
  std::string hint;
  if (!value.is_null()) {
    hint = "remove the quotes";
  } else if (schema.type == Type::kBoolean && !text.hidden) {
    if (IsOneOf(text.plain, {"yes", "on", "Yes", "On", "1"})) hint = "write true";
    if (IsOneOf(text.plain, {"no", "off", "No", "Off", "0"})) hint = "write false";
  }
  return NotOfType(schema, meant_as_text ? "the text " + text.got : text.got, std::move(hint));
}

// Empty where it fits.
std::string TextMust(const Schema& schema, const std::string& value, const ScalarText& text) {
  const auto characters = static_cast<size_t>(std::count_if(value.begin(), value.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
  if (characters < schema.min_length)
    return schema.min_length == 1
               ? "not be empty"
               : "have at least " + std::to_string(schema.min_length) + " characters";
  if (schema.pattern != nullptr && !RE2::PartialMatch(value, *schema.pattern))
    return "match " + schema.pattern_text + ", not " + text.got;
  return "";
}

std::string NumberMust(const Schema& schema, const Value& value, const ScalarText& text) {
  const double number = NumberOf(value);
  const auto bound = [&](double limit) {
    Value in_type = limit;
    if (schema.unit == Unit::kDuration || schema.unit == Unit::kSize)
      in_type = static_cast<int64_t>(limit);
    return FormatInUnit(schema, in_type) + ", not " + text.got;
  };
  if (schema.above_minimum ? number <= schema.minimum : number < schema.minimum)
    return (schema.above_minimum ? "be above " : "be at least ") + bound(schema.minimum);
  if (schema.below_maximum ? number >= schema.maximum : number > schema.maximum)
    return (schema.below_maximum ? "be below " : "be at most ") + bound(schema.maximum);
  return "";
}

}  // namespace

bool Fits(const Schema& schema, const Value& value) {
  if (const std::string* text = value.AsString()) return TextMust(schema, *text, {}).empty();
  return std::isnan(NumberOf(value)) || NumberMust(schema, value, {}).empty();
}

std::string_view WantedScalar(const Schema& schema) {
  switch (schema.unit) {
    case Unit::kDuration:
      return "a duration such as 30s";
    case Unit::kSize:
      return "a size such as 64MiB";
    case Unit::kRatio:
      return "a ratio such as 5% or 0.05";
    case Unit::kNone:
      break;
  }
  switch (schema.type) {
    case Type::kInteger:
      return "a whole number";
    case Type::kNumber:
      return "a number";
    case Type::kBoolean:
      return "true or false";
    default:
      return "text";
  }
}

ScalarResult ReadScalar(const Schema& schema, const ScalarText& text) {
  ScalarResult out = ByType(schema, text);
  if (!out.must.empty()) return out;
  if (!schema.choices.empty() &&
      std::find(schema.choices.begin(), schema.choices.end(), out.value) == schema.choices.end()) {
    std::vector<std::string> names;
    for (const Value& choice : schema.choices) names.push_back(FormatInUnit(schema, choice));
    return {Value(), "be one of " + JoinNames(names, 24) + ", not " + text.got,
            text.hidden ? "" : DidYouMean(text.plain, names)};
  }
  if (const std::string* string = out.value.AsString())
    out.must = TextMust(schema, *string, text);
  else
    out.must = NumberMust(schema, out.value, text);
  return out;
}

}  // namespace heald
