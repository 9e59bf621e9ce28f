#include "core/store/audit_chain.h"

#include "core/base/sha256.h"
#include "core/store/json.h"

namespace heald {
namespace {

constexpr size_t kBatch = 1000;

void Append(std::string_view column, std::string* out) {
  *out += std::to_string(column.size());
  *out += ':';
  *out += column;
}

// Whether `event` is the record of a cut just there.
bool RecordsCut(const AuditEvent& event, const AuditEnds& ends) {
  if (event.kind != kAuditCut) return false;
  const Json detail = Json::parse(event.detail, nullptr, false);
  return detail.is_object() && detail.value("through", uint64_t{0}) == ends.cut_seq &&
         detail.value("hash", "") == ends.cut_hash;
}

class Walk {
 public:
  Walk(const AuditEnds& ends, const AuditMark& known)
      : known_(known),
        hash_(ends.cut_seq == 0 ? AuditGenesis(ends.store_id) : ends.cut_hash),
        cut_recorded_(ends.cut_seq == 0) {
    verdict_.ends = ends;
    seq_ = ends.cut_seq;
    CheckMark();
  }

  bool broken() const { return verdict_.bad_seq != 0; }
  uint64_t seq() const { return seq_; }

  void Take(const AuditEvent& event) {
    if (event.seq != seq_ + 1)
      return Break(seq_ + 1, "is missing: the next one there is " + std::to_string(event.seq));
    if (AuditHash(hash_, event) != event.hash)
      return Break(event.seq,
                   "doesn't fit its hash: it, or the hash before it, was changed, put in or moved");
    if (verdict_.first == 0) verdict_.first = event.seq;
    ++verdict_.rows;
    seq_ = event.seq;
    hash_ = event.hash;
    cut_recorded_ = cut_recorded_ || RecordsCut(event, verdict_.ends);
    CheckMark();
  }

  // There are no more rows, and `ends` was read after that was seen.
  AuditVerdict Finish(const AuditEnds& ends) {
    if (broken()) return verdict_;
    const std::string head = std::to_string(ends.seq);
    if (seq_ < ends.seq)
      Break(seq_ + 1, "is missing: the store has written up to " + head);
    else if (seq_ > ends.seq)
      Break(ends.seq + 1, "was put in by something else: the store has written up to " + head);
    else if (hash_ != ends.hash)
      Break(seq_, "isn't the one that the store wrote last");
    else if (!cut_recorded_)
      Break(verdict_.ends.cut_seq + 1,
            "is the first, but no row records that those before it were cut");
    else if (known_.seq > seq_)
      Break(seq_ + 1, "is missing: row " + std::to_string(known_.seq) + " is known from elsewhere");
    verdict_.ends.seq = ends.seq;
    verdict_.ends.hash = ends.hash;
    return verdict_;
  }

 private:
  void Break(uint64_t seq, const std::string& what) {
    verdict_.bad_seq = seq;
    verdict_.problem = "audit row " + std::to_string(seq) + " " + what;
  }
  void CheckMark() {
    if (known_.seq == 0 || known_.seq != seq_ || known_.hash == hash_) return;
    Break(seq_, "isn't the one that is known from elsewhere");
  }

  const AuditMark known_;
  AuditVerdict verdict_;
  uint64_t seq_ = 0;
  std::string hash_;
  bool cut_recorded_;
};

}  // namespace

std::string AuditGenesis(std::string_view store_id) {
  return Sha256Hex("heald audit 1\n" + std::string(store_id));
}

std::string AuditHash(std::string_view previous, const AuditEvent& event) {
  std::string text(previous);
  for (const std::string& number :
       {std::to_string(event.seq), std::to_string(event.ts_ns), std::to_string(event.incident)})
    Append(number, &text);
  for (const std::string* column :
       {&event.trace_id, &event.kind, &event.actor, &event.subject, &event.detail})
    Append(*column, &text);
  return Sha256Hex(text);
}

Result<AuditVerdict> VerifyAudit(StoreReader* reader, const AuditMark& known) {
  while (true) {
    Result<AuditEnds> ends = reader->Ends();
    if (!ends) return ends.error();
    const uint64_t cut_seq = ends->cut_seq;
    Walk walk(*ends, known);
    while (!walk.broken()) {
      // Read before the rows, so that all it speaks of has to be among them.
      ends = reader->Ends();
      if (!ends) return ends.error();
      const Result<std::vector<AuditEvent>> rows = reader->Events(walk.seq(), kBatch);
      if (!rows) return rows.error();
      if (rows->empty()) break;
      for (const AuditEvent& event : *rows)
        if (!walk.broken()) walk.Take(event);
    }
    AuditVerdict verdict = walk.Finish(*ends);
    if (verdict.problem.empty()) return verdict;
    // An agent that is at work may have cut the trail under the walk.
    ends = reader->Ends();
    if (!ends) return ends.error();
    if (ends->cut_seq == cut_seq) return verdict;
  }
}

}  // namespace heald
