#include "plugins/support/told.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "plugins/support/notice.h"

namespace heald::support {
namespace {

constexpr size_t kKept = 2000;

}  // namespace

Told::Told(sdk::Host host) : host_(host), path_(std::string(host.StateDir()) + "/told") {
  std::ifstream in(path_);
  for (std::string line; std::getline(in, line);)
    if (!line.empty() && known_.insert(line).second) order_.push_back(line);
}

std::string Told::KeyFor(const heald_notification& notice) {
  std::string once = OnceOf(notice);
  if (once.empty()) return once;
  once += " " + KeyOf(notice);
  for (char& c : once)
    if (c == '\n' || c == '\r') c = ' ';
  return once;
}

void Told::Add(const std::string& what) {
  if (!known_.insert(what).second) return;
  order_.push_back(what);
  if (order_.size() > kKept) {
    known_.erase(order_.front());
    order_.pop_front();
  }
  Write();
}

void Told::ForgetEnded(const heald_notification& notice) {
  if (EventOf(notice) != Event::kResolved) return;
  const std::string of = " " + KeyOf(notice);
  const auto ends = [&](const std::string& line) { return line.ends_with(of); };
  if (std::erase_if(order_, ends) == 0) return;
  std::erase_if(known_, ends);
  Write();
}

void Told::Write() {
  try {
    std::ofstream out;
    out.exceptions(std::ios::failbit | std::ios::badbit);
    out.open(path_ + ".new", std::ios::trunc);
    for (const std::string& line : order_) out << line << '\n';
    out.close();
    std::filesystem::rename(path_ + ".new", path_);
    complained_ = false;
  } catch (const std::exception& e) {
    if (!std::exchange(complained_, true))
      host_.Log(sdk::Level::kWarning, "can't write " + path_ + ": " + e.what() +
                                          "; after a restart, an event may be told a second time");
  }
}

}  // namespace heald::support
