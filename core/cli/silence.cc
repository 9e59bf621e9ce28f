#include "core/cli/silence.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/base/units.h"
#include "core/cli/say.h"

namespace heald::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kSilencesPath = "/api/v1/silences";

// "2026-11-21T20:14:03Z"
std::string Seconds(const std::string& time) {
  return time.size() > 19 ? time.substr(0, 19) + "Z" : time;
}

std::string Matchers(const Json& silence) {
  std::string out;
  for (const Json& matcher : silence.value("matchers", Json::array()))
    out += (out.empty() ? "" : ", ") + matcher.get<std::string>();
  return out;
}

void PrintSilence(const Json& silence) {
  const bool active = silence.value("active", false);
  const std::string by = Text(silence, "ended_by");
  std::printf("%-6s %s %-21s %s  by %s: %s%s\n", Text(silence, "id").c_str(),
              active ? "until" : "ended", Seconds(Text(silence, "ends")).c_str(),
              Matchers(silence).c_str(), Text(silence, "actor").c_str(),
              Text(silence, "comment").c_str(),
              by.empty() ? "" : ("  (ended by " + by + ")").c_str());
}

int Usage(const std::string& message) {
  std::fprintf(stderr, "heald: %s\n", message.c_str());
  return kUsage;
}

}  // namespace

int SilenceAdd(const SilenceOptions& options, const PipelineOptions& pipeline) {
  Json body = {{"matchers", options.matchers}, {"comment", options.comment}};
  if (options.duration.empty() == options.until.empty())
    return Usage("say how long: either --for 2h or --until 2026-11-21T20:14:03Z");
  if (!options.duration.empty()) {
    const Result<int64_t> duration = ParseDuration(options.duration);
    if (!duration || *duration <= 0)
      return Usage("--for '" + options.duration + "' is no time: write 30m, 2h or the like");
    body["for_seconds"] = static_cast<double>(*duration) / 1e9;
  } else {
    const Result<int64_t> until = ParseTime(options.until);
    if (!until) return Usage("--until: " + until.error().message);
    body["ends"] = FormatTime(*until);
  }
  Json answer;
  const int code = AskAgent(options.remote, pipeline, "POST", kSilencesPath,
                            body.dump(-1, ' ', false, Json::error_handler_t::replace), &answer);
  if (code != kDone) return code;
  if (options.format == "json")
    PrintJson(answer);
  else
    PrintSilence(answer);
  return kDone;
}

int SilenceList(const SilenceOptions& options, const PipelineOptions& pipeline) {
  Json answer;
  const int code = AskAgent(options.remote, pipeline, "GET", kSilencesPath, {}, &answer);
  if (code != kDone) return code;
  Json shown = Json::array();
  for (const Json& silence : answer.value("silences", Json::array()))
    if (options.all || silence.value("active", false)) shown.push_back(silence);
  if (options.format == "json") {
    PrintJson(shown);
    return kDone;
  }
  for (const Json& silence : shown) PrintSilence(silence);
  if (shown.empty()) std::puts("nothing is silenced");
  return kDone;
}

int SilenceExpire(const SilenceOptions& options, const PipelineOptions& pipeline) {
  Json answer;
  const int code = AskAgent(options.remote, pipeline, "DELETE",
                            std::string(kSilencesPath) + "/" + PathPart(options.id), {}, &answer);
  if (code != kDone) return code;
  if (options.format == "json")
    PrintJson(answer);
  else
    PrintSilence(answer);
  return kDone;
}

}  // namespace heald::cli
