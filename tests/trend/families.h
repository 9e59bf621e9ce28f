// Generated series for trend's tests: healthy ones of the kinds that fool a plain regression, and
// noise to which a failure's ramp is added. Everything is seeded; one sample each 15 s.
// Thread rule: pure functions.
#pragma once

#include <random>
#include <string>
#include <vector>

namespace heald::trend::testing {

using Random = std::mt19937_64;
using Values = std::vector<double>;

struct Family {
  std::string name;
  Values (*make)(Random& random, size_t samples);
};

// Each makes a series whose healthy levels lie between 0 and about 1.
const std::vector<Family>& HealthyFamilies();

// Autocorrelated noise with bursts and small level shifts: mean 0, deviation about 1.
Values Noise(Random& random, size_t samples);

// Blocks of `block` rows from random places of one column, as many as needed.
Values Bootstrap(Random& random, const Values& column, size_t block, size_t samples);

// Adds a ramp that begins somewhere after the first quarter of an hour and rises by `threshold`
// within 20 to 120 minutes; returns the sample at which it has.
size_t AddRamp(Random& random, double threshold, Values& values);

}  // namespace heald::trend::testing
