// What the command line takes, as plain records: main.cc's definition, for the manual page and the
// shells' completion, so that neither can say anything else than the program does.
// Thread rule: immutable.
#pragma once

#include <string>
#include <vector>

namespace heald::cli {

struct Argument {
  std::vector<std::string> names;  // --format, -v; one without dashes where it stands by its place
  std::string value;               // FILE, DIR, PLUGIN, TEXT…; empty: a switch
  std::vector<std::string> choices;  // all that it may be; empty: anything
  std::string what;
  bool required = false;
  bool many = false;
};

struct Command {
  std::string path;  // "silence add"; empty: the program itself
  std::string what;
  std::vector<Argument> options;
  std::vector<Argument> places;
  std::vector<Command> verbs;

  // The last word of the path.
  std::string Name() const { return path.substr(path.rfind(' ') + 1); }
};

}  // namespace heald::cli
