#include "core/api/token_edit.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "core/base/sha256.h"

namespace heald::api {
namespace {

constexpr size_t kIdBytes = 4;
constexpr size_t kSecretBytes = 32;

Error CannotWrite(const std::string& path, int error) {
  return MakeError(
      Code::kDenied,
      "can't write " + path + ": " + std::strerror(error) +
          (error == EACCES || error == EPERM ? ": run this as the user that runs heald" : ""));
}

// The state folder, locked against other commands. The lock is on the folder itself: the tokens
// file changes its inode with every write, and a lock file would only be one more thing to explain.
class LockedFolder {
 public:
  explicit LockedFolder(const std::string& path)
      : fd_(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (fd_ < 0) return;
    int result = 0;
    do {
      result = flock(fd_, LOCK_EX);
    } while (result != 0 && errno == EINTR);
    if (result != 0) Close();
  }
  LockedFolder(const LockedFolder&) = delete;
  LockedFolder& operator=(const LockedFolder&) = delete;
  ~LockedFolder() { Close(); }

  bool ok() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  void Close() {
    const int error = errno;
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
    errno = error;
  }
  int fd_;
};

bool WriteAll(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

Status Replace(const LockedFolder& folder, const std::string& path, const std::string& text) {
  const std::string fresh = path + ".new";
  unlink(fresh.c_str());  // of a command that was killed; the lock says that nobody uses it
  const int fd = open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return CannotWrite(fresh, errno);
  bool good = WriteAll(fd, text) && fsync(fd) == 0;
  struct stat owner {};
  // root makes tokens for an agent that runs as somebody else, and that one has to read them.
  if (good && geteuid() == 0 && fstat(folder.fd(), &owner) == 0)
    good = fchown(fd, owner.st_uid, owner.st_gid) == 0;
  int error = good ? 0 : errno;
  if (close(fd) != 0 && good) error = errno;
  if (error == 0 && rename(fresh.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) {
    unlink(fresh.c_str());
    return CannotWrite(path, error);
  }
  fsync(folder.fd());  // best effort: not every file system can
  return {};
}

// The tokens there are; none where there is no file yet.
Result<std::vector<Token>> Current(const std::string& path) {
  Result<std::vector<Token>> tokens = ReadTokens(path);
  if (!tokens && tokens.error().code == Code::kNotFound) return std::vector<Token>();
  return tokens;
}

}  // namespace

Result<NewToken> CreateToken(const std::string& state_dir, const TokenRequest& request) {
  if (Result<void> name = CheckTokenName(request.name); !name) return name.error();
  std::error_code error;
  std::filesystem::create_directories(state_dir, error);
  if (error) return CannotWrite(state_dir, error.value());
  const LockedFolder folder(state_dir);
  if (!folder.ok()) return CannotWrite(state_dir, errno);
  const std::string path = TokensFile(state_dir);
  Result<std::vector<Token>> tokens = Current(path);
  if (!tokens) return tokens.error();

  NewToken made;
  Token& token = made.token;
  do {
    token.id = RandomHex(kIdBytes);
  } while (std::any_of(tokens->begin(), tokens->end(),
                       [&](const Token& other) { return other.id == token.id; }));
  token.name = request.name;
  token.role = request.role;
  token.created_ns = request.now_ns;
  token.created_by = request.created_by;
  token.expires_ns = request.expires_ns;
  const std::string secret = RandomHex(kSecretBytes);
  token.sha256 = Sha256Hex(secret);
  made.text = "heald_" + token.id + "_" + secret;
  tokens->push_back(token);
  if (Status written = Replace(folder, path, FormatTokens(*tokens)); !written)
    return written.error();
  return made;
}

Result<Revoked> RevokeTokens(const std::string& state_dir, const std::string& id_or_name) {
  const std::string path = TokensFile(state_dir);
  const auto nothing = [&] {
    return MakeError(Code::kNotFound, "no token in " + path + " has the id or the name '" +
                                          id_or_name + "'; `heald token list` shows them");
  };
  const LockedFolder folder(state_dir);
  if (!folder.ok()) return errno == ENOENT ? nothing() : CannotWrite(state_dir, errno);
  Result<std::vector<Token>> tokens = Current(path);
  if (!tokens) return tokens.error();
  Revoked revoked;
  std::vector<Token> kept;
  for (Token& token : *tokens)
    (token.id == id_or_name || token.name == id_or_name ? revoked.tokens : kept)
        .push_back(std::move(token));
  if (revoked.tokens.empty()) return nothing();
  revoked.left = kept.size();
  if (Status written = Replace(folder, path, FormatTokens(kept)); !written) return written.error();
  return revoked;
}

}  // namespace heald::api
