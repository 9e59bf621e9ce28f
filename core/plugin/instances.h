// Instances of plugin components behind the runner's interfaces: every call goes through the C
// table, every answer is checked and copied. Used by the composition root.
// Thread rule: as core/pipeline/instance.h.
#pragma once

#include <memory>

#include "core/pipeline/instance.h"
#include "core/plugin/host.h"
#include "core/plugin/loader.h"

namespace heald::plugin {

class Factory final : public InstanceFactory {
 public:
  Factory(const Loader& loader, Shared shared);
  Result<std::unique_ptr<SourceInstance>> MakeSource(NodeContext& node) override;
  Result<std::unique_ptr<DetectorInstance>> MakeDetector(NodeContext& node) override;
  Result<std::unique_ptr<ActionInstance>> MakeAction(NodeContext& node) override;
  Result<std::unique_ptr<NotifierInstance>> MakeNotifier(NodeContext& node) override;

 private:
  const Loader& loader_;
  const Shared shared_;
};

}  // namespace heald::plugin
