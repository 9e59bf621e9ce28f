// `${…}` in one string of a pipeline file. env and file are filled in while loading, after YAML
// was parsed, so a value can never become structure; target, finding and incident stay for run
// time. Used by coerce.cc. Thread rule: pure functions over a const environment.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/config/environment.h"

namespace heald {

struct Interpolated {
  // With run-time placeholders still in it, all else escaped: what RenderText takes.
  std::string text;
  bool from_outside = false;  // a value came from the environment or a file: maybe a secret
  bool any = false;           // had a placeholder that was filled in: may become any scalar type

  struct Mistake {
    size_t offset = 0;
    size_t length = 1;
    std::string message;
    std::string hint;
    bool absent = false;  // a variable or a file that isn't there, well written though
  };
  std::vector<Mistake> mistakes;
  struct Mark {
    size_t offset = 0;
    size_t length = 0;
  };
  std::vector<Mark> runtime;  // the run-time placeholders
};

// `folder`: where relative ${file:…} paths begin.
Interpolated Interpolate(std::string_view text, const Environment& environment,
                         const std::string& folder);

}  // namespace heald
