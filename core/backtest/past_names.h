// Where a recorded series belongs in a pipeline: which source's output it is, if anything reads
// that. Files may leave the source out, or write it before the name: `prom.latency_p99`.
// Used by the backtest's histories. Thread rule: const calls are safe from any thread.
#pragma once

#include <set>
#include <string>

#include "core/base/result.h"
#include "core/pipeline/spec.h"

namespace heald::backtest {

struct SourceOutput {
  std::string source;
  std::string output;
};

class PastNames {
 public:
  // Keeps a reference.
  explicit PastNames(const PipelineSpec& spec);

  // `source`: as the file has it, or empty. kNotFound where nothing in the pipeline reads it;
  // kInvalid where it could be of several sources.
  Result<SourceOutput> Resolve(const std::string& source, const std::string& name) const;
  // Whether a detector, or a condition, reads it.
  bool Reads(const std::string& source, const std::string& output) const;
  // What the detectors read, for people: "prom.latency_p99, prom.error_rate".
  std::string Wanted() const;

 private:
  bool DetectorReads(const std::string& source, const std::string& output) const;

  const PipelineSpec& spec_;
  std::set<std::string> looked_up_;  // by conditions
};

}  // namespace heald::backtest
