#include "plugins/support/kubernetes/config.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string_view>

#include "heald/error.h"
#include "plugins/support/kubernetes/kubeconfig.h"

namespace heald::kubernetes {
namespace {

using sdk::Failure;
using support::HttpConfig;
using support::HttpConfigProblem;

constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Settings of who to be, which a kubeconfig or a pod brings along.
std::string OwnCredential(const HttpConfig& config) {
  if (!config.bearer_token.empty()) return "/bearer_token";
  if (!config.bearer_token_file.empty()) return "/bearer_token_file";
  if (!config.basic_auth.username.empty()) return "/basic_auth";
  const support::TlsConfig& tls = config.tls;
  if (!tls.ca_file.empty() || !tls.cert_file.empty() || !tls.key_file.empty() ||
      !tls.server_name.empty() || tls.insecure_skip_verify)
    return "/tls";
  return "";
}

HttpConfig ByHand(const ClusterConfig& config) {
  HttpConfig http = config;
  http.url = config.api_server;
  return http;
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host.starts_with("127.") || host.starts_with("[::1]");
}

// Empty, or why these credentials must not be sent there.
std::string WhyInClear(const HttpConfig& http) {
  constexpr std::string_view kPlain = "http://";
  const std::string_view url = http.url;
  const bool secret = !http.bearer_token.empty() || !http.bearer_token_file.empty() ||
                      !http.basic_auth.username.empty();
  if (!secret || !url.starts_with(kPlain)) return "";
  const std::string_view host =
      url.substr(kPlain.size(), url.find_first_of("/:", kPlain.size()) - kPlain.size());
  if (IsLoopback(url.substr(kPlain.size()).starts_with('[') ? url.substr(kPlain.size()) : host))
    return "";
  return "the credentials would go to " + http.url +
         " in the clear: write https:// (the API server speaks it), with its CA in tls.ca_file";
}

}  // namespace

std::vector<HttpConfigProblem> CheckClusterConfig(const ClusterConfig& config) {
  std::vector<HttpConfigProblem> problems;
  if (!config.context.empty() && !config.api_server.empty())
    problems.push_back({"/context", "a context is one of a kubeconfig: remove it or api_server"});
  if (!config.api_server.empty()) {
    if (!config.kubeconfig.empty())
      problems.push_back({"/kubeconfig", "name the cluster once: api_server or kubeconfig"});
    for (HttpConfigProblem& problem : support::CheckHttpConfig(ByHand(config))) {
      if (problem.pointer == "/url") problem.pointer = "/api_server";
      problems.push_back(std::move(problem));
    }
    if (std::string why = WhyInClear(ByHand(config)); !why.empty())
      problems.push_back({"/api_server", std::move(why)});
    return problems;
  }
  if (const std::string pointer = OwnCredential(config); !pointer.empty())
    problems.push_back({pointer,
                        "goes with api_server; a kubeconfig or the pod's service account "
                        "brings its own: remove it, or set api_server"});
  if (config.kubeconfig.empty()) return problems;
  try {
    const Cluster cluster =
        ReadKubeconfig(SplitKubeconfigList(config.kubeconfig), config.context, config);
    if (const std::string why = WhyInClear(cluster.http); !why.empty())
      problems.push_back({"/kubeconfig", cluster.origin + ": " + why});
  } catch (const Failure& failure) {
    problems.push_back({failure.pointer(), failure.what()});
  }
  return problems;
}

Cluster PodCluster(const std::string& folder, const std::string& host, const std::string& port,
                   const HttpConfig& base) {
  Cluster cluster{.http = base, .origin = "the service account of this pod"};
  const bool v6 = host.find(':') != std::string::npos;
  cluster.http.url =
      "https://" + (v6 ? "[" + host + "]" : host) + ":" + (port.empty() ? "443" : port);
  cluster.http.bearer_token_file = folder + "/token";
  cluster.http.tls.ca_file = folder + "/ca.crt";
  for (const std::string& file : {cluster.http.bearer_token_file, cluster.http.tls.ca_file})
    if (access(file.c_str(), R_OK) != 0)
      throw Failure(HEALD_INVALID,
                    "this pod has no readable " + file +
                        ": give it a service account (automountServiceAccountToken: true), or set "
                        "kubeconfig or api_server");
  std::ifstream file(folder + "/namespace");
  std::string name;
  if (file >> name) cluster.name_space = name;
  return cluster;
}

Cluster ResolveCluster(const ClusterConfig& config) {
  for (const HttpConfigProblem& problem : CheckClusterConfig(config))
    throw Failure(HEALD_INVALID, problem.message).At(problem.pointer);
  Cluster cluster;
  if (!config.api_server.empty()) {
    cluster = {.http = ByHand(config), .origin = "api_server"};
  } else if (!config.kubeconfig.empty()) {
    cluster = ReadKubeconfig(SplitKubeconfigList(config.kubeconfig), config.context, config);
  } else if (const std::string host = Environment("KUBERNETES_SERVICE_HOST");
             !host.empty() && config.context.empty()) {
    cluster = PodCluster(kServiceAccount, host, Environment("KUBERNETES_SERVICE_PORT"), config);
  } else if (const std::string list = Environment("KUBECONFIG"); !list.empty()) {
    cluster = ReadKubeconfig(SplitKubeconfigList(list), config.context, config);
    if (const std::string why = WhyInClear(cluster.http); !why.empty())
      throw Failure(HEALD_INVALID, cluster.origin + ": " + why).At("/kubeconfig");
  } else {
    throw Failure(
        HEALD_INVALID,
        "no cluster: this is not a pod of one (KUBERNETES_SERVICE_HOST isn't set) and "
        "$KUBECONFIG is empty: set kubeconfig, for instance ~/.kube/config, or api_server")
        .At("/kubeconfig");
  }
  if (!config.default_namespace.empty()) cluster.name_space = config.default_namespace;
  return cluster;
}

}  // namespace heald::kubernetes
