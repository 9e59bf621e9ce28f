#include "plugins/support/kubernetes/kubeconfig.h"

#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>

#include "heald/error.h"

namespace heald::kubernetes {
namespace {

using sdk::Failure;

struct File {
  std::string path;
  YAML::Node root;
};

// An entry of clusters, users or contexts, with where it stands.
struct Entry {
  const File* file = nullptr;
  YAML::Node node;    // of the entry's own map: server, token, cluster…
  std::string where;  // "clusters.prod"
};

[[noreturn]] void Fail(const std::string& path, int line, const std::string& key,
                       const std::string& what, const std::string& pointer = "/kubeconfig") {
  throw Failure(HEALD_INVALID, path + (line >= 0 ? ":" + std::to_string(line + 1) : "") + ": " +
                                   (key.empty() ? "" : key + ": ") + what)
      .At(pointer);
}

[[noreturn]] void Fail(const Entry& entry, const std::string& key, const std::string& what) {
  int line = entry.node.Mark().line;
  if (entry.node.IsMap())
    for (const auto& member : entry.node)
      if (member.first.Scalar() == key) line = member.first.Mark().line;
  Fail(entry.file->path, line, entry.where + "." + key, what);
}

std::string Scalar(const File& file, const YAML::Node& node, const std::string& key) {
  if (!node.IsDefined() || node.IsNull()) return "";
  if (!node.IsScalar()) Fail(file.path, node.Mark().line, key, "a single value is expected");
  return node.Scalar();
}

std::string Get(const Entry& entry, const std::string& key) {
  if (!entry.node.IsMap()) return "";
  return Scalar(*entry.file, entry.node[key], entry.where + "." + key);
}

bool GetBool(const Entry& entry, const std::string& key) {
  const std::string text = Get(entry, key);
  if (text.empty() || text == "false") return false;
  if (text != "true") Fail(entry, key, "'" + text + "' is neither true nor false");
  return true;
}

File Load(const std::string& path) {
  try {
    File file{path, YAML::LoadFile(path)};
    if (!file.root.IsMap() && !file.root.IsNull())
      Fail(path, 0, "", "this is not a kubeconfig: clusters, users and contexts are expected");
    return file;
  } catch (const YAML::BadFile&) {
    Fail(path, -1, "", std::string("cannot read it: ") + std::strerror(errno));
  } catch (const YAML::ParserException& error) {
    Fail(path, error.mark.line, "", "not YAML: " + error.msg);
  }
}

// The first `name` of `list` ("clusters") in any file; `kind` ("cluster") holds what it says.
std::optional<Entry> Find(const std::vector<File>& files, const std::string& list,
                          const std::string& kind, const std::string& name,
                          std::string* known = nullptr) {
  for (const File& file : files) {
    const YAML::Node entries = file.root[list];
    if (!entries.IsDefined() || entries.IsNull()) continue;
    if (!entries.IsSequence()) Fail(file.path, entries.Mark().line, list, "a list is expected");
    for (const YAML::Node& entry : entries) {
      if (!entry.IsMap()) Fail(file.path, entry.Mark().line, list, "a map is expected");
      const std::string its = Scalar(file, entry["name"], list + ".name");
      if (known != nullptr) *known += (known->empty() ? "`" : ", `") + its + "`";
      if (its != name) continue;
      const YAML::Node own = entry[kind];
      if (own.IsDefined() && !own.IsNull() && !own.IsMap())
        Fail(file.path, own.Mark().line, list + "." + name + "." + kind, "a map is expected");
      return Entry{&file, own, list + "." + name};
    }
  }
  return std::nullopt;
}

std::string Decode(const Entry& entry, const std::string& key, const std::string& text) {
  std::string out;
  uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    if (c == '=' || c == '\n' || c == '\r' || c == ' ') continue;
    const char* const kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char* at = std::strchr(kAlphabet, c);
    if (c == 0 || at == nullptr) Fail(entry, key, "this is not base64");
    bits = bits << 6 | static_cast<uint32_t>(at - kAlphabet);
    if ((have += 6) >= 8) out += static_cast<char>(bits >> (have -= 8) & 0xff);
  }
  if (out.find("-----BEGIN ") == std::string::npos)
    Fail(entry, key, "base64 of a PEM text is expected (-----BEGIN …)");
  // What comes before is a comment, for openssl too.
  return out.substr(out.find("-----BEGIN "));
}

// Relative to the folder of the kubeconfig that names it.
std::string PathIn(const Entry& entry, const std::string& key, const std::string& name) {
  std::filesystem::path path(name);
  if (path.is_relative()) path = std::filesystem::path(entry.file->path).parent_path() / path;
  if (access(path.c_str(), R_OK) != 0)
    Fail(entry, key, "cannot read '" + path.string() + "': " + std::strerror(errno));
  return path.string();
}

// PEM text of KEY-data, else the path in KEY; empty: neither.
std::string Pem(const Entry& entry, const std::string& key) {
  if (const std::string data = Get(entry, key + "-data"); !data.empty())
    return Decode(entry, key + "-data", data);
  const std::string name = Get(entry, key);
  return name.empty() ? "" : PathIn(entry, key, name);
}

void ApplyCluster(const Entry& entry, support::HttpConfig* http) {
  http->url = Get(entry, "server");
  if (http->url.empty()) Fail(entry, "server", "missing: the API server's URL");
  if (const std::string problem = support::CheckUrl(http->url); !problem.empty())
    Fail(entry, "server", problem);
  http->tls = {};
  http->tls.ca_file = Pem(entry, "certificate-authority");
  http->tls.insecure_skip_verify = GetBool(entry, "insecure-skip-tls-verify");
  http->tls.server_name = Get(entry, "tls-server-name");
  if (const std::string proxy = Get(entry, "proxy-url"); !proxy.empty() && http->proxy_url.empty())
    http->proxy_url = proxy;
}

void ApplyUser(const Entry& entry, support::HttpConfig* http) {
  if (!entry.node.IsMap()) return;
  if (entry.node["exec"].IsDefined())
    Fail(entry, "exec",
         "heald runs no credential programs: give it a service account and put a token of it into "
         "tokenFile (`kubectl create token heald --duration=24h`, renewed by a timer), or a client "
         "certificate, or run heald in the cluster");
  if (entry.node["auth-provider"].IsDefined())
    Fail(entry, "auth-provider",
         "heald doesn't log in to identity providers: use a service account's token in tokenFile, "
         "or a client certificate");
  for (const char* key : {"as-groups", "as-uid", "as-user-extra"})
    if (entry.node[key].IsDefined())
      Fail(entry, key,
           "of impersonation only `as` is supported: bind the groups' roles to the user");
  http->basic_auth = {};
  http->bearer_token.clear();
  http->bearer_token_file.clear();
  // As kubectl: the file, which may be renewed, before the text.
  if (const std::string file = Get(entry, "tokenFile"); !file.empty())
    http->bearer_token_file = PathIn(entry, "tokenFile", file);
  else if (const std::string token = Get(entry, "token"); !token.empty())
    http->bearer_token = token;
  else
    http->basic_auth = {Get(entry, "username"), Get(entry, "password")};
  http->tls.cert_file = Pem(entry, "client-certificate");
  http->tls.key_file = Pem(entry, "client-key");
  if (http->tls.cert_file.empty() != http->tls.key_file.empty())
    Fail(entry, http->tls.cert_file.empty() ? "client-certificate" : "client-key",
         "missing: a client certificate needs its key, and the key its certificate");
  if (const std::string as = Get(entry, "as"); !as.empty()) http->headers["Impersonate-User"] = as;
}

std::string CurrentContext(const std::vector<File>& files) {
  for (const File& file : files)
    if (std::string name = Scalar(file, file.root["current-context"], "current-context");
        !name.empty())
      return name;
  return "";
}

}  // namespace

std::vector<std::string> SplitKubeconfigList(const std::string& list) {
  std::vector<std::string> files;
  for (size_t from = 0; from <= list.size();) {
    const size_t colon = std::min(list.find(':', from), list.size());
    std::string path = list.substr(from, colon - from);
    from = colon + 1;
    if (path.starts_with("~/"))
      if (const char* home = std::getenv("HOME"); home != nullptr) path.replace(0, 1, home);
    if (!path.empty()) files.push_back(std::move(path));
  }
  return files;
}

Cluster ReadKubeconfig(const std::vector<std::string>& paths, const std::string& context,
                       const support::HttpConfig& base) {
  std::vector<File> files;
  for (const std::string& path : paths)
    if (paths.size() == 1 || access(path.c_str(), F_OK) == 0) files.push_back(Load(path));
  if (files.empty())
    throw Failure(HEALD_INVALID, "none of the kubeconfig files exists").At("/kubeconfig");

  const std::string name = context.empty() ? CurrentContext(files) : context;
  std::string known;
  if (name.empty()) {
    Find(files, "contexts", "context", "", &known);
    Fail(files[0].path, -1, "current-context",
         "none is set: set context" + (known.empty() ? "" : " to one of " + known), "/context");
  }
  const std::optional<Entry> chosen = Find(files, "contexts", "context", name, &known);
  if (!chosen)
    Fail(files[0].path, -1, "contexts",
         "there is no context `" + name + "`" + (known.empty() ? "" : ": there is " + known),
         context.empty() ? "/kubeconfig" : "/context");

  Cluster cluster{.http = base, .origin = "context `" + name + "` of " + chosen->file->path};
  const auto part = [&](const char* list, const char* kind) {
    const std::string its = Get(*chosen, kind);
    if (its.empty()) Fail(*chosen, kind, "missing");
    std::string names;
    std::optional<Entry> entry = Find(files, list, kind, its, &names);
    if (!entry)
      Fail(*chosen, kind,
           "there is no " + std::string(kind) + " `" + its + "`" +
               (names.empty() ? "" : ": there is " + names));
    return *entry;
  };
  ApplyCluster(part("clusters", "cluster"), &cluster.http);
  ApplyUser(part("users", "user"), &cluster.http);
  if (const std::string own = Get(*chosen, "namespace"); !own.empty()) cluster.name_space = own;
  return cluster;
}

}  // namespace heald::kubernetes
