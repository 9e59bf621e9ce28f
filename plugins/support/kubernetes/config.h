// Which cluster, and who as: the settings that everything that talks to Kubernetes shares, and what
// they come to. A plugin's config struct derives from ClusterConfig and puts ClusterFields() into
// its own table, as with HttpConfig:
//
//   struct Config : kubernetes::ClusterConfig {
//     static constexpr auto Fields() {
//       return std::tuple_cat(std::tuple(sdk::Field(…)), ClusterConfig::ClusterFields());
//     }
//   };
//
// Where to look, the first that is there: `api_server`; `kubeconfig`; the pod that heald runs in;
// the files in $KUBECONFIG. Never ~/.kube/config by itself: an agent that repairs must not follow
// whatever cluster somebody chose for their own shell.
// Thread rule: plain values; the functions read files and the environment.
#pragma once

#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"
#include "plugins/support/http_config.h"

namespace heald::kubernetes {

struct ClusterConfig : support::HttpConfig {
  std::string kubeconfig;
  std::string context;
  std::string api_server;
  std::string default_namespace;

  static constexpr auto ClusterFields() {
    using sdk::Field;
    return std::tuple_cat(
        std::tuple(
            Field("kubeconfig", &ClusterConfig::kubeconfig,
                  "Kubeconfig file, or several with ':' between them; by default the pod's own "
                  "service account, outside of a cluster the files in $KUBECONFIG"),
            Field("context", &ClusterConfig::context,
                  "Context of the kubeconfig; by default its current-context"),
            Field("api_server", &ClusterConfig::api_server,
                  "URL of the API server, instead of a kubeconfig; with bearer_token or "
                  "bearer_token_file, and tls"),
            Field("default_namespace", &ClusterConfig::default_namespace,
                  "Namespace where none is said; by default the context's, else the pod's")),
        HttpConfig::ConnectionFields());
  }
};

// A cluster that a Client can talk to.
struct Cluster {
  // url: of the API server. tls.ca_file, cert_file and key_file may hold the PEM text itself, as
  // kubeconfigs do: it never touches a disk.
  support::HttpConfig http = {};
  std::string name_space = "default";
  std::string origin = {};  // for logs: "context `prod` of /etc/heald/kubeconfig"
};

// Everything that can be said without a cluster: which settings exclude each other, and a
// kubeconfig that is named with file, line and key of what is wrong in it. Pointers are into the
// plugin's config. A pod's own files and $KUBECONFIG are looked at only by ResolveCluster, so a
// pipeline made for a cluster can be checked outside of it.
std::vector<support::HttpConfigProblem> CheckClusterConfig(const ClusterConfig& config);

// Throws Failure(HEALD_INVALID) with the pointer of what is wrong; also when there is no cluster to
// be found, with what to set.
Cluster ResolveCluster(const ClusterConfig& config);

// The cluster of the pod with this service account. folder: where its token, ca.crt and namespace
// are mounted; the token is read again whenever it is replaced. base: timeouts, proxy, headers.
Cluster PodCluster(const std::string& folder, const std::string& host, const std::string& port,
                   const support::HttpConfig& base);

}  // namespace heald::kubernetes
