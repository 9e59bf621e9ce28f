#include "plugins/detectors/log_patterns/tokens.h"

#include <algorithm>
#include <array>

#include "plugins/support/utf8.h"

namespace heald::log_patterns {
namespace {

enum Class : uint8_t { kSpace, kSeparator, kConnector, kLetter, kDigit, kOther };

constexpr std::array<uint8_t, 256> kClasses = [] {
  std::array<uint8_t, 256> classes{};
  for (int c = 0; c < 256; ++c) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
    classes[c] = c <= 0x20 || c == 0x7f   ? kSpace  // control characters part words too
                 : letter                 ? kLetter
                 : (c >= '0' && c <= '9') ? kDigit
                                          : kOther;
  }
  for (const char c : {'=', ',', ';', '"', '\'', '(', ')', '[', ']', '{', '}', '|', '<', '>'})
    classes[static_cast<unsigned char>(c)] = kSeparator;
  // 10.0.0.1:80, 2026-11-22T10:00:00+01:00 and 7/12 are one thing each.
  for (const char c : {'.', ':', '-', '/', '+', '@', '%'})
    classes[static_cast<unsigned char>(c)] = kConnector;
  return classes;
}();

Class ClassOf(char c) {
  return static_cast<Class>(kClasses[static_cast<unsigned char>(c)]);
}

constexpr uint64_t kSeed = 0xcbf29ce484222325u;
constexpr uint64_t kPrime = 0x100000001b3u;

struct Hasher {
  uint64_t hash = kSeed;
  bool letters = false;
  void Put(char c) {
    letters |= ClassOf(c) == kLetter;
    hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  }
  void PutAny() {
    for (const char c : kAny) Put(c);
  }
};
struct Writer {
  std::string text;
  void Put(char c) { text += c; }
  void PutAny() { text += kAny; }
};

// Hands `out` the token with every run of word characters that has a digit in it as one kAny; runs
// that one connector joins become one.
template <typename Out>
void Mask(std::string_view token, Out& out) {
  bool masked = false;  // the latest run was, and nothing but `pending` came since
  char pending = 0;
  size_t at = 0;
  while (at < token.size()) {
    const Class kind = ClassOf(token[at]);
    if (kind != kLetter && kind != kDigit) {
      if (pending != 0) {
        out.Put(pending);
        pending = 0;
        masked = false;
      }
      if (masked && kind == kConnector) {
        pending = token[at++];
        continue;
      }
      masked = false;
      out.Put(token[at++]);
      continue;
    }
    size_t end = at;
    bool digit = false;
    for (Class c = kind; c == kLetter || c == kDigit; c = ClassOf(token[end])) {
      digit |= c == kDigit;
      if (++end == token.size()) break;
    }
    if (digit) {
      if (pending == 0 || !masked) out.PutAny();
      pending = 0;
      masked = true;
    } else {
      if (pending != 0) out.Put(pending);
      pending = 0;
      masked = false;
      for (size_t i = at; i < end; ++i) out.Put(token[i]);
    }
    at = end;
  }
  if (pending != 0) out.Put(pending);
}

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

// Letters alone: without the punctuation around them.
std::string_view Bare(std::string_view text) {
  while (!text.empty() && ClassOf(text.front()) != kLetter) text.remove_prefix(1);
  while (!text.empty() && ClassOf(text.back()) != kLetter) text.remove_suffix(1);
  return text;
}

bool IsLevelKey(std::string_view token) {
  std::string key;
  for (const char c : Bare(token)) key += Lower(c);
  return key == "level" || key == "lvl" || key == "severity" || key == "loglevel";
}

}  // namespace

uint64_t HashOf(std::string_view text) {
  Hasher hasher;
  for (const char c : text) hasher.Put(c);
  return hasher.hash;
}

bool HasLetters(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return ClassOf(c) == kLetter; });
}

std::string Masked(std::string_view token) {
  Writer writer;
  Mask(token, writer);
  return std::move(writer.text);
}

std::span<const Token> Splitter::Split(std::string_view line) {
  line = line.substr(0, max_line_bytes_);
  tokens_.clear();
  hash_ = kSeed;
  size_t at = 0;
  while (tokens_.size() < kMaxTokens) {
    while (at < line.size() && ClassOf(line[at]) == kSpace) ++at;
    if (at == line.size()) break;
    size_t end = at;
    while (end < line.size() && ClassOf(line[end]) > kSeparator) ++end;
    // The punctuation behind belongs to it: `level":"`.
    while (end < line.size() && (ClassOf(line[end]) == kSeparator ||
                                 (line[end] == ':' && ClassOf(line[end - 1]) == kSeparator)))
      ++end;
    Token& token = tokens_.emplace_back();
    token.text = line.substr(at, end - at);
    Hasher hasher;
    Mask(token.text, hasher);
    token.hash = hasher.hash;
    token.variable = !hasher.letters;
    token.space_after = end < line.size() && ClassOf(line[end]) == kSpace;
    hash_ = (hash_ ^ token.hash) * kPrime;
    hash_ ^= hash_ >> 29;
    at = end;
  }
  return tokens_;
}

Level LevelByName(std::string_view name) {
  struct Word {
    std::string_view word;
    Level level;
  };
  constexpr Word kWords[] = {
      {"error", Level::kError},     {"err", Level::kError},        {"fatal", Level::kError},
      {"critical", Level::kError},  {"crit", Level::kError},       {"panic", Level::kError},
      {"severe", Level::kError},    {"alert", Level::kError},      {"emerg", Level::kError},
      {"emergency", Level::kError}, {"warn", Level::kWarning},     {"warning", Level::kWarning},
      {"info", Level::kInfo},       {"information", Level::kInfo}, {"notice", Level::kInfo},
      {"debug", Level::kInfo},      {"trace", Level::kInfo}};
  for (const Word& known : kWords)
    if (std::equal(name.begin(), name.end(), known.word.begin(), known.word.end(),
                   [](char a, char b) { return Lower(a) == b; }))
      return known.level;
  return Level::kUnknown;
}

Level LevelOf(std::span<const Token> tokens) {
  constexpr size_t kWords = 16;  // levels stand in front
  bool named = false;            // the word before announces a level
  for (const Token& token : tokens.first(std::min(tokens.size(), kWords))) {
    const std::string_view word = Bare(token.text);
    // In running text "error" says little; ERROR, error: and [error] do.
    const bool upper = word.size() > 2 &&
                       word.find_first_of("abcdefghijklmnopqrstuvwxyz") == std::string_view::npos;
    const char behind = token.text.back();
    if (named || upper || behind == ']' || behind == ':' || behind == '|')
      if (const Level level = LevelByName(word); level != Level::kUnknown) return level;
    named = IsLevelKey(token.text);
  }
  return Level::kUnknown;
}

std::string Printable(std::string_view text, size_t most) {
  constexpr std::string_view kMore = "…";
  std::string out;
  for (size_t at = 0; at < text.size();) {
    const size_t bytes = support::CharacterBytes(text, at);
    std::string_view character = bytes == 0 ? support::kReplacement : text.substr(at, bytes);
    if (bytes == 1 && ClassOf(text[at]) == kSpace) character = " ";
    if (out.size() + character.size() + kMore.size() > most) return out.append(kMore);
    out += character;
    at += std::max<size_t>(bytes, 1);
  }
  return out;
}

}  // namespace heald::log_patterns
