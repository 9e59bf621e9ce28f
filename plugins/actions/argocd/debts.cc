#include "plugins/actions/argocd/debts.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <condition_variable>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <system_error>
#include <utility>

namespace heald::argocd {
namespace {

namespace fs = std::filesystem;
using sdk::Failure;

constexpr const char* kPrefix = "owed-argocd-auto-sync-";
constexpr std::string_view kWithUrl = "with url: ";
constexpr int64_t kSecond = 1'000'000'000;

// What the actions of this process share.
struct Shared {
  std::mutex mutex;
  std::condition_variable freed;
  std::set<const DebtBook*> books;  // guarded by mutex
  std::set<std::string> claimed;    // guarded by mutex
};

Shared& Process() {
  static Shared shared;
  return shared;
}

Json ToJson(const Debt& debt) {
  return {{"name", debt.app.name},
          {"app_namespace", debt.app.app_namespace},
          {"project", debt.app.project},
          {"node", debt.node},
          {"decision", debt.decision},
          {"automated", debt.automated},
          {"since_ns", debt.since_ns},
          {"move", ToJson(debt.move)},
          {"git_revision", debt.git_revision},
          {"rolled_back", debt.rolled_back},
          {"give_back", debt.give_back},
          {"reenable", kReenableWords[static_cast<size_t>(debt.reenable)]},
          {"reenable_after_ns", debt.reenable_after_ns}};
}

Reenable ReadReenable(const std::string& word) {
  for (const Reenable each : {Reenable::kNewRevision, Reenable::kAfter})
    if (word == kReenableWords[static_cast<size_t>(each)]) return each;
  return Reenable::kByHand;
}

Debt Read(const fs::path& path) {
  std::ifstream file(path);
  std::string for_people;
  std::getline(file, for_people);
  std::string with_url;
  std::getline(file, with_url);
  const Json read = Json::parse(file, nullptr, false);
  try {
    Debt debt;
    debt.url = with_url.substr(std::min(with_url.size(), kWithUrl.size()));
    debt.app = {read.at("name").get<std::string>(), read.at("app_namespace").get<std::string>(),
                read.at("project").get<std::string>()};
    debt.node = read.at("node").get<std::string>();
    debt.decision = read.at("decision").get<std::string>();
    debt.automated = read.at("automated");
    debt.since_ns = read.at("since_ns").get<int64_t>();
    debt.move = ReadMove(read.at("move"));
    debt.git_revision = read.at("git_revision").get<std::string>();
    debt.rolled_back = read.at("rolled_back").get<bool>();
    debt.give_back = read.at("give_back").get<bool>();
    debt.reenable = ReadReenable(read.at("reenable").get<std::string>());
    debt.reenable_after_ns = read.at("reenable_after_ns").get<int64_t>();
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

// A URL without its scheme, and names of Kubernetes objects; whatever else one may hold must not
// lead out of the folder.
std::string FileName(const std::string& url, const AppRef& app) {
  const size_t scheme = url.find("://");
  std::string key;
  for (const char c : url.substr(scheme == std::string::npos ? 0 : scheme + 3) + "_" +
                          app.app_namespace + "_" + app.name)
    key += std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == '_' ? c : '.';
  return kPrefix + key + ".json";
}

std::string WithoutSlash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

bool IsPlaceholder(const std::string& text) {
  return text.find("${") != std::string::npos;
}

bool IsDebt(const fs::path& path) {
  const std::string name = path.filename().string();
  return name.starts_with(kPrefix) && name.ends_with(".json");
}

std::error_code LastError() {
  return {errno, std::generic_category()};
}

// As a whole, and also for after a power cut: nobody else knows what was switched off.
std::error_code WriteDurably(const fs::path& path, const std::string& text) {
  const fs::path fresh = fs::path(path).replace_filename("new-" + path.filename().string());
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0) return LastError();
  std::error_code error;
  errno = ENOSPC;  // what a write that ends early means
  if (write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size()) || fsync(fd) != 0)
    error = LastError();
  if (close(fd) != 0 && !error) error = LastError();
  if (!error) fs::rename(fresh, path, error);
  if (error) return error;
  // Best effort: not every file system can.
  const int folder = open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return {};
  fsync(folder);
  close(folder);
  return {};
}

// The folders of all nodes.
fs::directory_iterator NodesOf(const std::string& folder) {
  std::error_code error;
  return fs::directory_iterator(fs::path(folder).parent_path(), error);
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

DebtBook::DebtBook(std::string folder, const Config& config)
    : folder_(std::move(folder)),
      url_(WithoutSlash(config.url)),
      application_(config.application),
      app_namespace_(config.app_namespace) {
  const std::lock_guard lock(Process().mutex);
  Process().books.insert(this);
}

DebtBook::~DebtBook() {
  const std::lock_guard lock(Process().mutex);
  Process().books.erase(this);
}

DebtBook::Claim DebtBook::Take(const AppRef& app) const {
  const std::string key = FileName(url_, app);
  std::unique_lock lock(Process().mutex);
  Process().freed.wait(lock, [&] { return !Process().claimed.contains(key); });
  Process().claimed.insert(key);
  return {&Process(), [key](void*) {
            const std::lock_guard unlock(Process().mutex);
            Process().claimed.erase(key);
            Process().freed.notify_all();
          }};
}

std::string DebtBook::Node() const {
  return fs::path(folder_).filename().string();
}

Concern DebtBook::ConcernOf(const Debt& debt) const {
  const bool any_name = application_.empty() || IsPlaceholder(application_);
  const bool any_namespace = IsPlaceholder(app_namespace_);
  if ((!any_name && application_ != debt.app.name) ||
      (!any_namespace && app_namespace_ != debt.app.app_namespace))
    return Concern::kOther;
  if (debt.node == Node()) return Concern::kOwn;
  return any_name || any_namespace ? Concern::kAny : Concern::kNamed;
}

std::string DebtBook::Path(const AppRef& app) const {
  return folder_ + "/" + FileName(url_, app);
}

std::string DebtBook::Where(const AppRef& app) const {
  const fs::path own = Path(app);
  std::error_code error;
  if (fs::exists(own, error)) return own.string();
  for (const auto& node : NodesOf(folder_))
    if (const fs::path path = node.path() / own.filename(); fs::exists(path, error))
      return path.string();
  return own.string();
}

std::optional<Debt> DebtBook::Find(const AppRef& app) const {
  const std::string path = Where(app);
  std::error_code error;
  if (!fs::exists(path, error)) return std::nullopt;
  return Read(path);
}

void DebtBook::Write(Debt debt) const {
  debt.url = url_;
  if (debt.node.empty()) debt.node = Node();
  const std::string path = Where(debt.app);
  std::ostringstream text;
  text << debt.Reminder() << "; an action argocd with url: " << url_ << " looks after it\n"
       << kWithUrl << url_ << '\n'
       << ToJson(debt).dump(-1, ' ', false, Json::error_handler_t::replace) << '\n';
  if (const std::error_code error = WriteDurably(path, text.str()))
    throw Failure(HEALD_UNAVAILABLE, "cannot write " + path + ": " + error.message()).Retryable();
}

void DebtBook::Drop(const AppRef& app) const {
  std::error_code error;
  fs::remove(Where(app), error);
}

std::vector<Debt> DebtBook::All(std::vector<std::string>* problems) const {
  std::vector<Debt> debts;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder_, error)) {
    if (!IsDebt(entry.path())) continue;
    try {
      debts.push_back(Read(entry.path()));
    } catch (const Failure& failure) {
      problems->push_back(failure.what());
    }
  }
  return debts;
}

// Rather than this node, while what is owed is in that folder.
bool DebtBook::AnotherKeeps(const std::string& folder, const Debt& debt) const {
  const Concern mine = ConcernOf(debt);
  return std::any_of(Process().books.begin(), Process().books.end(), [&](const DebtBook* book) {
    if (book == this || !book->Ours(debt)) return false;
    const Concern theirs = book->ConcernOf(debt);
    return theirs > mine || (theirs == mine && book->folder_ == folder);
  });
}

std::vector<Debt> DebtBook::TakeOver() const {
  std::vector<Debt> taken;
  // Held all the time, so that a node that begins now finds either all or nothing.
  const std::lock_guard lock(Process().mutex);
  for (const auto& node : NodesOf(folder_)) {
    if (node.path() == fs::path(folder_)) continue;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(node.path(), error)) {
      if (!IsDebt(entry.path())) continue;
      try {
        Debt debt = Read(entry.path());
        if (!Ours(debt) || AnotherKeeps(node.path().string(), debt)) continue;
        // Whoever writes it now would leave another one behind.
        if (Process().claimed.contains(FileName(url_, debt.app))) continue;
        fs::rename(entry.path(), fs::path(folder_) / entry.path().filename(), error);
        if (!error) taken.push_back(std::move(debt));
      } catch (const Failure&) {
        // Damaged; the agent tells of it, since nobody is there for it.
      }
    }
  }
  return taken;
}

}  // namespace heald::argocd
