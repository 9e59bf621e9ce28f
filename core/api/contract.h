// The API's contract, openapi.yaml, embedded by the build as written and as JSON. Used by the
// router and by tests. Thread rule: constants.
#pragma once

#include <string_view>

namespace heald::api {

std::string_view ContractYaml();
std::string_view ContractJson();

}  // namespace heald::api
