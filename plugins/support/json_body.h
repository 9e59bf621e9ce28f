// A body of one's own whose values come marked (heald/marked.h). In JSON they are escaped, so that
// whatever stands in a label the body keeps the form that its author wrote. Used by the notifier
// webhook and the action http. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace heald::support {

// application/json, Application/vnd.x+json ; charset=utf-8…
bool IsJson(std::string_view content_type);

// Empty, or why it can't be sent.
std::string CheckContentType(std::string_view content_type);

// Empty, or why `written` can't be a JSON body ("…at byte 17…").
std::string CheckJsonBody(std::string_view written);

// As it is sent, without marks. In JSON, a value between quotes is text there, and one outside of
// quotes what it says where that is a number, true, false or null, and else a text. Of other types
// nothing is known: values stay as they are.
std::string BodyOf(std::string_view content_type, std::string_view filled);

}  // namespace heald::support
