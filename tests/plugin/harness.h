// A node and what hears it, for tests that drive a plugin's instances without a pipeline. Used by
// instances_test.cc and golden_test.cc. Thread rule: tests only, one thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/pipeline/instance.h"
#include "core/plugin/host.h"

namespace heald::plugin {

class Context final : public NodeContext {
 public:
  explicit Context(Kind kind, const std::string& plugin = "echo") {
    spec_.kind = kind;
    spec_.name = "node";
    spec_.plugin = plugin;
  }
  uint32_t index() const override { return 3; }
  const NodeSpec& spec() const override { return spec_; }
  bool cancelled() const override { return false; }
  NodeSpec spec_;
};

class Recorder final : public Emitter, public Services {
 public:
  Result<SampleBatch*> Reserve(uint64_t rows) override { return new SampleBatch(3, rows, false); }
  heald::Status Commit(SampleBatch* raw, uint64_t rows) override {
    raw->rows = rows;
    batches.emplace_back(raw);
    return {};
  }
  heald::Status Logs(std::vector<LogLine> more) override {
    for (LogLine& line : more) logs.push_back(std::move(line));
    return {};
  }
  heald::Status Findings(std::vector<Finding> more) override {
    for (Finding& finding : more) findings.push_back(std::move(finding));
    return {};
  }
  void Log(std::string_view node, uint32_t, std::string_view message,
           const std::vector<std::pair<std::string_view, std::string_view>>&) override {
    lines.push_back(std::string(node) + ": " + std::string(message));
  }
  Result<uint64_t> Metric(std::string_view, uint32_t, std::string_view, std::string_view,
                          const Labels&) override {
    return uint64_t{0};
  }
  void Record(uint64_t, double) override {}

  std::vector<BatchRef> batches;
  std::vector<Finding> findings;
  std::vector<LogLine> logs;
  std::vector<std::string> lines;
};

}  // namespace heald::plugin
