// What must be true of every call that the engine makes, and of its journal in the end. Used by
// the model test. Thread rule: one thread.
#pragma once

#include <map>
#include <set>
#include <string>

#include "tests/remedy/model.h"

namespace heald::remedy {

struct ModelFacts {
  struct Sample {
    double value = 0;
    int64_t ts_ns = 0;
  };
  std::map<std::string, Sample> samples;       // by service
  std::map<std::string, int64_t> critical_ns;  // finding -> since when it is that bad
  std::set<std::string> reported;              // findings that were not just counted
  std::map<std::string, std::map<std::string, int64_t>> issued;  // policy+target -> decision, time
};

class ModelChecks {
 public:
  ModelChecks(ModelWorld* world, ModelFacts* facts, Ledger* ledger)
      : world_(*world), facts_(*facts), ledger_(*ledger) {}

  // The moment of truth: everything that must be true when an action is called.
  void Call(const ActionRequest& request) const;
  // Every row is there once and in order, every finding, decision and execution is explained.
  void Journal() const;

 private:
  void Data(const PolicySpec& policy, const ActionRequest& request, bool at_once) const;
  void History(const PolicySpec& policy, const ActionRequest& request, const Deed& deed) const;
  void Others(const PolicySpec& policy, const ActionRequest& request, const Deed& deed) const;
  void Windows(const GuardSpec& guard) const;
  void Quiet(const ActionRequest& request) const;
  void Chain(const heald::Chain& chain) const;

  ModelWorld& world_;
  ModelFacts& facts_;
  Ledger& ledger_;
};

}  // namespace heald::remedy
