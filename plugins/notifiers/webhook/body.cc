#include "plugins/notifiers/webhook/body.h"

#include <nlohmann/json.hpp>
#include <vector>

namespace heald::webhook {
namespace {

using Json = nlohmann::ordered_json;

// What stands between the placeholders, in the order in which it comes; one more than these.
std::vector<std::string> LiteralsOf(std::string_view written) {
  std::vector<std::string> literals(1);
  for (size_t i = 0; i < written.size();) {
    if (written.substr(i, 3) == "$${") {
      literals.back() += "${";
      i += 3;
    } else if (written.substr(i, 4) == "${$}") {
      literals.back() += '$';
      i += 4;
    } else if (const size_t end = written.find('}', i);
               written.substr(i, 2) == "${" && end != std::string_view::npos) {
      literals.emplace_back();
      i = end + 1;
    } else {
      literals.back() += written[i++];
    }
  }
  return literals;
}

// As it stands between the quotes of a JSON text.
std::string Escaped(std::string_view value) {
  const std::string quoted =
      Json(std::string(value)).dump(-1, ' ', false, Json::error_handler_t::replace);
  return quoted.substr(1, quoted.size() - 2);
}

std::string Joined(const std::vector<std::string>& literals, std::string_view between) {
  std::string out;
  for (size_t i = 0; i < literals.size(); ++i) {
    if (i != 0) out += between;
    out += literals[i];
  }
  return out;
}

}  // namespace

std::string CheckJsonBody(std::string_view written) {
  const std::vector<std::string> literals = LiteralsOf(written);
  // A text takes a quoted quote, anything else in JSON doesn't.
  if (Json::accept(Joined(literals, "\\\""))) return {};
  try {
    const Json json = Json::parse(Joined(literals, "0"));
    return json.is_discarded() ? "is not JSON"
                               : "has a placeholder outside of quotes: write \"${finding.value}\", "
                                 "because a value that isn't known would leave a gap";
  } catch (const Json::parse_error& e) {
    return "is not JSON from character " + std::to_string(e.byte) +
           " on, counted without placeholders: write another content_type where it isn't meant to "
           "be";
  }
}

std::string JsonBody(std::string_view written, std::string_view filled) {
  const std::vector<std::string> literals = LiteralsOf(written);
  if (literals.size() == 1) return std::string(filled);
  const std::string_view last = literals.back();
  std::string out = literals.front();
  size_t at = literals.front().size();
  for (size_t i = 1; i < literals.size(); ++i) {
    const size_t end =
        i + 1 == literals.size() ? filled.size() - last.size() : filled.find(literals[i], at);
    if (end == std::string_view::npos || end < at) return std::string(filled);
    out += Escaped(filled.substr(at, end - at));
    out += literals[i];
    at = end + literals[i].size();
  }
  return out;
}

}  // namespace heald::webhook
