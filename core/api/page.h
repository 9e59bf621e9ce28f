// The files of the status page, embedded by the build. Used by router.cc. Thread rule: constants.
#pragma once

#include <string_view>

namespace heald::api {

extern const std::string_view page_index_html;
extern const std::string_view page_app_css;
extern const std::string_view page_app_js;

}  // namespace heald::api
