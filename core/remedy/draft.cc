#include "core/remedy/draft.h"

#include "core/remedy/hash.h"

namespace heald::remedy {

Draft& Draft::Event(std::string_view kind, std::string_view actor, std::string_view subject,
                    std::string_view text, Json detail) {
  AuditEvent& event = change_.events.emplace_back();
  event.ts_ns = now_ns_;
  if (open_ != nullptr) {
    event.incident = open_->incident.id;
    event.trace_id = open_->incident.trace_id;
  }
  event.kind = kind;
  event.actor = actor;
  event.subject = subject;
  text_ = text;
  detail["text"] = text_;
  event.detail = Dump(detail);
  return *this;
}

Draft& Draft::Tell(NoticeKind kind, std::string_view node) {
  pending_.push_back({change_.events.size() - 1, kind, std::string(node), text_});
  return *this;
}

Draft& Draft::Warn(NoticeKind kind) {
  Tell(kind);
  pending_.back().warns = true;
  return *this;
}

Draft& Draft::Add(const OpenIncident& open) {
  change_.incidents.push_back(open.Header());
  return *this;
}
Draft& Draft::Add(const OpenIncident& open, const Finding& finding) {
  change_.findings.push_back({open.incident.id, finding});
  return *this;
}
Draft& Draft::Add(const Decision& decision) {
  change_.decisions.push_back(decision);
  decision_ = decision;
  return *this;
}
Draft& Draft::Add(const Execution& execution) {
  change_.executions.push_back(execution);
  return *this;
}
Draft& Draft::Set(std::string name, std::string value) {
  change_.settings.emplace_back(std::move(name), std::move(value));
  return *this;
}

Draft& Draft::Result(const Decision& decision, OutcomeState state, std::string_view detail) {
  decision_ = decision;
  outcome_ = {decision.id, decision.incident, state, std::string(detail), now_ns_};
  return *this;
}

void Draft::Publish(EventSink* sink, const IsQuiet& is_quiet) const {
  for (const Pending& pending : pending_) {
    const AuditEvent& event = change_.events[pending.event];
    Notice notice;
    notice.kind = pending.kind;
    // From the row alone, so that whoever replays the journal makes the same one.
    notice.event_id =
        Sha256Hex(Dump(Json::array({event.trace_id, event.ts_ns, event.kind, event.subject})))
            .substr(0, 32);
    notice.seq = event.seq;
    notice.node = pending.node;
    notice.ts_ns = now_ns_;
    notice.text = pending.text;
    notice.warns = pending.warns;
    notice.incident = &open_->incident;
    if (pending.kind == NoticeKind::kFinding) {
      const int index = open_->Find(event.subject);
      if (index >= 0) notice.finding = &open_->incident.findings[static_cast<size_t>(index)];
    }
    if (pending.kind == NoticeKind::kDecision || pending.kind == NoticeKind::kOutcome)
      notice.decision = &decision_;
    if (pending.kind == NoticeKind::kOutcome) notice.outcome = &outcome_;
    notice.quiet = is_quiet(notice, open_);
    sink->OnNotice(notice);
  }
}

}  // namespace heald::remedy
