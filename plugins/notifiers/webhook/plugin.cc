#include "plugins/notifiers/webhook/webhook_notifier.h"

HEALD_PLUGIN("webhook", "0.1.0", "The heald authors", "MIT", heald::webhook::WebhookNotifier);
