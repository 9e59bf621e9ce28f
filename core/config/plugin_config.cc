#include "core/config/plugin_config.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <utility>

#include "core/config/coerce.h"

namespace heald {

namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

PluginConfig WhyRefused(const std::string& file, const std::string& message) {
  Diagnostic diagnostic;
  diagnostic.file = file;
  diagnostic.message = message;
  return {std::nullopt, {diagnostic}};
}

}  // namespace

std::string WithSubject(const Problem& problem) {
  constexpr std::string_view kVerbs[] = {"is ", "has ", "would ", "needs ", "takes ", "names "};
  const bool bare = std::any_of(std::begin(kVerbs), std::end(kVerbs), [&](std::string_view verb) {
    return problem.message.starts_with(verb);
  });
  const size_t slash = problem.pointer.rfind('/');
  if (!bare || slash == std::string::npos) return problem.message;
  std::string key = problem.pointer.substr(slash + 1);
  const bool number = !key.empty() && key.find_first_not_of("0123456789") == std::string::npos;
  if (number && slash != 0) {
    const size_t before = problem.pointer.rfind('/', slash - 1);
    key = problem.pointer.substr(before + 1, slash - before - 1) + "[" + key + "]";
  }
  // RFC 6901: ~1 is a slash, ~0 a tilde.
  for (size_t at = 0; (at = key.find("~1", at)) != std::string::npos;) key.replace(at, 2, "/");
  for (size_t at = 0; (at = key.find("~0", at)) != std::string::npos; ++at) key.replace(at, 2, "~");
  return "'" + key + "' " + problem.message;
}

PluginConfig LoadPluginConfig(const std::string& path, const Component& component,
                              const Environment& environment) {
  const std::string shown = path.empty() ? "no --config" : path;
  Result<std::string> text =
      path.empty() ? Result<std::string>("") : environment.ReadFile(path, kMaxFileBytes);
  if (!text) return WhyRefused(shown, text.error().message);
  const Result<SchemaPtr> schema = ParseSchema(component.config_schema);
  if (!schema)
    return WhyRefused(component.file,
                      "the plugin '" + component.name +
                          "' describes its config wrongly: " + schema.error().message);
  const Source source(shown, std::move(*text));
  Report report(source);
  LoadContext context{
      &report, environment, std::filesystem::path(path).parent_path().string(), {}, {}};
  PluginConfig result;
  const bool empty = source.text.find_first_not_of(" \t\n") == std::string::npos;
  const YamlPtr root = empty ? nullptr : ParseYaml(source, &report);
  if (root != nullptr || empty) {
    Typed typed = Coerce(
        {root.get(), schema->get(), "",
         std::string(ToString(component.kind)) + " (plugin " + component.name + ")", Span{}, false},
        &context);
    if (typed.ok) {
      for (const Problem& problem : component.validate(typed.value))
        report.Error(MarkOf(context.marks, problem.pointer), WithSubject(problem), "",
                     problem.pointer);
      if (!report.failed()) result.value = std::move(typed.value);
    }
  }
  result.diagnostics = report.Take();
  return result;
}

}  // namespace heald
