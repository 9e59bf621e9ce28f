#include "core/backtest/past_names.h"

#include <algorithm>
#include <vector>

#include "core/model/suggest.h"
#include "core/remedy/policy.h"

namespace heald::backtest {
namespace {

constexpr size_t kListed = 12;

}  // namespace

PastNames::PastNames(const PipelineSpec& spec) : spec_(spec) {
  for (std::string& name : remedy::WantedSamples(spec)) looked_up_.insert(std::move(name));
}

bool PastNames::DetectorReads(const std::string& source, const std::string& output) const {
  return std::any_of(spec_.nodes.begin(), spec_.nodes.end(), [&](const NodeSpec& node) {
    return node.kind == Kind::kDetector && node.enabled &&
           std::any_of(node.inputs.begin(), node.inputs.end(), [&](const InputRef& input) {
             return input.node == source && (input.output.empty() || input.output == output);
           });
  });
}

bool PastNames::Reads(const std::string& source, const std::string& output) const {
  return DetectorReads(source, output) || looked_up_.contains(output) ||
         looked_up_.contains(source + "." + output);
}

Result<SourceOutput> PastNames::Resolve(const std::string& source, const std::string& name) const {
  const auto unread = [&] {
    return MakeError(Code::kNotFound, "nothing in the pipeline reads " +
                                          (source.empty() ? name : source + "." + name));
  };
  // A source of that name; others may have been recorded by another pipeline.
  if (const NodeSpec* node = spec_.FindNode(source);
      node != nullptr && node->kind == Kind::kSource && Reads(source, name))
    return SourceOutput{source, name};
  std::vector<const NodeSpec*> declared;  // sources that name it
  std::vector<const NodeSpec*> open;      // ... that may have anything, and this is read of them
  for (const NodeSpec& node : spec_.nodes) {
    if (node.kind != Kind::kSource) continue;
    if (name.starts_with(node.name + ".") && Reads(node.name, name.substr(node.name.size() + 1)))
      return SourceOutput{node.name, name.substr(node.name.size() + 1)};
    if (std::find(node.outputs.begin(), node.outputs.end(), name) != node.outputs.end())
      declared.push_back(&node);
    else if (node.outputs.empty())
      open.push_back(&node);
  }
  std::vector<const NodeSpec*>& sources = declared.empty() ? open : declared;
  std::erase_if(sources, [&](const NodeSpec* node) { return !Reads(node->name, name); });
  if (sources.empty()) return unread();
  if (sources.size() > 1)
    return MakeError(Code::kInvalid, "'" + name + "' could be of source " + sources[0]->name +
                                         " or of " + sources[1]->name + ": write " +
                                         sources[0]->name + "." + name);
  return SourceOutput{sources[0]->name, name};
}

std::string PastNames::Wanted() const {
  std::vector<std::string> names;
  for (const NodeSpec& node : spec_.nodes) {
    if (node.kind != Kind::kDetector || !node.enabled) continue;
    for (const InputRef& input : node.inputs) {
      const std::string name =
          input.output.empty() ? input.node + ".*" : input.node + "." + input.output;
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  return JoinNames(names, kListed);
}

}  // namespace heald::backtest
