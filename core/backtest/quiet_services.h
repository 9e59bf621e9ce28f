// Log and metrics of plugins where nobody reads them. Used by runs on a virtual clock.
// Thread rule: any thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "core/plugin/host.h"

namespace heald::backtest {

class QuietServices : public plugin::Services {
 public:
  void Log(std::string_view, uint32_t, std::string_view,
           const std::vector<std::pair<std::string_view, std::string_view>>&) override {}
  Result<uint64_t> Metric(std::string_view, uint32_t, std::string_view, std::string_view,
                          const Labels&) override {
    return uint64_t{0};
  }
  void Record(uint64_t, double) override {}
};

}  // namespace heald::backtest
