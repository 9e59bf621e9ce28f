#include "plugins/detectors/log_patterns/detector.h"

HEALD_PLUGIN("log_patterns", "1.0.0", "heald", "MIT", heald::log_patterns::Detector);
