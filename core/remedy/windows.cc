#include "core/remedy/windows.h"

#include <algorithm>
#include <cstdio>

#include "core/base/units.h"

namespace heald::remedy {
namespace {

constexpr const char* kDays[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr int64_t kLookAheadDays = 14;

std::string TimeText(int64_t time_ns) {
  char text[16];
  const int64_t minutes = time_ns / kMinute;
  std::snprintf(text, sizeof text, "%02d:%02d", static_cast<int>(minutes / 60),
                static_cast<int>(minutes % 60));
  return text;
}

std::string DaysText(uint8_t days) {
  if (days == 0x7f) return "every day";
  std::string out;
  for (int first = 0; first < 7; ++first) {
    if ((days >> first & 1) == 0) continue;
    int last = first;
    while (last < 6 && (days >> (last + 1) & 1) != 0) ++last;
    out += (out.empty() ? "" : ",") + std::string(kDays[first]);
    if (last > first) out += std::string(last == first + 1 ? "," : "-") + kDays[last];
    first = last;
  }
  return out;
}

bool On(const WindowSpec& window, int64_t weekday) {
  return (window.days >> ((weekday + 7) % 7) & 1) != 0;
}

}  // namespace

std::string Describe(const WindowSpec& window) {
  return DaysText(window.days) + " " + TimeText(window.from_ns) + " to " + TimeText(window.to_ns) +
         " " + window.timezone;
}

Windows::Windows(const std::vector<Sets>& sets) {
  for (const Sets& set : sets)
    for (const bool deny : {false, true}) {
      const std::vector<WindowSpec>& specs = deny ? *set.deny : *set.allow;
      if (specs.empty()) continue;
      Group& group = groups_.emplace_back();
      group.deny = deny;
      group.whose = set.whose;
      for (const WindowSpec& spec : specs) {
        Result<TimeZone> zone = TimeZone::Find(spec.timezone);
        group.windows.push_back({spec, zone ? std::optional(*zone) : std::nullopt});
      }
    }
}

bool Windows::Holds(const Window& window, int64_t now_ns) {
  const TimeZone::Local local = window.zone->At(now_ns);
  const WindowSpec& spec = window.spec;
  const bool begun = local.time_ns >= spec.from_ns && On(spec, local.weekday);
  if (spec.from_ns < spec.to_ns) return begun && local.time_ns < spec.to_ns;
  return begun || (local.time_ns < spec.to_ns && On(spec, local.weekday - 1));
}

bool Windows::Open(int64_t now_ns, std::string* why) const {
  for (const Group& group : groups_) {
    const Window* holds = nullptr;
    std::string all;
    for (const Window& window : group.windows) {
      if (!window.zone) {
        *why = "this machine knows no time zone '" + window.spec.timezone + "'";
        return false;
      }
      if (holds == nullptr && Holds(window, now_ns)) holds = &window;
      all += (all.empty() ? "" : "; ") + Describe(window.spec);
    }
    if (group.deny && holds != nullptr) {
      *why = "within a deny window of " + group.whose + ": " + Describe(holds->spec);
      return false;
    }
    if (!group.deny && holds == nullptr) {
      *why = "outside the windows of " + group.whose + ": " + all;
      return false;
    }
    if (!group.deny) *why += (why->empty() ? "within " : ", ") + Describe(holds->spec);
  }
  if (why->empty()) *why = "not within a deny window";
  return true;
}

// Every moment of the next days at which some window may begin or end.
std::vector<int64_t> Windows::Changes(int64_t after_ns) const {
  std::vector<int64_t> out;
  const auto add = [&](int64_t ns) {
    if (ns > after_ns) out.push_back(ns);
  };
  for (const Group& group : groups_)
    for (const Window& window : group.windows) {
      if (!window.zone) continue;
      const int64_t today = window.zone->At(after_ns).day;
      for (int64_t day = today - 1; day <= today + kLookAheadDays; ++day)
        for (const int64_t time_ns : {window.spec.from_ns, window.spec.to_ns}) {
          const auto [first, last] = window.zone->Moments(day, time_ns);
          add(first);
          add(last);
        }
      add(window.zone->NextChange(after_ns));
    }
  std::sort(out.begin(), out.end());
  return out;
}

const Windows::Answer& Windows::At(int64_t now_ns) const {
  if (groups_.empty() || (now_ns >= from_ns_ && now_ns < to_ns_)) return answer_;
  answer_ = {};
  answer_.open = Open(now_ns, &answer_.why);
  from_ns_ = now_ns;
  to_ns_ = now_ns + kDay;
  for (const int64_t change_ns : Changes(now_ns)) {
    to_ns_ = std::min(to_ns_, change_ns);
    if (answer_.open) break;
    std::string ignored;
    if (!Open(change_ns, &ignored)) continue;
    answer_.next_ns = change_ns;
    break;
  }
  return answer_;
}

}  // namespace heald::remedy
