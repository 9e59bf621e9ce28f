#include "plugins/support/proc.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <fstream>
#include <iterator>
#include <memory>
#include <sstream>

namespace heald::support {
namespace {

std::string ReadAll(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string ProcPath(pid_t pid, const char* leaf) {
  return "/proc/" + std::to_string(pid) + "/" + leaf;
}

}  // namespace

bool ReadStat(pid_t pid, ProcessStat* stat) {
  const std::string text = ReadAll(ProcPath(pid, "stat"));
  // The command name stands in parentheses and may hold any character, so count from the last one.
  const size_t close = text.rfind(')');
  if (close == std::string::npos) return false;
  std::istringstream fields(text.substr(close + 1));
  stat->pid = pid;
  fields >> stat->state >> stat->parent >> stat->group;
  std::string skipped;
  for (int field = 6; field < 22; ++field) fields >> skipped;
  fields >> stat->start_ticks;
  return !fields.fail();
}

bool IsAlive(pid_t pid, uint64_t start_ticks) {
  ProcessStat stat;
  return pid > 0 && ReadStat(pid, &stat) && stat.start_ticks == start_ticks && stat.state != 'Z' &&
         stat.state != 'X';
}

double AgeSeconds(uint64_t start_ticks) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  const double uptime = static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
  return uptime - static_cast<double>(start_ticks) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

std::string BootId() {
  std::string id = ReadAll("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

std::string EnvironmentOf(pid_t pid, std::string_view variable) {
  const std::string environment = ReadAll(ProcPath(pid, "environ"));
  std::string_view rest = environment;
  while (!rest.empty()) {
    const size_t end = rest.find('\0');
    const std::string_view entry = rest.substr(0, end);
    if (entry.size() > variable.size() && entry.substr(0, variable.size()) == variable &&
        entry[variable.size()] == '=')
      return std::string(entry.substr(variable.size() + 1));
    if (end == std::string_view::npos) break;
    rest.remove_prefix(end + 1);
  }
  return "";
}

std::vector<ProcessStat> FindByEnvironment(std::string_view variable, std::string_view value) {
  std::vector<ProcessStat> found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  if (!proc) return found;
  while (const dirent* entry = readdir(proc.get())) {
    const std::string_view name = entry->d_name;
    pid_t pid = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), pid);
    if (error != std::errc() || end != name.data() + name.size()) continue;
    ProcessStat stat;
    if (EnvironmentOf(pid, variable) == value && ReadStat(pid, &stat) && stat.state != 'Z')
      found.push_back(stat);
  }
  return found;
}

ProcessStat FindLeader(std::string_view variable, std::string_view value) {
  const std::vector<ProcessStat> all = FindByEnvironment(variable, value);
  const auto is_marked = [&](pid_t pid) {
    return std::any_of(all.begin(), all.end(), [&](const auto& stat) { return stat.pid == pid; });
  };
  ProcessStat leader;
  for (const ProcessStat& stat : all) {
    // A supervised child leads its own group; what it started itself doesn't or has it as parent.
    if (stat.group != stat.pid || is_marked(stat.parent)) continue;
    if (leader.pid == 0 || stat.start_ticks < leader.start_ticks) leader = stat;
  }
  return leader;
}

}  // namespace heald::support
