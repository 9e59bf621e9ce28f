// The host's side of heald_host and heald_sink: one NodeHost per instance, one NodeSink per
// emitter. Used by instances.cc. Thread rule: any thread, as the ABI promises.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/base/clock.h"
#include "core/model/series.h"
#include "core/pipeline/instance.h"
#include "heald/abi/plugin.h"

namespace heald::plugin {

// Log and metrics, as the composition root provides them. Any thread.
class Services {
 public:
  virtual ~Services() = default;
  virtual void Log(std::string_view node, uint32_t level, std::string_view message,
                   const std::vector<std::pair<std::string_view, std::string_view>>& fields) = 0;
  // `name` without the prefix heald_plugin_; `node` becomes a label.
  virtual Result<uint64_t> Metric(std::string_view node, uint32_t kind, std::string_view name,
                                  std::string_view help, const Labels& labels) = 0;
  virtual void Record(uint64_t metric, double value) = 0;
};

// What all instances share.
struct Shared {
  SeriesTable* series = nullptr;
  const Clock* clock = nullptr;
  Services* services = nullptr;
  std::string state_dir;  // of the agent; nodes get a folder below it
};

class NodeHost {
 public:
  NodeHost(const Shared& shared, NodeContext& node, std::string state_dir);
  NodeHost(const NodeHost&) = delete;
  NodeHost& operator=(const NodeHost&) = delete;
  const heald_host* table() const { return &table_; }
  NodeContext& node() const { return node_; }
  // By the `ctx` of its table.
  static NodeHost& Of(void* ctx) { return *static_cast<NodeHost*>(ctx); }

 private:
  const Shared& shared_;
  NodeContext& node_;
  const std::string state_dir_;
  heald_host table_{};
};

class NodeSink {
 public:
  explicit NodeSink(Emitter& emitter);
  NodeSink(const NodeSink&) = delete;
  NodeSink& operator=(const NodeSink&) = delete;
  const heald_sink* table() const { return &table_; }

 private:
  heald_sink table_{};
};

}  // namespace heald::plugin
