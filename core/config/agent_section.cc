#include "core/config/agent_section.h"

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/base/otlp_environment.h"
#include "core/base/units.h"
#include "core/base/url.h"
#include "core/config/guard_section.h"
#include "core/config/listener.h"
#include "core/config/pipeline_schema.h"
#include "core/config/reader.h"
#include "core/model/template.h"

namespace heald {
namespace {

namespace fs = std::filesystem;

bool IsLoopbackUrl(std::string_view url) {
  url.remove_prefix(url.find("://") + 3);
  for (const std::string_view host : {"localhost", "127.", "[::1]"})
    if (url.starts_with(host)) return true;
  return false;
}

bool IsLabelName(const std::string& name) {
  return !name.empty() && std::isdigit(static_cast<unsigned char>(name[0])) == 0 &&
         std::all_of(name.begin(), name.end(), [](unsigned char c) {
           return (std::isalnum(c) != 0 && c < 0x80) || c == '_';
         });
}

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
    agent.act_without_store = in.Bool("act_without_store", false);
    agent.keep_incidents_ns = in.In("retention").Int("incidents", agent.keep_incidents_ns);
    agent.keep_audit_ns = in.In("retention").Int("audit", agent.keep_audit_ns);
    CheckStore(agent);
    agent.dry_run = in.Bool("dry_run", false);
    agent.approval_expires_ns = in.In("approval").Int("expires", agent.approval_expires_ns);
    agent.group_by = in.Texts("group_by");
    CheckGroupBy(agent.group_by);
    agent.reopen_within_ns = in.Int("reopen_within", agent.reopen_within_ns);
    CheckRetention(agent);
    agent.log_format = in.In("log").Text("format");
    agent.log_level = in.In("log").Text("level");
    agent.series_ttl_ns = in.Int("series_ttl", agent.series_ttl_ns);
    agent.backfill_ns = in.Int("backfill", 0);
    agent.drain_ns = in.Int("drain", agent.drain_ns);
    ReadAgentGuards(typed.value, &context_, &agent);
    ReadPluginDirs(in);
    ReadTls(in);
    ReadUrls(in);
    ReadTraces(in.In("traces"));
    ReadApprovalLinks(in.In("approval"));
    ReadSwitch(in);
    agent.state_dir = StateDir(in.Text("state_dir"));
    for (const std::string& waived : in.Texts("allow_insecure"))
      (waived == "no_token" ? agent.allow_no_token : agent.allow_no_tls) = true;
    if (typed.ok) CheckListen(agent);
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

  void CheckGroupBy(const std::vector<std::string>& labels) {
    for (size_t i = 0; i < labels.size(); ++i) {
      const std::string path = "/agent/group_by/" + std::to_string(i);
      const std::string& label = labels[i];
      if (!IsLabelName(label))
        Error(path, "'" + label + "' is no label's name: no finding is grouped by it",
              "letters, digits and _, such as namespace");
      else if (std::find(labels.begin(), labels.begin() + static_cast<std::ptrdiff_t>(i), label) !=
               labels.begin() + static_cast<std::ptrdiff_t>(i))
        Error(path, "'" + label + "' is listed twice", "remove one of the two");
    }
  }

  void CheckRetention(const AgentSpec& agent) {
    const auto warn = [this](const char* path, std::string message, const char* hint) {
      context_.report->Warn(MarkOf(context_.marks, path), std::move(message), hint, path);
    };
    const int64_t incidents_ns = agent.keep_incidents_ns;
    if (incidents_ns != 0 && incidents_ns < kDay)
      warn("/agent/retention/incidents",
           "incidents are deleted " + FormatDuration(incidents_ns) +
               " after their end, before anybody has looked at them",
           "write at least 1d");
    if (agent.keep_audit_ns != 0 && (incidents_ns == 0 || agent.keep_audit_ns < incidents_ns))
      warn("/agent/retention/audit",
           "the audit trail is kept for a shorter time, " + FormatDuration(agent.keep_audit_ns) +
               ", than incidents, " +
               (incidents_ns == 0 ? std::string("for ever") : FormatDuration(incidents_ns)) +
               ": what was done about the older ones can't be explained",
           "let audit be at least as long as incidents");
  }

  void CheckStore(const AgentSpec& agent) {
    const std::string path = "/agent/store";
    const std::string& url = agent.store;
    const std::string shown = WithoutPassword(url);
    const auto placeholder = context_.shown.find(path);
    const bool written_here = shown != url && placeholder == context_.shown.end();
    if (shown != url) context_.report->Hide(MarkOf(context_.marks, path));
    if (written_here)
      context_.shown[path] = shown;
    else if (placeholder != context_.shown.end())
      placeholder->second = WithoutPassword(placeholder->second);
    const auto is = [&](std::string_view scheme) {
      return url.size() > scheme.size() && url.starts_with(scheme);
    };
    if (!is("sqlite:") && !is("postgresql://") && !is("postgres://"))
      Error(path, "'" + shown + "' is no store that heald knows",
            "write sqlite:heald.db or postgresql://user@host:5432/database");
    else if (written_here)
      context_.report->Warn(MarkOf(context_.marks, path), "the store's password stands in the file",
                            "write ${env:…} or ${file:…} in its place, or leave it to PGPASSFILE",
                            path);
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
    for (ListenerFinding& finding : CheckListener(agent, LiveTokens())) {
      const Span at = MarkOf(context_.marks, finding.path);
      if (finding.level == Level::kError)
        context_.report->Error(at, std::move(finding.message), std::move(finding.hint),
                               finding.path);
      else
        context_.report->Warn(at, std::move(finding.message), std::move(finding.hint),
                              finding.path);
    }
  }

  Result<size_t> LiveTokens() const {
    return agent_.state_dir.empty() ? Result<size_t>(size_t{0})
                                    : context_.environment.LiveTokens(agent_.state_dir);
  }

  // The absolute path of a file that is there, can be read and has `wanted` in it.
  std::string PemFile(const Reader& in, const char* key, const char* wanted, const char* what) {
    const std::string configured = in.Text(key);
    if (configured.empty()) return "";
    const std::string path = Absolute(configured);
    const std::string at = std::string("/agent/tls/") + key;
    constexpr size_t kMaxBytes = 1024 * 1024;
    const Result<std::string> text = context_.environment.ReadFile(path, kMaxBytes);
    if (!text.ok())
      Error(at, "'" + path + "': " + text.error().message,
            path == configured ? "" : "paths begin at the pipeline file's folder");
    else if (text->find(wanted) == std::string::npos)
      Error(at, "'" + path + "' has no " + what + " in PEM in it");
    return path;
  }

  void ReadTls(const Reader& in) {
    const Reader tls = in.In("tls");
    agent_.tls.cert_file = PemFile(tls, "cert_file", "-----BEGIN CERTIFICATE-----", "certificate");
    agent_.tls.key_file = PemFile(tls, "key_file", "PRIVATE KEY-----", "private key");
    agent_.tls.client_ca_file =
        PemFile(tls, "client_ca_file", "-----BEGIN CERTIFICATE-----", "certificate");
  }

  bool CheckUrl(const std::string& path, const std::string& url, const std::string& why) {
    if (why.empty()) return true;
    if (url.find('@') != std::string::npos) context_.report->Hide(MarkOf(context_.marks, path));
    Error(path, why);
    return false;
  }

  void ReadUrls(const Reader& in) {
    agent_.public_url = in.Text("public_url");
    if (const std::string& url = agent_.public_url; !url.empty()) {
      std::string why = WhyNoUrl(url);
      if (why.empty() && url.find_first_of("?#") != std::string::npos)
        why = "'" + url + "' must end with a host or a path, without ? and #";
      if (why.empty() && url.back() == '/') why = "'" + url + "' must not end with a slash";
      if (CheckUrl("/agent/public_url", url, why)) {
        const size_t host = url.find("://") + 3;
        agent_.allowed_hosts.push_back(url.substr(host, url.find('/', host) - host));
      }
    }
    const Value* const links = in.map.Find("links");
    if (links == nullptr || links->AsMap() == nullptr) return;
    for (const auto& [name, value] : *links->AsMap()) {
      if (value.AsString() == nullptr) continue;
      const std::string at = "/agent/links/" + PointerToken(name);
      CheckUrl(at, *value.AsString(), WhyNoUrl(*value.AsString()));
      agent_.links.emplace_back(name, *value.AsString());
    }
  }

  // From the file, else by the variables that OpenTelemetry names for it.
  void ReadTraces(const Reader& in) {
    TracesSpec& traces = agent_.traces;
    const std::string at = "/agent/traces/endpoint";
    std::string endpoint = in.Text("endpoint");
    Result<OtlpEnvironment> environment = ReadOtlpEnvironment(
        [this](const std::string& name) { return context_.environment.Variable(name); });
    if (!environment) return context_.report->Error({}, environment.error().message, "");
    traces.service_name = environment->service_name;
    traces.resource = environment->resource;
    if (!endpoint.empty()) {
      ReadTraceHeaders(in);
    } else {
      endpoint = environment->endpoint;
      traces.headers = environment->headers;
    }
    if (endpoint.empty()) return;
    std::string why = WhyNoUrl(endpoint);
    if (why.empty() && endpoint.find_first_of("?#") != std::string::npos)
      why = "'" + endpoint + "' must end with a host or a path, without ? and #";
    const bool of_file = !in.Text("endpoint").empty();
    if (!of_file && !why.empty())
      return context_.report->Error(
          {}, "the environment variable " + environment->named_by + ": " + why,
          "set agent.traces.endpoint, for instance http://127.0.0.1:4318");
    if (of_file && !CheckUrl(at, endpoint, why)) return;
    traces.url = environment->is_whole && !of_file ? endpoint : TracesUrl(endpoint);
    if (!traces.headers.empty() && traces.url.starts_with("http://") && !IsLoopbackUrl(traces.url))
      context_.report->Warn(MarkOf(context_.marks, of_file ? at : "/agent"),
                            "the headers of traces go to another machine over http://: whoever "
                            "reads them on the way has them",
                            "use https:// in agent.traces.endpoint", of_file ? at : "/agent");
  }

  void ReadTraceHeaders(const Reader& in) {
    const Value* const headers = in.map.Find("headers");
    if (headers == nullptr || headers->AsMap() == nullptr) return;
    for (const auto& [name, value] : *headers->AsMap()) {
      if (value.AsString() == nullptr) continue;
      const std::string at = "/agent/traces/headers/" + PointerToken(name);
      const bool is_name = std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return std::isalnum(c) != 0 || c == '-' || c == '_';
      });
      if (name.empty() || !is_name)
        Error(at, "'" + name + "' is no header's name", "letters, digits, - and _");
      else if (value.AsString()->find_first_of("\r\n") != std::string::npos)
        Error(at, "the header '" + name + "' has a line break in it",
              "a file that ${file:…} reads may end with one");
      else
        agent_.traces.headers.emplace_back(name, *value.AsString());
    }
  }

  // A link must lead to where people are, and what it carries must not be read on the way.
  void ReadApprovalLinks(const Reader& in) {
    agent_.approval_links = in.Bool("links", false);
    agent_.approval_link_secret = in.Text("link_secret");
    if (!agent_.approval_links) return;
    const std::string path = "/agent/approval/links";
    if (agent_.public_url.empty())
      Error(path, "links for approval need an address that people reach",
            "set agent.public_url, for instance https://heald.example.com");
    else if (agent_.public_url.starts_with("http://") && !IsLoopbackUrl(agent_.public_url))
      context_.report->Warn(MarkOf(context_.marks, path),
                            "links for approval lead to " + agent_.public_url +
                                ": whoever reads them on the way may approve",
                            "use https:// in agent.public_url", path);
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
