// The audit trail's chain of hashes: each row's is of its own content and the hash before it, so
// that a row changed, deleted, inserted or moved breaks the chain from there on. Whoever can write
// the whole database could forge the whole chain: note the head that `heald audit verify` prints
// somewhere else, and it is found that way too.
// Thread rule: pure functions, but for the reader's own rule.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/store/store.h"

namespace heald {

// What stands before the first row.
std::string AuditGenesis(std::string_view store_id);
// Of a row with its seq, behind a row with the hash `previous`: SHA-256 over `previous` and the
// row's columns, each as its length in bytes, a colon and its bytes; numbers in decimal.
std::string AuditHash(std::string_view previous, const AuditEvent& event);

// The audit rows that retention writes when it throws rows away.
inline constexpr std::string_view kAuditCut = "audit.cut";
inline constexpr std::string_view kIncidentsCut = "incidents.cut";

struct AuditVerdict {
  uint64_t rows = 0;   // that were looked at
  uint64_t first = 0;  // the first of them; 0: there was none
  AuditEnds ends;
  uint64_t bad_seq = 0;  // the first row that doesn't fit; 0: all do
  std::string problem;   // what is wrong with it; empty: nothing
};

// A place in the chain that is known from elsewhere.
struct AuditMark {
  uint64_t seq = 0;  // 0: none
  std::string hash;
};

// Walks the chain from its beginning, or from where retention has cut it, to its head. Works beside
// an agent that writes. An error: it couldn't be read.
Result<AuditVerdict> VerifyAudit(StoreReader* reader, const AuditMark& known = {});

}  // namespace heald
