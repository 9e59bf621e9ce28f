#include "demo/services/docs_page.h"

#include <algorithm>
#include <sstream>

namespace heald::demo {
namespace {

using nlohmann::json;

constexpr const char* kStyle = R"(
:root{color-scheme:light dark;--line:#8884;--soft:#8882}
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem}h2{font-size:1rem;margin:2rem 0 .3rem}
code,pre{font:14px/1.5 ui-monospace,monospace}
pre{background:var(--soft);padding:.6rem .8rem;border-radius:6px;overflow-x:auto}
table{border-collapse:collapse;width:100%;margin:.5rem 0}
th,td{text-align:left;padding:.25rem .6rem .25rem 0;border-bottom:1px solid var(--line);
vertical-align:top}
th:first-child{width:14rem}
.method{display:inline-block;min-width:4.5rem;font-weight:700}
.note{opacity:.7;font-weight:400}
)";

std::string Escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// "string, 1 to 100 bytes" in a word or two, from the same schema programs get.
std::string Describe(const Field& field) {
  const json schema = FieldSchema(field);
  std::ostringstream out;
  out << schema["type"].get<std::string>();
  if (schema.contains("minimum")) out << ", " << schema["minimum"] << " to " << schema["maximum"];
  if (schema.contains("enum")) {
    out << ": ";
    for (const auto& choice : field.choices)
      out << (&choice == &field.choices[0] ? "" : ", ") << choice;
  } else if (schema.contains("minLength")) {
    out << ", " << schema["minLength"] << " to " << schema["maxLength"] << " bytes";
  }
  return out.str();
}

void WriteFields(std::ostream& out, const char* heading, const std::vector<Field>& fields) {
  if (fields.empty()) return;
  out << "<table><tr><th>" << heading << "</th><th>Type</th><th>Meaning</th></tr>";
  for (const Field& field : fields)
    out << "<tr><td><code>" << Escape(field.name) << "</code>"
        << (field.required ? "" : " <span class=note>optional</span>") << "</td><td>"
        << Escape(Describe(field)) << "</td><td>" << Escape(field.doc) << "</td></tr>";
  out << "</table>\n";
}

std::string OperationId(const Route& route) {
  std::string id = route.method;
  std::transform(id.begin(), id.end(), id.begin(), [](unsigned char c) { return std::tolower(c); });
  for (const char c : route.pattern)
    if (c != '{' && c != '}') id += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  return id;
}

std::vector<std::string> PathParams(const std::string& pattern) {
  std::vector<std::string> names;
  for (size_t open = pattern.find('{'); open != std::string::npos;
       open = pattern.find('{', open + 1))
    names.push_back(pattern.substr(open + 1, pattern.find('}', open) - open - 1));
  return names;
}

json Operation(const Route& route) {
  json operation = {{"summary", route.summary},
                    {"operationId", OperationId(route)},
                    {"tags", {route.kind == Route::Kind::kBusiness ? "business" : "operation"}}};
  for (const std::string& name : PathParams(route.pattern))
    operation["parameters"].push_back(
        {{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}});
  for (const Field& field : route.query)
    operation["parameters"].push_back({{"name", field.name},
                                       {"in", "query"},
                                       {"required", field.required},
                                       {"schema", FieldSchema(field)}});
  if (!route.body.empty()) {
    json schema = {{"type", "object"}, {"additionalProperties", false}};
    for (const Field& field : route.body) {
      schema["properties"][field.name] = FieldSchema(field);
      if (field.required) schema["required"].push_back(field.name);
    }
    operation["requestBody"] = {{"required", true},
                                {"content", {{"application/json", {{"schema", schema}}}}}};
  }
  for (const auto& [status, meaning] : route.answers) {
    operation["responses"][std::to_string(status)] = {{"description", meaning}};
    if (status >= 400)
      operation["responses"][std::to_string(status)]["content"]["application/problem+json"] =
          json::object();
  }
  return operation;
}

}  // namespace

std::string DocsPage(const std::string& title, const std::string& version,
                     const std::vector<Route>& routes) {
  std::ostringstream out;
  out << "<!doctype html>\n<html lang=en><head><meta charset=utf-8>"
      << "<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>"
      << Escape(title) << "</title><style>" << kStyle << "</style></head><body>\n<h1>"
      << Escape(title) << " <span class=note>" << Escape(version) << "</span></h1>\n"
      << "<p>Part of the heald demo. State lives in memory and ends with the process. Errors are "
         "<code>application/problem+json</code>. For programs: <a href=/openapi.json>"
         "openapi.json</a>.</p>\n";
  for (const Route& route : routes) {
    out << "<h2><span class=method>" << route.method << "</span><code>" << Escape(route.pattern)
        << "</code></h2>\n<p>" << Escape(route.summary) << ".</p>\n";
    WriteFields(out, "Query", route.query);
    WriteFields(out, "Body", route.body);
    if (!route.body.empty()) out << "<pre>" << Escape(ExampleBody(route.body).dump()) << "</pre>\n";
    out << "<table><tr><th>Answer</th><th>When</th></tr>";
    for (const auto& [status, meaning] : route.answers)
      out << "<tr><td>" << status << "</td><td>" << Escape(meaning) << "</td></tr>";
    out << "</table>\n";
  }
  out << "</body></html>\n";
  return out.str();
}

std::string OpenApi(const std::string& title, const std::string& version,
                    const std::vector<Route>& routes) {
  json document = {{"openapi", "3.0.3"}, {"info", {{"title", title}, {"version", version}}}};
  for (const Route& route : routes) {
    std::string method = route.method;
    std::transform(method.begin(), method.end(), method.begin(),
                   [](unsigned char c) { return std::tolower(c); });
    document["paths"][route.pattern][method] = Operation(route);
  }
  return document.dump(2) + "\n";
}

}  // namespace heald::demo
