#include "demo/services/chaos_state.h"

#include <strings.h>

#include <cmath>
#include <cstdlib>
#include <variant>

#include "demo/services/profile.h"

namespace heald::demo {
namespace {

using nlohmann::json;

struct FaultRow {
  Field field;
  std::variant<double Faults::*, bool Faults::*> member;
  bool lasting = true;  // or it happens once, and is then no fault that is in force
};

const std::vector<FaultRow>& FaultTable() {
  using Type = Field::Type;
  static const std::vector<FaultRow> kTable = {
      {{"latency_ms", Type::kNumber, false, 0, 60000, "time added to a request", {}, 1500},
       &Faults::latency_ms},
      {{"latency_rate", Type::kNumber, false, 0, 1, "share of requests that are slowed", {}, 1.0},
       &Faults::latency_rate},
      {{"failure_rate", Type::kNumber, false, 0, 1, "share of requests answered with 500", {}, {}},
       &Faults::failure_rate},
      {{"hang", Type::kBoolean, false, 0, 0, "business requests block, /health answers", {}, {}},
       &Faults::hang},
      {{"crash", Type::kBoolean, false, 0, 0, "the process exits with code 1", {}, {}},
       &Faults::crash},
      {{"leak_mib_s", Type::kNumber, false, 0, 64, "memory lost per second, in MiB", {}, {}},
       &Faults::leak_mib_s},
      {{"cpu_cores", Type::kNumber, false, 0, kBurnMostCores, "cores kept busy for nobody", {}, {}},
       &Faults::cpu_cores},
      {{"pool_loss_rate",
        Type::kNumber,
        false,
        0,
        1,
        "share of requests that never give their database connection back",
        {},
        {}},
       &Faults::pool_loss_rate},
      {{"disk_mib_s",
        Type::kNumber,
        false,
        0,
        64,
        "MiB per second that its disk fills up with",
        {},
        {}},
       &Faults::disk_mib_s},
      {{"crash_loop",
        Type::kBoolean,
        false,
        0,
        0,
        "its settings get a mistake and the process exits with code 1, now and at each start",
        {},
        {}},
       &Faults::crash_loop,
       false},
      {{"drift",
        Type::kBoolean,
        false,
        0,
        0,
        "its settings are changed by hand, past their file",
        {},
        {}},
       &Faults::drift,
       false},
      {{"certificate_days",
        Type::kNumber,
        false,
        0,
        3650,
        "its certificate is replaced by one that ends so soon",
        {},
        {}},
       &Faults::certificate_days,
       false},
  };
  return kTable;
}

constexpr const char* kNone = "none";
constexpr const char* kEnvironment = "environment";
constexpr const char* kRuntime = "runtime";

Result<bool> ReadSwitch(const char* name, const char* text) {
  if (text == nullptr || *text == '\0') return false;
  for (const char* yes : {"true", "1", "yes", "on"})
    if (strcasecmp(text, yes) == 0) return true;
  for (const char* no : {"false", "0", "no", "off"})
    if (strcasecmp(text, no) == 0) return false;
  return MakeError(Code::kInvalid,
                   std::string(name) + "='" + text + "' is not a switch: write true or false");
}

Result<double> ReadShare(const char* name, const char* text) {
  if (text == nullptr || *text == '\0') return 0.0;
  char* end = nullptr;
  const double share = std::strtod(text, &end);
  if (end == text || *end != '\0' || !(share >= 0 && share <= 1))
    return MakeError(Code::kInvalid, std::string(name) + "='" + text +
                                         "' is not a share: write a number from 0 to 1");
  return share;
}

}  // namespace

Result<Faults> FaultsFromEnvironment(const std::function<const char*(const char*)>& get,
                                     double spike_latency_ms) {
  const auto enabled = ReadSwitch("CHAOS_ENABLED", get("CHAOS_ENABLED"));
  if (!enabled) return enabled.error();
  const auto failures = ReadShare("FAILURE_RATE", get("FAILURE_RATE"));
  if (!failures) return failures.error();
  const auto spikes = ReadShare("LATENCY_SPIKE_RATE", get("LATENCY_SPIKE_RATE"));
  if (!spikes) return spikes.error();
  Faults faults;
  if (!*enabled) return faults;
  faults.failure_rate = *failures;
  if (*spikes > 0) {
    faults.latency_ms = spike_latency_ms;
    faults.latency_rate = *spikes;
  }
  return faults;
}

ChaosState::ChaosState(Faults from_environment, uint64_t seed)
    : from_environment_(from_environment),
      faults_(from_environment),
      source_(from_environment.Any() ? kEnvironment : kNone),
      random_(seed) {}

const std::vector<Field>& ChaosState::Fields() {
  static const std::vector<Field> kFields = [] {
    std::vector<Field> fields;
    for (const FaultRow& row : FaultTable()) fields.push_back(row.field);
    fields.push_back({"duration_s",
                      Field::Type::kNumber,
                      false,
                      0.01,
                      86400,
                      "the faults end by themselves after this time",
                      {},
                      30});
    return fields;
  }();
  return kFields;
}

Faults ChaosState::Asked(const json& body, bool lasting_only) {
  Faults faults;
  for (const FaultRow& row : FaultTable()) {
    if (!body.contains(row.field.name) || (lasting_only && !row.lasting)) continue;
    std::visit([&](auto member) { body.at(row.field.name).get_to(faults.*member); }, row.member);
  }
  return faults;
}

void ChaosState::Set(const json& body) {
  const Faults faults = Asked(body, /*lasting_only=*/true);
  std::lock_guard lock(mutex_);
  faults_ = faults;
  source_ = faults.Any() ? kRuntime : kNone;
  end_.reset();
  if (body.contains("duration_s"))
    end_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                              std::chrono::duration<double>(body["duration_s"].get<double>()));
}

void ChaosState::Clear() {
  std::lock_guard lock(mutex_);
  faults_ = Faults();
  source_ = kNone;
  end_.reset();
}

// The caller holds mutex_.
void ChaosState::Expire() const {
  if (!end_ || Clock::now() < *end_) return;
  faults_ = from_environment_;
  source_ = faults_.Any() ? kEnvironment : kNone;
  end_.reset();
}

Faults ChaosState::Current() const {
  std::lock_guard lock(mutex_);
  Expire();
  return faults_;
}

json ChaosState::Describe() const {
  std::lock_guard lock(mutex_);
  Expire();
  json values = json::object();
  for (const FaultRow& row : FaultTable())
    if (row.lasting)
      std::visit([&](auto member) { values[row.field.name] = faults_.*member; }, row.member);
  json description = {{"active", faults_.Any()}, {"source", source_}, {"faults", values}};
  description["remaining_s"] = nullptr;
  if (end_)
    description["remaining_s"] =
        std::round(std::chrono::duration<double>(*end_ - Clock::now()).count() * 1000) / 1000;
  return description;
}

int64_t ChaosState::DrawLatency() {
  std::lock_guard lock(mutex_);
  Expire();
  if (faults_.latency_ms <= 0 || !std::bernoulli_distribution(faults_.latency_rate)(random_))
    return 0;
  return static_cast<int64_t>(faults_.latency_ms * 1e6);
}

bool ChaosState::DrawFailure() {
  std::lock_guard lock(mutex_);
  Expire();
  return std::bernoulli_distribution(faults_.failure_rate)(random_);
}

bool ChaosState::DrawLostConnection() {
  std::lock_guard lock(mutex_);
  Expire();
  return std::bernoulli_distribution(faults_.pool_loss_rate)(random_);
}

}  // namespace heald::demo
