#include "plugins/actions/argocd/debts.h"

#include <cctype>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace heald::argocd {
namespace {

namespace fs = std::filesystem;
using sdk::Failure;

constexpr const char* kPrefix = "auto-sync-";
constexpr int64_t kSecond = 1'000'000'000;

Json ToJson(const Debt& debt) {
  return {{"name", debt.app.name},           {"app_namespace", debt.app.app_namespace},
          {"project", debt.app.project},     {"decision", debt.decision},
          {"automated", debt.automated},     {"since_ns", debt.since_ns},
          {"move", ToJson(debt.move)},       {"git_revision", debt.git_revision},
          {"rolled_back", debt.rolled_back}, {"give_back", debt.give_back}};
}

Debt Read(const fs::path& path) {
  std::ifstream file(path);
  const Json read = Json::parse(file, nullptr, false);
  try {
    Debt debt;
    debt.app = {read.at("name").get<std::string>(), read.at("app_namespace").get<std::string>(),
                read.at("project").get<std::string>()};
    debt.decision = read.at("decision").get<std::string>();
    debt.automated = read.at("automated");
    debt.since_ns = read.at("since_ns").get<int64_t>();
    debt.move = ReadMove(read.at("move"));
    debt.git_revision = read.at("git_revision").get<std::string>();
    debt.rolled_back = read.at("rolled_back").get<bool>();
    debt.give_back = read.at("give_back").get<bool>();
    return debt;
  } catch (const Json::exception&) {
    throw Failure(HEALD_CORRUPT, path.string() +
                                     " is damaged: see in Argo CD whether auto-sync of that "
                                     "application has to be switched on again, then remove it");
  }
}

std::string TimeText(int64_t ns) {
  const std::time_t seconds = ns / kSecond;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &utc);
  return text;
}

}  // namespace

std::string Debt::Reminder() const {
  std::string command = "argocd app set " + app.name;
  if (!app.app_namespace.empty()) command += " --app-namespace " + app.app_namespace;
  command += " --sync-policy automated";
  const auto on = [&](const char* key) {
    return automated.is_object() && automated.contains(key) && automated[key] == Json(true);
  };
  if (on("prune")) command += " --auto-prune";
  if (on("selfHeal")) command += " --self-heal";
  return "auto-sync of " + app.name + " is off since " + TimeText(since_ns) +
         ", for the rollback to " + move.to.Shown() + "; once Git is right: `" + command + "`";
}

DebtBook::Claim DebtBook::Take(const AppRef& app) {
  const std::string key = KeyOf(app);
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return !claimed_.contains(key); });
  claimed_.insert(key);
  return {this, [key](void* book) {
            auto* self = static_cast<DebtBook*>(book);
            const std::lock_guard unlock(self->mutex_);
            self->claimed_.erase(key);
            self->freed_.notify_all();
          }};
}

std::string DebtBook::KeyOf(const AppRef& app) {
  // Names of Kubernetes objects; whatever else one may hold must not lead out of the folder.
  std::string key;
  for (const char c : app.app_namespace + "_" + app.name)
    key += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ? c : '.';
  return key;
}

std::string DebtBook::Path(const AppRef& app) const {
  return folder_ + "/" + kPrefix + KeyOf(app) + ".json";
}

std::optional<Debt> DebtBook::Find(const AppRef& app) const {
  const std::string path = Path(app);
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  return Read(path);
}

std::optional<Debt> DebtBook::FindOfAnyNode(const AppRef& app) const {
  const fs::path own = Path(app);
  std::error_code error;
  for (const auto& node : fs::directory_iterator(own.parent_path().parent_path(), error))
    if (const fs::path path = node.path() / own.filename(); fs::exists(path, error))
      return Read(path);
  return std::nullopt;
}

void DebtBook::Write(const Debt& debt) const {
  const std::string path = Path(debt.app);
  const std::string fresh = path + ".new";
  std::ofstream file(fresh, std::ios::trunc);
  file << ToJson(debt).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  file.close();
  std::error_code error;
  if (!file) error = std::make_error_code(std::errc::io_error);
  if (!error) fs::rename(fresh, path, error);
  if (error)
    throw Failure(HEALD_UNAVAILABLE, "cannot write " + path + ": " + error.message()).Retryable();
}

void DebtBook::Drop(const AppRef& app) const {
  std::error_code error;
  fs::remove(Path(app), error);
}

std::vector<Debt> DebtBook::All(std::vector<std::string>* problems) const {
  std::vector<Debt> debts;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(kPrefix) || !name.ends_with(".json")) continue;
    try {
      debts.push_back(Read(entry.path()));
    } catch (const Failure& failure) {
      problems->push_back(failure.what());
    }
  }
  return debts;
}

}  // namespace heald::argocd
