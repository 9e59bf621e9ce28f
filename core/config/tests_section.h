// Reads `tests:`, in a pipeline file or in a file beside it. Used by the loader.
// Thread rule: pure.
#pragma once

#include <vector>

#include "core/config/coerce.h"
#include "core/model/component.h"
#include "core/pipeline/spec.h"
#include "core/pipeline/test_spec.h"

namespace heald {

// Of one test, for the schema of whole files.
std::string_view TestSchemaText();

// What can't be read is reported and left out.
std::vector<PipelineTest> ReadTests(const YamlNode& list, const PipelineSpec& spec,
                                    const Catalog& catalog, LoadContext* context);

}  // namespace heald
