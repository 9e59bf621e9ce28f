#include "core/cli/token.h"

#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/api/json.h"
#include "core/api/token_edit.h"
#include "core/base/clock.h"
#include "core/base/units.h"
#include "core/cli/say.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {
namespace {

using api::Json;
using api::Token;

// Whether the folder of the tokens is certain although this is wrong in the file: a listener that
// has no token yet is what this command is for, and a policy's condition is no business of its.
bool Bearable(const Diagnostic& diagnostic) {
  if (diagnostic.level != Level::kError) return true;
  constexpr std::string_view kElsewhere[] = {
      "/sources",      "/detectors", "/policies",    "/actions",          "/notifiers",  "/tests",
      "/agent/listen", "/agent/tls", "/agent/token", "/agent/public_url", "/agent/links"};
  return std::any_of(std::begin(kElsewhere), std::end(kElsewhere), [&](std::string_view path) {
    return diagnostic.path == path || diagnostic.path.starts_with(std::string(path) + "/");
  });
}

Result<std::string> StateDir(const TokenOptions& options, const PipelineOptions& pipeline) {
  if (!options.state_dir.empty())
    return std::filesystem::absolute(options.state_dir).lexically_normal().string();
  const plugin::Loader loader(pipeline.plugin_dir, {}, pipeline.program);
  // Without the tokens: a damaged file is this command's to report, in its own words.
  const ProcessEnvironment environment;
  LoadResult result =
      pipeline.file.empty()
          ? LoadPipelineText(BuiltInPipeline(), "<built-in>",
                             std::filesystem::current_path().string(), loader, environment)
          : LoadPipeline(pipeline.file, loader, environment);
  std::erase_if(result.diagnostics, Bearable);
  if (result.diagnostics.empty() && !result.state_dir.empty()) return result.state_dir;
  return MakeError(Code::kInvalid,
                   FormatText(result.diagnostics) +
                       "the pipeline file doesn't say where the tokens are; name the folder with "
                       "--state-dir");
}

// Who runs this, also through sudo.
std::string Caller() {
  if (const char* const sudo = std::getenv("SUDO_USER"); sudo != nullptr && *sudo != '\0')
    return sudo;
  const passwd* const user = getpwuid(geteuid());
  return user == nullptr ? "uid " + std::to_string(geteuid()) : user->pw_name;
}

std::string Expiry(const Token& token, int64_t now_ns) {
  if (token.expires_ns == 0) return "never";
  return (token.LiveAt(now_ns) ? "" : "expired ") + FormatTime(token.expires_ns).substr(0, 19) +
         "Z";
}

Json ToJson(const Token& token, int64_t now_ns) {
  return {{"id", token.id},
          {"name", token.name},
          {"role", ToString(token.role)},
          {"created", FormatTime(token.created_ns)},
          {"created_by", token.created_by},
          {"expires", token.expires_ns == 0 ? Json() : Json(FormatTime(token.expires_ns))},
          {"expired", !token.LiveAt(now_ns)}};
}

}  // namespace

int TokenCreate(const TokenOptions& options, const PipelineOptions& pipeline) {
  api::TokenRequest request;
  request.name = options.name;
  request.now_ns = SystemClock().NowNs();
  request.created_by = Caller();
  if (const Status name = api::CheckTokenName(options.name); !name)
    return Complain(kUsage, name.error().message);
  const std::optional<api::Role> role = api::ParseRole(options.role);
  if (!role)
    return Complain(
        kUsage, "'" + options.role + "' is no role: viewer, operator, approver, admin or sender");
  request.role = *role;
  if (!options.expires.empty()) {
    const Result<int64_t> lifetime = ParseDuration(options.expires);
    constexpr int64_t kLongest = 100 * 365 * kDay;
    if (!lifetime || *lifetime <= 0 || *lifetime > kLongest)
      return Complain(kUsage, "--expires '" + options.expires +
                                  "' is no time to live: write 12h, 30d or the like");
    request.expires_ns = request.now_ns + *lifetime;
  }
  const Result<std::string> state_dir = StateDir(options, pipeline);
  if (!state_dir) return Complain(kNo, state_dir.error().message);
  const Result<api::NewToken> made = api::CreateToken(*state_dir, request);
  if (!made) return Complain(kFailed, made.error().message);
  const Token& token = made->token;
  if (std::printf("%s\n", made->text.c_str()) < 0 || std::fflush(stdout) != 0)
    return Complain(kFailed, std::string("the token could not be printed (") +
                                 std::strerror(errno) + ") and is lost: heald token revoke " +
                                 token.id);
  std::fprintf(stderr,
               "token %s for %s (%s), expires %s; in %s.\n"
               "It is shown this once: heald keeps only its hash. Use it as\n"
               "  curl -H 'Authorization: Bearer TOKEN' …\n",
               token.id.c_str(), token.name.c_str(), options.role.c_str(),
               Expiry(token, request.now_ns).c_str(), api::TokensFile(*state_dir).c_str());
  return kDone;
}

int TokenList(const TokenOptions& options, const PipelineOptions& pipeline) {
  const Result<std::string> state_dir = StateDir(options, pipeline);
  if (!state_dir) return Complain(kNo, state_dir.error().message);
  Result<std::vector<Token>> tokens = api::ReadTokens(api::TokensFile(*state_dir));
  if (!tokens && tokens.error().code == Code::kNotFound) tokens = std::vector<Token>();
  if (!tokens) return Complain(kFailed, tokens.error().message);
  const int64_t now_ns = SystemClock().NowNs();
  if (options.format == "json") {
    Json list = Json::array();
    for (const Token& token : *tokens) list.push_back(ToJson(token, now_ns));
    std::fputs(api::Dump(list).c_str(), stdout);
  } else if (tokens->empty()) {
    std::printf("no tokens in %s\n", api::TokensFile(*state_dir).c_str());
  } else {
    std::printf("%-9s %-20s %-9s %-20s %-12s %s\n", "id", "name", "role", "created", "by",
                "expires");
    for (const Token& token : *tokens)
      std::printf("%-9s %-20s %-9s %-20s %-12s %s\n", token.id.c_str(), token.name.c_str(),
                  std::string(ToString(token.role)).c_str(),
                  (FormatTime(token.created_ns).substr(0, 19) + "Z").c_str(),
                  token.created_by.c_str(), Expiry(token, now_ns).c_str());
  }
  return kDone;
}

int TokenRevoke(const TokenOptions& options, const PipelineOptions& pipeline) {
  const Result<std::string> state_dir = StateDir(options, pipeline);
  if (!state_dir) return Complain(kNo, state_dir.error().message);
  const Result<api::Revoked> revoked = api::RevokeTokens(*state_dir, options.token);
  if (!revoked)
    return Complain(revoked.error().code == Code::kNotFound ? kNo : kFailed,
                    revoked.error().message);
  for (const Token& token : revoked->tokens)
    std::printf("revoked %s of %s (%s)\n", token.id.c_str(), token.name.c_str(),
                std::string(ToString(token.role)).c_str());
  if (revoked->left == 0)
    std::fprintf(stderr,
                 "No token is left, so nobody gets in but by agent.token. Make another, or remove "
                 "%s to use the API from this machine without one.\n",
                 api::TokensFile(*state_dir).c_str());
  return kDone;
}

}  // namespace heald::cli
