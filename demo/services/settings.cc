#include "demo/services/settings.h"

#include <filesystem>
#include <utility>

#include "demo/services/payments.h"
#include "demo/services/text_file.h"

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr int64_t kByHandCents = 100;  // next to every payment is above it

const json& Defaults() {
  static const json kDefaults = {{"version", 1}, {"decline_above_cents", kDeclineAboveCents}};
  return kDefaults;
}

const std::vector<Field>& SettingsFields() {
  using Type = Field::Type;
  static const std::vector<Field> kFields = {
      {"version", Type::kInteger, true, 1, 1e9, "of these settings", {}, 1},
      {"decline_above_cents", Type::kInteger, true, 1, kMaxAmountCents, "highest payment", {}, {}}};
  return kFields;
}

Result<json> Load(const std::string& file) {
  const auto text = ReadText(file);
  if (!text) return text.error();
  json settings = json::parse(*text, nullptr, false);
  if (!settings.is_object()) return MakeError(Code::kInvalid, file + " is not a JSON object");
  for (const json& issue : CheckBody(settings, SettingsFields()))
    return MakeError(Code::kInvalid, file + ": '" + issue["field"].get<std::string>() + "' " +
                                         issue["message"].get<std::string>());
  return settings;
}

}  // namespace

Result<std::unique_ptr<Settings>> Settings::Open(const std::string& folder) {
  const std::string file = folder + "/" + kFile;
  if (!std::filesystem::exists(file))
    if (const Status written = ReplaceText(file, Defaults().dump(2) + "\n"); !written)
      return written.error();
  auto settings = Load(file);
  if (!settings) return settings.error();
  if (const Status kept = ReplaceText(folder + "/" + kLastGoodFile, settings->dump(2) + "\n");
      !kept)
    return kept.error();
  return std::unique_ptr<Settings>(new Settings(folder, std::move(*settings)));
}

json Settings::Live() const {
  const std::lock_guard lock(mutex_);
  return live_;
}

int64_t Settings::decline_above_cents() const {
  return Live()["decline_above_cents"].get<int64_t>();
}

void Settings::ChangeByHand() {
  const std::lock_guard lock(mutex_);
  live_["decline_above_cents"] = kByHandCents;
}

Status Settings::Apply() {
  auto settings = Load(folder_ + "/" + kFile);
  if (!settings) return settings.error();
  const std::lock_guard lock(mutex_);
  live_ = std::move(*settings);
  return {};
}

bool Settings::Drifted() const {
  const auto wanted = Load(folder_ + "/" + kFile);
  return !wanted || *wanted != Live();
}

std::vector<Route> Settings::Routes() {
  const auto show = [this](int status) {
    return JsonResponse(status, {{"settings", Live()}, {"drifted", Drifted()}});
  };
  constexpr auto kInternal = Route::Kind::kInternal;
  return {{"GET",
           "/settings",
           "The settings in force, and whether the file says something else",
           kInternal,
           {},
           {},
           {{200, "the settings"}},
           [show](const Request&) { return show(200); }},
          {"GET",
           "/settings/in-sync",
           "Are the settings in force those of the file",
           kInternal,
           {},
           {},
           {{200, "they are"}, {409, "they are not"}},
           [this, show](const Request&) { return show(Drifted() ? 409 : 200); }},
          {"POST",
           "/settings/apply",
           "Take over the settings of the file",
           kInternal,
           {},
           {},
           {{200, "they are in force"}, {409, "the file has a mistake; nothing was changed"}},
           [this, show](const Request&) {
             const Status applied = Apply();
             return applied ? show(200) : Problem(409, applied.error().message);
           }}};
}

Status BreakSettings(const std::string& folder) {
  json settings = Defaults();
  settings["version"] = 2;
  settings["decline_above_cents"] = "5,000.00";
  return ReplaceText(folder + "/" + Settings::kFile, settings.dump(2) + "\n");
}

Result<std::string> RollBackSettings(const std::string& folder) {
  const std::string file = folder + "/" + Settings::kFile;
  const auto good = ReadText(folder + "/" + Settings::kLastGoodFile);
  if (!good) return good.error();
  const auto now = ReadText(file);
  if (now && *now == *good)
    return MakeError(Code::kConflict,
                     file + " is what the service last started with: nothing to roll back");
  if (const Status written = ReplaceText(file, *good); !written) return written.error();
  return "back to version " + json::parse(*good, nullptr, false).value("version", json()).dump() +
         " of " + file;
}

}  // namespace heald::demo
