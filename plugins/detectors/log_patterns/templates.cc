#include "plugins/detectors/log_patterns/templates.h"

#include <algorithm>
#include <cmath>

namespace heald::log_patterns {
namespace {

constexpr uint64_t kWildcard = 0;  // of a child, and of a word that may be any
constexpr size_t kWordBytes = 100;
constexpr size_t kMaxPerLeaf = 100;
constexpr size_t kRemembered = 1 << 14;
constexpr size_t kNodesPerTemplate = 4;
constexpr uint32_t kRoot = 0;

uint64_t EdgeKey(uint32_t node, uint64_t key) {
  uint64_t mixed = (key ^ (uint64_t{node} << 32 | node)) * 0x9e3779b97f4a7c15u;
  mixed ^= mixed >> 32;
  return mixed * 0xd6e8feb86659fd93u;
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
    const uint32_t leaf = Leaf(words_);
    match.id = FindSimilar(nodes_[leaf], words_);
    if (match.id != kNone) {
      Generalize(templates_[match.id], words_);
    } else {
      match.created = true;
      Template made;
      made.words = words_;
      made.leaf = leaf;
      for (const Token& token : tokens) {
        made.texts.push_back(Printable(Masked(token.text), kWordBytes));
        made.spaces.push_back(token.space_after);
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

uint32_t Templates::Leaf(std::span<const uint64_t> words) {
  uint32_t node = Child(kRoot, words.size() + 1, true);
  for (size_t i = 0; i < std::min(limits_.depth, words.size()); ++i) {
    const bool may_grow = nodes_[node].children < limits_.max_children &&
                          edges_.size() < limits_.max_templates * kNodesPerTemplate;
    node = Child(node, words[i], may_grow);
  }
  return node;
}

// The child that leads on with this word; where there is none and no room for it, the one that is
// for all others.
uint32_t Templates::Child(uint32_t parent, uint64_t key, bool may_grow) {
  for (;;) {
    const uint64_t edge = EdgeKey(parent, key);
    if (const auto at = edges_.find(edge); at != edges_.end()) return at->second;
    if (!may_grow && key != kWildcard) {
      key = kWildcard;
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
    nodes_[id] = Node{parent, edge, 0, {}};
    ++nodes_[parent].children;
    edges_.emplace(edge, id);
    return id;
  }
}

uint32_t Templates::FindSimilar(const Node& leaf, std::span<const uint64_t> words) const {
  const auto needed =
      static_cast<size_t>(std::ceil(limits_.similarity * static_cast<double>(words.size())));
  uint32_t best = kNone;
  size_t best_equal = 0;
  size_t best_any = 0;
  for (const uint32_t id : leaf.templates) {
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

void Templates::Generalize(Template& known, std::span<const uint64_t> words) {
  for (size_t i = 0; i < words.size(); ++i) {
    if (known.words[i] == words[i] || known.words[i] == kWildcard) continue;
    known.words[i] = kWildcard;
    known.texts[i] = kAny;
  }
}

uint32_t Templates::Insert(Template made) {
  // Making room can take away the leaf itself, so it is held meanwhile.
  const uint32_t leaf = made.leaf;
  ++nodes_[leaf].children;
  if (nodes_[leaf].templates.size() >= kMaxPerLeaf) {
    const auto least = std::min_element(
        nodes_[leaf].templates.begin(), nodes_[leaf].templates.end(),
        [this](uint32_t a, uint32_t b) { return templates_[a].last_ns < templates_[b].last_ns; });
    Remove(*least);
  }
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
  nodes_[leaf].templates.push_back(id);
  ++live_;
  Link(id);
  return id;
}

uint32_t Templates::Restore(Template known) {
  known.leaf = Leaf(known.words);
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
}

void Templates::EvictOldest() {
  Remove(oldest_);
}

void Templates::Remove(uint32_t id) {
  Template& gone = templates_[id];
  ++evicted_;
  evicted_last_ns_ = gone.last_ns;
  Unlink(id);
  rates_ -= gone.rates.size();
  --live_;
  uint32_t node = gone.leaf;
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
