// A component's state as bytes that are recognised again: the component's name and a version in
// front, a checksum at the end. Numbers are little-endian on every machine. A reader refuses what
// is torn, damaged, of another component or of another version before it hands out the first value.
//
//   SnapshotWriter out("zscore", 1);            SnapshotReader in(state, "zscore", 1);
//   out.U64(next_id);                           next_id = in.U64();
//   return std::move(out).Finish();             in.End();
//
// Thread rule: plain values.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "heald/host.h"

namespace heald::sdk {

namespace detail {

inline constexpr std::string_view kSnapshotMagic = "HEALDST1";

// FNV-1a, 64 bits: it has to notice damage, not an adversary.
inline uint64_t SnapshotChecksum(std::string_view bytes) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : bytes) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

}  // namespace detail

class SnapshotWriter {
 public:
  SnapshotWriter(std::string_view component, uint32_t version) : out_(detail::kSnapshotMagic) {
    Text(component);
    U32(version);
  }
  void U32(uint32_t value) { Put(value, 4); }
  void U64(uint64_t value) { Put(value, 8); }
  void I64(int64_t value) { Put(static_cast<uint64_t>(value), 8); }
  void F64(double value) { Put(std::bit_cast<uint64_t>(value), 8); }
  void Text(std::string_view text) {
    U32(static_cast<uint32_t>(text.size()));
    out_ += text;
  }
  void Labels(const LabelSet& labels) {
    U32(static_cast<uint32_t>(labels.items().size()));
    for (const Label& label : labels.items()) {
      Text(label.first);
      Text(label.second);
    }
  }
  std::string Finish() && {
    U64(detail::SnapshotChecksum(out_));
    return std::move(out_);
  }

 private:
  void Put(uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i) out_ += static_cast<char>(value >> (8 * i));
  }
  std::string out_;
};

// Every call throws Failure(HEALD_CORRUPT) where the bytes aren't what was asked for.
class SnapshotReader {
 public:
  SnapshotReader(std::string_view state, std::string_view component, uint32_t version)
      : rest_(state) {
    constexpr size_t kSum = 8;
    if (!state.starts_with(detail::kSnapshotMagic)) Refuse("it isn't a heald snapshot");
    if (state.size() < detail::kSnapshotMagic.size() + kSum) Refuse("it is cut short");
    rest_ = state.substr(state.size() - kSum);
    const uint64_t sum = U64();
    state.remove_suffix(kSum);
    if (sum != detail::SnapshotChecksum(state)) Refuse("it is cut short or damaged");
    rest_ = state.substr(detail::kSnapshotMagic.size());
    if (const std::string owner = Text(); owner != component)
      Refuse("it belongs to '" + owner + "', not to '" + std::string(component) + "'");
    if (const uint32_t found = U32(); found != version)
      Refuse("it has version " + std::to_string(found) + ", this plugin reads version " +
             std::to_string(version));
  }
  uint32_t U32() { return static_cast<uint32_t>(Take(4)); }
  uint64_t U64() { return Take(8); }
  int64_t I64() { return static_cast<int64_t>(Take(8)); }
  double F64() { return std::bit_cast<double>(Take(8)); }
  std::string Text() {
    const uint32_t size = U32();
    if (size > rest_.size()) Refuse("a text in it is longer than the rest");
    std::string text(rest_.substr(0, size));
    rest_.remove_prefix(size);
    return text;
  }
  LabelSet Labels() {
    LabelSet labels;
    for (uint32_t left = U32(); left > 0; --left) {
      const std::string name = Text();
      labels.Set(name, Text());
    }
    return labels;
  }
  void End() const {
    if (!rest_.empty()) Refuse("it holds more than expected");
  }
  [[noreturn]] static void Refuse(const std::string& why) {
    throw Failure(HEALD_CORRUPT, "the saved state is refused: " + why + "; starting without it");
  }

 private:
  uint64_t Take(size_t bytes) {
    if (rest_.size() < bytes) Refuse("it ends too early");
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; ++i)
      value |= uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    rest_.remove_prefix(bytes);
    return value;
  }
  std::string_view rest_;
};

}  // namespace heald::sdk
