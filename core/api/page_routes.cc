// The dashboard's files.
#include "core/api/page.h"
#include "core/api/routes.h"

namespace heald::api {
namespace {

Response PageFile(std::string_view type, std::string_view text) {
  return {200,
          std::string(type) + "; charset=utf-8",
          std::string(text),
          {{"Content-Security-Policy",
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
            "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
           {"Cache-Control", "no-cache"}}};
}

Response GetPage(const Call&) {
  return PageFile("text/html", page_index_html);
}
Response GetStyle(const Call&) {
  return PageFile("text/css", page_app_css);
}
Response GetScript(const Call&) {
  return PageFile("text/javascript", page_app_js);
}

constexpr Route kRoutes[] = {
    {"GET", "/", std::nullopt, GetPage},
    {"GET", "/app.css", std::nullopt, GetStyle},
    {"GET", "/app.js", std::nullopt, GetScript},
};

}  // namespace

std::span<const Route> PageRoutes() {
  return kRoutes;
}

}  // namespace heald::api
