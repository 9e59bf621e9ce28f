// The agent's view of the tokens file: sees within a quarter of a second what `heald token` did,
// and checks what a client presents. Used by access.h. Thread rule: any thread.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/tokens.h"
#include "core/base/clock.h"

namespace heald::api {

struct TokenUse {
  Token token;
  int64_t last_used_ns = 0;  // since the start of the agent; 0: not yet
};

class TokenWatch {
 public:
  // Called, under the watch's lock, when the file becomes unusable (`bad`) or usable again; by
  // Access also when somebody guesses.
  using Notice = std::function<void(bool bad, const std::string& text)>;
  TokenWatch(std::string path, const Clock& clock, Notice notice);

  enum class Verdict : uint8_t { kUnknown, kExpired, kLive };
  struct Answer {
    Verdict verdict = Verdict::kUnknown;
    Token token;  // unless unknown
  };
  // In a time that doesn't tell whether there is a token with the id.
  Answer Check(std::string_view text);
  // Live still: neither revoked nor expired since it was presented.
  bool IsLive(const std::string& id);
  // A tokens file exists, be it empty or damaged: then nobody comes in without a token.
  bool Exists();
  std::vector<TokenUse> List();

 private:
  void Refresh();
  void Read();
  const Token* Find(std::string_view id) const;

  const std::string path_;
  const Clock& clock_;
  const Notice notice_;

  std::mutex mutex_;  // guards all below
  int64_t looked_ns_ = INT64_MIN;
  struct stat read_ {};   // of the file that tokens_ are from
  bool settled_ = false;  // read_ is old enough to tell the file's next state from it
  bool exists_ = false;
  bool bad_ = false;
  std::vector<Token> tokens_;  // of the last usable file
  std::map<std::string, int64_t> last_used_ns_;
};

}  // namespace heald::api
