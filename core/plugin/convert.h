// Records across the boundary: the agent's C++ records to the ABI's views and back. The views
// borrow; they live as long as what they were made from and the holder that made them. Thread rule:
// plain values.
#pragma once

#include <cstring>
#include <deque>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/base/result.h"
#include "core/model/incident.h"
#include "core/model/value.h"
#include "core/pipeline/instance.h"
#include "heald/abi/plugin.h"
#include "heald/abi/score.h"

namespace heald::plugin {

inline heald_str ToC(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string_view FromC(heald_str text) {
  return {text.ptr == nullptr ? "" : text.ptr, text.ptr == nullptr ? 0 : text.len};
}
Labels FromC(const heald_labels& labels);

heald_error NewError();
Error FromC(int32_t code, const heald_error& error);
// Fills `error` (when there is one) and returns the code.
int32_t ToC(const Error& from, heald_error* error);

// Reads a size-prefixed struct that may be older or newer than this host's. False: it is longer and
// the part that this host doesn't know isn't zero.
template <typename T>
bool ReadSized(const void* from, uint64_t size, T* out) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::memset(static_cast<void*>(out), 0, sizeof(T));
  std::memcpy(static_cast<void*>(out), from, size < sizeof(T) ? size : sizeof(T));
  for (uint64_t i = sizeof(T); i < size; ++i)
    if (static_cast<const unsigned char*>(from)[i] != 0) return false;
  return true;
}

// kInvalid: an enumerator or a pointer makes no sense.
Contributor FromC(const heald_contributor& contributor);
Result<Finding> FromC(const heald_finding& finding);
// What can't be is put right: not a number is 0, infinite the largest number.
MomentScore FromC(const heald_score& score);
Result<Plan> FromC(const heald_plan& plan);
Result<Effect> FromC(const heald_effect& effect);
// At most kMaxCalls of them, the first and the latest, their texts cut to a line's length.
inline constexpr uint64_t kMaxCalls = 32;
std::vector<Call> CallsFromC(const heald_effect& effect);
LogLine FromC(const heald_log_line& line);

// Makes ABI views and keeps the arrays they need alive.
class Views {
 public:
  Views() = default;
  Views(const Views&) = delete;
  Views& operator=(const Views&) = delete;

  heald_labels Of(const Labels& labels);
  heald_value Of(const Value& value);
  heald_finding Of(const Finding& finding);
  heald_incident Of(const Incident& incident);
  heald_plan Of(const Plan& plan);
  heald_decision Of(const Decision& decision);
  heald_outcome Of(const Outcome& outcome);
  heald_log_line Of(const LogLine& line);

 private:
  // Deques: growing keeps earlier addresses.
  std::deque<std::vector<heald_label>> labels_;
  std::deque<std::vector<heald_value>> lists_;
  std::deque<std::vector<heald_member>> maps_;
  std::deque<std::vector<heald_contributor>> contributors_;
  std::deque<std::vector<heald_finding>> findings_;
  std::deque<std::vector<heald_guard_verdict>> guards_;
  std::deque<heald_plan> plans_;
};

}  // namespace heald::plugin
