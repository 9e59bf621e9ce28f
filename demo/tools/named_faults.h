// The faults that have a name: what demo/chaos breaks and what the scenarios try. A new fault is
// one row in named_faults.cc. Used by the verbs and the scenarios. Thread rule: plain values; the
// list from any thread.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace heald::demo {

struct NamedFault {
  std::string name;
  std::string service;  // that suffers it unless another is named
  std::string text;     // what happens, after the service's name
  nlohmann::json body;  // of PUT /chaos
};

const std::vector<NamedFault>& NamedFaults();
const NamedFault* FindFault(std::string_view name);

}  // namespace heald::demo
