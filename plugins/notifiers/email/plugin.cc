#include "plugins/notifiers/email/email_notifier.h"

HEALD_PLUGIN("email", "0.1.0", "The heald authors", "MIT", heald::email::EmailNotifier);
