// `heald explain N`: one incident from its first sample to its verification, with every guard's
// verdict and every call; as text (explain_text.h), or as the JSON that GET /api/v1/incidents/N
// answers. Thread rule: the main thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/base/result.h"
#include "core/cli/verbs.h"
#include "core/store/store.h"

namespace heald::cli {

struct ExplainOptions {
  uint64_t incident = 0;
  std::string store;  // in place of the pipeline file's agent.store
  std::string format = "text";
};
int Explain(const ExplainOptions& options, const PipelineOptions& pipeline);

// The journal that `store` (when not empty) or the pipeline file names, read only; works while an
// agent runs and when none does.
Result<std::unique_ptr<StoreReader>> OpenJournal(const std::string& store,
                                                 const PipelineOptions& pipeline);

}  // namespace heald::cli
