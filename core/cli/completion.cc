#include "core/cli/completion.h"

#include <algorithm>
#include <cstdio>

#include "core/cli/verbs.h"

namespace heald::cli {
namespace {

// What lists the plugins' names; stderr tells of those that can't be loaded.
constexpr char kPlugins[] = "heald plugins 2>/dev/null | awk '{print $2}'";

std::string Join(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + word;
  return out;
}

// Within '…' of a shell.
std::string Quoted(const std::string& text) {
  std::string out;
  for (const char c : text) out += c == '\'' ? "'\\''" : std::string(1, c);
  return "'" + out + "'";
}

template <typename F>
void ForEach(const Command& command, const F& visit) {
  visit(command);
  for (const Command& verb : command.verbs) ForEach(verb, visit);
}

std::vector<std::string> VerbNames(const Command& command) {
  std::vector<std::string> out;
  for (const Command& verb : command.verbs) out.push_back(verb.Name());
  return out;
}

// Every verb below the program by its path, for a `case` of the shells: "check|silence add".
std::string AllPaths(const Command& program, std::string_view separator) {
  std::string out;
  ForEach(program, [&](const Command& command) {
    if (command.path.empty()) return;
    out += (out.empty() ? "" : std::string(separator)) + "\"" + command.path + "\"";
  });
  return out;
}

// What bash offers in the place of such a value.
std::string BashOffer(const Argument& argument) {
  if (!argument.choices.empty()) return "words=" + Quoted(Join(argument.choices));
  if (argument.value == "PLUGIN") return "words=$(" + std::string(kPlugins) + ")";
  if (argument.value == "FILE") return "compopt -o filenames -o default; return";
  if (argument.value == "DIR") return "compopt -o filenames -o dirnames; return";
  return "return";
}

std::string ZshOffer(const Argument& argument) {
  if (!argument.choices.empty()) return "(" + Join(argument.choices) + ")";
  if (argument.value == "PLUGIN") return "__heald_plugin_names";
  if (argument.value == "FILE") return "_files";
  if (argument.value == "DIR") return "_files -/";
  return " ";
}

std::string FishOffer(const Argument& argument) {
  if (!argument.choices.empty()) return " -x -a " + Quoted(Join(argument.choices));
  if (argument.value == "PLUGIN") return " -x -a " + Quoted("(" + std::string(kPlugins) + ")");
  if (argument.value == "FILE") return " -r -F";
  if (argument.value == "DIR") return " -x -a '(__fish_complete_directories)'";
  return argument.value.empty() ? "" : " -x";
}

// One name of an option: '--format[what]:TEXT:(text json)'.
std::string ZshOption(const Argument& option, const std::string& name) {
  std::string what;
  for (const char c : option.what)
    what += c == '[' || c == ']' ? std::string{'\\', c} : std::string(1, c);
  return Quoted((option.many ? "*" : "") + name + "[" + what + "]" +
                (option.value.empty() ? "" : ":" + option.value + ":" + ZshOffer(option)));
}

std::string ZshPlace(const Argument& place) {
  const char* const count = place.many ? "*:" : place.required ? ":" : "::";
  return Quoted(count + place.names.front() + ":" + ZshOffer(place));
}

std::string ZshFunction(const Command& command) {
  std::string out = "_heald" + (command.path.empty() ? "" : "_" + command.path);
  std::replace(out.begin(), out.end(), ' ', '_');
  return out;
}

}  // namespace

std::string BashCompletion(const Command& program) {
  std::string out =
      "# bash completion for heald: `heald completion bash`\n"
      "_heald() {\n"
      "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} verb= words= i\n"
      "  # bash takes --format=json for three words\n"
      "  if [[ $cur == = ]]; then cur=\n"
      "  elif [[ $prev == = ]]; then prev=${COMP_WORDS[COMP_CWORD - 2]}\n"
      "  fi\n"
      "  COMPREPLY=()\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
      "    case \"${verb:+$verb }${COMP_WORDS[i]}\" in\n"
      "      " +
      AllPaths(program, "|") +
      ") verb=\"${verb:+$verb }${COMP_WORDS[i]}\" ;;\n"
      "    esac\n"
      "  done\n"
      "  case \"$verb $prev\" in\n";
  ForEach(program, [&](const Command& command) {
    for (const Argument& option : command.options) {
      if (option.value.empty()) continue;
      std::string labels;
      for (const std::string& name : option.names)
        labels += (labels.empty() ? "" : "|") + Quoted(command.path + " " + name);
      out += "    " + labels + ") " + BashOffer(option) + " ;;\n";
    }
  });
  out += "    *)\n      case \"$verb\" in\n";
  ForEach(program, [&](const Command& command) {
    std::vector<std::string> options;
    for (const Argument& option : command.options)
      options.insert(options.end(), option.names.begin(), option.names.end());
    out += "        " + Quoted(command.path) +
           ")\n          if [[ $cur == -* ]]; then words=" + Quoted(Join(options)) + "\n";
    if (!command.verbs.empty())
      out += "          else words=" + Quoted(Join(VerbNames(command))) + "\n";
    for (const Argument& place : command.places)
      if (BashOffer(place) != "return") {
        out += "          else " + BashOffer(place) + "\n";
        break;  // which place it is isn't counted: the first that can be offered
      }
    out += "          fi ;;\n";
  });
  return out +
         "      esac ;;\n"
         "  esac\n"
         "  mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
         "}\n"
         "complete -F _heald heald\n";
}

std::string ZshCompletion(const Command& program) {
  std::string out =
      "#compdef heald\n"
      "# zsh completion for heald: `heald completion zsh`\n"
      "__heald_plugin_names() {\n"
      "  local -a names=(${(f)\"$(" +
      std::string(kPlugins) +
      ")\"})\n"
      "  compadd \"$@\" -a names\n"
      "}\n";
  ForEach(program, [&](const Command& command) {
    out += ZshFunction(command) + "() {\n";
    std::string arguments;
    for (const Argument& option : command.options)
      for (const std::string& name : option.names)
        arguments += " \\\n    " + ZshOption(option, name);
    if (command.verbs.empty()) {
      for (const Argument& place : command.places) arguments += " \\\n    " + ZshPlace(place);
      out += "  _arguments" + arguments + "\n}\n";
      return;
    }
    out += "  local state line\n  local -a verbs=(\n";
    for (const Command& verb : command.verbs)
      out += "    " + Quoted(verb.Name() + ":" + verb.what) + "\n";
    out += "  )\n  _arguments -C" + arguments + " \\\n    '1: :->verb' '*:: :->rest'\n" +
           "  case $state in\n"
           "    verb) _describe -t commands command verbs ;;\n"
           "    rest) case $words[1] in\n";
    for (const Command& verb : command.verbs)
      out += "      " + verb.Name() + ") " + ZshFunction(verb) + " ;;\n";
    out += "    esac ;;\n  esac\n}\n";
  });
  return out +
         "if [[ $funcstack[1] == _heald ]]; then _heald \"$@\"; else compdef _heald heald; fi\n";
}

std::string FishCompletion(const Command& program) {
  std::string out =
      "# fish completion for heald: `heald completion fish`\n"
      "function __heald_at\n"
      "  set -l verb\n"
      "  for word in (commandline -opc)[2..-1]\n"
      "    switch (string join ' ' -- $verb $word)\n"
      "      case " +
      AllPaths(program, " ") +
      "\n"
      "        set -a verb $word\n"
      "    end\n"
      "  end\n"
      "  test \"$verb\" = \"$argv[1]\"\n"
      "end\n"
      "complete -c heald -f\n";
  ForEach(program, [&](const Command& command) {
    const std::string at = "complete -c heald -n " + Quoted("__heald_at " + Quoted(command.path));
    for (const Command& verb : command.verbs)
      out += at + " -a " + verb.Name() + " -d " + Quoted(verb.what) + "\n";
    for (const Argument& option : command.options) {
      out += at;
      for (const std::string& name : option.names)
        out += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
      out += FishOffer(option) + " -d " + Quoted(option.what) + "\n";
    }
    for (const Argument& place : command.places)
      if (place.value == "FILE" || place.value == "PLUGIN" || !place.choices.empty())
        out += at + (place.value == "FILE" ? " -F" : FishOffer(place)) + "\n";
  });
  return out;
}

int Completion(const std::string& shell, const Command& program) {
  std::fputs((shell == "bash"  ? BashCompletion(program)
              : shell == "zsh" ? ZshCompletion(program)
                               : FishCompletion(program))
                 .c_str(),
             stdout);
  return kDone;
}

}  // namespace heald::cli
