#include "core/remedy/overrides.h"

#include "core/store/json.h"

namespace heald::remedy {
namespace {

std::optional<Mode> ModeFrom(const Json& json, const char* key) {
  const auto at = json.find(key);
  if (at == json.end() || !at->is_string()) return std::nullopt;
  for (const Mode mode : {Mode::kShadow, Mode::kApprove, Mode::kEnforce})
    if (at->get<std::string>() == ToString(mode)) return mode;
  return std::nullopt;
}

}  // namespace

std::string OverrideSetting(std::string_view policy) {
  return "policy." + std::string(policy);
}

std::string ToText(const std::optional<PolicyOverride>& change) {
  if (!change) return "";
  return Dump({{"enabled", change->enabled},
               {"mode", ToString(change->mode)},
               {"file_enabled", change->file_enabled},
               {"file_mode", ToString(change->file_mode)},
               {"actor", change->actor},
               {"reason", change->reason},
               {"changed_ns", change->changed_ns}});
}

Result<std::optional<PolicyOverride>> OverrideFromText(std::string_view policy,
                                                       std::string_view text) {
  if (text.empty()) return std::optional<PolicyOverride>();
  try {
    const Json json = Json::parse(text);
    const std::optional<Mode> mode = ModeFrom(json, "mode");
    const std::optional<Mode> file_mode = ModeFrom(json, "file_mode");
    if (mode && file_mode)
      return std::optional(
          PolicyOverride{json.at("enabled").get<bool>(), *mode, json.at("file_enabled").get<bool>(),
                         *file_mode, json.at("actor").get<std::string>(),
                         json.at("changed_ns").get<int64_t>(), json.value("reason", "")});
  } catch (const Json::exception&) {  // told below
  }
  return MakeError(Code::kCorrupt, "the stored change of policy '" + std::string(policy) +
                                       "' can't be read: " + std::string(text));
}

}  // namespace heald::remedy
