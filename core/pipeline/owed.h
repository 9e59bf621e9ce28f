// What nodes have left undone that are gone, or are configured otherwise now, by their own account:
// the first lines of the files "owed-PLUGIN-…" in their state folders. Where the second is
// "with KEY: TEXT", only a node with that in its config looks after it; whatever else follows is
// the plugin's. Asked when a pipeline is loaded, and by the agent's status. Thread rule: any
// thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/pipeline/spec.h"

namespace heald {

struct Owed {
  std::string node;
  std::string text;
  std::string changed;  // the key by which the node no longer looks after it; empty: it is gone
  std::string heirs;    // nodes of which one takes it over: "back_out or cartback"
  // "back is no longer in the pipeline and has left this: auto-sync of shop is off since …"
  std::string Sentence() const;
};

struct RunningNode {
  std::string plugin;
  std::map<std::string, std::string> config;  // its texts
};

// By name: these look after their own.
std::map<std::string, RunningNode> RunningNodes(const PipelineSpec& spec);

// Ordered by node and file. Folders that can't be read have none.
std::vector<Owed> OwedByGone(const std::string& state_dir,
                             const std::map<std::string, RunningNode>& running);

}  // namespace heald
