// A body of one's own: JSON whose texts have placeholders. The agent fills them in without knowing
// that the text is JSON; here their values are found again and escaped, so that whatever stands in
// a label the body stays JSON of the form that its author wrote. Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>

namespace heald::webhook {

// Empty, or why `written` can't be a JSON body ("…at byte 17…").
std::string CheckJsonBody(std::string_view written);

// `filled`: `written` with its placeholders filled in. Should a value contain the very text that
// follows its placeholder, part of it may end up with the next placeholder's, never outside both.
std::string JsonBody(std::string_view written, std::string_view filled);

}  // namespace heald::webhook
