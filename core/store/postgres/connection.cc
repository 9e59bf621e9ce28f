#include "core/store/postgres/connection.h"

#include <libpq-fe.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "core/base/clock.h"
#include "core/base/steady.h"
#include "core/base/units.h"
#include "core/base/utf8.h"

namespace heald::postgres {
namespace {

using PgResult = std::unique_ptr<PGresult, decltype(&PQclear)>;

constexpr int64_t kLookForCancelNs = 50 * kMillisecond;

// False: the time is up.
bool Wait(int fd, short events, int64_t until_ns) {
  const int64_t left_ns = until_ns - SteadyNs();
  if (left_ns <= 0) return false;
  pollfd wait{fd, events, 0};
  const int ready = poll(&wait, 1, static_cast<int>(left_ns / kMillisecond) + 1);
  return ready >= 0 || errno == EINTR;
}

// ?1 -> $1
std::string WithDollars(const std::string& sql) {
  std::string out = sql;
  for (size_t i = 0; i + 1 < out.size(); ++i)
    if (out[i] == '?' && out[i + 1] >= '1' && out[i + 1] <= '9') out[i] = '$';
  return out;
}

// PostgreSQL takes neither bad UTF-8 nor a NUL.
bool IsClean(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const size_t length = text[at] == '\0' ? 0 : Utf8Length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}
std::string Cleaned(std::string_view text) {
  std::string out = ValidUtf8(text);
  for (size_t at = out.find('\0'); at != std::string::npos; at = out.find('\0', at))
    out.replace(at, 1, kReplacementCharacter);
  return out;
}

class Row final : public SqlRow {
 public:
  explicit Row(const PGresult* result) : result_(result) {}
  void Go(int row) { row_ = row; }
  int64_t Int(int column) const override {
    const std::string_view text = Text(column);
    int64_t value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  }
  std::string_view Text(int column) const override {
    return {PQgetvalue(result_, row_, column),
            static_cast<size_t>(PQgetlength(result_, row_, column))};
  }

 private:
  const PGresult* result_;
  int row_ = 0;
};

Error Away(std::string message) {
  Error error = MakeError(Code::kUnavailable, std::move(message));
  error.retryable = true;
  return error;
}

struct Meaning {
  std::string_view state;  // SQLSTATE, or its beginning
  Code code;
  std::string_view what_to_do;
};
constexpr std::array kMeanings = {
    Meaning{"28", Code::kDenied,
            ": check user and password (PGPASSFILE, or ${env:…} in the URL) and pg_hba.conf"},
    Meaning{"3D000", Code::kNotFound, ": make the database, for instance with createdb"},
    Meaning{"42501", Code::kDenied, ": grant this user what it needs, or make the schema for it"},
    Meaning{"42P01", Code::kNotFound, ""},
    Meaning{"3F000", Code::kNotFound, ""},
    Meaning{"23502", Code::kConflict, ""},
    Meaning{"25006", Code::kUnavailable, ": this server is a standby"},
    Meaning{"53100", Code::kFull, ": free some space there"},
    Meaning{"53", Code::kUnavailable, ""},
    Meaning{"55P03", Code::kUnavailable, ""},
    Meaning{"57", Code::kUnavailable, ""},
    Meaning{"40", Code::kUnavailable, ""},
    Meaning{"08", Code::kUnavailable, ""},
};

Error Meant(const std::string& name, std::string_view state, std::string message) {
  message = "store " + name + ": " + message;
  for (const Meaning& meaning : kMeanings) {
    if (!state.starts_with(meaning.state)) continue;
    Error error = MakeError(meaning.code, message + std::string(meaning.what_to_do));
    error.retryable = meaning.code == Code::kUnavailable || meaning.code == Code::kFull;
    return error;
  }
  return MakeError(Code::kInternal, message + " (SQLSTATE " + std::string(state) + ")");
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::Open(const Target& target, int64_t within_ns,
                                                     const std::atomic<bool>* cancelled) {
  char host[256] = {};
  if (gethostname(host, sizeof host - 1) != 0) host[0] = '\0';
  const std::string application =
      "heald on " + std::string(host) + ", process " + std::to_string(getpid());
  std::vector<const char*> keywords = {"fallback_application_name", "client_encoding",
                                       "keepalives_idle",           "keepalives_interval",
                                       "keepalives_count",          "tcp_user_timeout"};
  std::vector<const char*> values = {application.c_str(), "UTF8", "10", "5", "3", "15000"};
  for (const auto& [keyword, value] : target.parameters) {
    keywords.push_back(keyword.c_str());  // the last one counts
    values.push_back(value.c_str());
  }
  keywords.push_back(nullptr);
  values.push_back(nullptr);
  const int64_t until_ns = SteadyNs() + within_ns;
  std::unique_ptr<Connection> self(
      new Connection(target, PQconnectStartParams(keywords.data(), values.data(), 0)));
  PGconn* const connection = self->connection_;
  if (connection == nullptr) return MakeError(Code::kFull, "out of memory");
  PostgresPollingStatusType next = PGRES_POLLING_WRITING;
  while (PQstatus(connection) != CONNECTION_BAD && next != PGRES_POLLING_OK) {
    const short events = next == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    const int64_t look_ns = std::min(until_ns, SteadyNs() + kLookForCancelNs);
    pollfd wait{PQsocket(connection), events, 0};
    const int ready = poll(
        &wait, 1, static_cast<int>(std::max<int64_t>(look_ns - SteadyNs(), 0) / kMillisecond) + 1);
    if (ready > 0) next = PQconnectPoll(connection);
    if (next == PGRES_POLLING_FAILED) break;
    if (next == PGRES_POLLING_OK) break;
    if (cancelled->load()) return Away("store " + target.name + ": stopped while connecting");
    if (SteadyNs() >= until_ns)
      return Away("store " + target.name + ": no connection within " + FormatDuration(within_ns));
  }
  if (PQstatus(connection) != CONNECTION_OK) {
    // No result, so no SQLSTATE: the words are all there is.
    const std::string why = target.Shown(PQerrorMessage(connection));
    const auto says = [&](const char* text) { return why.find(text) != std::string::npos; };
    const bool refused = says("authentication failed") || says("no password supplied") ||
                         says("pg_hba.conf") || (says("role \"") && says("does not exist"));
    const bool missing = says("database \"") && says("does not exist");
    return Meant(target.name, refused ? "28000" : missing ? "3D000" : "08006", why);
  }
  if (PQsetnonblocking(connection, 1) != 0 || PQenterPipelineMode(connection) != 1)
    return Away("store " + target.name + ": " + target.Shown(PQerrorMessage(connection)));
  PQsetNoticeProcessor(
      connection, [](void*, const char*) {}, nullptr);
  return self;
}

Connection::~Connection() {
  PQfinish(connection_);
}

Error Connection::Lost(const std::string& why) {
  broken_ = true;
  return Away("store " + target_.name + ": " +
              (why.empty() ? target_.Shown(PQerrorMessage(connection_)) : why));
}

Error Connection::Refused(const PGresult* result) const {
  const char* const state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
  const char* const message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
  return Meant(target_.name, state == nullptr ? "08006" : state,
               target_.Shown(message == nullptr ? PQresultErrorMessage(result) : message));
}

Status Connection::Send(const std::string& sql, SqlValues values) {
  if (broken_) return Lost("the connection is lost");
  std::vector<std::string> owned(values.size());
  std::vector<const char*> texts;
  size_t at = 0;
  for (const SqlValue& value : values) {
    std::string& text = owned[at++];
    if (const auto* number = std::get_if<int64_t>(&value)) {
      text = std::to_string(*number);
    } else {
      const std::string_view view = std::get<std::string_view>(value);
      text = IsClean(view) ? std::string(view) : Cleaned(view);
    }
    texts.push_back(text.c_str());
  }
  const auto [entry, fresh] = prepared_.try_emplace(sql);
  if (fresh) {
    entry->second = "s" + std::to_string(++last_name_);
    preparing_.push_back(sql);
    if (PQsendPrepare(connection_, entry->second.c_str(), WithDollars(sql).c_str(), 0, nullptr) !=
        1)
      return Lost("");
  }
  if (PQsendQueryPrepared(connection_, entry->second.c_str(), static_cast<int>(texts.size()),
                          texts.data(), nullptr, nullptr, 0) != 1)
    return Lost("");
  return {};
}

Status Connection::Finish(int64_t within_ns, const Take* take) {
  in_doubt_ = false;
  if (broken_) return Lost("the connection is lost");
  if (PQpipelineSync(connection_) != 1) return Lost("");
  const Status status = Receive(within_ns, take);
  // Whether a failed round trip has prepared them is not known.
  if (!status)
    for (const std::string& sql : preparing_) prepared_.erase(sql);
  preparing_.clear();
  in_doubt_ = broken_;
  return status;
}

Status Connection::Query(const std::string& sql, SqlValues values, int64_t within_ns,
                         const Take* take) {
  if (Status status = Send(sql, values); !status) return status;
  return Finish(within_ns, take);
}

Status Connection::TakeRows(const PGresult* result, const Take* take) const {
  if (take == nullptr) return {};
  Row row(result);
  for (int i = 0; i < PQntuples(result); ++i) {
    row.Go(i);
    if (Status status = (*take)(row); !status) return status;
  }
  return {};
}

Status Connection::Receive(int64_t within_ns, const Take* take) {
  const int64_t until_ns = SteadyNs() + within_ns;
  Status status;
  while (true) {
    const int unsent = PQflush(connection_);
    if (unsent < 0) return Lost("");
    while (PQisBusy(connection_) == 0) {
      const PgResult result(PQgetResult(connection_), PQclear);
      if (result == nullptr) {
        if (PQstatus(connection_) == CONNECTION_BAD) return Lost("");
        // Between two statements; outside a pipeline, at the end.
        if (PQpipelineStatus(connection_) == PQ_PIPELINE_OFF) return status;
        continue;
      }
      switch (PQresultStatus(result.get())) {
        case PGRES_PIPELINE_SYNC:
          return status;
        case PGRES_TUPLES_OK:
          if (status) status = TakeRows(result.get(), take);
          break;
        case PGRES_COMMAND_OK:
        case PGRES_PIPELINE_ABORTED:
          break;
        default:
          if (status) status = Refused(result.get());
          if (PQstatus(connection_) == CONNECTION_BAD) {
            broken_ = true;
            return status;
          }
          break;
      }
    }
    const short events = static_cast<short>(POLLIN | (unsent > 0 ? POLLOUT : 0));
    if (!Wait(PQsocket(connection_), events, until_ns))
      return Lost("no answer within " + FormatDuration(within_ns));
    if (PQconsumeInput(connection_) != 1) {
      // What the server said last, if anything, tells more than the lost connection.
      const PgResult last(PQisBusy(connection_) == 0 ? PQgetResult(connection_) : nullptr, PQclear);
      if (last != nullptr && PQresultErrorField(last.get(), PG_DIAG_SQLSTATE) != nullptr) {
        broken_ = true;
        return Refused(last.get());
      }
      return Lost("");
    }
  }
}

Status Connection::Script(const std::string& sql, int64_t within_ns) {
  if (PQexitPipelineMode(connection_) != 1 || PQsendQuery(connection_, sql.c_str()) != 1)
    return Lost("");
  const Status status = Receive(within_ns, nullptr);
  if (!broken_ && PQenterPipelineMode(connection_) != 1) return Lost("");
  return status;
}

bool Connection::Broken() {
  if (broken_) return true;
  // A server that goes says so first and closes then.
  for (int i = 0; i < 3 && !broken_; ++i) {
    pollfd look{PQsocket(connection_), POLLIN, 0};
    if (poll(&look, 1, 0) <= 0) break;
    broken_ = PQconsumeInput(connection_) != 1;
  }
  if (PQstatus(connection_) == CONNECTION_BAD) broken_ = true;
  return broken_;
}

}  // namespace heald::postgres
