#include "plugins/actions/alert/alert_action.h"

HEALD_PLUGIN("alert", "0.1.0", "The heald authors", "MIT", heald::alert::AlertAction);
