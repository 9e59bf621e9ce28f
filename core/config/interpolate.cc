#include "core/config/interpolate.h"

#include <optional>

#include "core/model/template.h"

namespace heald {
namespace {

constexpr size_t kMaxValueBytes = 65'536;

bool IsVariableName(std::string_view name) {
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  return name.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") ==
         std::string_view::npos;
}

// Fills `out` in, or says what is wrong.
std::optional<Interpolated::Mistake> FromVariable(std::string_view body,
                                                  const Environment& environment,
                                                  Interpolated* out) {
  const size_t colon = body.find(':');
  const std::string name(body.substr(0, colon));
  const bool has_default = colon != std::string_view::npos && body.substr(colon, 2) == ":-";
  if (!IsVariableName(name) || (colon != std::string_view::npos && !has_default))
    return Interpolated::Mistake{0, 1, "'" + std::string(body) + "' is no variable name",
                                 "write ${env:NAME} or ${env:NAME:-default}"};
  const std::optional<std::string> value = environment.Variable(name);
  if (value && (!value->empty() || !has_default)) {
    out->text += EscapeTemplate(*value);
    out->from_outside = true;
  } else if (has_default) {
    out->text += EscapeTemplate(body.substr(colon + 2));
  } else {
    return Interpolated::Mistake{0, 1, "the environment variable " + name + " is not set",
                                 "set it, or give a default: ${env:" + name + ":-…}", true};
  }
  return std::nullopt;
}

std::optional<Interpolated::Mistake> FromFile(std::string_view body, const Environment& environment,
                                              const std::string& folder, Interpolated* out) {
  std::string path(body);
  if (path.empty())
    return Interpolated::Mistake{0, 1, "no file name in ${file:}", "write ${file:/run/secrets/x}"};
  if (path[0] != '/' && !folder.empty()) path = folder + "/" + path;
  Result<std::string> text = environment.ReadFile(path, kMaxValueBytes);
  if (!text.ok())
    return Interpolated::Mistake{0, 1, "'" + std::string(body) + "': " + text.error().message,
                                 body[0] == '/' ? "" : "paths begin at the pipeline file's folder",
                                 text.error().code == Code::kNotFound};
  if (!text->empty() && text->back() == '\n') text->pop_back();
  if (!text->empty() && text->back() == '\r') text->pop_back();
  out->text += EscapeTemplate(*text);
  out->from_outside = true;
  return std::nullopt;
}

}  // namespace

Interpolated Interpolate(std::string_view text, const Environment& environment,
                         const std::string& folder) {
  Interpolated out;
  size_t i = 0;
  while (i < text.size()) {
    if (text.substr(i, 3) == "$${") {
      out.text += "$${";
      i += 3;
      continue;
    }
    if (text.substr(i, 2) != "${") {
      out.text += text[i] == '$' ? "${$}" : std::string(1, text[i]);
      ++i;
      continue;
    }
    const size_t end = text.find('}', i);
    if (end == std::string_view::npos) {
      out.mistakes.push_back(
          {i, text.size() - i, "this ${ has no closing }", "write $${ for a literal ${"});
      return out;
    }
    const std::string_view body = text.substr(i + 2, end - i - 2);
    const size_t length = end + 1 - i;
    std::optional<Interpolated::Mistake> mistake;
    if (body.substr(0, 4) == "env:") {
      mistake = FromVariable(body.substr(4), environment, &out);
      out.any = true;
    } else if (body.substr(0, 5) == "file:") {
      mistake = FromFile(body.substr(5), environment, folder, &out);
      out.any = true;
    } else if (body == "$") {
      out.text += "${$}";
    } else if (IsRuntimeName(body)) {
      out.runtime.push_back({i, length});
      out.text += text.substr(i, length);
    } else {
      mistake = {0, 1, "unknown placeholder '${" + std::string(body) + "}'",
                 IsVariableName(body)
                     ? "write ${env:" + std::string(body) + "}, or $${ for a literal ${"
                     : "known are env:, file:, target., finding., incident., for notifiers also "
                       "approval., decision., outcome., event.; write $${ for a literal ${"};
    }
    if (mistake) {
      mistake->offset = i;
      mistake->length = length;
      out.mistakes.push_back(*std::move(mistake));
    }
    i = end + 1;
  }
  return out;
}

}  // namespace heald
