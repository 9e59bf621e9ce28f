// How far a query has been read, on disk: so an agent that was restarted, or killed, goes on where
// it was. Lines that were handed on are appended as they are, which a kill can't take back; only a
// machine that loses its power may lose the latest seconds. Part of the source loki.
// Thread rule: one thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace heald::loki {

class Position {
 public:
  using Lines = std::unordered_map<uint64_t, int64_t>;  // line → its time
  struct Saved {
    int64_t floor_ns = 0;    // nothing from before is handed on; 0: nothing is saved
    int64_t read_to_ns = 0;  // everything before is read
    Lines handed_on = {};
  };

  // about: the query and whom it asks; what was saved about another is no position.
  Position(std::string path, std::string_view about);
  ~Position();
  Position(const Position&) = delete;
  Position& operator=(const Position&) = delete;

  // What is there; damage costs what comes behind it.
  Saved Load() const;
  // Writes it anew.
  void Write(const Saved& saved);
  void HandedOn(std::span<const std::pair<uint64_t, int64_t>> lines);
  void ReadTo(int64_t ns);
  // Much of what is in the file is of no use any more: time for Write.
  bool Grown(size_t lines) const { return records_ > 2 * lines + 4096; }
  // What went wrong with the latest writing; empty: nothing.
  const std::string& error() const { return error_; }

 private:
  void Append(std::string_view bytes, size_t records);

  const std::string path_;
  const std::string header_;
  int file_ = -1;
  size_t records_ = 0;
  std::string error_;
};

}  // namespace heald::loki
