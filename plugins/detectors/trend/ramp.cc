#include "plugins/detectors/trend/ramp.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace heald::trend {

namespace {

constexpr uint32_t kMost = Buckets::kCapacity;
// Begins that are tried first; then all between the neighbours of the best.
constexpr std::array<uint32_t, 16> kAges = {6,  8,  10, 12, 15, 18, 22,  27,
                                            33, 40, 48, 58, 70, 85, 104, 126};
constexpr uint32_t kSlopeAges = 11;  // differences are looked at as far back as kAges[10]
constexpr uint32_t kShortest = 9;    // buckets that a ramp must have lasted
constexpr uint32_t kFewestBefore = 12;

// Gains are differences of log likelihoods.
constexpr double kRampGain = 10;
constexpr double kSlopeGain = 4;
constexpr double kOverFlat = 40;  // more, where lines that reach far beyond the begin are flat
constexpr double kDeviationsUp = 2.8;
// How much of the way to the threshold must be done: the more, the later it is to be reached.
constexpr double kWayDone = 0.47;
constexpr double kWayDoneLater = 0.6;
constexpr double kSoon = 2.0 / 3;  // horizons
constexpr double kLater = 2;       // horizons
constexpr double kEarliest = 4;    // horizons: sooner than this at least possibly
constexpr double kFurthest = 10;   // horizons: probably
// Neighbours' gains aren't independent: weights are flatter than likelihoods would be.
constexpr double kTemper = 0.1;
constexpr double kTimeInterval = 1.8;  // deviations, half the width of the time's interval
constexpr double kRelative = 0.03;     // of the way: nothing is known better than that
constexpr double kPriorBuckets = 4;
constexpr double kPriorShare = 1.0 / 6;  // of the way: the deviation before it is known

// Everything is counted in the way from the usual level to the threshold, so that squares stay
// within range whatever the unit.
struct Frame {
  double base;
  double unit;  // signed
  double operator()(double value) const { return (value - base) / unit; }
};

// Student's t with two degrees of freedom: a jump costs little more than a large surprise.
constexpr double kFreedom = 2;
double Cost(double surprise) {
  return (kFreedom + 1) / 2 * std::log1p(surprise * surprise / kFreedom);
}

struct Fit {
  double slope = 0;
  double error = 0;
  double gain = 0;  // against slope 0
};

// z = slope × h + noise of this scale, robustly.
Fit FitOf(std::span<const double> z, std::span<const double> h, double scale) {
  std::array<double, kMost> ratio{};
  const size_t n = z.size();
  for (size_t i = 0; i < n; ++i) ratio[i] = z[i] / h[i];
  const auto middle = ratio.begin() + static_cast<ptrdiff_t>(n / 2);
  std::nth_element(ratio.begin(), middle, ratio.begin() + static_cast<ptrdiff_t>(n));
  Fit fit{*middle, 0, 0};
  double squares = 0;
  constexpr int kRounds = 4;
  for (int round = 0; round < kRounds; ++round) {
    double products = 0;
    squares = 0;
    for (size_t i = 0; i < n; ++i) {
      const double surprise = (z[i] - fit.slope * h[i]) / scale;
      const double weight = (kFreedom + 1) / (kFreedom + surprise * surprise);
      products += weight * z[i] * h[i];
      squares += weight * h[i] * h[i];
    }
    fit.slope = products / squares;
  }
  fit.error = scale / std::sqrt(squares);
  for (size_t i = 0; i < n; ++i)
    fit.gain += Cost(z[i] / scale) - Cost((z[i] - fit.slope * h[i]) / scale);
  return fit;
}

// One begin of a ramp, by one of the two questions.
struct Candidate {
  uint32_t age = 0;
  double gain = 0;
  double slope = 0;
  double way_done = 0;
  double above = 0;  // deviations above the level before
  double in = 0;
  double in_error = 0;
};

struct Candidates {
  std::array<Candidate, kMost + 1> of;
  uint32_t count = 0;
  double step = 0;  // the greatest gain of a step
  uint32_t best = 0;

  void Add(const Candidate& candidate) {
    if (count == 0 || candidate.gain > of[best].gain) best = count;
    of[count++] = candidate;
  }
};

class Judge {
 public:
  Judge(const Buckets& buckets, const Noise& learned, const Frame& frame, double horizon)
      : buckets_(buckets),
        frame_(frame),
        horizon_(horizon),
        size_(buckets.size()),
        practised_(learned.seen() > 0) {
    for (uint32_t i = 0; i < kNow; ++i) now_ += frame_(buckets[i]) / kNow;
    before_[size_] = learned;
    for (uint32_t age = size_; age-- > 0;) {
      before_[age] = before_[age + 1];
      before_[age].Learn(buckets[age], buckets[std::min(age + 1, size_ - 1)]);
    }
  }

  Candidates Ramps() const {
    Candidates found;
    uint32_t top = 0;
    double most = 0;
    for (uint32_t i = 0; i < kAges.size() && kAges[i] < size_; ++i) {
      const uint32_t had = found.count;
      Try(kAges[i], found);
      if (found.count == had || found.of[had].gain <= most) continue;
      most = found.of[had].gain;
      top = i;
    }
    if (found.count == 0) return found;
    const uint32_t from = top > 0 ? kAges[top - 1] + 1 : kAges[0] - 1;
    const uint32_t to = top + 1 < kAges.size() ? std::min(kAges[top + 1], size_) : size_;
    for (uint32_t age = from; age < to; ++age)
      if (age != kAges[top]) Try(age, found);
    return found;
  }

  Candidates Slopes(const Noise& learned) const {
    Candidates found;
    constexpr uint32_t kEnough = 32;
    constexpr uint32_t kOldest = 15;
    const uint32_t from = std::min(size_ - std::min(size_, kOldest), kAges[kSlopeAges - 1]);
    const Noise& usual = learned.seen() >= kEnough ? learned : before_[from];
    const double mean = frame_(usual.mean());
    const double deviation = Deviation(usual, learned.seen() + size_ / 2.0, 1 - mean);
    const double scale = Floored(before_[0].step(), deviation);
    std::array<double, kMost> z, h;
    h.fill(1);
    for (uint32_t i = 0; i < kSlopeAges && kAges[i] < size_; ++i) {
      const uint32_t age = kAges[i];
      for (uint32_t k = 0; k < age; ++k) z[k] = frame_(buckets_[k]) - frame_(buckets_[k + 1]);
      const Fit fit = FitOf({z.data(), age}, {h.data(), age}, scale);
      if (fit.slope <= 0 || fit.gain <= 0) continue;
      const double level = now_ + kLag * fit.slope;
      Add(age, fit, mean, deviation, level, std::hypot(deviation, kRelative), found);
    }
    return found;
  }

  Ramp RampFrom(const Candidates& found, double gain) const {
    Ramp ramp;
    if (found.count == 0) return ramp;
    // Means are taken of 1/time: a begin after which it hardly rises would else outweigh all
    // others.
    double sum = 0, speed = 0;
    for (uint32_t i = 0; i < found.count; ++i) {
      const double weight = Weight(found, i);
      sum += weight;
      speed += weight * Speed(found.of[i]);
    }
    speed /= sum;
    double squares = 0;
    for (uint32_t i = 0; i < found.count; ++i) {
      const Candidate& candidate = found.of[i];
      const double weight = Weight(found, i) / sum;
      const double own = Speed(candidate);
      const double error = std::min(candidate.in_error * own, 1.0) * own;
      squares += weight * (error * error + (own - speed) * (own - speed));
      ramp.probability +=
          weight * 0.5 * std::erfc((candidate.in - horizon_) / candidate.in_error / std::sqrt(2.0));
    }
    const double reach = kTimeInterval * std::sqrt(squares);
    const double in = 1 / speed;
    const double most = 10 * std::max(horizon_, in);
    const Candidate& best = found.of[found.best];
    ramp.buckets = best.age;
    ramp.slope = best.slope * frame_.unit;
    ramp.level = (now_ + kLag * best.slope) * frame_.unit + frame_.base;
    ramp.noise = before_[best.age].surprise();
    ramp.confidence = 1 - std::exp(-std::max(best.gain - found.step, 0.0));
    ramp.in = in;
    ramp.in_low = 1 / (speed + reach);
    ramp.in_high = speed * most > 1 + reach * most ? 1 / (speed - reach) : most;
    const double later = std::clamp((in / horizon_ - kSoon) / (kLater - kSoon), 0.0, 1.0);
    const double way = kWayDone + (kWayDoneLater - kWayDone) * later;
    const bool known = ramp.in_low < kEarliest * horizon_ && in < kFurthest * horizon_;
    const Rise rise = RiseOf(best);
    if (rise == Rise::kEnded) return ramp;
    ramp.held = known && best.gain > gain / 2 && best.way_done > kWayDone / 2;
    const double least = rise == Rise::kYoung ? gain + kOverFlat : gain;
    ramp.found = known && best.gain > std::max(least, found.step) && best.age >= kShortest &&
                 best.way_done >= way && best.above > kDeviationsUp;
    return ramp;
  }

 private:
  static constexpr uint32_t kNow = 4;                    // buckets whose mean is the present level
  static constexpr double kLag = 1.5;                    // by which it lags behind, in buckets
  static constexpr double kDeviationPerMedian = 1.4826;  // of a normal distribution

  static double Weight(const Candidates& found, uint32_t i) {
    return std::exp(kTemper * (found.of[i].gain - found.of[found.best].gain));
  }
  // What little has been seen is held against the way to the threshold: who set it expected less.
  double Deviation(const Noise& noise, double seen, double way) const {
    const double own = noise.deviation() / std::fabs(frame_.unit);
    return std::sqrt((seen * own * own + kPriorBuckets * way * way * kPriorShare * kPriorShare) /
                     (seen + kPriorBuckets));
  }
  double Floored(double scale, double deviation) const {
    constexpr double kShare = 0.02;  // of the deviation
    constexpr double kRounding = 1e-9;
    const double rounding = kRounding * (1 + std::fabs(frame_.base / frame_.unit));
    return std::max({scale / std::fabs(frame_.unit), kShare * deviation, rounding});
  }

  static double Speed(const Candidate& candidate) { return 1 / std::max(candidate.in, 1.0); }

  enum class Rise : uint8_t {
    kOn,     // the newest buckets rise as the ramp does
    kYoung,  // … but lines that begin long before it are flat; nothing else can be expected of them
    kEnded  // they don't
  };
  Rise RiseOf(const Candidate& ramp) const {
    constexpr double kWithinRamp = 1.8;
    Rise rise = Rise::kOn;
    for (const uint32_t newest : {16u, 32u, 64u}) {
      if (newest >= size_) break;
      if (!Flat(newest, ramp.slope / 2)) continue;
      if (newest <= kWithinRamp * ramp.age || !practised_) return Rise::kEnded;
      rise = Rise::kYoung;
    }
    return rise;
  }

  // So many newest buckets, jumps aside, rise by less than `slope`.
  bool Flat(uint32_t newest, double slope) const {
    std::array<double, kMost> z, h, away;
    h.fill(1);
    for (uint32_t i = 0; i < newest; ++i) z[i] = frame_(buckets_[i]) - frame_(buckets_[i + 1]);
    const Fit rough = FitOf({z.data(), newest}, {h.data(), newest}, Floored(before_[0].step(), 0));
    for (uint32_t i = 0; i < newest; ++i) away[i] = std::fabs(z[i] - rough.slope);
    std::nth_element(away.begin(), away.begin() + newest / 2, away.begin() + newest);
    const double scale = std::max(kDeviationPerMedian * away[newest / 2], Floored(0, 0));
    const Fit fit = FitOf({z.data(), newest}, {h.data(), newest}, scale);
    return fit.slope + 2 * fit.error < slope;
  }

  void Add(uint32_t age, const Fit& fit, double mean, double deviation, double level,
           double level_error, Candidates& found) const {
    const double now = now_ + kLag * fit.slope;
    const double in = (1 - level) / fit.slope;
    found.Add({age, fit.gain, fit.slope, (now - mean) / (1 - mean), (now - mean) / deviation, in,
               std::hypot(level_error, fit.error * in) / fit.slope});
  }

  void Try(uint32_t age, Candidates& found) const {
    const Noise& noise = before_[age];
    if (noise.seen() < kFewestBefore) return;
    const double mean = frame_(noise.mean());
    if (mean >= 1 || now_ - mean < 0.3 * (1 - mean)) return;
    const double alike = noise.likeness();
    const double deviation = Deviation(noise, noise.seen(), 1 - mean);
    const double scale = Floored(noise.surprise(), noise.deviation() / std::fabs(frame_.unit));
    std::array<double, kMost + 1> y;
    std::array<double, kMost> z, h;
    for (uint32_t i = 0; i <= age; ++i) y[i] = frame_(buckets_[std::min(i, size_ - 1)]) - mean;
    for (uint32_t i = 0; i < age; ++i) z[i] = y[i] - alike * y[i + 1];
    // A step of height 1, then a ramp of slope 1, as the noise's memory lets them come through.
    std::fill_n(h.begin(), age, 1 - alike);
    h[age - 1] = 1;
    found.step = std::max(found.step, FitOf({z.data(), age}, {h.data(), age}, scale).gain);
    for (uint32_t i = 0; i < age; ++i) h[i] = 1 + (1 - alike) * (age - i - 1);
    const Fit fit = FitOf({z.data(), age}, {h.data(), age}, scale);
    if (fit.slope <= 0 || fit.gain <= 0) return;
    // Two opinions of the level now: the values less the slope, and the ramp from its begin.
    double own = 0;
    for (uint32_t i = 0; i < age; ++i) own += (y[i] + fit.slope * i) / age;
    const double n = age;
    const double alike_share = std::min((1 + alike) / (1 - alike) / n, 1.0);
    const double own_error =
        deviation * deviation * alike_share + fit.error * fit.error * n * n / 4;
    const double ramp_error = (fit.error * fit.error + fit.slope * fit.slope / 36) * n * n;
    const double level =
        mean + (own * ramp_error + fit.slope * n * own_error) / (own_error + ramp_error);
    const double level_error = std::sqrt(own_error * ramp_error / (own_error + ramp_error));
    Add(age, fit, mean, deviation, level, std::hypot(level_error, kRelative * (1 - mean)), found);
  }

  const Buckets& buckets_;
  const Frame frame_;
  const double horizon_;
  const uint32_t size_;
  const bool practised_;  // noise has been learnt from buckets that aren't kept any more
  double now_ = 0;
  std::array<Noise, kMost + 1> before_;  // what came before the bucket of this age, and itself
};

}  // namespace

Ramp RampOf(const Buckets& buckets, const Noise& learned, double threshold, double sign,
            double horizon) {
  constexpr uint32_t kFewest = 12;
  constexpr uint32_t kFewestWithoutPast = 32;  // what wanders looks like a ramp in fewer
  constexpr uint32_t kNow = 4;
  const uint32_t size = buckets.size();
  if (size < (learned.seen() > 0 ? kFewest : kFewestWithoutPast)) return {};
  double base = learned.mean(), now = 0;
  if (learned.seen() < kFewestBefore) {
    constexpr uint32_t kOldest = 6;
    base = 0;
    for (uint32_t i = size - kOldest; i < size; ++i) base += buckets[i] / kOldest;
  }
  for (uint32_t i = 0; i < kNow; ++i) now += buckets[i] / kNow;
  const double way = sign * (threshold - base);
  // Most series are far from their threshold: that is found out at once.
  constexpr double kFewestWay = 0.3;
  if (!(way > 1e-290) || !(std::fabs(threshold) < Noise::kLimit) ||
      !(std::fabs(now) < Noise::kLimit) || sign * (now - base) < kFewestWay * way)
    return {};
  const Judge judge(buckets, learned, {base, sign * way}, horizon);
  const Ramp slope = judge.RampFrom(judge.Slopes(learned), kSlopeGain);
  if (slope.found) return slope;
  const Ramp ramp = judge.RampFrom(judge.Ramps(), kRampGain);
  return ramp.found || ramp.held ? ramp : slope;
}

}  // namespace heald::trend
