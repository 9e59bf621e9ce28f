// The documentation of a service, written from its route table: a page for people and an OpenAPI
// document for programs. Used by HttpApp.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "demo/services/router.h"

namespace heald::demo {

// Self-contained HTML: no script, nothing loaded from elsewhere.
std::string DocsPage(const std::string& title, const std::string& version,
                     const std::vector<Route>& routes);
std::string OpenApi(const std::string& title, const std::string& version,
                    const std::vector<Route>& routes);

}  // namespace heald::demo
