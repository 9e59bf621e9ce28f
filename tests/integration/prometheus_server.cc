#include "tests/integration/prometheus_server.h"

#include <unistd.h>

#include <fstream>

namespace heald::testing {
namespace {

constexpr const char* kPrometheus = "/usr/bin/prometheus";

}  // namespace

bool PrometheusServer::Installed() {
  return access(kPrometheus, X_OK) == 0;
}

PrometheusServer::PrometheusServer(const std::filesystem::path& folder,
                                   const std::string& scrape_configs)
    : WebServer(folder,
                {kPrometheus, "--config.file=" + (folder / "prometheus.yml").string(),
                 "--storage.tsdb.path=" + (folder / "data").string()},
                "--web.listen-address") {
  std::ofstream(folder / "prometheus.yml")
      << "global: {scrape_interval: 1s, scrape_timeout: 1s}\nscrape_configs:\n"
      << scrape_configs;
}

}  // namespace heald::testing
