#include "core/model/when_lexer.h"

#include <algorithm>
#include <charconv>

#include "core/base/units.h"

namespace heald {
namespace {

bool IsLetter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsWord(char c) {
  return IsLetter(c) || IsDigit(c) || c == ':';
}

}  // namespace

void WhenLexer::Advance() {
  while (at_ < text_.size() &&
         (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r'))
    ++at_;
  token_ = WhenToken();
  token_.column = at_;
  if (at_ >= text_.size()) return;
  const char c = text_[at_];
  if (IsLetter(c)) {
    while (at_ < text_.size() &&
           (IsWord(text_[at_]) ||
            (text_[at_] == '.' && at_ + 1 < text_.size() && IsLetter(text_[at_ + 1]))))
      ++at_;
    return Take(WhenToken::Kind::kWord);
  }
  if (IsDigit(c) || (c == '.' && at_ + 1 < text_.size() && IsDigit(text_[at_ + 1])))
    return Number();
  if (c == '"' || c == '\'') return Text(c);
  for (const std::string_view symbol : {"==", "!=", "<=", ">=", "=~", "!~", "&&", "||"})
    if (text_.substr(at_, 2) == symbol) {
      at_ += 2;
      return Take(WhenToken::Kind::kSymbol);
    }
  do ++at_;  // a whole character, for the error message
  while (at_ < text_.size() && (static_cast<unsigned char>(text_[at_]) & 0xc0) == 0x80);
  Take(WhenToken::Kind::kSymbol);
}
void WhenLexer::Take(WhenToken::Kind kind) {
  token_.kind = kind;
  token_.text = text_.substr(token_.column, at_ - token_.column);
}
void WhenLexer::Number() {
  double number = 0;
  const char* begin = text_.data() + at_;
  const auto [end, code] = std::from_chars(begin, text_.data() + text_.size(), number);
  at_ += static_cast<size_t>(end - begin);
  const size_t digits = at_;
  while (at_ < text_.size() && (IsWord(text_[at_]) || text_[at_] == '.')) ++at_;
  if (at_ == digits && at_ < text_.size() && text_[at_] == '%') {
    ++at_;
    number /= 100;
  } else if (at_ != digits) {
    const std::string_view whole = text_.substr(token_.column, at_ - token_.column);
    const Result<int64_t> duration = ParseDuration(whole);
    const Result<int64_t> size = ParseSize(whole);
    if (duration.ok())
      number = static_cast<double>(*duration) / 1e9;
    else if (size.ok() && whole.back() == 'B')
      number = static_cast<double>(*size);
    else
      Fail(whole.size(), "'" + std::string(whole) + "' is not a number",
           "write 0.5, 5%, 30s or 64MiB");
  }
  if (code != std::errc()) Fail(at_ - token_.column, "this number is out of range");
  Take(WhenToken::Kind::kNumber);
  token_.number = number;
}
void WhenLexer::Text(char quote) {
  std::string value;
  for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
    if (text_[at_] != '\\' || at_ + 1 >= text_.size()) {
      value += text_[at_];
      continue;
    }
    const char next = text_[++at_];
    if (next == 'n')
      value += '\n';
    else if (next == 't')
      value += '\t';
    else if (next == quote || next == '\\')
      value += next;
    else
      (value += '\\') += next;
  }
  if (at_ >= text_.size())
    Fail(text_.size() - token_.column,
         std::string("the text that starts here has no closing ") + quote);
  else
    ++at_;
  Take(WhenToken::Kind::kText);
  token_.value = std::move(value);
}

void WhenLexer::Fail(size_t length, std::string message, std::string hint) {
  if (!error_)
    error_ =
        WhenError{token_.column, std::max<size_t>(length, 1), std::move(message), std::move(hint)};
}

}  // namespace heald
