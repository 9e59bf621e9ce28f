#include "core/cli/describe.h"

#include <CLI/CLI.hpp>
#include <sstream>

namespace heald::cli {
namespace {

// "TEXT:{text,json}" -> TEXT and its two words.
void ReadType(const std::string& type, Argument* argument) {
  argument->value = type.substr(0, type.find(':'));
  const size_t begin = type.find('{');
  const size_t end = type.rfind('}');
  if (begin == std::string::npos || end == std::string::npos) return;
  std::istringstream words(type.substr(begin + 1, end - begin - 1));
  for (std::string word; std::getline(words, word, ',');) argument->choices.push_back(word);
}

Argument Read(const CLI::Option& option) {
  Argument out;
  for (const std::string& name : option.get_snames()) out.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) out.names.push_back("--" + name);
  if (out.names.empty()) out.names.push_back(option.get_name());
  if (option.get_type_size() != 0) ReadType(option.get_type_name(), &out);
  out.what = option.get_description();
  out.required = option.get_required();
  out.many = option.get_items_expected_max() > 1;
  return out;
}

Command Read(const CLI::App& app, const std::string& path) {
  Command out;
  out.path = path;
  out.what = app.get_description();
  for (const CLI::Option* option : app.get_options())
    (option->get_positional() ? out.places : out.options).push_back(Read(*option));
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!verb->get_group().empty())
      out.verbs.push_back(
          Read(*verb, path.empty() ? verb->get_name() : path + " " + verb->get_name()));
  return out;
}

}  // namespace

Command Describe(const CLI::App& app) {
  return Read(app, "");
}

}  // namespace heald::cli
