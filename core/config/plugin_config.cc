#include "core/config/plugin_config.h"

#include <filesystem>
#include <utility>

#include "core/config/coerce.h"

namespace heald {

namespace {

constexpr size_t kMaxFileBytes = size_t{1} << 20;

PluginConfig Refuse(const std::string& file, const std::string& message) {
  Diagnostic diagnostic;
  diagnostic.file = file;
  diagnostic.message = message;
  return {std::nullopt, {diagnostic}};
}

}  // namespace

PluginConfig LoadPluginConfig(const std::string& path, const Component& component,
                              const Environment& environment) {
  const std::string shown = path.empty() ? "no --config" : path;
  Result<std::string> text =
      path.empty() ? Result<std::string>("") : environment.ReadFile(path, kMaxFileBytes);
  if (!text) return Refuse(shown, text.error().message);
  const Result<SchemaPtr> schema = ParseSchema(component.config_schema);
  if (!schema)
    return Refuse(component.file, "the plugin '" + component.name +
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
        report.Error(MarkOf(context.marks, problem.pointer), problem.message, "", problem.pointer);
      if (!report.failed()) result.value = std::move(typed.value);
    }
  }
  result.diagnostics = report.Take();
  return result;
}

}  // namespace heald
