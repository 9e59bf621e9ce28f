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
  struct Issue {
    int64_t ts_ns = 0;
    uint32_t step = 1;
  };
  std::map<std::string, std::map<std::string, Issue>> issued;  // policy+target -> by decision
  // What a canary's check reads, by service: since when it has been good, by its latest sample.
  struct Errors {
    bool good = false;
    int64_t since_ns = 0;
    int64_t ts_ns = 0;
  };
  std::map<std::string, Errors> errors;
  struct FirstPart {
    Severity worst = Severity::kNormal;  // of what was open then
    int rules = 0;
  };
  std::map<std::string, FirstPart> canaries;  // by decision
  std::set<std::string> let_go;               // a person said that the rest may be done
  int64_t process_ns = 0;                     // when this one began
  std::vector<int64_t> crashes_ns;
  int made_way = 0;  // watches that ended for something graver

  bool CrashedSince(int64_t ns) const {
    return std::any_of(crashes_ns.begin(), crashes_ns.end(), [ns](int64_t at) { return at >= ns; });
  }
  // A person said no: under which rules, to what mode.
  struct No {
    int rules = 0;
    Mode mode = Mode::kShadow;
  };
  std::map<std::string, No> denied;  // policy + trace
};

class ModelChecks {
 public:
  ModelChecks(ModelWorld* world, ModelFacts* facts, Ledger* ledger)
      : world_(*world), facts_(*facts), ledger_(*ledger) {}

  // The moment of truth: everything that must be true when an action is called.
  void Call(const ActionRequest& request) const;
  // ... and when something is taken back.
  void Undo(const ActionRequest& request) const;
  // Every row is there once and in order, every finding, decision and execution is explained.
  void Journal() const;

 private:
  void NoteDueAgain() const;
  void MadeWay(const ActionRequest& request, const Deed& deed) const;
  void Data(const PolicySpec& policy, const ActionRequest& request, bool at_once) const;
  void History(const PolicySpec& policy, const ActionRequest& request, const Deed& deed) const;
  void Others(const PolicySpec& policy, const Deed& deed) const;
  void Windows(const GuardSpec& guard) const;
  void Rest(const PolicySpec& policy, const ActionRequest& request) const;
  void Place(const ActionRequest& request, const heald::Chain& chain) const;
  int64_t EndedNs(const Execution& execution) const;
  void TakenBack(const ActionRequest& request, const heald::Chain& chain,
                 const Execution& before) const;
  Severity Worst(const PolicySpec& policy, uint64_t incident) const;
  void Quiet(const ActionRequest& request) const;
  void Chain(const heald::Chain& chain) const;
  void Pages(const heald::Chain& chain) const;

  ModelWorld& world_;
  ModelFacts& facts_;
  Ledger& ledger_;
};

}  // namespace heald::remedy
