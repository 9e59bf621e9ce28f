// An event as a mail: subject, text and HTML with the same story in both, ids that thread. Used by
// the notifier. Thread rule: pure functions.
#pragma once

#include <string>

#include "plugins/notifiers/email/config.h"
#include "plugins/notifiers/email/mime.h"

namespace heald::email {

// `filled`: the config with its placeholders filled in for this event.
Mail LetterOf(const heald_notification& notice, const Config& filled);

}  // namespace heald::email
