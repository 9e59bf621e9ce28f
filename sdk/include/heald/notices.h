// What a notifier is handed, laid out as the plugin was compiled to know it: a host of another
// minor version may know shorter or longer records. Included by heald/plugin.h. Thread rule:
// belongs to the call that made it. The records stay the host's, or live in here; both end with the
// call.
#pragma once

#include <algorithm>
#include <cstring>
#include <deque>
#include <vector>

#include "heald/abi/records.h"
#include "heald/config.h"

namespace heald::sdk {

// One notification with all that it points to.
class KnownNotice {
 public:
  KnownNotice(const void* item, uint64_t stride) : notice_(Copy<heald_notification>(item, stride)) {
    Take(&notice_.finding, &finding_);
    Take(&notice_.decision, &decision_);
    Take(&notice_.outcome, &outcome_);
    Take(&notice_.incident, &incident_);
    if (notice_.incident != nullptr && notice_.incident->finding_stride != sizeof(heald_finding)) {
      Own(&notice_.incident, &incident_);
      Restride(&incident_.findings, incident_.finding_count, &incident_.finding_stride, &findings_);
    }
    if (notice_.decision == nullptr) return;
    if (notice_.decision->plan->size < sizeof(heald_plan)) {
      Own(&notice_.decision, &decision_);
      Take(&decision_.plan, &plan_);
    }
    if (notice_.decision->guard_stride != sizeof(heald_guard_verdict)) {
      Own(&notice_.decision, &decision_);
      Restride(&decision_.guards, decision_.guard_count, &decision_.guard_stride, &guards_);
    }
  }
  KnownNotice(const KnownNotice&) = delete;
  KnownNotice& operator=(const KnownNotice&) = delete;

  const heald_notification& get() const { return notice_; }

 private:
  // What is shorter than known is followed by zeros.
  template <typename T>
  static T Copy(const void* from, uint64_t size) {
    T known{};
    std::memcpy(&known, from, std::min<uint64_t>(size, sizeof known));
    return known;
  }
  template <typename T>
  static void Take(const T** record, T* kept) {
    if (*record == nullptr || (*record)->size >= sizeof(T)) return;
    *kept = Copy<T>(*record, (*record)->size);
    *record = kept;
  }
  template <typename T>
  static void Own(const T** record, T* kept) {
    if (*record != kept) *kept = **record;
    *record = kept;
  }
  template <typename T>
  static void Restride(const T** items, uint64_t count, uint64_t* stride, std::vector<T>* kept) {
    const char* at = reinterpret_cast<const char*>(*items);
    for (uint64_t i = 0; i < count; ++i, at += *stride) kept->push_back(Copy<T>(at, *stride));
    *items = kept->data();
    *stride = sizeof(T);
  }

  heald_notification notice_;
  heald_finding finding_;
  heald_decision decision_;
  heald_outcome outcome_;
  heald_incident incident_;
  heald_plan plan_;
  std::vector<heald_finding> findings_;
  std::vector<heald_guard_verdict> guards_;
};

// What a notifier is to deliver, oldest first. Those that aren't Done come again.
template <typename Config>
class Notices {
 public:
  Notices(const heald_notification* items, uint64_t count, uint64_t stride, int32_t* results)
      : results_(results) {
    for (uint64_t i = 0; i < count; ++i) {
      items_.emplace_back(reinterpret_cast<const char*>(items) + i * stride, stride);
      results_[i] = HEALD_CANCELLED;
    }
  }
  size_t size() const { return items_.size(); }
  const heald_notification& operator[](size_t i) const { return items_[i].get(); }
  // The config with ${…} filled in for that one.
  Config Params(size_t i) const { return ReadConfig<Config>(*items_[i].get().params); }
  void Done(size_t i) { results_[i] = HEALD_OK; }
  bool IsDone(size_t i) const { return results_[i] == HEALD_OK; }
  // The first that isn't done failed with this code.
  void Fail(int32_t code) {
    for (size_t i = 0; i < size(); ++i) {
      if (results_[i] == HEALD_OK) continue;
      results_[i] = code;
      return;
    }
  }

 private:
  std::deque<KnownNotice> items_;  // they point into themselves: never moved
  int32_t* results_;
};

}  // namespace heald::sdk
