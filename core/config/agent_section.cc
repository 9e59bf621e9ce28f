#include "core/config/agent_section.h"

#include <filesystem>

#include "core/config/pipeline_schema.h"
#include "core/config/reader.h"

namespace heald {
namespace {

namespace fs = std::filesystem;

class AgentSection {
 public:
  AgentSection(LoadContext* context, AgentSpec* agent) : context_(*context), agent_(*agent) {}

  Value Run(const YamlMember* member) {
    const Typed typed = Coerce({member ? member->value.get() : nullptr, &AgentSchema(), "/agent",
                                "agent", member ? member->key_span : Span{0, 0, 1}, false},
                               &context_);
    const Reader in{typed.value};
    AgentSpec& agent = agent_;
    agent.listen = in.Text("listen");
    agent.token = in.Text("token");
    agent.allowed_hosts = in.Texts("allowed_hosts");
    agent.store = in.Text("store");
    agent.store_full_sync = in.Text("store_sync") == "full";
    agent.dry_run = in.Bool("dry_run", false);
    agent.group_by = in.Texts("group_by");
    agent.log_format = in.In("log").Text("format");
    agent.log_level = in.In("log").Text("level");
    agent.series_ttl_ns = in.Int("series_ttl", agent.series_ttl_ns);
    agent.backfill_ns = in.Int("backfill", 0);
    agent.drain_ns = in.Int("drain", agent.drain_ns);
    ReadPluginDirs(in);
    if (typed.ok) CheckListen(agent);
    ReadSwitch(in);
    agent.state_dir = StateDir(in.Text("state_dir"));
    Value::Map section = typed.value.AsMap() ? *typed.value.AsMap() : Value::Map();
    if (in.Text("state_dir").empty()) section.emplace_back("state_dir", agent.state_dir);
    return section;
  }

 private:
  void Error(const std::string& path, std::string message, std::string hint = "") {
    context_.report->Error(MarkOf(context_.marks, path), std::move(message), std::move(hint), path);
  }

  std::string Absolute(const std::string& path) const {
    return (fs::path(context_.folder) / path).lexically_normal().string();
  }

  void ReadPluginDirs(const Reader& in) {
    const std::vector<std::string> folders = in.Texts("plugin_dirs");
    for (size_t i = 0; i < folders.size(); ++i) {
      const std::string folder = Absolute(folders[i]);
      std::error_code code;
      if (!fs::is_directory(folder, code))
        Error("/agent/plugin_dirs/" + std::to_string(i), "there is no folder '" + folder + "'");
      agent_.plugin_dirs.push_back(folder);
    }
  }

  void CheckListen(const AgentSpec& agent) {
    const size_t colon = agent.listen.rfind(':');
    const std::string host = agent.listen.substr(0, colon);
    const std::string port = colon == std::string::npos ? "" : agent.listen.substr(colon + 1);
    const bool bare_v6 = host.find(':') != std::string::npos && host.front() != '[';
    if (host.empty() || bare_v6 || port.empty() || port.size() > 5 ||
        port.find_first_not_of("0123456789") != std::string::npos || std::stol(port) > 65535) {
      Error("/agent/listen", "'" + agent.listen + "' is no address to listen on",
            "write 127.0.0.1:8080 or [::1]:8080");
      return;
    }
    const bool loopback = host == "localhost" || host == "[::1]" || host.compare(0, 4, "127.") == 0;
    if (!loopback && agent.token.empty())
      Error("/agent/listen",
            "'" + agent.listen +
                "' can be reached from other machines: "
                "agent.token must be set",
            "set token: ${env:HEALD_TOKEN}, or listen on 127.0.0.1");
  }

  void ReadSwitch(const Reader& in) {
    const char* const kName = "AUTO_REMEDIATION_ENABLED";
    agent_.auto_remediation = in.Bool("auto_remediation", true);
    if (in.map.Find("auto_remediation") != nullptr) return;
    const std::optional<std::string> value = context_.environment.Variable(kName);
    if (!value || value->empty()) return;
    if (*value == "true" || *value == "1")
      agent_.auto_remediation = true;
    else if (*value == "false" || *value == "0")
      agent_.auto_remediation = false;
    else
      context_.report->Error(
          {}, std::string("the environment variable ") + kName + " is '" + *value + "'",
          "set it to true or false");
  }

  std::string StateDir(const std::string& configured) {
    if (!configured.empty()) return Absolute(configured);
    const auto variable = [&](const char* name) {
      const std::string value = context_.environment.Variable(name).value_or("");
      return value.substr(0, value.find(':'));  // systemd gives a list
    };
    if (const std::string dir = variable("STATE_DIRECTORY"); !dir.empty()) return Absolute(dir);
    if (const std::string dir = variable("XDG_STATE_HOME"); !dir.empty()) return dir + "/heald";
    if (const std::string home = variable("HOME"); !home.empty())
      return home + "/.local/state/heald";
    Error("/agent", "there is no folder for the agent's state: HOME is not set",
          "set agent.state_dir");
    return "";
  }

  LoadContext& context_;
  AgentSpec& agent_;
};

}  // namespace

Value LoadAgent(const YamlMember* member, LoadContext* context, AgentSpec* agent) {
  return AgentSection(context, agent).Run(member);
}

}  // namespace heald
