// The page that an approval link leads to, as plain HTML: no script, no picture, nothing from
// elsewhere. Used by link_routes.cc. Thread rule: pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/api/http.h"
#include "core/model/incident.h"

namespace heald::api {

// What would be done, why, on what and until when, with the two answers. `problem`: of the last
// try, or empty. `name`: as it was typed.
Response ApprovalQuestion(const Decision& decision, std::string_view token, std::string_view name,
                          std::string_view problem, int64_t now_ns);

// A word at the end: what came of the answer, or why there is nothing to answer.
Response ApprovalNote(int status, std::string_view title, std::string_view text,
                      uint64_t incident = 0);

// For HTML text and attributes.
std::string EscapeHtml(std::string_view text);

}  // namespace heald::api
