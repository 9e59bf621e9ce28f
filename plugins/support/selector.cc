#include "plugins/support/selector.h"

#include <re2/re2.h>

#include <algorithm>

namespace heald::support {
namespace {

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  bool Selectors(std::vector<Selector>* out) {
    do {
      Selector selector;
      selector.metric = Word(true);
      if (selector.metric.empty()) return Fail("a metric name");
      if (Peek() == '{' && !Matchers(&selector.matchers)) return false;
      out->push_back(std::move(selector));
    } while (Keyword("or"));
    return AtEnd() || Fail("'{', 'or' or the end");
  }
  bool OnlyMatchers(std::vector<Matcher>* out) {
    return Matchers(out) && (AtEnd() || Fail("the end"));
  }
  const std::string& error() const { return error_; }

 private:
  bool Fail(std::string_view wanted) {
    if (error_.empty())
      error_ = "column " + std::to_string(at_ + 1) + ": expected " + std::string(wanted) +
               (at_ < text_.size() ? ", found '" + std::string(text_.substr(at_, 20)) + "'"
                                   : ", found the end");
    return false;
  }
  char Peek() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != text_.npos) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool AtEnd() {
    Peek();
    return at_ == text_.size();
  }
  std::string Word(bool with_colon) {
    Peek();
    const size_t begin = at_;
    while (at_ < text_.size() && (IsWord(text_[at_]) || (with_colon && text_[at_] == ':'))) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    if (!word.empty() && word[0] >= '0' && word[0] <= '9') {
      at_ = begin;
      return {};
    }
    return std::string(word);
  }
  bool Keyword(std::string_view word) {
    Peek();
    if (text_.substr(at_, word.size()) != word ||
        (at_ + word.size() < text_.size() && IsWord(text_[at_ + word.size()])))
      return false;
    at_ += word.size();
    return true;
  }
  bool Take(std::string_view token) {
    Peek();
    if (text_.substr(at_, token.size()) != token) return false;
    at_ += token.size();
    return true;
  }
  bool Text(std::string* out) {
    const char quote = Peek();
    if (quote != '"' && quote != '\'' && quote != '`') return Fail("a quoted text");
    const size_t begin = at_++;
    for (; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] != '\\' || quote == '`') {
        *out += text_[at_];
        continue;
      }
      const char next = ++at_ < text_.size() ? text_[at_] : '\0';
      if (next == 'n')
        *out += '\n';
      else if (next == 't')
        *out += '\t';
      else if (next == '\\' || next == '"' || next == '\'')
        *out += next;
      else
        return Fail(
            "one of \\n \\t \\\\ \\\" \\' (a regular expression's backslash is written twice)");
    }
    if (at_ == text_.size()) {
      at_ = begin;
      return Fail("a text that ends in its quote");
    }
    ++at_;
    return true;
  }
  bool Matchers(std::vector<Matcher>* out) {
    if (!Take("{")) return Fail("'{'");
    while (Peek() != '}') {
      Matcher matcher;
      matcher.label = Word(false);
      if (matcher.label.empty()) return Fail("a label name or '}'");
      if (Take("=~"))
        matcher.op = Matcher::Op::kRegex;
      else if (Take("!~"))
        matcher.op = Matcher::Op::kNotRegex;
      else if (Take("!="))
        matcher.op = Matcher::Op::kNotEqual;
      else if (!Take("="))
        return Fail("=, !=, =~ or !~");
      Peek();
      const size_t value_at = at_;
      if (!Text(&matcher.value)) return false;
      if (matcher.op == Matcher::Op::kRegex || matcher.op == Matcher::Op::kNotRegex) {
        RE2::Options options;
        options.set_log_errors(false);
        auto regex = std::make_shared<RE2>(matcher.value, options);
        if (!regex->ok()) {
          at_ = value_at;
          return Fail("a regular expression (" + regex->error() + ")");
        }
        matcher.regex = std::move(regex);
      }
      out->push_back(std::move(matcher));
      if (!Take(",") && Peek() != '}') return Fail("',' or '}'");
    }
    return Take("}");
  }

  const std::string_view text_;
  size_t at_ = 0;
  std::string error_;
};

}  // namespace

bool Matcher::Matches(std::string_view text) const {
  switch (op) {
    case Op::kEqual:
      return text == value;
    case Op::kNotEqual:
      return text != value;
    case Op::kRegex:
      return RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex);
    case Op::kNotRegex:
      return !RE2::FullMatch(re2::StringPiece(text.data(), text.size()), *regex);
  }
  return false;
}

bool Selector::Matches(std::string_view name, const sdk::LabelSet& labels) const {
  return name == metric && std::all_of(matchers.begin(), matchers.end(), [&](const Matcher& m) {
           return m.Matches(labels.Get(m.label));
         });
}

std::string ParseSelectors(std::string_view text, std::vector<Selector>* selectors) {
  Parser parser(text);
  parser.Selectors(selectors);
  return parser.error();
}

std::string ParseMatchers(std::string_view text, std::vector<Matcher>* matchers) {
  Parser parser(text);
  parser.OnlyMatchers(matchers);
  return parser.error();
}

bool IsLabelName(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), IsWord);
}

bool IsMetricName(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') &&
         std::all_of(text.begin(), text.end(), [](char c) { return IsWord(c) || c == ':'; });
}

std::string PointerToken(std::string_view key) {
  std::string token;
  for (const char c : key) {
    if (c == '~')
      token += "~0";
    else if (c == '/')
      token += "~1";
    else
      token += c;
  }
  return token;
}

}  // namespace heald::support
