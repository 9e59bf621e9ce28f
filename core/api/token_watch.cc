#include "core/api/token_watch.h"

#include "core/api/access.h"
#include "core/base/sha256.h"
#include "core/base/units.h"

namespace heald::api {
namespace {

constexpr int64_t kLookEveryNs = 250 * kMillisecond;
// File times move in steps of some milliseconds: within that a second change could look like none.
constexpr int64_t kSettleNs = 2 * kSecond;

int64_t Ns(const timespec& time) {
  return int64_t{time.tv_sec} * kSecond + time.tv_nsec;
}

bool SameFile(const struct stat& a, const struct stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         a.st_mode == b.st_mode && a.st_uid == b.st_uid && Ns(a.st_mtim) == Ns(b.st_mtim) &&
         Ns(a.st_ctim) == Ns(b.st_ctim);
}

}  // namespace

TokenWatch::TokenWatch(std::string path, const Clock& clock, Notice notice)
    : path_(std::move(path)), clock_(clock), notice_(std::move(notice)) {}

const Token* TokenWatch::Find(std::string_view id) const {
  const Token* found = nullptr;  // looks at all: how long it takes mustn't tell which there are
  for (const Token& token : tokens_)
    if (token.id == id) found = &token;
  return found;
}

void TokenWatch::Refresh() {
  if (path_.empty()) return;
  const int64_t now_ns = clock_.MonotonicNs();
  if (looked_ns_ != INT64_MIN && now_ns - looked_ns_ < kLookEveryNs) return;
  looked_ns_ = now_ns;
  struct stat now {};
  if (stat(path_.c_str(), &now) == 0 && exists_ && settled_ && SameFile(now, read_)) return;
  Read();
}

void TokenWatch::Read() {
  struct stat status {};
  Result<std::vector<Token>> tokens = ReadTokens(path_, &status);
  exists_ = tokens.ok() || tokens.error().code != Code::kNotFound;
  settled_ = tokens.ok() && clock_.NowNs() - Ns(status.st_ctim) > kSettleNs;
  if (tokens.ok() || !exists_) {
    tokens_ = tokens.ok() ? *std::move(tokens) : std::vector<Token>();
    read_ = status;
    std::erase_if(last_used_ns_, [&](const auto& use) { return Find(use.first) == nullptr; });
    if (bad_ && notice_) notice_(false, "the tokens file " + path_ + " can be used again");
    bad_ = false;
    return;
  }
  // Whoever had a token keeps it; nobody new gets in.
  if (!bad_ && notice_)
    notice_(true, tokens.error().message + "; until then the tokens known before stay valid");
  bad_ = true;
}

TokenWatch::Answer TokenWatch::Check(std::string_view text) {
  const std::optional<TokenText> split = SplitToken(text);
  const std::string hash = Sha256Hex(split ? split->secret : text);
  const std::lock_guard lock(mutex_);
  Refresh();
  static const Token kNobody{"", "", Role::kViewer, 0, "", 1, std::string(hash.size(), '0')};
  const Token* const found = Find(split ? split->id : std::string_view());
  const Token& token = found == nullptr ? kNobody : *found;
  const bool equal = EqualConstantTime(hash, token.sha256);
  if (!equal || found == nullptr) return {};
  if (!token.LiveAt(clock_.NowNs())) return {Verdict::kExpired, token};
  last_used_ns_[token.id] = clock_.NowNs();
  return {Verdict::kLive, token};
}

bool TokenWatch::IsLive(const std::string& id) {
  const std::lock_guard lock(mutex_);
  Refresh();
  const Token* const token = Find(id);
  return token != nullptr && token->LiveAt(clock_.NowNs());
}

bool TokenWatch::Exists() {
  const std::lock_guard lock(mutex_);
  Refresh();
  return exists_;
}

std::vector<TokenUse> TokenWatch::List() {
  const std::lock_guard lock(mutex_);
  Refresh();
  std::vector<TokenUse> out;
  for (const Token& token : tokens_) {
    const auto used = last_used_ns_.find(token.id);
    out.push_back({token, used == last_used_ns_.end() ? 0 : used->second});
  }
  return out;
}

}  // namespace heald::api
