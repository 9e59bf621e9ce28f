// Changes of the tokens file, by `heald token`. One at a time, however many commands run; a reader
// sees the old file or the new one, whole. Works with and without a running agent, which looks at
// the file by itself. Thread rule: any thread; other processes are kept out by a lock on the
// folder.
#pragma once

#include <string>
#include <vector>

#include "core/api/tokens.h"
#include "core/base/result.h"

namespace heald::api {

struct NewToken {
  Token token;
  std::string text;  // shown once, nowhere kept
};

struct TokenRequest {
  std::string name;
  Role role = Role::kViewer;
  int64_t now_ns = 0;
  int64_t expires_ns = 0;  // 0: never
  std::string created_by;
};

// Makes the state folder where there is none yet.
Result<NewToken> CreateToken(const std::string& state_dir, const TokenRequest& request);

struct Revoked {
  std::vector<Token> tokens;  // what was taken away
  size_t left = 0;
};
// By id, or all of a name: who revokes a person wants nothing left. kNotFound: there is none.
Result<Revoked> RevokeTokens(const std::string& state_dir, const std::string& id_or_name);

}  // namespace heald::api
