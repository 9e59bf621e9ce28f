#include "plugins/sources/loki/position.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <sstream>

namespace heald::loki {
namespace {

// A line's key is a hash, so it is none of these but once in 2^63.
constexpr uint64_t kFloor = 1;
constexpr uint64_t kReadTo = 2;

struct Record {
  uint64_t key;
  int64_t ns;
};

uint64_t Hash(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
  return hash;
}

std::string HeaderFor(std::string_view about) {
  char text[64];
  std::snprintf(text, sizeof text, "heald loki position 1 %016llx\n",
                static_cast<unsigned long long>(Hash(about)));
  return text;
}

void Put(uint64_t key, int64_t ns, std::string* bytes) {
  const Record record{key, ns};
  bytes->append(reinterpret_cast<const char*>(&record), sizeof record);
}

}  // namespace

Position::Position(std::string path, std::string_view about)
    : path_(std::move(path)), header_(HeaderFor(about)) {}

Position::~Position() {
  if (file_ >= 0) close(file_);
}

Position::Saved Position::Load() const {
  std::ifstream file(path_, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  const std::string bytes = std::move(text).str();
  Saved saved;
  if (!bytes.starts_with(header_)) return saved;
  for (size_t at = header_.size(); at + sizeof(Record) <= bytes.size(); at += sizeof(Record)) {
    Record record{};
    std::memcpy(&record, bytes.data() + at, sizeof record);
    if (record.key == kFloor)
      saved.floor_ns = record.ns;
    else if (record.key == kReadTo)
      saved.read_to_ns = record.ns;
    else
      saved.handed_on.emplace(record.key, record.ns);
  }
  return saved;
}

void Position::Write(const Saved& saved) {
  std::string bytes = header_;
  Put(kFloor, saved.floor_ns, &bytes);
  Put(kReadTo, saved.read_to_ns, &bytes);
  for (const auto& [key, ns] : saved.handed_on) Put(key, ns, &bytes);
  const std::string fresh = path_ + ".new";
  if (file_ >= 0) close(file_);
  file_ = open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  records_ = 0;
  Append(bytes, saved.handed_on.size() + 2);
  if (error_.empty() && rename(fresh.c_str(), path_.c_str()) != 0)
    error_ = path_ + ": " + std::strerror(errno);
}

void Position::HandedOn(std::span<const std::pair<uint64_t, int64_t>> lines) {
  std::string bytes;
  bytes.reserve(lines.size() * sizeof(Record));
  for (const auto& [key, ns] : lines) Put(key, ns, &bytes);
  Append(bytes, lines.size());
}

void Position::ReadTo(int64_t ns) {
  std::string bytes;
  Put(kReadTo, ns, &bytes);
  Append(bytes, 1);
}

void Position::Append(std::string_view bytes, size_t records) {
  if (bytes.empty()) return;
  // One call, so that a kill leaves all of it or nothing.
  const ssize_t written = file_ < 0 ? -1 : write(file_, bytes.data(), bytes.size());
  if (written == static_cast<ssize_t>(bytes.size())) {
    records_ += records;
    error_.clear();
    return;
  }
  error_ = path_ + ": " + (written < 0 ? std::strerror(errno) : "the disk is full");
  // The rest of a record would put all that follow out of step.
  if (file_ >= 0) close(file_);
  file_ = -1;
}

}  // namespace heald::loki
