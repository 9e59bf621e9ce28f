#include "core/plugin/loader.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/dll/shared_library.hpp>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/plugin/convert.h"

extern char** environ;

namespace heald::plugin {
namespace {

namespace fs = std::filesystem;

std::string AbiText(unsigned major, unsigned minor) {
  return std::to_string(major) + "." + std::to_string(minor);
}

// "why" with the file in front, as every message about a plugin starts.
Error About(const std::string& file, const std::string& why, Code code = Code::kInvalid) {
  return MakeError(code,
                   "plugin " + (file.empty() ? std::string("(built in)") : file) + ": " + why);
}

// Reads the first member of a size-prefixed struct and then the struct.
template <typename T>
Status ReadTable(const void* from, const char* what, const std::string& file, T* out) {
  if (from == nullptr)
    return About(file, std::string("its ") + what + " is a null pointer; rebuild it with the SDK");
  uint32_t size = 0;
  std::memcpy(&size, from, sizeof size);
  if (size < sizeof(uint32_t) * 2 || size > 64 * 1024)
    return About(file, std::string("its ") + what + " has the impossible size " +
                           std::to_string(size) + "; rebuild it with the SDK");
  if (!ReadSized(from, size, out))
    return About(file, std::string("its ") + what + " uses parts of a newer ABI than this host's " +
                           AbiText(HEALD_ABI_MAJOR, HEALD_ABI_MINOR) + ": update heald");
  return {};
}

Status CheckVersion(const heald_plugin& table, const std::string& file) {
  const bool same_major = table.abi_major == HEALD_ABI_MAJOR;
  if (same_major && table.abi_minor <= HEALD_ABI_MINOR) return {};
  const bool newer =
      table.abi_major > HEALD_ABI_MAJOR || (same_major && table.abi_minor > HEALD_ABI_MINOR);
  return About(file, "was built for ABI " + AbiText(table.abi_major, table.abi_minor) +
                         ", this host has " + AbiText(HEALD_ABI_MAJOR, HEALD_ABI_MINOR) + ": " +
                         (newer ? "update heald or rebuild it with SDK " : "rebuild it with SDK ") +
                         AbiText(HEALD_ABI_MAJOR, HEALD_ABI_MINOR));
}

// The hooks that a kind can't do without.
Status CheckVTable(const heald_component& component, const std::string& file,
                   const std::string& name) {
  const auto missing = [&](const char* hook) {
    return About(file, "component " + name + " has no " + hook + " hook; rebuild it with the SDK");
  };
  switch (component.kind) {
    case HEALD_SOURCE: {
      heald_source_vtable t;
      if (Status s = ReadTable(component.vtable, "source table", file, &t); !s) return s;
      if (t.start == nullptr || t.stop == nullptr) return missing("start or stop");
      if (t.poll != nullptr && t.interval_ns == nullptr) return missing("interval_ns");
      return {};
    }
    case HEALD_DETECTOR: {
      heald_detector_vtable t;
      if (Status s = ReadTable(component.vtable, "detector table", file, &t); !s) return s;
      if ((component.inputs & HEALD_RECORD_SAMPLES) != 0 && t.samples == nullptr)
        return missing("samples");
      if ((component.inputs & HEALD_RECORD_LOGS) != 0 && t.logs == nullptr) return missing("logs");
      return {};
    }
    case HEALD_ACTION: {
      heald_action_vtable t;
      if (Status s = ReadTable(component.vtable, "action table", file, &t); !s) return s;
      if (t.plan == nullptr || t.execute == nullptr || t.observe == nullptr)
        return missing("plan, execute or observe");
      return {};
    }
    case HEALD_NOTIFIER: {
      heald_notifier_vtable t;
      if (Status s = ReadTable(component.vtable, "notifier table", file, &t); !s) return s;
      if (t.notify == nullptr) return missing("notify");
      return {};
    }
    default:
      return About(file, "component " + name + " is of unknown kind " +
                             std::to_string(component.kind) + ": update heald");
  }
}

Status CheckComponent(const heald_component& c, const std::string& file) {
  const std::string name(FromC(c.name));
  if (name.empty()) return About(file, "one of its components has no name");
  if (c.create == nullptr || c.destroy == nullptr)
    return About(file, "component " + name + " has no create or destroy; rebuild it with the SDK");
  if (!nlohmann::json::accept(FromC(c.config_schema)))
    return About(file, "the config schema of component " + name + " is not JSON");
  return CheckVTable(c, file, name);
}

bool HasUndo(const heald_component& c) {
  if (c.kind != HEALD_ACTION) return false;
  heald_action_vtable table;
  return ReadTable(c.vtable, "action table", "", &table) && table.undo != nullptr;
}

Component Describe(const heald_component& c, const heald_plugin& plugin, const std::string& file) {
  Component info;
  info.kind = static_cast<Kind>(c.kind);
  info.name = FromC(c.name);
  info.doc = FromC(c.doc);
  info.config_schema = FromC(c.config_schema);
  info.plugin = FromC(plugin.name);
  info.version = FromC(plugin.version);
  info.file = file;
  info.inputs = c.inputs;
  info.outputs = c.outputs;
  info.blocking = (c.flags & HEALD_BLOCKING) != 0;
  info.reentrant = (c.flags & HEALD_REENTRANT) != 0;
  info.deterministic = (c.flags & HEALD_DETERMINISTIC) != 0;
  info.open_outputs = (c.flags & HEALD_OPEN_OUTPUTS) != 0;
  info.validate = [hook = c.validate](const Value& config) {
    std::vector<Problem> problems;
    if (hook == nullptr) return problems;
    Views views;
    const heald_value value = views.Of(config);
    hook(
        &value,
        [](void* user, heald_str pointer, heald_str message) {
          static_cast<std::vector<Problem>*>(user)->push_back(
              {std::string(FromC(pointer)), std::string(FromC(message))});
        },
        &problems);
    return problems;
  };
  info.outputs_of = [hook = c.outputs_of](const Value& config) {
    std::vector<std::string> names;
    if (hook == nullptr) return names;
    Views views;
    const heald_value value = views.Of(config);
    hook(
        &value,
        [](void* user, heald_str name) {
          static_cast<std::vector<std::string>*>(user)->emplace_back(FromC(name));
        },
        &names);
    return names;
  };
  info.abilities_of = [hook = c.abilities_of, undo = HasUndo(c)](const Value& config) {
    if (hook == nullptr) return Abilities{.undo = undo};
    Views views;
    const heald_value value = views.Of(config);
    const uint32_t bits = hook(&value);
    return Abilities{.undo = (bits & HEALD_CAN_UNDO) != 0,
                     .canary = (bits & HEALD_CAN_CANARY) != 0};
  };
  return info;
}

std::vector<std::string> SharedObjects(const std::string& dir) {
  std::vector<std::string> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error))
    if (entry.path().extension() == ".so") files.push_back(entry.path().string());
  std::sort(files.begin(), files.end());
  return files;
}

Status CheckFile(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0)
    return About(path, std::string("can't be read: ") + std::strerror(errno), Code::kNotFound);
  char magic[4] = {};
  const ssize_t n = read(fd, magic, sizeof magic);
  close(fd);
  if (n != 4 || std::memcmp(magic,
                            "\x7f"
                            "ELF",
                            4) != 0)
    return About(path, "is not a shared library (no ELF header); build it with heald_add_plugin");
  return {};
}

// Plugins are never unloaded: their code may still be on some thread's stack or in an exit handler.
constexpr auto kMode = boost::dll::load_mode::rtld_now | boost::dll::load_mode::rtld_local |
                       static_cast<boost::dll::load_mode::type>(RTLD_NODELETE);

}  // namespace

struct Loader::Library {
  boost::dll::shared_library handle;
};

Loader::Loader(std::string own_dir, std::vector<std::string> other_dirs, std::string probe)
    : own_dir_(std::move(own_dir)), probe_(std::move(probe)), other_dirs_(std::move(other_dirs)) {}

Loader::~Loader() = default;

std::string Loader::FileOf(Kind kind, std::string_view name) const {
  const std::string file = "heald_" + std::string(ToString(kind)) + "_" + std::string(name) + ".so";
  std::error_code error;
  if (fs::path candidate = fs::path(own_dir_) / file; fs::exists(candidate, error))
    return candidate.string();
  for (const std::string& dir : other_dirs_)
    if (fs::path candidate = fs::path(dir) / file; fs::exists(candidate, error))
      return candidate.string();
  return "";
}

const LoadedComponent* Loader::FindLocked(Kind kind, std::string_view name) const {
  const std::pair<Kind, std::string> key(kind, name);
  if (const auto at = components_.find(key); at != components_.end()) return at->second.get();
  if (name.empty() || name.find('/') != std::string_view::npos) return nullptr;
  if (const std::string file = FileOf(kind, name); !file.empty()) {
    static_cast<void>(LoadLocked(file));
    if (const auto at = components_.find(key); at != components_.end()) return at->second.get();
  }
  // A plugin of someone else's may hold several components or have a name of its own.
  for (const std::string& dir : other_dirs_)
    for (const std::string& file : SharedObjects(dir)) {
      static_cast<void>(LoadLocked(file));
      if (const auto at = components_.find(key); at != components_.end()) return at->second.get();
    }
  return nullptr;
}

const LoadedComponent* Loader::FindLoaded(Kind kind, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  return FindLocked(kind, name);
}

const Component* Loader::Find(Kind kind, std::string_view name) const {
  const LoadedComponent* loaded = FindLoaded(kind, name);
  return loaded == nullptr ? nullptr : &loaded->info;
}

std::vector<const Component*> Loader::All() const {
  const std::lock_guard lock(mutex_);
  for (const std::string& file : SharedObjects(own_dir_)) static_cast<void>(LoadLocked(file));
  for (const std::string& dir : other_dirs_)
    for (const std::string& file : SharedObjects(dir)) static_cast<void>(LoadLocked(file));
  std::vector<const Component*> all;
  for (const auto& [key, component] : components_) all.push_back(&component->info);
  return all;
}

std::string Loader::LoadError(Kind kind, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const std::string file = FileOf(kind, name);
  const auto at = failed_.find(file);
  return at == failed_.end() ? "" : at->second;
}

std::vector<std::string> Loader::Errors() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> errors;
  for (const auto& [path, why] : failed_) errors.push_back(why);
  return errors;
}

void Loader::AddFolder(const std::string& folder) const {
  const std::lock_guard lock(mutex_);
  if (std::find(other_dirs_.begin(), other_dirs_.end(), folder) == other_dirs_.end())
    other_dirs_.push_back(folder);
}

Status Loader::LoadFile(const std::string& path) {
  const std::lock_guard lock(mutex_);
  return LoadLocked(path);
}

Status Loader::AddTable(const heald_plugin* table) {
  const std::lock_guard lock(mutex_);
  return AddLocked(table, "");
}

Status Loader::LoadLocked(const std::string& path) const {
  if (loaded_.contains(path)) return {};
  if (const auto at = failed_.find(path); at != failed_.end())
    return MakeError(Code::kInvalid, at->second);
  const Status status = [&]() -> Status {
    if (Status s = CheckFile(path); !s) return s;
    if (fs::path(path).parent_path() != fs::path(own_dir_))
      if (Status s = Try(path); !s) return s;
    auto library = std::make_unique<Library>();
    boost::dll::fs::error_code error;
    library->handle.load(boost::dll::fs::path(path), error, kMode);
    if (error) {
      const char* why = dlerror();
      return About(
          path, "can't be loaded: " + std::string(why != nullptr ? why : error.message().c_str()));
    }
    // Whatever happens from here on, its code stays.
    Library& kept = *libraries_.emplace_back(std::move(library));
    if (!kept.handle.has(HEALD_PLUGIN_SYMBOL))
      return About(path, "doesn't export " HEALD_PLUGIN_SYMBOL
                         ": it is no heald plugin, or HEALD_PLUGIN is missing");
    return AddLocked(&kept.handle.get<const heald_plugin>(HEALD_PLUGIN_SYMBOL), path);
  }();
  if (status)
    loaded_[path] = true;
  else
    failed_[path] = status.error().message;
  return status;
}

Status Loader::AddLocked(const heald_plugin* exported, const std::string& file) const {
  heald_plugin plugin;
  if (Status s = ReadTable(exported, "plugin table", file, &plugin); !s) {
    // A newer table is explained by its version, which every version has at the same place.
    if (exported != nullptr && exported->size >= 8)
      if (Status version = CheckVersion(*exported, file); !version) return version;
    return s;
  }
  if (Status s = CheckVersion(plugin, file); !s) return s;
  if (plugin.component_count == 0 || plugin.components == nullptr)
    return About(file, "has no components; list them in HEALD_PLUGIN");
  std::vector<std::unique_ptr<LoadedComponent>> found;
  for (uint64_t i = 0; i < plugin.component_count; ++i) {
    auto loaded = std::make_unique<LoadedComponent>();
    if (Status s = ReadTable(plugin.components[i], "component table", file, &loaded->table); !s)
      return s;
    if (Status s = CheckComponent(loaded->table, file); !s) return s;
    loaded->info = Describe(loaded->table, plugin, file);
    const auto key = std::pair(loaded->info.kind, loaded->info.name);
    if (const auto at = components_.find(key); at != components_.end())
      return About(
          file, "its " + std::string(ToString(key.first)) + " " + key.second + " is already in " +
                    (at->second->info.file.empty() ? "heald itself" : at->second->info.file) +
                    ": rename or remove one of them");
    found.push_back(std::move(loaded));
  }
  if (plugin.init != nullptr) {
    heald_error error = NewError();
    if (const int32_t code = plugin.init(&error); code != HEALD_OK)
      return About(file, "its init failed: " + FromC(code, error).message);
  }
  for (auto& loaded : found) {
    const auto key = std::pair(loaded->info.kind, loaded->info.name);
    components_.emplace(key, std::move(loaded));
  }
  return {};
}

Status Loader::Try(const std::string& path) const {
  if (probe_.empty()) return {};
  constexpr int kPatienceMs = 10'000;
  int out[2];
  if (pipe2(out, O_CLOEXEC) != 0)
    return About(path, "no pipe to try it: " + std::string(std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, out[1], STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  std::string program = probe_;
  std::string verb = "plugin-probe";
  std::string file = path;
  char* argv[] = {program.data(), verb.data(), file.data(), nullptr};
  pid_t pid = 0;
  const int spawned = posix_spawn(&pid, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(out[1]);
  if (spawned != 0) {
    close(out[0]);
    return About(path, "can't be tried in a process of its own (" + program +
                           "): " + std::strerror(spawned));
  }
  std::string said;
  bool late = false;
  char buffer[4096];
  for (;;) {
    pollfd waiting{out[0], POLLIN, 0};
    if (poll(&waiting, 1, kPatienceMs) <= 0) {
      late = true;
      kill(pid, SIGKILL);
      break;
    }
    const ssize_t n = read(out[0], buffer, sizeof buffer);
    if (n <= 0) break;
    said.append(buffer, static_cast<size_t>(n));
  }
  close(out[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (late) return About(path, "hangs when it is loaded (10 s); it was not loaded into the agent");
  if (WIFSIGNALED(status))
    return About(path, "crashes when it is loaded (" + std::string(strsignal(WTERMSIG(status))) +
                           "); it was not loaded into the agent");
  if (WEXITSTATUS(status) != 0) {
    while (!said.empty() && said.back() == '\n') said.pop_back();
    return said.rfind("plugin ", 0) == 0 ? MakeError(Code::kInvalid, said) : About(path, said);
  }
  return {};
}

int Probe(const std::string& path) {
  Loader loader(fs::path(path).parent_path().string(), {}, "");
  const Status status = loader.LoadFile(path);
  if (status) return 0;
  std::fprintf(stderr, "%s\n", status.error().message.c_str());
  return 1;
}

}  // namespace heald::plugin
