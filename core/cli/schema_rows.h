// The keys of a schema as rows, for people: `heald plugin doc` and the manual page.
// Thread rule: any thread.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

namespace heald::cli {

struct SchemaRow {
  std::string key;      // "verify.within", "steps[].action", "actions.*.takes"
  std::string type;     // "duration", "list of string", "text | json"
  std::string initial;  // its default, or "required"
  std::string what;
  bool required = false;
};

std::vector<SchemaRow> RowsOf(const nlohmann::ordered_json& schema);

}  // namespace heald::cli
