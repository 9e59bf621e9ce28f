// What people asked heald to leave alone for a while: by matchers on detector, metric, policy and
// the target's labels, until a time, by whom and why. Kept in the journal as one setting. Used by
// the engine. Thread rule: the engine's strand; a Silence is a plain value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/base/units.h"
#include "core/model/matcher.h"

namespace heald::remedy {

struct Silence {
  std::string id;  // "s7"
  std::vector<Matcher> matchers;
  int64_t created_ns = 0;
  int64_t ends_ns = 0;
  std::string actor;
  std::string comment;
  std::string ended_by;  // who ended it before its time; empty: nobody

  bool ActiveAt(int64_t now_ns) const { return now_ns < ends_ns; }
  // One that names a policy is about what that policy does, not about the incident.
  bool NamesPolicy() const;
};

// "until 2026-11-21T20:14:03Z by user:anna: deploy"
std::string Describe(const Silence& silence);

class SilenceBook {
 public:
  static constexpr std::string_view kSetting = "silences";
  static constexpr size_t kMax = 1000;       // active ones
  static constexpr size_t kKeptEnded = 100;  // for people who look back
  static constexpr int64_t kLongestNs = 366 * kDay;

  // kInvalid: no matchers, no comment, a time that is over or too far away. kFull.
  Result<Silence> Make(std::vector<Matcher> matchers, int64_t ends_ns, std::string_view actor,
                       std::string_view comment, int64_t now_ns) const;
  void Add(Silence silence);
  // kNotFound, kConflict when it is over already.
  Result<Silence> End(std::string_view id, std::string_view actor, int64_t now_ns);

  // Active ones first, of those the one that ends last; null: nothing is silenced.
  const Silence* Covering(const MatchSubject& subject, int64_t now_ns) const;
  // Those that ended in (from, until].
  std::vector<const Silence*> EndedBetween(int64_t from_ns, int64_t until_ns) const;
  int64_t next_end_ns(int64_t now_ns) const;                     // INT64_MAX: none
  const std::vector<Silence>& all() const { return silences_; }  // oldest first

  std::string ToText() const;
  static Result<SilenceBook> FromText(std::string_view text);

 private:
  void Prune(int64_t now_ns);

  std::vector<Silence> silences_;
  uint64_t last_ = 0;
};

}  // namespace heald::remedy
