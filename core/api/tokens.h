// Who may use the API: the file <state_dir>/tokens.json, which `heald token` writes and the agent
// reads. A token is shown once, when it is made: heald_<id>_<secret>. The file has the SHA-256 of
// the secret only. Secrets are 256 random bits, so that a plain hash is as good as a slow one:
// there is no word list to try, and no salt that would make one useless. Used by token_edit (CLI),
// token_watch (agent) and the check at load. Thread rule: pure functions, apart from reading the
// file.
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/api/identity.h"
#include "core/base/result.h"

namespace heald::api {

struct Token {
  std::string id;    // 8 hex digits
  std::string name;  // of a person or a robot
  Role role = Role::kViewer;
  int64_t created_ns = 0;
  std::string created_by;  // who ran the command
  int64_t expires_ns = 0;  // 0: never
  std::string sha256;      // of the secret, in hex

  bool LiveAt(int64_t now_ns) const { return expires_ns == 0 || now_ns < expires_ns; }
  friend bool operator==(const Token&, const Token&) = default;
};

// A token as text, taken apart.
struct TokenText {
  std::string_view id;
  std::string_view secret;
};
std::optional<TokenText> SplitToken(std::string_view text);

// 1 to 64 letters, digits and . _ - @: what may stand in a journal and in a header.
bool IsActorName(std::string_view name);
// A name that can't be taken for a token's id.
Result<void> CheckTokenName(const std::string& name);

std::string TokensFile(const std::string& state_dir);
std::string FormatTokens(const std::vector<Token>& tokens);
// Strict about what it reads: an entry that isn't understood must not be one that is let in.
Result<std::vector<Token>> ParseTokens(std::string_view text);

// kNotFound: there is no such file. Other errors name the file and what to do. `status`: of the
// very file that was read.
Result<std::vector<Token>> ReadTokens(const std::string& path, struct stat* status = nullptr);

}  // namespace heald::api
