// Who asks and how far they may go. Made by Access, read by the router and whatever records an
// actor. Thread rule: plain values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace heald::api {

// A ladder from viewer on: each may do what the ones before it may. A viewer reads; an operator
// switches, reloads and silences; an approver lets waiting decisions run; an admin changes what
// runs by itself. A sender stands beside it: it pushes to sources and may do nothing else, and of
// the others only an admin may do that, as what is pushed can make heald act.
enum class Role : uint8_t { kSender, kViewer, kOperator, kApprover, kAdmin };

inline constexpr std::array<std::string_view, 5> kRoleNames = {"sender", "viewer", "operator",
                                                               "approver", "admin"};

constexpr std::string_view ToString(Role role) {
  return kRoleNames[static_cast<size_t>(role)];
}

constexpr std::optional<Role> ParseRole(std::string_view name) {
  for (size_t i = 0; i < kRoleNames.size(); ++i)
    if (kRoleNames[i] == name) return static_cast<Role>(i);
  return std::nullopt;
}

struct Identity {
  std::string actor;  // "user:anna", "token:agent", "local": what the journal records
  Role role = Role::kViewer;
  std::string token_id;         // of the tokens file; empty otherwise
  bool may_name_actor = false;  // no tokens exist: a body's `actor` says who the person is
};

}  // namespace heald::api
