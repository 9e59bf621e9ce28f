#include "plugins/notifiers/slack/slack_notifier.h"

HEALD_PLUGIN("slack", "0.1.0", "The heald authors", "MIT", heald::slack::SlackNotifier);
