#include "plugins/support/http_config.h"

#include <curl/curl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string_view>

namespace heald::support {
namespace {

bool HasPart(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  const bool has = curl_url_get(url, part, &text, 0) == CURLUE_OK && text[0] != 0;
  curl_free(text);
  return has;
}

}  // namespace

std::string CheckUrl(const std::string& url) {
  if (url.empty()) return "a URL is needed, for instance http://localhost:9090";
  if (url.starts_with("unix://"))
    return url.size() > 8 && url[7] == '/'
               ? ""
               : "a socket's URL needs an absolute path: unix:///var/run/docker.sock";
  if (!url.starts_with("http://") && !url.starts_with("https://"))
    return "'" + url.substr(0, url.find("://")) +
           "' is not a scheme this plugin speaks: write http://, https:// or unix://";
  CURLU* parsed = curl_url();
  const CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0);
  std::string problem;
  if (code != CURLUE_OK)
    problem = std::string("not a URL: ") + curl_url_strerror(code);
  else if (HasPart(parsed, CURLUPART_USER) || HasPart(parsed, CURLUPART_PASSWORD))
    problem = "credentials in a URL end up in logs: move them to basic_auth";
  curl_url_cleanup(parsed);
  return problem;
}

std::vector<HttpConfigProblem> CheckHttpConfig(const HttpConfig& config, bool with_url) {
  std::vector<HttpConfigProblem> problems;
  if (with_url)
    if (std::string problem = CheckUrl(config.url); !problem.empty())
      problems.push_back({"/url", std::move(problem)});
  const int ways = (config.basic_auth.username.empty() ? 0 : 1) +
                   (config.bearer_token.empty() ? 0 : 1) +
                   (config.bearer_token_file.empty() ? 0 : 1);
  if (ways > 1)
    problems.push_back(
        {config.bearer_token.empty() ? "/bearer_token_file" : "/bearer_token",
         "only one of basic_auth, bearer_token and bearer_token_file can be sent: keep one"});
  if (config.basic_auth.username.empty() && !config.basic_auth.password.empty())
    problems.push_back({"/basic_auth", "a password without a username: add the username"});
  if (config.tls.cert_file.empty() != config.tls.key_file.empty())
    problems.push_back({config.tls.cert_file.empty() ? "/tls/key_file" : "/tls/cert_file",
                        "a client certificate needs both cert_file and key_file"});
  const auto readable = [&](const char* pointer, const std::string& path) {
    if (!path.empty() && access(path.c_str(), R_OK) != 0)
      problems.push_back({pointer, "cannot read '" + path + "': " + std::strerror(errno)});
  };
  readable("/tls/ca_file", config.tls.ca_file);
  readable("/tls/cert_file", config.tls.cert_file);
  readable("/tls/key_file", config.tls.key_file);
  readable("/bearer_token_file", config.bearer_token_file);
  for (const auto& [name, value] : config.headers)
    if (name.empty() || name.find_first_of(" :\r\n\t") != std::string::npos ||
        value.find_first_of(std::string_view("\r\n\0", 3)) != std::string::npos)
      problems.push_back({"/headers", "'" + name + "' is not a header that can be sent"});
  return problems;
}

}  // namespace heald::support
