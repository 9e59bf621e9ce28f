#include "plugins/actions/process/process_action.h"

HEALD_PLUGIN("process", "0.1.0", "The heald authors", "MIT", heald::process::ProcessAction);
