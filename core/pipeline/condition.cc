#include "core/pipeline/condition.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "core/model/suggest.h"

namespace heald {
namespace {

// Labels aren't known before samples come, so the usual ones are listed, to tell them from a typo.
const std::set<std::string>& UsualLabels() {
  static const std::set<std::string> kLabels = {
      "app",      "cluster", "container", "datacenter", "deployment", "device", "env",
      "endpoint", "host",    "image",     "instance",   "job",        "method", "mode",
      "mount",    "name",    "namespace", "node",       "path",       "pod",    "region",
      "resource", "route",   "service",   "services",   "shard",      "state",  "status",
      "team",     "tenant",  "tier",      "type",       "version",    "volume", "zone"};
  return kLabels;
}

class ConditionChecker {
 public:
  ConditionChecker(const Catalog& catalog, const GraphDoubts& doubts, const PipelineSpec& spec,
                   const When& when, std::string path, bool must_be_decided)
      : catalog_(catalog),
        doubts_(doubts),
        spec_(spec),
        when_(when),
        path_(std::move(path)),
        must_be_decided_(must_be_decided) {}

  ConditionCheck Run() {
    Collect();
    for (const std::string& name : when_.names()) Check(name);
    for (const std::string& name : when_.compared_names()) CheckUnquoted(name);
    return std::move(out_);
  }

 private:
  void Collect() {
    known_ = WhenFields();
    for (const NodeSpec& node : spec_.nodes) {
      if (node.kind != Kind::kSource) continue;
      const Component* component = catalog_.Find(node.kind, node.plugin);
      if (doubts_.untyped.count(node.name) != 0 || component == nullptr)
        unknown_queries_ = true;
      else if (component->open_outputs)
        open_sources_.push_back(node.name);
      for (const std::string& output : node.outputs) {
        queries_[output].push_back(node.name);
        givers_[output] += node.enabled ? 1 : 0;
        known_.push_back(output);
      }
    }
  }

  void Check(const std::string& name) {
    const std::vector<std::string>& fields = WhenFields();
    const bool field = std::find(fields.begin(), fields.end(), name) != fields.end();
    const auto query = queries_.find(name);
    const size_t dot = name.find('.');
    if (dot != std::string::npos) {
      CheckQualified(name, dot);
    } else if (field && query != queries_.end()) {
      Add(name, "'" + name + "' is the finding's own field, not the query",
          "write " + query->second.front() + "." + name + " for the query")
          .warning = true;
    } else if (query != queries_.end()) {
      out_.read.insert(query->second.begin(), query->second.end());
      if (givers_[name] > 1)
        Add(name, "several sources give '" + name + "': the largest value counts",
            "write " + query->second.front() + "." + name)
            .warning = true;
    } else if (!field && UsualLabels().count(name) == 0) {
      out_.read.insert(open_sources_.begin(), open_sources_.end());
      if (!unknown_queries_ && !doubts_.missing_nodes) CheckTypo(name);
    }
  }

  // `service == orders`: a bare word on the right is a name, and nothing has that one.
  void CheckUnquoted(const std::string& name) {
    if (name.find('.') != std::string::npos || UsualLabels().count(name) != 0 ||
        std::find(known_.begin(), known_.end(), name) != known_.end() || unknown_queries_ ||
        !open_sources_.empty() || doubts_.missing_nodes)
      return;
    for (const GraphProblem& problem : out_.problems)
      if (problem.message.find("'" + name + "'") != std::string::npos && !problem.warning) return;
    Add(name,
        "'" + name +
            "' is no finding field, no query and no usual label; text is written in quotes",
        "write \"" + name + "\"");
  }

  // "prom.latency_p99", or "target.zone" for a label
  void CheckQualified(const std::string& name, size_t dot) {
    const InputRef edge{name.substr(0, dot), name.substr(dot + 1), path_};
    if (edge.node == "target") return;
    std::vector<std::string> sources;
    for (const NodeSpec& node : spec_.nodes) {
      if (node.kind != Kind::kSource) continue;
      sources.push_back(node.name);
      if (node.name != edge.node) continue;
      out_.read.insert(node.name);
      if (doubts_.untyped.count(node.name) != 0) return;
      if (const auto problem = CheckSourceOutput(catalog_, node, edge))
        Add(name, problem->message, problem->hint);
      return;
    }
    if (doubts_.missing_nodes) return;
    const std::string meant = Closest(edge.node, sources);
    if (!meant.empty()) out_.read.insert(meant);
    Add(name, "'" + edge.node + "' is no source",
        edge.node == "finding" ? "write '" + edge.output + "'" : DidYouMean(edge.node, sources));
  }

  // A name that is nearly another would make the condition inconclusive for ever. Short names are
  // near to many others, so they get a warning only.
  void CheckTypo(const std::string& name) {
    constexpr size_t kLongEnough = 6;
    if (name.size() < 4 && !must_be_decided_) return;
    std::string nearest;
    size_t distance = 3;
    for (const std::string& candidate : known_) {
      const size_t d = EditDistance(name, candidate);
      if (d < distance) {
        distance = d;
        nearest = candidate;
      }
    }
    const bool is_short = name.size() < kLongEnough;
    if (nearest.empty() || (distance == 2 && is_short)) {
      if (must_be_decided_ && open_sources_.empty())
        Add(name,
            "'" + name +
                "' is no finding field and no query; where targets have no such label it "
                "is never decided",
            "write the query's name, such as prom.latency_p99")
            .warning = true;
      return;
    }
    const bool doubtful = is_short && !must_be_decided_;
    Add(name,
        "'" + name + "' is no finding field and no query" +
            (doubtful ? "; it is taken for a label" : ""),
        "did you mean '" + nearest + "'?")
        .warning = doubtful;
  }

  // Points at the name as a word, not at a part of a longer one.
  GraphProblem& Add(const std::string& name, std::string message, std::string hint) {
    GraphProblem problem;
    problem.path = path_;
    problem.message = std::move(message);
    problem.hint = std::move(hint);
    const std::string& text = when_.text();
    const auto is_word = [&](size_t i) {
      return i < text.size() && (std::isalnum(static_cast<unsigned char>(text[i])) != 0 ||
                                 text[i] == '_' || text[i] == '.' || text[i] == ':');
    };
    for (size_t at = text.find(name); at != std::string::npos; at = text.find(name, at + 1)) {
      if ((at > 0 && is_word(at - 1)) || is_word(at + name.size())) continue;
      problem.offset = at;
      problem.length = name.size();
      break;
    }
    out_.problems.push_back(std::move(problem));
    return out_.problems.back();
  }

  const Catalog& catalog_;
  const GraphDoubts& doubts_;
  const PipelineSpec& spec_;
  const When& when_;
  const std::string path_;
  const bool must_be_decided_;
  std::vector<std::string> known_;
  std::map<std::string, std::vector<std::string>> queries_;  // to the sources that give them
  std::map<std::string, int> givers_;                        // how many of them aren't switched off
  std::vector<std::string> open_sources_;
  bool unknown_queries_ = false;
  ConditionCheck out_;
};

}  // namespace

ConditionCheck CheckCondition(const Catalog& catalog, const GraphDoubts& doubts,
                              const PipelineSpec& spec, const When& when, const std::string& path,
                              bool must_be_decided) {
  return ConditionChecker(catalog, doubts, spec, when, path, must_be_decided).Run();
}

std::optional<GraphProblem> CheckSourceOutput(const Catalog& catalog, const NodeSpec& source,
                                              const InputRef& edge) {
  const Component* component = catalog.Find(source.kind, source.plugin);
  if (component != nullptr && component->open_outputs) return std::nullopt;
  const std::vector<std::string>& outputs = source.outputs;
  if (std::find(outputs.begin(), outputs.end(), edge.output) != outputs.end()) return std::nullopt;
  GraphProblem problem;
  problem.path = edge.path;
  problem.message = "source '" + source.name + "' has no output '" + edge.output + "'";
  problem.hint = DidYouMean(edge.output, outputs);
  if (problem.hint.empty())
    problem.hint = outputs.empty() ? "it has none" : "it has " + JoinNames(outputs);
  return problem;
}

}  // namespace heald
