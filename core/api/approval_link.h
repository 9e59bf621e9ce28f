// Signed links by which one waiting decision can be answered: who has the link may approve or deny
// that decision, with that plan, until it expires, and nothing else. The engine makes it single use
// and looks at everything again. Why it is safe enough, and what a leaked one means: decision 18.
// Made by the agent for its notifiers, checked by link_routes.cc. Thread rule: any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/api/attempts.h"
#include "core/base/result.h"
#include "core/model/incident.h"

namespace heald::api {

// What a link says, once its signature was checked.
struct ApprovalClaim {
  std::string decision;
  std::string plan_hash;
  int64_t expires_ns = 0;
  std::string channel;  // the notifier that brought it
};

class ApprovalLinks {
 public:
  // `key` is secret; `public_url` has no slash at its end.
  ApprovalLinks(std::string key, std::string public_url)
      : key_(std::move(key)), public_url_(std::move(public_url)) {}

  // "https://heald.example.com/approve?t=…"; empty for a decision that doesn't wait.
  std::string UrlFor(const Decision& decision, std::string_view channel) const;
  // kDenied: not signed with this key; kDeadline: it was, and has expired.
  Result<ApprovalClaim> Open(std::string_view token, int64_t now_ns) const;

  // Addresses that come with links that nobody signed.
  Attempts& attempts() const { return attempts_; }

 private:
  std::string Sign(std::string_view claim) const;

  const std::string key_;
  const std::string public_url_;
  mutable Attempts attempts_;  // safe from any thread by itself
};

// The key in state_dir, made there where there is none, for its owner's eyes only.
Result<std::string> ReadLinkKey(const std::string& state_dir);

}  // namespace heald::api
