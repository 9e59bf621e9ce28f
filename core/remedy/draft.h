// One transition being put together: what is written, and what is told once it is.
// Used by the engine. Thread rule: the engine's strand.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/remedy/events.h"
#include "core/remedy/incidents.h"
#include "core/remedy/journal.h"
#include "core/store/json.h"

namespace heald::remedy {

class Draft {
 public:
  Draft(Transition transition, int64_t now_ns, const OpenIncident* open)
      : transition_(transition), now_ns_(now_ns), open_(open) {}

  // The audit row that the following calls, up to the next Event, are about.
  Draft& Event(std::string_view kind, std::string_view actor, std::string_view subject,
               std::string_view text, Json detail = Json::object());
  // Tells it to the sink too, as a notice of that kind from that node.
  Draft& Tell(NoticeKind kind, std::string_view node = {});
  // ... as a warning, which nothing else about it shows.
  Draft& Warn(NoticeKind kind);

  Draft& Add(const OpenIncident& open);
  Draft& Add(const OpenIncident& open, const Finding& finding);
  Draft& Add(const Decision& decision);
  Draft& Add(const Execution& execution);
  Draft& Set(std::string name, std::string value);
  // What an outcome's notice shows.
  Draft& Result(const Decision& decision, OutcomeState state, std::string_view detail);

  Transition transition() const { return transition_; }
  Change* change() { return &change_; }
  const Change& change() const { return change_; }
  const OpenIncident* open() const { return open_; }
  const Decision& decision() const { return decision_; }
  // After the write.
  using IsQuiet = std::function<bool(const Notice&, const OpenIncident*)>;
  void Publish(EventSink* sink, const IsQuiet& is_quiet) const;

 private:
  struct Pending {
    size_t event;
    NoticeKind kind;
    std::string node;
    std::string text;
    bool warns = false;
  };

  const Transition transition_;
  const int64_t now_ns_;
  const OpenIncident* open_;
  Change change_;
  std::string text_;
  std::vector<Pending> pending_;
  Decision decision_;
  Outcome outcome_;
};

}  // namespace heald::remedy
