#include "tests/trend/families.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace heald::trend::testing {

namespace {

double Uniform(Random& random, double low, double high) {
  return std::uniform_real_distribution<>(low, high)(random);
}
double Normal(Random& random, double deviation) {
  return std::normal_distribution<>(0, deviation)(random);
}
size_t Draw(Random& random, double low, double high) {
  return static_cast<size_t>(Uniform(random, low, high));
}

// Likeness of neighbours a, deviation 1.
Values Ar1(Random& random, size_t samples, double a) {
  Values values(samples);
  double x = Normal(random, 1);
  for (double& value : values) value = x = a * x + Normal(random, std::sqrt(1 - a * a));
  return values;
}

Values White(Random& random, size_t samples) {
  Values values(samples);
  for (double& value : values) value = 0.5 + Normal(random, 0.12);
  return values;
}

Values Alike(Random& random, size_t samples) {
  Values values = Ar1(random, samples, Uniform(random, 0.8, 0.98));
  for (double& value : values) value = std::clamp(0.5 + 0.15 * value, 0.0, 1.0);
  return values;
}

// Memory between two garbage collections, with teeth of about one length and height.
Values Sawtooth(Random& random, size_t samples) {
  Values values;
  const double period = Uniform(random, 15, 300);
  const double noise = Uniform(random, 0, 0.03);
  while (values.size() < samples) {
    const size_t length = Draw(random, 0.8 * period, 1.2 * period) + 2;
    const double base = Uniform(random, 0.1, 0.2);
    const double top =
        base + Uniform(random, 0.6, 0.75) * static_cast<double>(length) / period / 1.2;
    for (size_t i = 0; i < length; ++i)
      values.push_back(base + (top - base) * static_cast<double>(i) / static_cast<double>(length) +
                       Normal(random, noise));
  }
  values.resize(samples);
  return values;
}

Values Daily(Random& random, size_t samples) {
  constexpr double kDay = 5760;
  const double phase = Uniform(random, 0, kDay);
  const double noise = Uniform(random, 0.005, 0.05);
  Values values(samples);
  for (size_t i = 0; i < samples; ++i)
    values[i] = 0.5 +
                0.42 * std::sin(2 * std::numbers::pi * (static_cast<double>(i) + phase) / kDay) +
                Normal(random, noise);
  return values;
}

Values LevelShifts(Random& random, size_t samples) {
  Values values;
  const double noise = Uniform(random, 0.005, 0.04);
  while (values.size() < samples) {
    const double level = Uniform(random, 0.1, 0.9);
    for (size_t left = Draw(random, 40, 500); left > 0; --left)
      values.push_back(level + Normal(random, noise));
  }
  values.resize(samples);
  return values;
}

// A cache that fills, ever more slowly.
Values WarmUp(Random& random, size_t samples) {
  const double time = Uniform(random, 30, 400);
  const double noise = Uniform(random, 0.001, 0.02);
  const size_t start = Draw(random, 0, 300);
  Values values(samples);
  for (size_t i = 0; i < samples; ++i)
    values[i] = 0.1 + Normal(random, noise) +
                (i < start ? 0 : 0.8 * (1 - std::exp(-static_cast<double>(i - start) / time)));
  return values;
}

Values Wander(Random& random, size_t samples) {
  Values values(samples);
  const double step = Uniform(random, 0.002, 0.03);
  double x = 0.5;
  for (double& value : values) {
    x += Normal(random, step);
    if (x < 0.05) x = 0.1 - x;
    if (x > 0.95) x = 1.9 - x;
    value = x;
  }
  return values;
}

Values Bursts(Random& random, size_t samples) {
  Values values(samples);
  size_t left = 0;
  double height = 0;
  for (double& value : values) {
    if (left == 0 && Uniform(random, 0, 1) < 0.01) {
      left = Draw(random, 1, 20);
      height = Uniform(random, 0.2, 0.7);
    }
    value = 0.2 + Normal(random, 0.02) + (left > 0 ? height : 0);
    if (left > 0) --left;
  }
  return values;
}

// Batch jobs: memory grows, is kept for a while, is given back.
Values Batches(Random& random, size_t samples) {
  Values values;
  const double noise = Uniform(random, 0.002, 0.02);
  const auto stay = [&](double from, double to, size_t length) {
    for (size_t i = 0; i < length; ++i)
      values.push_back(from + (to - from) * static_cast<double>(i) / static_cast<double>(length) +
                       Normal(random, noise));
  };
  while (values.size() < samples) {
    const double top = Uniform(random, 0.4, 0.85);
    stay(0.15, 0.15, Draw(random, 30, 200));
    stay(0.15, top, Draw(random, 10, 60));
    stay(top, top, Draw(random, 30, 200));
    stay(top, 0.15, 4);
  }
  values.resize(samples);
  return values;
}

}  // namespace

const std::vector<Family>& HealthyFamilies() {
  static const std::vector<Family> kFamilies = {
      {"white noise", &White},        {"alike neighbours", &Alike},
      {"sawtooth", &Sawtooth},        {"daily", &Daily},
      {"level shifts", &LevelShifts}, {"warm-up", &WarmUp},
      {"random walk", &Wander},       {"bursts", &Bursts},
      {"batches", &Batches}};
  return kFamilies;
}

Values Noise(Random& random, size_t samples) {
  Values values = Ar1(random, samples, Uniform(random, 0.3, 0.97));
  double shift = 0;
  for (double& value : values) {
    if (Uniform(random, 0, 1) < 0.005) shift = Normal(random, 0.4);
    value = 0.9 * value + shift;
    if (Uniform(random, 0, 1) < 0.01) value += Uniform(random, 0, 3);
  }
  return values;
}

Values Bootstrap(Random& random, const Values& column, size_t block, size_t samples) {
  Values values;
  while (values.size() < samples) {
    const size_t from = Draw(random, 0, static_cast<double>(column.size() - block));
    for (size_t i = from; i < from + block; ++i) values.push_back(column[i]);
  }
  values.resize(samples);
  return values;
}

size_t AddRamp(Random& random, double threshold, Values& values) {
  constexpr double kPerMinute = 4;
  const double length = Uniform(random, 20, 120) * kPerMinute;
  const double begin =
      std::floor(Uniform(random, 60, static_cast<double>(values.size()) - length - 20));
  for (size_t at = 0; at < values.size(); ++at)
    values[at] += threshold * std::clamp((static_cast<double>(at) - begin) / length, 0.0, 1.5);
  return static_cast<size_t>(std::ceil(begin + length));
}

}  // namespace heald::trend::testing
