// Text for Slack: escaped, within limits, templates' own markup kept. Used by layout.
// Thread rule: pure functions.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace heald::slack {

// &, < and > as Slack wants them, and at most `most` characters; the last is "…" where it is cut.
// Texts in `allowed` ("<!here>", "<https://…|runbook>") stay as they are.
std::string Escape(std::string_view text, size_t most,
                   const std::vector<std::string>& allowed = {});

// The <…> of a template as its author wrote them, with ${incident.url} filled in. Those with any
// other placeholder are left out: what stands in a label must not become a mention of everyone.
std::vector<std::string> MarkupOf(std::string_view written, std::string_view link);

// "<https://heald/#/incidents/7|incident #7>"; only the words when there is no link.
std::string Link(std::string_view url, std::string_view words);

// The time in the reader's own time zone.
std::string Date(int64_t ns, std::string_view form);

}  // namespace heald::slack
