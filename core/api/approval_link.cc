#include "core/api/approval_link.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "core/api/access.h"
#include "core/base/sha256.h"

namespace heald::api {
namespace {

// Part of what is signed, so that the key's other signatures would never pass for one of these.
constexpr std::string_view kPurpose = "heald approval link 1\n";
constexpr size_t kKeyBytes = 32;
constexpr size_t kTokenMax = 1024;

bool IsPlain(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

// A file descriptor that is closed whatever happens.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File() {
    if (fd_ >= 0) close(fd_);
  }
  int fd() const { return fd_; }

 private:
  const int fd_;
};

}  // namespace

std::string ApprovalLinks::Sign(std::string_view claim) const {
  return HmacSha256Hex(key_, std::string(kPurpose) + std::string(claim));
}

std::string ApprovalLinks::UrlFor(const Decision& decision, std::string_view channel) const {
  if (decision.verdict != DecisionVerdict::kAwaitsApproval || decision.expires_ns == 0) return {};
  const std::string claim = decision.id + "." + decision.plan_hash + "." +
                            std::to_string(decision.expires_ns) + "." +
                            (IsPlain(channel) ? std::string(channel) : "notifier");
  return public_url_ + "/approve?t=" + claim + "." + Sign(claim);
}

Result<ApprovalClaim> ApprovalLinks::Open(std::string_view token, int64_t now_ns) const {
  const Error unknown =
      MakeError(Code::kDenied,
                "this link was not made by this agent, was changed on its way, or is from before "
                "its key was changed");
  const size_t mac = token.rfind('.');
  if (token.size() > kTokenMax || mac == std::string_view::npos) return unknown;
  const std::string_view signed_text = token.substr(0, mac);
  // Before anything in it is looked at.
  if (!EqualConstantTime(token.substr(mac + 1), Sign(signed_text))) return unknown;
  std::array<std::string_view, 4> parts;
  std::string_view rest = signed_text;
  for (size_t i = 0; i < parts.size(); ++i) {
    const size_t dot = i + 1 == parts.size() ? rest.size() : rest.find('.');
    if (dot == std::string_view::npos) return unknown;
    parts[i] = rest.substr(0, dot);
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  ApprovalClaim claim{std::string(parts[0]), std::string(parts[1]), 0, std::string(parts[3])};
  const auto [end, error] =
      std::from_chars(parts[2].data(), parts[2].data() + parts[2].size(), claim.expires_ns);
  if (error != std::errc() || end != parts[2].data() + parts[2].size()) return unknown;
  if (now_ns >= claim.expires_ns)
    return MakeError(Code::kDeadline,
                     "this link has expired; if the action is still wanted, heald "
                     "has asked again");
  return claim;
}

Result<std::string> ReadLinkKey(const std::string& state_dir) {
  const std::string path = state_dir + "/approval.key";
  const auto failed = [&](const std::string& why) {
    return MakeError(Code::kDenied, "the key of approval links, " + path + ": " + why);
  };
  {
    const File made(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (made.fd() >= 0) {
      const std::string key = RandomHex(kKeyBytes);
      if (write(made.fd(), key.data(), key.size()) != static_cast<ssize_t>(key.size()) ||
          fsync(made.fd()) != 0) {
        unlink(path.c_str());
        return failed(std::strerror(errno));
      }
      return key;
    }
    if (errno != EEXIST) return failed(std::strerror(errno));
  }
  const File file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  struct stat found {};
  if (file.fd() < 0 || fstat(file.fd(), &found) != 0) return failed(std::strerror(errno));
  if (!S_ISREG(found.st_mode)) return failed("it is not a regular file");
  if ((found.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return failed(
        "others may use it, and so approve: remove it, and a new one is made at the next "
        "start; links sent so far end with it");
  std::array<char, 2 * kKeyBytes + 1> text{};
  const ssize_t got = read(file.fd(), text.data(), text.size());
  if (got != static_cast<ssize_t>(2 * kKeyBytes))
    return failed(
        "it is damaged: remove it, and a new one is made at the next start; links sent so "
        "far end with it");
  return std::string(text.data(), 2 * kKeyBytes);
}

}  // namespace heald::api
