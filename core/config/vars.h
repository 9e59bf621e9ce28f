// `vars:` of a pipeline file: values with names, for ${var.NAME} anywhere else in that file, which
// whoever includes the file may set. Used by include.cc. Thread rule: pure.
#pragma once

#include <string_view>

#include "core/config/yaml.h"

namespace heald {

// The map `root` with every ${var.NAME} filled in. `given`: the `with` of an include, or null. A
// text that is nothing but one placeholder becomes what the var is, a list too, and has that place.
YamlPtr FillVars(const YamlPtr& root, const YamlMember* given, Report* report);

// For the schema of whole files.
std::string_view VarsSchemaText();

}  // namespace heald
