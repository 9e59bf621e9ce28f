#include "plugins/detectors/trend/forecast.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "plugins/detectors/trend/gradient.h"

namespace heald::trend {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
// Half the width of the time's interval, in errors. The moment of opening is chosen by the data, so
// it takes more than the 1.64 that belong to 90 %.
constexpr double kInterval = 2;
// A short line is tried more often than a long one: chance makes it steep more easily.
constexpr std::array<double, kLengths> kSignificant = {8, 2, 2, 1.5, 1.5};
// Without any past only a line of at least this length (64 buckets) is believed.
constexpr uint32_t kWithoutPast = 3;
// From here on a step would describe the values as well as the line does.
constexpr double kStepLike = 0.9;
constexpr double kUnconvinced = 0.1;  // the most that is said then

double Cubed(double n) {
  return n * n * n - n;
}

// Student's t with `freedom` degrees, through a normal quantile (good to 0.01 from 3 degrees on).
double StudentCdf(double t, double freedom) {
  const double z = t * (1 - 1 / (4 * freedom)) / std::sqrt(1 + t * t / (2 * freedom));
  return 0.5 * std::erfc(-z / std::sqrt(2.0));
}

// Values of the latest `n` buckets, oldest first, so turned and scaled that the threshold lies
// above and squares stay within range.
struct Scale {
  double origin;
  double unit;  // signed
  double operator()(double value) const { return (value - origin) / unit; }
};

struct Segment {
  std::array<double, Buckets::kCapacity> y;
  uint32_t n = 0;
  double level = 0;
  double slope = 0;
  double error = 0;  // of the slope, neighbours' likeness counted
  double noise = 0;
  double freedom = 1;     // degrees
  double line_share = 0;  // squares left by the line, per squares left by the best step

  std::span<const double> values() const { return {y.data(), n}; }
  double Mean() const {
    double sum = 0;
    for (uint32_t i = 0; i < n; ++i) sum += y[i];
    return sum / n;
  }
  void Put() {
    const Gradient gradient = GradientOf(values());
    slope = gradient.slope;
    level = Mean() + slope * (n - 1) / 2;
    error = gradient.standard_error;
    noise = error * std::sqrt(Cubed(n) / 12);
  }
  double Residual(uint32_t i) const { return y[i] - (level - slope * (n - 1 - i)); }
  // Outliers may not decide the line: they are drawn in to three deviations (Huber).
  void Winsorise() {
    std::array<double, Buckets::kCapacity> distance;
    for (uint32_t i = 0; i < n; ++i) distance[i] = std::fabs(Residual(i));
    std::nth_element(distance.begin(), distance.begin() + n / 2, distance.begin() + n);
    const double most = 3 * 1.4826 * distance[n / 2];
    for (uint32_t i = 0; i < n; ++i) {
      const double residual = Residual(i);
      y[i] += std::clamp(residual, -most, most) - residual;
    }
  }
  // Neighbours are alike, so n values tell less than n independent ones (AR(1)).
  void CountLikeness() {
    double own = 0, next = 0;
    for (uint32_t i = 0; i < n; ++i) own += Residual(i) * Residual(i);
    for (uint32_t i = 1; i < n; ++i) next += Residual(i) * Residual(i - 1);
    const double alike = own > 0 ? std::clamp(next / own + 2.0 / n, 0.0, 0.95) : 0;
    const double inflation = std::min((1 + alike) / (1 - alike), n / 4.0);
    error *= std::sqrt(inflation);
    freedom = std::max(n / inflation - 2, 1.0);
  }
  void CompareWithStep() {
    double line = 0, sum = 0, squares = 0;
    for (uint32_t i = 0; i < n; ++i) {
      line += Residual(i) * Residual(i);
      sum += y[i];
      squares += y[i] * y[i];
    }
    double best = squares - sum * sum / n, left = 0;
    for (uint32_t i = 0; i + 1 < n; ++i) {
      left += y[i];
      const double right = sum - left;
      best = std::min(best, squares - left * left / (i + 1) - right * right / (n - 1 - i));
    }
    line_share = best > 0 ? line / best : 1;
  }
};

// The highest mean of 8 neighbours below the limit among the buckets older than `n`.
double HighestBefore(const Buckets& buckets, const Scale& scale, uint32_t n, double limit) {
  constexpr uint32_t kMean = LengthAt(0);
  double highest = kNaN, sum = 0;
  for (uint32_t age = n; age < buckets.size(); ++age) {
    sum += scale(buckets[age]);
    if (age < n + kMean - 1) continue;
    if (age >= n + kMean) sum -= scale(buckets[age - kMean]);
    if (sum / kMean < limit) highest = std::fmax(highest, sum / kMean);
  }
  return highest;
}

}  // namespace

Lines LinesOf(const Buckets& buckets, uint32_t most) {
  Lines lines;
  const uint32_t size = std::min(buckets.size(), most);
  if (size < LengthAt(0)) return lines;
  const double origin = buckets[0];
  double unit = 0;
  for (uint32_t i = 0; i < size; ++i) unit = std::max(unit, std::fabs(buckets[i] - origin));
  const double per_unit = unit > 1e-300 ? 1 / unit : 0;
  double sum = 0, squares = 0, moment = 0;
  uint32_t age = 0;
  while (lines.count < kLengths && LengthAt(lines.count) <= size) {
    for (; age < LengthAt(lines.count); ++age) {
      const double y = (buckets[age] - origin) * per_unit;
      sum += y;
      squares += y * y;
      moment -= age * y;
    }
    const double n = age;
    const double spread = Cubed(n) / 12;
    const double covariance = moment + sum * (n - 1) / 2;
    const double slope = covariance / spread;
    const double residual = std::max(squares - sum * sum / n - slope * covariance, 0.0);
    lines.of[lines.count++] = {(sum / n + slope * (n - 1) / 2) * unit + origin, slope * unit,
                               std::sqrt(residual / (n - 2) / spread) * unit};
  }
  return lines;
}

void Habits::LearnSlopes(const Lines& lines) {
  constexpr uint32_t kForget = 4096;  // buckets
  constexpr uint32_t kFirst = 16;     // from here on a single line can't count for much
  constexpr double kMost = 4;
  for (uint32_t i = 0; i < lines.count; ++i) {
    const Line& line = lines.of[i];
    if (line.slope == 0) continue;  // a constant says nothing about noise
    double apart = std::min(std::fabs(line.slope) / line.error, 1e3);
    if (seen_[i] >= kFirst) apart = std::min(apart, kMost * apart_[i]);
    seen_[i] = std::min(seen_[i] + 1, kForget);
    apart_[i] += (apart - apart_[i]) / seen_[i];
  }
}

void Habits::LearnLevel(double level, int64_t ts_ns, int64_t memory_ns) {
  Extremes& now = levels_[0];
  if (now.since_ns != 0 && ts_ns - now.since_ns > memory_ns) {
    levels_[1] = now;
    now.since_ns = 0;
  }
  if (now.since_ns == 0)
    now = {level, level, ts_ns};
  else
    now = {std::min(now.low, level), std::max(now.high, level), now.since_ns};
}

double Habits::Inflation(uint32_t length) const {
  constexpr double kTrust = 2;           // lines' worth
  constexpr double kFirst = 3;           // assumed before anything is known
  constexpr double kGrowth = 1.2;        // from one length to the next
  constexpr double kDeviation = 1.2533;  // of a normal distribution, per mean absolute deviation
  double inflation = kFirst;
  for (uint32_t i = 0; i <= length; ++i) {
    // Overlapping lines say little new; the habit of shorter ones fills in.
    const double lines = static_cast<double>(seen_[i]) / LengthAt(i);
    if (i > 0) inflation *= kGrowth;
    inflation = (lines * kDeviation * apart_[i] + kTrust * inflation) / (lines + kTrust);
  }
  return std::max(inflation, 1.0);
}

double Habits::highest() const {
  if (levels_[0].since_ns == 0) return kNaN;
  return levels_[1].since_ns == 0 ? levels_[0].high : std::max(levels_[0].high, levels_[1].high);
}

double Habits::lowest() const {
  if (levels_[0].since_ns == 0) return kNaN;
  return levels_[1].since_ns == 0 ? levels_[0].low : std::min(levels_[0].low, levels_[1].low);
}

void Habits::Save(sdk::SnapshotWriter& out) const {
  for (uint32_t i = 0; i < kLengths; ++i) {
    out.F64(apart_[i]);
    out.U32(seen_[i]);
  }
  for (const Extremes& levels : levels_) {
    out.F64(levels.low);
    out.F64(levels.high);
    out.I64(levels.since_ns);
  }
}

void Habits::Load(sdk::SnapshotReader& in) {
  for (uint32_t i = 0; i < kLengths; ++i) {
    apart_[i] = in.F64();
    seen_[i] = in.U32();
    if (!(apart_[i] >= 0)) sdk::SnapshotReader::Refuse("a slope in it is out of range");
  }
  for (Extremes& levels : levels_) {
    levels.low = in.F64();
    levels.high = in.F64();
    levels.since_ns = in.I64();
  }
}

namespace {

// The longest line that agrees with every shorter one in slope and level (after Lepski): where a
// series bends, the lines that reach beyond the bend disagree.
uint32_t ChooseLength(const Lines& lines, const std::array<double, kLengths>& error) {
  constexpr double kAgree = 2;     // errors
  constexpr double kAlways = 0.1;  // of the slope: less than this makes no difference
  for (uint32_t longer = 1; longer < lines.count; ++longer)
    for (uint32_t i = 0; i < longer; ++i) {
      const Line& line = lines.of[i];
      const double most = std::max(kAgree * error[i], kAlways * std::fabs(line.slope));
      if (std::fabs(line.slope - lines.of[longer].slope) > most ||
          std::fabs(line.level - lines.of[longer].level) > most * LengthAt(i) / std::sqrt(3.0))
        return longer - 1;
    }
  return lines.count - 1;
}

// Where a line whose slope is off by `error` stands after h buckets has this deviation.
double DeviationAhead(double error, double n, double h) {
  return error * std::sqrt(n * n / 3 + n * h + h * h);
}

// All h for which the threshold lies within kInterval deviations of the line (Fieller 1954).
void FillTimes(double distance, double slope, double error, double n, double horizon,
               Forecast& forecast) {
  if (distance <= 0) return;  // all of them are now
  const double k = kInterval * kInterval * error * error;
  const double a = slope * slope - k;
  const double b = distance * slope + k * n / 2;
  const double c = distance * distance - k * n * n / 3;
  const double root = std::sqrt(std::max(b * b - a * c, 0.0));
  forecast.in = distance / slope;
  const double most = 10 * std::max(horizon, forecast.in);
  const double low = a > 0 ? (b - root) / a : c / (b + root);
  const double high = a > 0 ? std::min((b + root) / a, most) : most;
  // A bucket isn't known to be nearer than that.
  forecast.in_low = std::max(std::min(low, forecast.in) - 0.5, 0.0);
  forecast.in_high = std::max(high, forecast.in) + 0.5;
}

}  // namespace

Forecast ForecastOf(const Buckets& buckets, const Lines& lines, const Habits& habits,
                    double threshold, double sign, double horizon, bool open) {
  Forecast forecast;
  if (lines.count == 0) return forecast;
  // Most series are far from their threshold: that is found out at once.
  std::array<double, kLengths> error{};
  bool near = false;
  double unit = std::fabs(threshold - buckets[0]);
  for (uint32_t i = 0; i < lines.count; ++i) {
    const Line& line = lines.of[i];
    error[i] = line.error * habits.Inflation(i);
    const double slope = sign * line.slope;
    const double ahead =
        sign * line.level + slope * horizon + DeviationAhead(error[i], LengthAt(i), horizon);
    near = near || (slope > 0 && ahead > sign * threshold);
    unit = std::max(unit, std::fabs(line.slope) * LengthAt(i));
  }
  if (!near || unit < 1e-300) return forecast;

  const uint32_t chosen = ChooseLength(lines, error);
  const Scale scale{buckets[0], sign * unit};
  Segment segment;
  segment.n = LengthAt(chosen);
  for (uint32_t i = 0; i < segment.n; ++i) segment.y[i] = scale(buckets[segment.n - 1 - i]);
  segment.Put();
  segment.Winsorise();
  segment.Put();
  const double plain = segment.error;
  segment.CountLikeness();
  segment.CompareWithStep();
  if (segment.slope <= 0) return forecast;
  const double slope_error =
      std::max({segment.error, plain * habits.Inflation(chosen), 1e-9 * segment.slope});
  const double limit = scale(threshold);
  const double distance = limit - segment.level;
  forecast.buckets = segment.n;
  forecast.level = segment.level * scale.unit + scale.origin;
  forecast.slope = segment.slope * scale.unit;
  forecast.noise = segment.noise * unit;
  forecast.significance = segment.slope / slope_error;
  forecast.confidence = StudentCdf(forecast.significance, segment.freedom);
  forecast.probability = StudentCdf(
      (segment.slope * horizon - distance) / DeviationAhead(slope_error, segment.n, horizon),
      segment.freedom);
  FillTimes(distance, segment.slope, slope_error, segment.n, horizon, forecast);
  if (open || distance <= 0) return forecast;

  double highest = HighestBefore(buckets, scale, segment.n, limit);
  const double known = sign > 0 ? habits.highest() : habits.lowest();
  if (!std::isnan(known)) highest = std::fmax(highest, scale(known));
  // A mean of 8 lags behind the end of a line.
  const double margin = 2 * segment.noise + segment.slope * LengthAt(0) / 2;
  const bool unusual =
      std::isnan(highest) ? chosen >= kWithoutPast : segment.level > highest + margin;
  if (!unusual || segment.line_share > kStepLike || forecast.significance < kSignificant[chosen])
    forecast.probability = std::min(forecast.probability, kUnconvinced);
  return forecast;
}

}  // namespace heald::trend
