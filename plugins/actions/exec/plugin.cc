#include "plugins/actions/exec/exec_action.h"

HEALD_PLUGIN("exec", "0.1.0", "The heald authors", "MIT", heald::exec::ExecAction);
