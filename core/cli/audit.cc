#include "core/cli/audit.h"

#include <cstdio>

#include "core/cli/explain.h"
#include "core/store/audit_chain.h"
#include "core/store/json.h"

namespace heald::cli {
namespace {

constexpr size_t kHashDigits = 64;

// "123:4f2a…"
bool ParseMark(const std::string& text, AuditMark* mark) {
  const size_t colon = text.find(':');
  if (colon == 0 || colon == std::string::npos || colon > 18) return false;
  if (text.find_first_not_of("0123456789") != colon) return false;
  mark->seq = std::stoull(text.substr(0, colon));
  mark->hash = text.substr(colon + 1);
  return mark->seq != 0 && mark->hash.size() == kHashDigits &&
         mark->hash.find_first_not_of("0123456789abcdef") == std::string::npos;
}

Json ToJson(const AuditVerdict& verdict) {
  Json json = {{"fits", verdict.problem.empty()},
               {"rows", verdict.rows},
               {"first", verdict.first},
               {"store", verdict.ends.store_id},
               {"head", {{"seq", verdict.ends.seq}, {"hash", verdict.ends.hash}}}};
  if (verdict.ends.cut_seq != 0) json["cut_through"] = verdict.ends.cut_seq;
  if (!verdict.problem.empty()) {
    json["bad_seq"] = verdict.bad_seq;
    json["problem"] = verdict.problem;
  }
  return json;
}

void Print(const AuditVerdict& verdict, const AuditMark& known) {
  const AuditEnds& ends = verdict.ends;
  const auto number = [](uint64_t value) { return static_cast<unsigned long long>(value); };
  if (!verdict.problem.empty()) {
    std::printf("%s\n%llu rows before it fit\n", verdict.problem.c_str(), number(verdict.rows));
    return;
  }
  if (verdict.rows == 0)
    std::puts("no audit rows yet");
  else
    std::printf("all %llu audit rows fit, %llu to %llu\n", number(verdict.rows),
                number(verdict.first), number(ends.seq));
  if (ends.cut_seq != 0)
    std::printf("those through %llu were deleted by agent.retention, which is on record\n",
                number(ends.cut_seq));
  if (known.seq != 0 && known.seq < ends.cut_seq)
    std::printf("row %llu is among those: it can't be compared any more\n", number(known.seq));
  if (verdict.rows != 0) std::printf("head %llu:%s\n", number(ends.seq), ends.hash.c_str());
}

}  // namespace

int AuditVerify(const AuditOptions& options, const PipelineOptions& pipeline) {
  AuditMark known;
  if (!options.known.empty() && !ParseMark(options.known, &known)) {
    std::fprintf(stderr,
                 "heald: --known '%s' is no head: write the SEQ:HASH that an earlier "
                 "`heald audit verify` printed\n",
                 options.known.c_str());
    return kUsage;
  }
  const Result<std::unique_ptr<StoreReader>> reader = OpenJournal(options.store, pipeline);
  const Result<AuditVerdict> verdict =
      reader ? VerifyAudit(reader->get(), known) : Result<AuditVerdict>(reader.error());
  if (!verdict) {
    std::fprintf(stderr, "heald: %s\n", verdict.error().message.c_str());
    return kFailed;
  }
  if (options.format == "json")
    std::puts(Dump(ToJson(*verdict), 2).c_str());
  else
    Print(*verdict, known);
  return verdict->problem.empty() ? kDone : kNo;
}

}  // namespace heald::cli
