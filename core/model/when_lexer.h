// The tokens of a condition. Used by its parser only. Thread rule: one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/model/when.h"

namespace heald {

struct WhenToken {
  enum class Kind : uint8_t { kEnd, kNumber, kText, kWord, kSymbol };
  Kind kind = Kind::kEnd;
  size_t column = 0;
  std::string_view text;  // as written
  double number = 0;
  std::string value;  // of a string, unescaped
};

class WhenLexer {
 public:
  explicit WhenLexer(std::string_view text) : text_(text) {}

  void Advance();
  const WhenToken& token() const { return token_; }
  // The first mistake; the tokens after it mean little.
  const std::optional<WhenError>& error() const { return error_; }

 private:
  void Take(WhenToken::Kind kind);
  void Number();
  void Text(char quote);
  void Fail(size_t length, std::string message, std::string hint = "");

  std::string_view text_;
  size_t at_ = 0;
  WhenToken token_;
  std::optional<WhenError> error_;
};

}  // namespace heald
