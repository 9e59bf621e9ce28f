// dlib's running_gradient for values in equal steps. Part of trend.
// Thread rule: pure functions.
#pragma once

#include <span>

namespace heald::trend {

struct Gradient {
  double slope = 0;           // per step
  double standard_error = 0;  // of the slope, if the residuals were independent
};

// Least squares over at least 3 values, oldest first.
Gradient GradientOf(std::span<const double> values);

}  // namespace heald::trend
