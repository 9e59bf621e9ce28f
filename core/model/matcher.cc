#include "core/model/matcher.h"

#include <re2/re2.h>

#include <algorithm>
#include <array>

namespace heald {
namespace {

constexpr std::string_view kTargetPrefix = "target.";
constexpr size_t kMaxLength = 1000;

std::string_view Trimmed(std::string_view text) {
  const size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool IsLabelName(std::string_view name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '/';
  };
  return !name.empty() && std::all_of(name.begin(), name.end(), fits);
}

// Without the quotes and the backslashes before quotes and backslashes.
Result<std::string> Unquoted(std::string_view text) {
  if (text.empty() || text.front() != '"') return std::string(text);
  std::string out;
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '"' && i + 1 == text.size()) return out;
    if (text[i] == '"') break;
    if (text[i] == '\\' && i + 1 < text.size() && (text[i + 1] == '"' || text[i + 1] == '\\')) ++i;
    out += text[i];
  }
  return MakeError(Code::kInvalid, "the quotes around " + std::string(text) + " don't match");
}

}  // namespace

std::string_view ToString(Matcher::Op op) {
  constexpr std::array<std::string_view, 4> kNames = {"=", "!=", "=~", "!~"};
  return kNames[static_cast<size_t>(op)];
}

std::string_view MatchSubject::Value(std::string_view name) const {
  if (name == "detector") return finding.node;
  if (name == "metric") return finding.metric;
  if (name == "severity") return heald::ToString(finding.severity);
  if (name == "kind") return heald::ToString(finding.kind);
  if (name == "policy") return policy;
  if (name.starts_with(kTargetPrefix) && !finding.target.Has(name))
    name.remove_prefix(kTargetPrefix.size());
  return finding.target.Has(name) ? finding.target.Get(name) : incident_target.Get(name);
}

Result<Matcher> Matcher::Make(std::string_view name, Op op, std::string_view value) {
  if (!IsLabelName(name))
    return MakeError(Code::kInvalid, "'" + std::string(name) + "' is no label's name");
  if (name.size() + value.size() > kMaxLength)
    return MakeError(Code::kInvalid,
                     "a matcher has at most " + std::to_string(kMaxLength) + " characters");
  Matcher matcher;
  matcher.name_ = name;
  matcher.op_ = op;
  matcher.value_ = value;
  if (op == Op::kEqual || op == Op::kNotEqual) return matcher;
  RE2::Options options(RE2::Quiet);
  auto regex = std::make_shared<RE2>(re2::StringPiece(value.data(), value.size()), options);
  if (!regex->ok())
    return MakeError(Code::kInvalid,
                     "'" + std::string(value) + "' is no regular expression: " + regex->error());
  matcher.regex_ = std::move(regex);
  return matcher;
}

Result<Matcher> Matcher::Parse(std::string_view text) {
  const size_t at = text.find_first_of("=!");
  const std::string_view rest = at == std::string_view::npos ? "" : text.substr(at);
  const Op ops[] = {Op::kMatch, Op::kNoMatch, Op::kNotEqual, Op::kEqual};
  for (const Op op : ops) {
    const std::string_view sign = heald::ToString(op);
    if (!rest.starts_with(sign)) continue;
    const Result<std::string> value = Unquoted(Trimmed(rest.substr(sign.size())));
    if (!value) return value.error();
    return Make(Trimmed(text.substr(0, at)), op, *value);
  }
  return MakeError(Code::kInvalid, "'" + std::string(text) +
                                       "' is no matcher: write label=value, label!=value, "
                                       "label=~regex or label!~regex");
}

bool Matcher::Matches(std::string_view value) const {
  switch (op_) {
    case Op::kEqual:
      return value == value_;
    case Op::kNotEqual:
      return value != value_;
    case Op::kMatch:
      return RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
    default:
      return !RE2::FullMatch(re2::StringPiece(value.data(), value.size()), *regex_);
  }
}

std::string Matcher::ToString() const {
  std::string out = name_ + std::string(heald::ToString(op_)) + '"';
  for (const char c : value_) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

bool MatchesAll(const std::vector<Matcher>& matchers, const MatchSubject& subject) {
  return std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& matcher) {
    return matcher.Matches(subject.Value(matcher.name()));
  });
}

std::string ToString(const std::vector<Matcher>& matchers) {
  std::string out;
  for (const Matcher& matcher : matchers) out += (out.empty() ? "" : ", ") + matcher.ToString();
  return out;
}

}  // namespace heald
