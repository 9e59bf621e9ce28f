// Reads kubeconfig files as kubectl does: several merge, the first that says something wins.
// Only config.cc uses it. Thread rule: pure but for reading the files.
#pragma once

#include <string>
#include <vector>

#include "plugins/support/kubernetes/config.h"

namespace heald::kubernetes {

// files: at least one; of several those that don't exist are left out. context: empty: the current
// one. Throws Failure(HEALD_INVALID) whose message begins with file, line and key.
// Fills url, credentials, TLS, proxy, name_space and origin of a Cluster whose http is `base`.
Cluster ReadKubeconfig(const std::vector<std::string>& files, const std::string& context,
                       const support::HttpConfig& base);

// "a:b" apart; "~/" becomes the home folder.
std::vector<std::string> SplitKubeconfigList(const std::string& list);

}  // namespace heald::kubernetes
