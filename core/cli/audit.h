// `heald audit verify`: walks the audit trail's chain of hashes and names the first row that
// doesn't fit. Thread rule: the main thread.
#pragma once

#include <string>

#include "core/cli/verbs.h"

namespace heald::cli {

struct AuditOptions {
  std::string store;  // in place of the pipeline file's agent.store
  std::string known;  // SEQ:HASH, a head that an earlier run has printed
  std::string format = "text";
};
int AuditVerify(const AuditOptions& options, const PipelineOptions& pipeline);

}  // namespace heald::cli
