// Log templates, learnt line by line with Drain's parse tree of fixed depth (P. He, J. Zhu,
// Z. Zheng, M. R. Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017):
// number of words, then the first words, then the most similar template; words that differ become
// "<*>". Drain takes the times in front of a line off by its format; here what is masked doesn't
// lead through the tree. Where many templates are in one place an index by word finds the similar
// ones. Bounded: the template that was seen longest ago makes room. Part of log_patterns. Thread
// rule: one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plugins/detectors/log_patterns/rate.h"
#include "plugins/detectors/log_patterns/tokens.h"

namespace heald::log_patterns {

struct TreeLimits {
  double similarity = 0.4;  // share of equal words from which a line belongs to a template
  size_t depth = 2;         // words that lead through the tree
  size_t max_children = 100;
  size_t max_templates = 5000;
  size_t max_rates = 20'000;  // of all templates together
};

// How often a template comes in one group.
struct TemplateRate {
  uint32_t group = 0;
  Rate rate;
};

struct Template {
  std::vector<uint64_t> words;  // hashes of the masked words; 0 where any word fits
  std::vector<std::string> texts;
  std::vector<bool> spaces;    // behind the word
  std::vector<bool> variable;  // masked from the first line on
  std::string example;         // the line it was learnt from, printable
  Level level = Level::kUnknown;
  uint64_t count = 0;
  int64_t first_ns = 0;
  int64_t last_ns = 0;   // by the lines' time
  uint32_t news_of = 0;  // the group in which it counts as new; 0: none
  std::vector<TemplateRate> rates;

  std::string Text() const;
  Rate* RateOf(uint32_t group);

  // The tree's own.
  uint64_t serial = 0;  // 0: the slot is free
  uint32_t leaf = 0;
  uint32_t newer = 0;  // neighbours in the order of use
  uint32_t older = 0;
};

class Templates {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr size_t kExampleBytes = 300;

  explicit Templates(const TreeLimits& limits);

  struct Match {
    uint32_t id = kNone;
    bool created = false;
  };
  // The template of a line, which may be new or become more general. `tokens` isn't empty.
  Match Learn(std::string_view line, std::span<const Token> tokens, uint64_t line_hash,
              int64_t ts_ns);
  Template& operator[](uint32_t id) { return templates_[id]; }
  const Template& operator[](uint32_t id) const { return templates_[id]; }
  // The rate of a template in a group, made where there is none yet.
  Rate& RateOf(uint32_t id, uint32_t group, const std::function<Rate()>& make);
  // Rates of groups that `gone` names are given up.
  void DropRates(const std::function<bool(uint32_t group)>& gone);

  size_t size() const { return live_; }
  uint64_t evicted() const { return evicted_; }
  // When a template of that group that had to make room had been seen last; 0: none had to.
  int64_t EvictedFrom(uint32_t group) const;

  // Oldest use first.
  void ForEach(const std::function<void(uint32_t id, const Template&)>& visit) const;
  // Adds one that another instance had, in the order of ForEach; returns its id.
  uint32_t Restore(Template known);

 private:
  struct Node {
    uint32_t parent = kNone;
    uint64_t key = 0;  // under which the parent has it
    uint32_t children = 0;
    bool indexed = false;  // its templates' words are in postings_
    std::vector<uint32_t> templates;
  };
  struct Remembered {
    uint64_t hash = 0;
    uint64_t serial = 0;
    uint32_t id = kNone;
  };

  // The leaf to which the words lead; `variable` says of each whether it is passed over.
  template <typename Variable>
  uint32_t Leaf(std::span<const uint64_t> words, const Variable& variable);
  uint32_t Child(uint32_t parent, uint64_t word, size_t position, bool may_grow);
  uint32_t FindSimilar(uint32_t leaf, std::span<const uint64_t> words);
  // Those in a leaf that may have so many words equal: all that have, and few others.
  std::span<const uint32_t> Candidates(uint32_t leaf, std::span<const uint64_t> words,
                                       size_t needed);
  void Index(uint32_t id);
  void Unindex(uint32_t id, size_t position);
  uint32_t Insert(Template made);
  void Generalize(uint32_t id, std::span<const uint64_t> words);
  void Touch(uint32_t id);
  void Link(uint32_t id);
  void Unlink(uint32_t id);
  void EvictOldest();
  void Remove(uint32_t id);

  TreeLimits limits_;
  std::vector<Template> templates_;
  std::vector<uint32_t> free_;
  size_t live_ = 0;
  size_t rates_ = 0;
  uint64_t next_serial_ = 1;
  uint64_t evicted_ = 0;
  std::unordered_map<uint32_t, int64_t> evicted_from_;  // group → EvictedFrom
  uint32_t newest_ = kNone;
  uint32_t oldest_ = kNone;
  std::vector<Node> nodes_;
  std::vector<uint32_t> free_nodes_;
  std::unordered_map<uint64_t, uint32_t> edges_;  // (node, key) mixed → child
  std::vector<Remembered> remembered_;            // whole lines that were matched lately
  // (leaf, position, word) mixed → the templates of the leaf that have it there.
  std::unordered_map<uint64_t, std::vector<uint32_t>> postings_;
  std::vector<uint64_t> words_;
  std::vector<const std::vector<uint32_t>*> lists_;
  std::vector<uint32_t> candidates_;
};

}  // namespace heald::log_patterns
