#include "core/remedy/silences.h"

#include <algorithm>

#include "core/base/units.h"
#include "core/store/json.h"

namespace heald::remedy {
namespace {

constexpr size_t kMaxMatchers = 20;
constexpr size_t kMaxComment = 1000;

}  // namespace

bool Silence::NamesPolicy() const {
  return std::any_of(matchers.begin(), matchers.end(),
                     [](const Matcher& matcher) { return matcher.name() == "policy"; });
}

std::string Describe(const Silence& silence) {
  return "until " + FormatTime(silence.ends_ns).substr(0, 19) + "Z by " + silence.actor + ": " +
         silence.comment;
}

Result<Silence> SilenceBook::Make(std::vector<Matcher> matchers, int64_t ends_ns,
                                  std::string_view actor, std::string_view comment,
                                  int64_t now_ns) const {
  const auto invalid = [](std::string why) { return MakeError(Code::kInvalid, std::move(why)); };
  if (matchers.empty())
    return invalid(
        "a silence needs a matcher, such as service=payments: to stop everything there "
        "is the switch");
  if (matchers.size() > kMaxMatchers)
    return invalid("a silence takes at most " + std::to_string(kMaxMatchers) + " matchers");
  const bool says_something = std::any_of(matchers.begin(), matchers.end(),
                                          [](const Matcher& m) { return !m.Matches(""); });
  if (!says_something)
    return invalid(
        "these matchers fit everything: one must ask for a value, such as "
        "service=payments");
  if (comment.empty()) return invalid("a silence needs a comment: why is it?");
  if (comment.size() > kMaxComment)
    return invalid("a comment has at most " + std::to_string(kMaxComment) + " characters");
  if (ends_ns <= now_ns) return invalid("a silence must end in the future");
  if (ends_ns - now_ns > kLongestNs)
    return invalid("a silence may last a year at most; to park a policy set enabled: false");
  const auto active = std::count_if(silences_.begin(), silences_.end(),
                                    [&](const Silence& s) { return s.ActiveAt(now_ns); });
  if (static_cast<size_t>(active) >= kMax)
    return MakeError(Code::kFull, "there are " + std::to_string(kMax) +
                                      " silences already: end some that nobody needs");
  return Silence{"s" + std::to_string(last_ + 1),
                 std::move(matchers),
                 now_ns,
                 ends_ns,
                 std::string(actor),
                 std::string(comment),
                 {}};
}

void SilenceBook::Add(Silence silence) {
  ++last_;
  const int64_t now_ns = silence.created_ns;
  silences_.push_back(std::move(silence));
  Prune(now_ns);
}

Result<Silence> SilenceBook::End(std::string_view id, std::string_view actor, int64_t now_ns) {
  const auto at = std::find_if(silences_.begin(), silences_.end(),
                               [&](const Silence& silence) { return silence.id == id; });
  if (at == silences_.end())
    return MakeError(Code::kNotFound, "there is no silence '" + std::string(id) + "'");
  if (!at->ActiveAt(now_ns))
    return MakeError(Code::kConflict, "silence " + at->id + " is over since " +
                                          FormatTime(at->ends_ns).substr(0, 19) + "Z");
  at->ends_ns = now_ns;
  at->ended_by = actor;
  return *at;
}

const Silence* SilenceBook::Covering(const MatchSubject& subject, int64_t now_ns) const {
  const Silence* last = nullptr;
  for (const Silence& silence : silences_) {
    if (!silence.ActiveAt(now_ns) || (last != nullptr && last->ends_ns >= silence.ends_ns))
      continue;
    if (subject.policy.empty() && silence.NamesPolicy()) continue;
    if (MatchesAll(silence.matchers, subject)) last = &silence;
  }
  return last;
}

std::vector<const Silence*> SilenceBook::EndedBetween(int64_t from_ns, int64_t until_ns) const {
  std::vector<const Silence*> out;
  for (const Silence& silence : silences_)
    if (silence.ended_by.empty() && silence.ends_ns > from_ns && silence.ends_ns <= until_ns)
      out.push_back(&silence);
  return out;
}

int64_t SilenceBook::next_end_ns(int64_t now_ns) const {
  int64_t next_ns = INT64_MAX;
  for (const Silence& silence : silences_)
    if (silence.ends_ns > now_ns) next_ns = std::min(next_ns, silence.ends_ns);
  return next_ns;
}

// Forgets the oldest of those that are over.
void SilenceBook::Prune(int64_t now_ns) {
  auto over = static_cast<size_t>(
      std::count_if(silences_.begin(), silences_.end(),
                    [&](const Silence& silence) { return !silence.ActiveAt(now_ns); }));
  std::erase_if(silences_, [&](const Silence& silence) {
    if (silence.ActiveAt(now_ns) || over <= kKeptEnded) return false;
    --over;
    return true;
  });
}

std::string SilenceBook::ToText() const {
  Json list = Json::array();
  for (const Silence& silence : silences_) {
    Json matchers = Json::array();
    for (const Matcher& matcher : silence.matchers) matchers.push_back(matcher.ToString());
    list.push_back({{"id", silence.id},
                    {"matchers", std::move(matchers)},
                    {"created_ns", silence.created_ns},
                    {"ends_ns", silence.ends_ns},
                    {"actor", silence.actor},
                    {"comment", silence.comment},
                    {"ended_by", silence.ended_by}});
  }
  return Dump({{"last", last_}, {"silences", std::move(list)}});
}

Result<SilenceBook> SilenceBook::FromText(std::string_view text) {
  SilenceBook book;
  if (text.empty()) return book;
  const auto damaged = [](const std::string& why) {
    return MakeError(Code::kCorrupt, "the stored silences can't be read: " + why);
  };
  try {
    const Json json = Json::parse(text);
    book.last_ = json.at("last").get<uint64_t>();
    for (const Json& item : json.at("silences")) {
      Silence& silence = book.silences_.emplace_back();
      silence.id = item.at("id").get<std::string>();
      silence.created_ns = item.at("created_ns").get<int64_t>();
      silence.ends_ns = item.at("ends_ns").get<int64_t>();
      silence.actor = item.at("actor").get<std::string>();
      silence.comment = item.at("comment").get<std::string>();
      silence.ended_by = item.at("ended_by").get<std::string>();
      for (const Json& written : item.at("matchers")) {
        Result<Matcher> matcher = Matcher::Parse(written.get<std::string>());
        if (!matcher) return damaged(matcher.error().message);
        silence.matchers.push_back(std::move(*matcher));
      }
    }
  } catch (const Json::exception& error) {
    return damaged(error.what());
  }
  return book;
}

}  // namespace heald::remedy
