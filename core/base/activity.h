// What each thread is busy with, for the one line that a crash leaves behind. The runner says it at
// each plugin call; the handler of fatal signals reads it.
// Thread rule: each thread sees its own.
#pragma once

namespace heald {

// Both point to texts that outlive the call.
struct Activity {
  const char* node = nullptr;
  const char* call = nullptr;
};

inline Activity& CurrentActivity() {
  static thread_local Activity activity;
  return activity;
}
inline void SetActivity(const char* node, const char* call) {
  CurrentActivity() = {node, call};
}
inline void ClearActivity() {
  CurrentActivity() = {};
}

}  // namespace heald
