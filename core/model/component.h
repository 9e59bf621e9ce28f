// What the host knows of a plugin's component before any instance exists. Filled by core/plugin,
// read by core/config to check a pipeline file. Thread rule: immutable once in a catalog.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/value.h"

namespace heald {

enum class Kind : uint8_t { kSource = 0, kDetector = 1, kAction = 2, kNotifier = 3 };
std::string_view ToString(Kind kind);  // "source"

// Record types, as bits; numbered as in the ABI.
enum Record : uint32_t {
  kSamples = 1u << 0,
  kLogs = 1u << 1,
  kFindings = 1u << 2,
  kDecisions = 1u << 3,
  kOutcomes = 1u << 4,
  kIncidents = 1u << 5,
};
// "samples", "samples or logs"
std::string RecordNames(uint32_t records);

struct Problem {
  std::string pointer;  // RFC 6901, relative to the config
  std::string message;
};

// What an action is able to do under a config, known before it has made a plan.
struct Abilities {
  bool undo = false;
  bool canary = false;
};

struct Component {
  Kind kind = Kind::kSource;
  std::string name;
  std::string doc;
  std::string config_schema;  // JSON Schema text
  std::string plugin;         // name of the plugin it is in
  std::string version;
  std::string file;  // path of the .so; empty for one built in (tests)
  uint32_t inputs = 0;
  uint32_t outputs = 0;
  bool blocking = false;
  bool reentrant = false;
  bool deterministic = false;
  bool open_outputs = false;
  // Semantic checks of an already typed config; never null.
  std::function<std::vector<Problem>(const Value& config)> validate;
  // Output (query) names of a source under this config; never null.
  std::function<std::vector<std::string>(const Value& config)> outputs_of;
  // Null for what isn't loaded from a plugin (tests): then everything is possible.
  std::function<Abilities(const Value& config)> abilities_of;
};

class Catalog {
 public:
  virtual ~Catalog() = default;
  // Null when there is none of that name.
  virtual const Component* Find(Kind kind, std::string_view name) const = 0;
  virtual std::vector<const Component*> All() const = 0;
  // Why a plugin file of that component name could not be loaded; empty when there is no such file.
  virtual std::string LoadError(Kind kind, std::string_view name) const = 0;
  // From here on plugins are looked for there too (agent.plugin_dirs).
  virtual void AddFolder(const std::string& folder) const { static_cast<void>(folder); }
};

}  // namespace heald
