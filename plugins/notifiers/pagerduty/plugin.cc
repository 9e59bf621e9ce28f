#include "plugins/notifiers/pagerduty/pagerduty_notifier.h"

HEALD_PLUGIN("pagerduty", "0.1.0", "The heald authors", "MIT", heald::pagerduty::PagerdutyNotifier);
