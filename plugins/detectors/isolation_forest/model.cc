#include "plugins/detectors/isolation_forest/model.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace heald::isolation_forest {

void Model::RemoveColumn(size_t column) {
  rows_.Remove(column * kAspects, kAspects);
  Release();
  // The forest counts the numbers of a row: those behind would be others.
  forest_ = {};
  usual_ = {};
  next_seen_ = 0;
}

size_t Model::Fill(std::span<const float> row) {
  dense_.resize(forest_.features());
  size_t present = 0;
  for (size_t i = 0; i < dense_.size(); ++i) {
    const bool absent = std::isnan(row[i]);
    dense_[i] = absent ? usual_[i].middle : row[i];
    present += absent ? 0 : 1;
  }
  return present;
}

std::optional<double> Model::Score(std::span<const float> row) {
  if (Learning() || 2 * Fill(row) < forest_.features()) return std::nullopt;
  return forest_.Score(dense_);
}

double Model::Attribute(std::span<const float> row, std::span<double> credit) {
  std::fill(credit.begin(), credit.end(), 0);
  if (Learning()) return 0;
  Fill(row);
  std::vector<double> numbers(forest_.features());
  const double agree = forest_.Attribute(dense_, numbers);
  // What speaks for the row outweighs nothing that speaks against it: one usual metric doesn't make
  // another one less of a cause.
  for (size_t i = 0; i < numbers.size(); ++i) credit[i / kAspects] += std::max(numbers[i], 0.0);
  return agree;
}

void Model::Learn(const Rules& rules, std::span<const float> row) {
  rows_.Offer(row, kRows * rules.samples, rules.half_life, random_);
}

void Model::Hold(const Rules& rules, std::span<const float> row) {
  const size_t width = rows_.width();
  if (held_.size() < rules.samples * width) {
    held_.insert(held_.end(), row.begin(), row.end());
    return;
  }
  held_next_ = (held_next_ + 1) % rules.samples;
  std::copy(row.begin(), row.end(),
            held_.begin() + static_cast<std::ptrdiff_t>(held_next_ * width));
}

void Model::Adopt() {
  const size_t width = rows_.width();
  const size_t held = width == 0 ? 0 : held_.size() / width;
  if (held == 0) return;
  // Half of what it knows, so that it is as usual as what was before.
  for (size_t i = 0; i < rows_.size() / 2; ++i)
    rows_.Replace(random_.Below(static_cast<uint32_t>(rows_.size())),
                  std::span(held_).subspan(i % held * width, width));
  Release();
  next_ns_ = 0;
}

bool Model::Due(const Rules& rules, int64_t ts_ns) const {
  if (rows_.size() < rules.min_samples) return false;
  const bool young = Young(rules) && rows_.seen() >= next_seen_;
  return Learning() || young || ts_ns >= next_ns_;
}

void Model::Fit(const Rules& rules, int64_t ts_ns) {
  Grow(rules);
  next_seen_ = 2 * rows_.seen();
  // The next of its own points in time, wherever the first sample was.
  const int64_t every = rules.refit_interval_ns;
  const auto phase = static_cast<int64_t>(phase_ % static_cast<uint64_t>(every));
  next_ns_ = ts_ns - (ts_ns - phase) % every + every;
}

// Shuffles them.
Model::Usual Model::UsualIn(std::vector<float>& numbers) {
  if (numbers.empty()) return {};
  const auto at = [&](size_t rank) {
    const auto nth = numbers.begin() + static_cast<std::ptrdiff_t>(rank);
    std::nth_element(numbers.begin(), nth, numbers.end());
    return *nth;
  };
  const size_t last = numbers.size() - 1;
  const size_t tail = numbers.size() / 100;
  return {at(tail), at(numbers.size() / 2), at(last - tail), at(last)};
}

void Model::Grow(const Rules& rules) {
  const size_t width = rows_.width();
  const size_t count = rows_.size();
  std::vector<float> dense = rows_.rows();
  usual_.assign(width, {});
  std::vector<float> known;
  for (size_t i = 0; i < width; ++i) {
    known.clear();
    for (size_t row = 0; row < count; ++row)
      if (const float value = dense[row * width + i]; !std::isnan(value)) known.push_back(value);
    // Of a column that is new too little is known: the same for all, so that it cuts nothing.
    const bool enough = known.size() >= std::min(rules.min_samples, count);
    usual_[i] = UsualIn(known);
    for (size_t row = 0; row < count; ++row)
      if (float& value = dense[row * width + i]; !enough || std::isnan(value))
        value = usual_[i].middle;
  }
  forest_ = Forest::Fit(dense, width, rules.trees, rules.samples, random_.Next());
  std::vector<float> scores(count);
  forest_.Score(dense, scores);
  std::sort(scores.begin(), scores.end());
  typical_ = scores[count / 2];
  if (rules.contamination) {
    const auto below = static_cast<size_t>(static_cast<double>(count) * (1 - *rules.contamination));
    // Where all of the past is alike, no score is far from the usual one.
    constexpr double kApart = 0.01;
    unusual_ = std::max(double{scores[std::min(below, count - 1)]}, typical_ + kApart);
  }
}

void Model::Save(sdk::SnapshotWriter& out) {
  out.U64(random_.state());
  out.U64(phase_);
  out.U64(next_seen_);
  out.I64(next_ns_);
  out.F64(unusual_);
  out.F64(typical_);
  out.U32(static_cast<uint32_t>(rows_.width()));
  out.U64(rows_.seen());
  out.U64(rows_.rows().size());
  for (const float number : rows_.rows()) out.U32(std::bit_cast<uint32_t>(number));
  forest_.Save(out);
  for (const Usual& usual : usual_)
    for (const float number : {usual.low, usual.middle, usual.high, usual.greatest})
      out.U32(std::bit_cast<uint32_t>(number));
}

void Model::Load(sdk::SnapshotReader& in) {
  random_ = Random(in.U64());
  phase_ = in.U64();
  next_seen_ = in.U64();
  next_ns_ = in.I64();
  unusual_ = in.F64();
  typical_ = in.F64();
  const uint32_t width = in.U32();
  const uint64_t seen = in.U64();
  const uint64_t size = in.U64();
  if (width > Forest::kMaxFeatures || width % kAspects != 0 ||
      (width == 0 ? size != 0 : size % width != 0 || size / width > seen))
    sdk::SnapshotReader::Refuse("a reservoir in it has an impossible size");
  std::vector<float> rows;
  for (uint64_t left = size; left > 0; --left) rows.push_back(std::bit_cast<float>(in.U32()));
  rows_.Resume(width, seen, std::move(rows));
  forest_ = Forest::Load(in);
  if (forest_.features() > width)
    sdk::SnapshotReader::Refuse("a forest in it knows more than its reservoir");
  usual_.assign(forest_.features(), {});
  for (Usual& usual : usual_)
    for (float* number : {&usual.low, &usual.middle, &usual.high, &usual.greatest})
      *number = std::bit_cast<float>(in.U32());
}

}  // namespace heald::isolation_forest
