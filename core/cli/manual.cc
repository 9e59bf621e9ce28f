#include "core/cli/manual.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "core/cli/schema_rows.h"
#include "core/cli/verbs.h"
#include "core/config/guard_section.h"
#include "core/config/include.h"
#include "core/config/pipeline_schema.h"
#include "core/config/tests_section.h"
#include "core/config/vars.h"

namespace heald::cli {
namespace {

using Json = nlohmann::ordered_json;

// A text, as roff takes it anywhere in a line.
std::string Escaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "…") {
      out += "\\&...";
      i += 2;
    } else if (text[i] == '\\' || text[i] == '-') {
      out += text[i] == '-' ? "\\-" : "\\e";
    } else {
      out += text[i];
    }
  }
  // A line that begins so would be a command of roff's.
  return out.starts_with('.') || out.starts_with('\'') ? "\\&" + out : out;
}

std::string Bold(std::string_view text) {
  return "\\fB" + Escaped(text) + "\\fR";
}

std::string Italic(std::string_view text) {
  return "\\fI" + Escaped(text) + "\\fR";
}

std::string ValueText(const Argument& argument) {
  if (argument.choices.empty()) return argument.value.empty() ? "" : Italic(argument.value);
  std::string out;
  for (const std::string& choice : argument.choices) out += (out.empty() ? "" : "|") + Bold(choice);
  return out;
}

std::string Usage(const Command& command) {
  std::string out = Bold("heald " + command.path);
  if (!command.options.empty()) out += " [" + Italic("options") + "]";
  for (const Argument& place : command.places) {
    const std::string name = Italic(place.names.front()) + (place.many ? "\\&..." : "");
    out += place.required ? " " + name : " [" + name + "]";
  }
  return out;
}

void PrintArgument(const Argument& argument) {
  std::string names;
  for (const std::string& name : argument.names)
    names += (names.empty() ? "" : ", ") + (name.front() == '-' ? Bold(name) : Italic(name));
  const std::string value = argument.names.front().front() == '-' ? ValueText(argument) : "";
  std::printf(".TP\n%s%s\n%s%s\n", names.c_str(), (value.empty() ? "" : " " + value).c_str(),
              Escaped(argument.what).c_str(),
              argument.required && !value.empty() ? " (required)" : "");
}

void PrintCommand(const Command& command) {
  if (command.verbs.empty()) {
    std::printf(".SS %s\n%s.\n", Usage(command).c_str(), Escaped(command.what).c_str());
    for (const Argument& place : command.places) PrintArgument(place);
    for (const Argument& option : command.options)
      if (option.names.back() != "--help") PrintArgument(option);
  }
  for (const Command& verb : command.verbs) PrintCommand(verb);
}

void PrintKeys(const std::string& title, const Json& schema) {
  std::printf(".SS %s\n", Escaped(title).c_str());
  if (const std::string what = schema.value("description", ""); !what.empty())
    std::printf("%s.\n", Escaped(what).c_str());
  for (const SchemaRow& row : RowsOf(schema)) {
    std::printf(".TP\n%s (%s%s)\n", Bold(row.key).c_str(), Escaped(row.type).c_str(),
                (row.initial.empty() ? ""
                 : row.required      ? ", required"
                                     : ", default " + Escaped(row.initial))
                    .c_str());
    std::printf("%s\n", row.what.empty() ? "\\&" : Escaped(row.what).c_str());
  }
}

void PrintAllKeys() {
  PrintKeys("include[]", Json::parse(IncludeSchemaText())["items"]["anyOf"][1]);
  PrintKeys("vars", Json::parse(VarsSchemaText()));
  PrintKeys("agent", Json::parse(AgentSchemaText()));
  for (const Kind kind : {Kind::kSource, Kind::kDetector})
    PrintKeys(std::string(SectionOf(kind)) + ".NAME", Json::parse(NodeSchemaText(kind)));
  PrintKeys("policies.NAME", Json::parse(PolicySchemaText()));
  PrintKeys("inhibit[]", Json::parse(InhibitSchemaText()));
  for (const Kind kind : {Kind::kAction, Kind::kNotifier})
    PrintKeys(std::string(SectionOf(kind)) + ".NAME", Json::parse(NodeSchemaText(kind)));
  PrintKeys("tests[]", Json::parse(TestSchemaText()));
}

}  // namespace

int Manual(const std::string& section, const Command& program) {
  if (section == "keys")
    PrintAllKeys();
  else
    PrintCommand(program);
  return kDone;
}

}  // namespace heald::cli
