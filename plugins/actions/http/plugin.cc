#include "plugins/actions/http/http_action.h"

HEALD_PLUGIN("http", "0.1.0", "The heald authors", "MIT", heald::http_action::HttpAction);
