#include "example.h"

HEALD_PLUGIN("example", "0.1.0", "", "MIT", Example);
