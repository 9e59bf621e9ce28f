#include "plugins/detectors/log_patterns/templates.h"

#include <algorithm>
#include <cmath>

namespace heald::log_patterns {
namespace {

constexpr uint64_t kWildcard = 0;  // of a child, and of a word that may be any
constexpr size_t kWordBytes = 100;
constexpr size_t kComparedAll = 32;  // templates of a leaf; where there are more, an index helps
constexpr size_t kRemembered = 1 << 14;
constexpr size_t kNodesPerTemplate = 4;
constexpr uint32_t kRoot = 0;

uint64_t EdgeKey(uint32_t node, uint64_t key) {
  uint64_t mixed = (key ^ (uint64_t{node} << 32 | node)) * 0x9e3779b97f4a7c15u;
  mixed ^= mixed >> 32;
  return mixed * 0xd6e8feb86659fd93u;
}

uint64_t AtPosition(uint64_t word, size_t position) {
  return word + (position + 1) * 0xa0761d6478bd642fu;
}

}  // namespace

std::string Template::Text() const {
  std::string text;
  for (size_t i = 0; i < texts.size(); ++i) {
    text += texts[i];
    if (spaces[i] && i + 1 < texts.size()) text += ' ';
  }
  return text;
}

Rate* Template::RateOf(uint32_t group) {
  for (TemplateRate& known : rates)
    if (known.group == group) return &known.rate;
  return nullptr;
}

Templates::Templates(const TreeLimits& limits)
    : limits_(limits), nodes_(1), remembered_(kRemembered) {}

Templates::Match Templates::Learn(std::string_view line, std::span<const Token> tokens,
                                  uint64_t line_hash, int64_t ts_ns) {
  Remembered& remembered = remembered_[line_hash % kRemembered];
  Match match;
  if (remembered.hash == line_hash && remembered.id != kNone &&
      templates_[remembered.id].serial == remembered.serial) {
    match.id = remembered.id;
  } else {
    words_.clear();
    for (const Token& token : tokens) words_.push_back(token.hash);
    const uint32_t leaf = Leaf(words_, [&](size_t i) { return tokens[i].variable; });
    match.id = FindSimilar(leaf, words_);
    if (match.id != kNone) {
      Generalize(match.id, words_);
    } else {
      match.created = true;
      Template made;
      made.words = words_;
      made.leaf = leaf;
      for (const Token& token : tokens) {
        made.texts.push_back(Printable(Masked(token.text), kWordBytes));
        made.spaces.push_back(token.space_after);
        made.variable.push_back(token.variable);
      }
      made.example = Printable(line, kExampleBytes);
      made.level = LevelOf(tokens);
      made.first_ns = ts_ns;
      match.id = Insert(std::move(made));
    }
    remembered = {line_hash, templates_[match.id].serial, match.id};
  }
  Template& known = templates_[match.id];
  ++known.count;
  known.last_ns = std::max(known.last_ns, ts_ns);
  Touch(match.id);
  return match;
}

template <typename Variable>
uint32_t Templates::Leaf(std::span<const uint64_t> words, const Variable& variable) {
  uint32_t node = Child(kRoot, words.size() + 1, kWildcard, true);
  size_t depth = 0;
  for (size_t i = 0; i < words.size() && depth < limits_.depth; ++i) {
    if (variable(i)) continue;
    ++depth;
    const bool may_grow = nodes_[node].children < limits_.max_children &&
                          edges_.size() < limits_.max_templates * kNodesPerTemplate;
    node = Child(node, words[i], i, may_grow);
  }
  return node;
}

// The child that leads on with this word; where there is none and no room for it, the one that is
// for all others.
uint32_t Templates::Child(uint32_t parent, uint64_t word, size_t position, bool may_grow) {
  for (;;) {
    const uint64_t edge = EdgeKey(parent, AtPosition(word, position));
    if (const auto at = edges_.find(edge); at != edges_.end()) return at->second;
    if (!may_grow && word != kWildcard) {
      word = kWildcard;
      continue;
    }
    uint32_t id = 0;
    if (free_nodes_.empty()) {
      id = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
    } else {
      id = free_nodes_.back();
      free_nodes_.pop_back();
    }
    nodes_[id] = Node{parent, edge, 0, false, {}};
    ++nodes_[parent].children;
    edges_.emplace(edge, id);
    return id;
  }
}

uint32_t Templates::FindSimilar(uint32_t leaf, std::span<const uint64_t> words) {
  const auto needed =
      static_cast<size_t>(std::ceil(limits_.similarity * static_cast<double>(words.size())));
  uint32_t best = kNone;
  size_t best_equal = 0;
  size_t best_any = 0;
  for (const uint32_t id : Candidates(leaf, words, needed)) {
    const std::vector<uint64_t>& known = templates_[id].words;
    size_t equal = 0;
    size_t any = 0;
    for (size_t i = 0; i < words.size(); ++i) {
      equal += known[i] == words[i] ? 1 : 0;
      any += known[i] == kWildcard ? 1 : 0;
    }
    if (equal < needed) continue;
    if (best != kNone && (equal < best_equal || (equal == best_equal && any <= best_any))) continue;
    best = id;
    best_equal = equal;
    best_any = any;
  }
  return best;
}

// Who has `needed` of n words equal has one of any n - needed + 1 of them: those that the fewest
// templates have are looked up.
std::span<const uint32_t> Templates::Candidates(uint32_t leaf, std::span<const uint64_t> words,
                                                size_t needed) {
  const std::vector<uint32_t>& all = nodes_[leaf].templates;
  if (!nodes_[leaf].indexed || needed == 0) return all;
  static const std::vector<uint32_t> kNobody;
  lists_.clear();
  for (size_t i = 0; i < words.size(); ++i) {
    const auto at = postings_.find(EdgeKey(leaf, AtPosition(words[i], i)));
    lists_.push_back(at == postings_.end() ? &kNobody : &at->second);
  }
  const size_t looked_up = words.size() - needed + 1;
  std::nth_element(lists_.begin(), lists_.begin() + static_cast<ptrdiff_t>(looked_up) - 1,
                   lists_.end(),
                   [](const auto* a, const auto* b) { return a->size() < b->size(); });
  candidates_.clear();
  for (size_t i = 0; i < looked_up; ++i) {
    if (candidates_.size() + lists_[i]->size() >= all.size()) return all;
    candidates_.insert(candidates_.end(), lists_[i]->begin(), lists_[i]->end());
  }
  std::sort(candidates_.begin(), candidates_.end());
  candidates_.erase(std::unique(candidates_.begin(), candidates_.end()), candidates_.end());
  return candidates_;
}

void Templates::Index(uint32_t id) {
  const Template& known = templates_[id];
  for (size_t i = 0; i < known.words.size(); ++i)
    if (known.words[i] != kWildcard)
      postings_[EdgeKey(known.leaf, AtPosition(known.words[i], i))].push_back(id);
}

void Templates::Unindex(uint32_t id, size_t position) {
  const Template& known = templates_[id];
  if (known.words[position] == kWildcard) return;
  const auto at = postings_.find(EdgeKey(known.leaf, AtPosition(known.words[position], position)));
  std::erase(at->second, id);
  if (at->second.empty()) postings_.erase(at);
}

void Templates::Generalize(uint32_t id, std::span<const uint64_t> words) {
  Template& known = templates_[id];
  for (size_t i = 0; i < words.size(); ++i) {
    if (known.words[i] == words[i] || known.words[i] == kWildcard) continue;
    if (nodes_[known.leaf].indexed) Unindex(id, i);
    known.words[i] = kWildcard;
    known.texts[i] = kAny;
  }
}

uint32_t Templates::Insert(Template made) {
  // Making room can take away the leaf itself, so it is held meanwhile.
  const uint32_t leaf = made.leaf;
  ++nodes_[leaf].children;
  while (live_ >= limits_.max_templates) EvictOldest();
  --nodes_[leaf].children;
  uint32_t id = 0;
  if (free_.empty()) {
    id = static_cast<uint32_t>(templates_.size());
    templates_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  made.serial = next_serial_++;
  rates_ += made.rates.size();
  templates_[id] = std::move(made);
  Node& at = nodes_[leaf];
  at.templates.push_back(id);
  if (at.indexed) {
    Index(id);
  } else if (at.templates.size() > kComparedAll) {
    at.indexed = true;
    for (const uint32_t one : at.templates) Index(one);
  }
  ++live_;
  Link(id);
  return id;
}

uint32_t Templates::Restore(Template known) {
  known.leaf = Leaf(known.words, [&](size_t i) { return known.variable[i]; });
  return Insert(std::move(known));
}

Rate& Templates::RateOf(uint32_t id, uint32_t group, const std::function<Rate()>& make) {
  if (Rate* known = templates_[id].RateOf(group)) return *known;
  while (rates_ >= limits_.max_rates && oldest_ != id) EvictOldest();
  ++rates_;
  return templates_[id].rates.emplace_back(TemplateRate{group, make()}).rate;
}

void Templates::DropRates(const std::function<bool(uint32_t)>& gone) {
  for (Template& known : templates_)
    rates_ -=
        std::erase_if(known.rates, [&](const TemplateRate& rate) { return gone(rate.group); });
  std::erase_if(evicted_from_, [&](const auto& entry) { return gone(entry.first); });
}

int64_t Templates::EvictedFrom(uint32_t group) const {
  const auto at = evicted_from_.find(group);
  return at == evicted_from_.end() ? 0 : at->second;
}

void Templates::EvictOldest() {
  Remove(oldest_);
}

void Templates::Remove(uint32_t id) {
  Template& gone = templates_[id];
  ++evicted_;
  for (const TemplateRate& rate : gone.rates) {
    int64_t& last_ns = evicted_from_[rate.group];
    last_ns = std::max(last_ns, gone.last_ns);
  }
  Unlink(id);
  rates_ -= gone.rates.size();
  --live_;
  uint32_t node = gone.leaf;
  if (nodes_[node].indexed)
    for (size_t i = 0; i < gone.words.size(); ++i) Unindex(id, i);
  std::erase(nodes_[node].templates, id);
  gone = Template{};
  free_.push_back(id);
  while (node != kRoot && nodes_[node].children == 0 && nodes_[node].templates.empty()) {
    const uint32_t parent = nodes_[node].parent;
    edges_.erase(nodes_[node].key);
    nodes_[node] = Node{};
    free_nodes_.push_back(node);
    --nodes_[parent].children;
    node = parent;
  }
}

void Templates::ForEach(const std::function<void(uint32_t, const Template&)>& visit) const {
  for (uint32_t id = oldest_; id != kNone; id = templates_[id].newer) visit(id, templates_[id]);
}

void Templates::Touch(uint32_t id) {
  if (id == newest_) return;
  Unlink(id);
  Link(id);
}

void Templates::Link(uint32_t id) {
  Template& known = templates_[id];
  known.older = newest_;
  known.newer = kNone;
  if (newest_ != kNone) templates_[newest_].newer = id;
  newest_ = id;
  if (oldest_ == kNone) oldest_ = id;
}

void Templates::Unlink(uint32_t id) {
  const Template& known = templates_[id];
  (known.older == kNone ? oldest_ : templates_[known.older].newer) = known.newer;
  (known.newer == kNone ? newest_ : templates_[known.newer].older) = known.older;
}

}  // namespace heald::log_patterns
