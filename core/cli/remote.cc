#include "core/cli/remote.h"

#include <cctype>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/agent/environment.h"
#include "core/config/loader.h"
#include "core/plugin/loader.h"

namespace heald::cli {
namespace {

// Where to reach a listener from this machine.
std::string UrlOf(const AgentSpec& agent) {
  std::string listen = agent.listen;
  if (listen.starts_with("0.0.0.0:")) listen.replace(0, 7, "127.0.0.1");
  if (listen.starts_with("[::]:")) listen.replace(0, 4, "[::1]");
  return (agent.tls.enabled() ? "https://" : "http://") + listen;
}

Result<PipelineSpec> LoadSpec(const PipelineOptions& pipeline) {
  const plugin::Loader loader(pipeline.plugin_dir, {}, pipeline.program);
  const agent::AgentEnvironment environment;
  LoadResult result =
      pipeline.file.empty()
          ? LoadPipelineText(BuiltInPipeline(), "<built-in>",
                             std::filesystem::current_path().string(), loader, environment)
          : LoadPipeline(pipeline.file, loader, environment);
  if (result.spec) return std::move(*result.spec);
  return MakeError(Code::kInvalid, FormatText(result.diagnostics) +
                                       "the pipeline file has errors; name the agent with --url");
}

}  // namespace

Result<api::Client> FindAgent(const RemoteOptions& options, const PipelineOptions& pipeline) {
  api::Client client;
  client.url = options.url;
  client.token = options.token;
  const char* const variable = std::getenv("HEALD_TOKEN");
  if (client.token.empty() && variable != nullptr) client.token = variable;
  // The file is looked at only for what isn't known: it may be another agent's.
  if (!client.url.empty()) return client;
  const Result<PipelineSpec> spec = LoadSpec(pipeline);
  if (!spec) return spec.error();
  if (spec->agent.listen.ends_with(":0"))
    return MakeError(Code::kInvalid,
                     "agent.listen leaves the port open: name the agent with --url, as it says at "
                     "its start");
  client.url = UrlOf(spec->agent);
  client.trusted_cert_file = spec->agent.tls.cert_file;
  if (client.token.empty()) client.token = spec->agent.token;
  return client;
}

int AskAgent(const RemoteOptions& options, const PipelineOptions& pipeline, std::string_view method,
             std::string_view path, std::string_view body, nlohmann::ordered_json* answer) {
  const auto fail = [](int code, const std::string& message) {
    std::fprintf(stderr, "heald: %s\n", message.c_str());
    return code;
  };
  const Result<api::Client> client = FindAgent(options, pipeline);
  if (!client) return fail(kUsage, client.error().message);
  std::signal(SIGPIPE, SIG_IGN);  // an agent that hangs up is an error like others
  const Result<api::ClientAnswer> got = api::Ask(*client, method, path, body);
  if (!got) return fail(got.error().code == Code::kInvalid ? kUsage : kFailed, got.error().message);
  *answer = nlohmann::ordered_json::parse(got->body, nullptr, false);
  if (got->status < 300 && answer->is_object()) return kDone;
  std::string why = answer->is_object() ? answer->value("detail", "") : "";
  if (why.empty()) why = client->url + " answered " + std::to_string(got->status);
  if (got->status == 401 && client->token.empty())
    why += ": give one with --token or in HEALD_TOKEN; `heald token create` makes them";
  const bool is_no = got->status == 400 || got->status == 404 || got->status == 409;
  return fail(is_no ? kNo : kFailed, why);
}

std::string PathPart(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_') {
      out += static_cast<char>(c);
      continue;
    }
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02X", c);
    out += hex;
  }
  return out;
}

}  // namespace heald::cli
