// A node's cordon, and whose it is. Used by cordon, uncordon and drain. Thread rule: as Client.
#pragma once

#include <string>

#include "plugins/actions/kubernetes/kubernetes_action.h"

namespace heald::kubernetes {

// On a node that heald has cordoned: the decision. Whoever finds a cordon without it leaves it.
inline constexpr const char* kCordonedBy = "heald.io/cordoned-by";

bool IsCordoned(const Json& node);
// Empty: not heald's.
std::string CordonedBy(const Json& node);

// Cordons it in this decision's name. False: it was cordoned already.
bool Cordon(const Context& context, const std::string& node, bool dry_run, Json* changed);
// Makes it schedulable where `by` has cordoned it; false: nobody has, or somebody else.
bool Uncordon(const Context& context, const std::string& node, std::string_view by, bool dry_run,
              Json* changed);
// Uncordon of this decision's own, for an undo: waits for an API server that is away, until the
// call's deadline, so that no node is left to a person because of an outage.
bool GiveBack(const Context& context, const std::string& node, Json* changed);

}  // namespace heald::kubernetes
