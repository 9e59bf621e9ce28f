// URLs and requests as people may see them.
#include <algorithm>

#include "plugins/support/http.h"

namespace heald::support {

std::string ShownUrl(std::string_view url) {
  std::string shown(url.substr(0, url.find_first_of("?#")));
  const size_t host = shown.find("://");
  if (host == std::string::npos) return shown;
  const size_t path = std::min(shown.find('/', host + 3), shown.size());
  if (const size_t at = shown.rfind('@', path); at != std::string::npos && at > host)
    shown.erase(host + 3, at - host - 2);
  return shown;
}

std::string ShownCall(const HttpConfig& config, const HttpRequest& request) {
  const size_t question = request.url.find('?');
  std::string path = request.url.substr(0, question);
  const bool below_base = path.empty() || path[0] == '/';
  if (!below_base) {
    path = ShownUrl(path);
  } else if (!config.url.starts_with("unix://")) {
    std::string base = ShownUrl(config.url);
    if (base.ends_with('/') && path.starts_with('/')) base.pop_back();
    path = base + path;
  }
  if (question != std::string::npos)
    path += request.show_query ? request.url.substr(question) : "?…";
  return request.method + " " + path;
}

}  // namespace heald::support
