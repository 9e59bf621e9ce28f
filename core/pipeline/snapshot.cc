#include "core/pipeline/snapshot.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "core/base/checksum.h"
#include "core/model/value_text.h"

namespace heald {
namespace {

constexpr std::string_view kMagic = "heald-snapshot 1\n";

Error Refused(const std::string& path, const std::string& why) {
  return MakeError(Code::kCorrupt, "snapshot " + path + " " + why + "; the detector starts anew");
}

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

// "<length>:<bytes>"
void AppendText(std::string& out, std::string_view text) {
  out += std::to_string(text.size()) + ":";
  out += text;
}
bool TakeText(std::string_view* from, std::string* out) {
  size_t length = 0;
  const auto [end, code] = std::from_chars(from->data(), from->data() + from->size(), length);
  if (code != std::errc()) return false;
  from->remove_prefix(static_cast<size_t>(end - from->data()));
  if (from->empty() || from->front() != ':' || from->size() - 1 < length) return false;
  *out = from->substr(1, length);
  from->remove_prefix(1 + length);
  return true;
}

}  // namespace

std::string Fingerprint(const NodeSpec& node) {
  std::string config;
  Value depends_on = node.config;
  if (Value::Map* const map = depends_on.AsMap())
    std::erase_if(*map, [&](const Value::Member& member) {
      return std::find(node.keeps_state.begin(), node.keeps_state.end(), member.first) !=
             node.keeps_state.end();
    });
  AppendCanonical(config, depends_on);
  char hash[20];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(Checksum(config)));
  return node.plugin + " " + node.version + " " + hash;
}

Status SaveSnapshot(const std::string& path, const std::string& fingerprint,
                    const Snapshot& snapshot) {
  std::string body;
  AppendText(body, fingerprint);
  AppendText(body, snapshot.epoch);
  AppendText(body, snapshot.state);
  const std::string head = std::string(kMagic) + std::to_string(Checksum(body)) + "\n";
  const std::string temporary = path + ".new";
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  bool written = fd >= 0 && WriteAll(fd, head) && WriteAll(fd, body) && fdatasync(fd) == 0;
  const int error = errno;
  if (fd >= 0 && close(fd) != 0) written = false;
  if (!written || rename(temporary.c_str(), path.c_str()) != 0)
    return MakeError(Code::kUnavailable, "can't write snapshot " + path + ": " +
                                             std::strerror(written ? errno : error));
  return {};
}

Result<Snapshot> LoadSnapshot(const std::string& path, const std::string& fingerprint) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return MakeError(Code::kNotFound, "no snapshot " + path);
  std::string all;
  try {
    all.assign(std::istreambuf_iterator<char>(in), {});
  } catch (const std::ios_base::failure&) {  // a folder, or a disk that fails
    return Refused(path, "can't be read");
  }
  std::string_view rest = all;
  if (!rest.starts_with(kMagic)) return Refused(path, "is of another version");
  rest.remove_prefix(kMagic.size());
  uint64_t sum = 0;
  const auto [end, code] = std::from_chars(rest.data(), rest.data() + rest.size(), sum);
  if (code != std::errc() || end == rest.data() + rest.size() || *end != '\n')
    return Refused(path, "is damaged");
  rest.remove_prefix(static_cast<size_t>(end - rest.data()) + 1);
  if (Checksum(rest) != sum) return Refused(path, "is torn or damaged (checksum)");
  std::string of;
  Snapshot snapshot;
  if (!TakeText(&rest, &of) || !TakeText(&rest, &snapshot.epoch) ||
      !TakeText(&rest, &snapshot.state))
    return Refused(path, "is damaged");
  if (of != fingerprint)
    return Refused(path, "was made under another configuration or plugin version");
  return snapshot;
}

}  // namespace heald
