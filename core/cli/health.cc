#include "core/cli/health.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/cli/say.h"

namespace heald::cli {

int Health(const HealthOptions& options, const PipelineOptions& pipeline) {
  using Json = nlohmann::ordered_json;
  Result<api::Client> client = FindAgent({options.url, ""}, pipeline);
  if (!client) return Complain(kUsage, client.error().message);
  client->timeout_ns = 5 * kSecond;
  const Result<api::ClientAnswer> got =
      api::Ask(*client, "GET", options.ready ? "/readyz" : "/healthz");
  if (!got)
    return Complain(got.error().code == Code::kInvalid ? kUsage : kFailed, got.error().message);
  const Json answer = Json::parse(got->body, nullptr, false);
  if (!answer.is_object() || !answer.contains("checks"))
    return Complain(kFailed,
                    client->url + " is no heald: it answered " + std::to_string(got->status));
  if (options.format == "json") {
    PrintJson(answer);
  } else {
    std::puts(Text(answer, "status").c_str());
    for (const Json& check : answer["checks"])
      if (!check.value("ok", true))
        std::printf("  %s: %s\n", Text(check, "name").c_str(), Text(check, "detail").c_str());
  }
  return got->status < 300 ? kDone : kNo;
}

}  // namespace heald::cli
