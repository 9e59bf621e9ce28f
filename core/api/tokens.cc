#include "core/api/tokens.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "core/base/units.h"

namespace heald::api {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kVersion = 1;
constexpr size_t kMaxBytes = 1024 * 1024;
constexpr size_t kIdDigits = 8;
constexpr size_t kHashDigits = 64;
constexpr std::string_view kPrefix = "heald_";

bool IsHex(std::string_view text, size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

Error Damaged(const std::string& why) {
  return MakeError(Code::kCorrupt, why);
}

std::string TextOf(const Json& entry, const char* key) {
  const auto at = entry.find(key);
  return at != entry.end() && at->is_string() ? at->get<std::string>() : std::string();
}

Result<Token> ParseToken(const Json& entry, const std::string& where) {
  if (!entry.is_object()) return Damaged(where + " is no object");
  Token token;
  token.id = TextOf(entry, "id");
  token.name = TextOf(entry, "name");
  token.created_by = TextOf(entry, "created_by");
  token.sha256 = TextOf(entry, "sha256");
  if (!IsHex(token.id, kIdDigits)) return Damaged(where + " has no 'id' of 8 hex digits");
  if (!IsActorName(token.name)) return Damaged(where + " has no 'name' that heald would give");
  if (!IsHex(token.sha256, kHashDigits))
    return Damaged(where + " has no 'sha256' of 64 hex digits");
  const std::optional<Role> role = ParseRole(TextOf(entry, "role"));
  if (!role) return Damaged(where + " has no 'role' that is known");
  token.role = *role;
  const Result<int64_t> created = ParseTime(TextOf(entry, "created"));
  if (!created) return Damaged(where + " has no time 'created'");
  token.created_ns = *created;
  // An expiry that can't be read must not mean "never".
  const auto expires = entry.find("expires");
  if (expires == entry.end()) return Damaged(where + " has no 'expires'");
  if (!expires->is_null()) {
    const Result<int64_t> at = ParseTime(TextOf(entry, "expires"));
    if (!at || *at <= 0) return Damaged(where + " has an 'expires' that is no time");
    token.expires_ns = *at;
  }
  return token;
}

}  // namespace

std::optional<TokenText> SplitToken(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  if (text.size() <= kIdDigits + 1 || text[kIdDigits] != '_') return std::nullopt;
  return TokenText{text.substr(0, kIdDigits), text.substr(kIdDigits + 1)};
}

bool IsActorName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-' || c == '@';
  });
}

Result<void> CheckTokenName(const std::string& name) {
  if (!IsActorName(name))
    return MakeError(Code::kInvalid, "'" + name +
                                         "' is no name for a token: use 1 to 64 letters, digits "
                                         "and . _ - @");
  if (IsHex(name, kIdDigits))
    return MakeError(Code::kInvalid, "'" + name + "' looks like a token's id: choose another name");
  return {};
}

std::string TokensFile(const std::string& state_dir) {
  return state_dir + "/tokens.json";
}

std::string FormatTokens(const std::vector<Token>& tokens) {
  Json entries = Json::array();
  for (const Token& token : tokens)
    entries.push_back(
        {{"id", token.id},
         {"name", token.name},
         {"role", ToString(token.role)},
         {"created", FormatTime(token.created_ns)},
         {"created_by", token.created_by},
         {"expires", token.expires_ns == 0 ? Json() : Json(FormatTime(token.expires_ns))},
         {"sha256", token.sha256}});
  return Json{{"version", kVersion}, {"tokens", std::move(entries)}}.dump(
             2, ' ', false, Json::error_handler_t::replace) +
         "\n";
}

Result<std::vector<Token>> ParseTokens(std::string_view text) {
  const Json file = Json::parse(text, nullptr, false);
  if (file.is_discarded() || !file.is_object()) return Damaged("it is no JSON object");
  const auto version = file.find("version");
  if (version == file.end() || !version->is_number_integer()) return Damaged("it has no 'version'");
  if (*version != kVersion)
    return MakeError(Code::kUnsupported, "it is of version " + version->dump() +
                                             ", this heald knows version " +
                                             std::to_string(kVersion));
  const auto entries = file.find("tokens");
  if (entries == file.end() || !entries->is_array()) return Damaged("it has no list 'tokens'");
  std::vector<Token> tokens;
  std::set<std::string> ids;
  for (size_t i = 0; i < entries->size(); ++i) {
    Result<Token> token = ParseToken((*entries)[i], "token " + std::to_string(i + 1));
    if (!token) return token.error();
    if (!ids.insert(token->id).second) return Damaged("the id " + token->id + " is there twice");
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

Result<std::vector<Token>> ReadTokens(const std::string& path, struct stat* status) {
  const auto failed = [&](Code code, const std::string& why) {
    return MakeError(code, "the tokens file " + path + " can't be used: " + why);
  };
  // Not to wait for a writer, should it be a pipe.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    const int error = errno;
    if (error == ENOENT) return MakeError(Code::kNotFound, "there is no tokens file " + path);
    return failed(Code::kDenied,
                  std::string(std::strerror(error)) +
                      (error == EACCES ? ": run this as the user that runs heald" : ""));
  }
  struct stat found {};
  std::string text;
  bool read_all = fstat(fd, &found) == 0 && S_ISREG(found.st_mode);
  char chunk[16 * 1024];
  while (read_all) {
    const ssize_t n = read(fd, chunk, sizeof chunk);
    if (n < 0 && errno == EINTR) continue;
    read_all = n >= 0;
    if (n <= 0) break;
    text.append(chunk, static_cast<size_t>(n));
    if (text.size() > kMaxBytes) break;
  }
  close(fd);
  if (!read_all) return failed(Code::kInvalid, "it is not a regular file, or can't be read");
  if ((found.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return failed(Code::kDenied, "others may write it: chmod 600 " + path);
  if (text.size() > kMaxBytes) return failed(Code::kInvalid, "it is larger than 1 MiB");
  if (status != nullptr) *status = found;
  Result<std::vector<Token>> tokens = ParseTokens(text);
  if (tokens) return tokens;
  return failed(tokens.error().code,
                tokens.error().message + (tokens.error().code == Code::kUnsupported
                                              ? ": update heald"
                                              : ": restore it, or remove it and make the tokens "
                                                "anew with `heald token create`"));
}

}  // namespace heald::api
