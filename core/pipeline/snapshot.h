// A detector's state on disk, so that a restart doesn't forget what normal looks like. A file is
// written whole under another name and then renamed; one that is torn, damaged or of another
// plugin, version or configuration is refused. Thread rule: one thread per path.
#pragma once

#include <string>

#include "core/base/result.h"
#include "core/pipeline/spec.h"

namespace heald {

struct Snapshot {
  std::string epoch;  // of the instance whose findings' ids go on
  std::string state;  // the detector's own
};

// Says plugin, version and configuration, as far as the state depends on it, in one line; another
// one means another state.
std::string Fingerprint(const NodeSpec& node);

Status SaveSnapshot(const std::string& path, const std::string& fingerprint,
                    const Snapshot& snapshot);
// kNotFound: there is none. kCorrupt: it was refused; the message says why.
Result<Snapshot> LoadSnapshot(const std::string& path, const std::string& fingerprint);

}  // namespace heald
