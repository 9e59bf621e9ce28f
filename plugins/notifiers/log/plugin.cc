#include "plugins/notifiers/log/log_notifier.h"

HEALD_PLUGIN("log", "0.1.0", "The heald authors", "MIT", heald::log_notifier::LogNotifier);
