// What a person sees of a running load: one line that is rewritten on a terminal, a plain line
// every few seconds elsewhere, and a closing table. Used by load, steady and chaos. Thread rule:
// one thread.
#pragma once

#include <cstdint>
#include <cstdio>
#include <string>

#include "demo/tools/load_engine.h"

namespace heald::demo {

class Progress {
 public:
  // `what` opens each line.
  Progress(std::string what, std::FILE* out, bool terminal);
  void Show(const LoadReport& report);
  void Summary(const LoadReport& report);

 private:
  const std::string what_;
  std::FILE* out_;
  const bool terminal_;
  const int64_t every_ns_;
  int64_t next_ns_;
};

}  // namespace heald::demo
