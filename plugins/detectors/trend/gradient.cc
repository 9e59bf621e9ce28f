#include "plugins/detectors/trend/gradient.h"

// dlib takes seconds to compile: it is included here only. Its headers check at link time that they
// agree with its library; the library isn't linked, headers are all that is used.
#define DLIB_TEST_FOR_ODR_VIOLATIONS_H_
#include <dlib/statistics/running_gradient.h>

namespace heald::trend {

Gradient GradientOf(std::span<const double> values) {
  dlib::running_gradient running;
  for (const double value : values) running.add(value);
  return {running.gradient(), running.standard_error()};
}

}  // namespace heald::trend
