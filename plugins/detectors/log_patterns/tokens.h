// A log line in words, with what varies from line to line (numbers, ids, times, addresses) masked.
// Part of log_patterns. Thread rule: a Splitter belongs to one thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace heald::log_patterns {

inline constexpr size_t kMaxTokens = 64;  // what comes after them is not looked at
inline constexpr std::string_view kAny = "<*>";

enum class Level : uint8_t { kUnknown, kInfo, kWarning, kError };

struct Token {
  std::string_view text;  // as it stands in the line, with the punctuation behind it
  uint64_t hash = 0;      // of the masked text
  bool variable = false;  // nothing but what is masked, and punctuation
  bool space_after = false;
};

class Splitter {
 public:
  explicit Splitter(size_t max_line_bytes) : max_line_bytes_(max_line_bytes) {}

  // The views last as long as `line` and until the next call.
  std::span<const Token> Split(std::string_view line);
  // Of all tokens; lines that differ only in what is masked have the same.
  uint64_t hash() const { return hash_; }

 private:
  const size_t max_line_bytes_;
  std::vector<Token> tokens_;
  uint64_t hash_ = 0;
};

// "user=4711," → "user=<*>,".
std::string Masked(std::string_view token);
uint64_t HashOf(std::string_view text);
bool HasLetters(std::string_view text);

// The level that the line's first words name: ERROR, [warn], level=info, "severity":"fatal"…
Level LevelOf(std::span<const Token> tokens);
// "error", "WARN", "crit"…; unknown where it is no level's name.
Level LevelByName(std::string_view name);

// Valid UTF-8 in one line of at most `most` bytes; bytes that aren't text become "�".
std::string Printable(std::string_view text, size_t most);

}  // namespace heald::log_patterns
