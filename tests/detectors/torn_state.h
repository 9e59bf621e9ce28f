// What every detector's snapshot has to bear: it goes into another instance whole, and not at all
// where anything of it is missing, changed or foreign. Thread rule: one thread.
#pragma once

#include <string>

#include "heald/snapshot.h"
#include "tests/detectors/loaded_detector.h"

namespace heald::testing {

// The state with another version, everything else right.
inline std::string OtherVersion(std::string state, const std::string& name) {
  const size_t at = sdk::detail::kSnapshotMagic.size() + 4 + name.size();
  state.resize(state.size() - 8);
  ++state[at];
  const uint64_t sum = sdk::detail::SnapshotChecksum(state);
  for (int i = 0; i < 8; ++i) state += static_cast<char>(sum >> (8 * i));
  return state;
}

// `other`: another detector's state.
inline void ExpectOnlyAllOfIt(LoadedDetector& detector, const std::string& name,
                              const std::string& state, const std::string& other) {
  const std::string unharmed = detector.Snapshot();
  const auto refuses = [&](const std::string& bad) {
    const Refused refused = detector.Restore(bad);
    EXPECT_EQ(refused.code, HEALD_CORRUPT);
    EXPECT_FALSE(refused.message.empty());
  };
  constexpr size_t kOffsets = 150;
  const size_t stride = state.size() / kOffsets + 1;
  for (size_t at = 0; at < state.size(); at += at < 64 ? 1 : stride) {
    SCOPED_TRACE(at);
    refuses(state.substr(0, at));
    std::string flipped = state;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    refuses(flipped);
  }
  refuses(state + '\0');
  refuses(other);
  refuses(OtherVersion(state, name));
  EXPECT_THAT(detector.Restore(OtherVersion(state, name)).message, ::testing::HasSubstr("version"));
  // As new, and ready for the whole.
  EXPECT_EQ(detector.Snapshot(), unharmed);
  EXPECT_EQ(detector.Restore(state).code, HEALD_OK);
}

}  // namespace heald::testing
