#include "plugins/detectors/trend/departure.h"

#include <algorithm>
#include <cmath>

namespace heald::trend {

std::optional<Departure> DepartureOf(const Buckets& buckets) {
  constexpr uint32_t kFewest = 16;
  constexpr uint32_t kOutside = 3;  // buckets in a row, at least
  const uint32_t size = buckets.size();
  if (size < kFewest) return std::nullopt;
  double low = buckets[size - 1];
  double high = low;
  for (uint32_t age = size / 2; age < size; ++age) {
    low = std::min(low, buckets[age]);
    high = std::max(high, buckets[age]);
  }
  constexpr double kRounding = 1e-9;
  const double margin =
      (high / 2 - low / 2) + kRounding * std::max(std::fabs(low), std::fabs(high));
  uint32_t outside = 0;
  const bool above = buckets[0] > high + margin;
  while (outside < size / 2 &&
         (above ? buckets[outside] > high + margin : buckets[outside] < low - margin))
    ++outside;
  if (outside < kOutside) return std::nullopt;
  return Departure{buckets.newest_ns() - (outside - 1) * buckets.step_ns(), low, high};
}

double Likeness(const Buckets& a, const Buckets& b, uint32_t count) {
  const uint32_t n = std::min({count, a.size(), b.size()});
  if (n < 3) return 0;
  const auto unit = [n](const Buckets& of) {
    double most = 0;
    for (uint32_t i = 0; i < n; ++i) most = std::max(most, std::fabs(of[i] - of[0]));
    return most > 0 ? most : 1;
  };
  const double a_unit = unit(a);
  const double b_unit = unit(b);
  double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
  for (uint32_t i = 0; i < n; ++i) {
    const double x = (a[i] - a[0]) / a_unit;
    const double y = (b[i] - b[0]) / b_unit;
    sa += x;
    sb += y;
    saa += x * x;
    sbb += y * y;
    sab += x * y;
  }
  const double variance = (saa - sa * sa / n) * (sbb - sb * sb / n);
  const double covariance = sab - sa * sb / n;
  return variance > 0 ? std::min(covariance * covariance / variance, 1.0) : 0;
}

}  // namespace heald::trend
