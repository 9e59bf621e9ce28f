// What agent.store says of a PostgreSQL: libpq's own URL, and `schema=NAME` beside libpq's
// parameters. Used by this folder. Thread rule: plain value.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace heald::postgres {

struct Target {
  std::string name;  // for people, without the password
  std::string schema = "heald";
  std::vector<std::pair<std::string, std::string>> parameters;  // as libpq takes them
  std::vector<std::string> secrets;                             // never to be shown

  // A text from libpq or the server, without secrets.
  std::string Shown(std::string text) const;
};

Result<Target> ParseTarget(const std::string& url);

}  // namespace heald::postgres
