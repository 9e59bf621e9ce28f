// What nodes that are gone have left undone, by their own account: the first lines of the files
// "owed-PLUGIN-…" in their state folders, whose other lines are the plugin's. Asked when a pipeline
// is loaded, and by the agent's status. Thread rule: any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/pipeline/spec.h"

namespace heald {

struct Owed {
  std::string node;
  std::string text;
  // "back is no longer in the pipeline and has left this: auto-sync of shop is off since …"
  std::string Sentence() const;
};

// Nodes that run, with their plugins: these look after their own.
std::map<std::string, std::string> RunningNodes(const PipelineSpec& spec);

// Ordered by node and file. Folders that can't be read have none.
std::vector<Owed> OwedByGone(const std::string& state_dir,
                             const std::map<std::string, std::string>& running);

}  // namespace heald
