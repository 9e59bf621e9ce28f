#include "core/store/store.h"

namespace heald {

std::string_view ToString(ExecutionState state) {
  constexpr std::string_view kNames[] = {"planned", "issued", "observed", "verified",
                                         "failed",  "undone", "dry_run"};
  return kNames[static_cast<size_t>(state)];
}

}  // namespace heald
