#include "tests/store/backends.h"

#include <stdlib.h>
#include <unistd.h>

#include <filesystem>
#include <stdexcept>

#include "core/store/sqlite.h"

namespace heald {
namespace {

class SqliteBackend final : public Backend {
 public:
  Result<std::unique_ptr<Store>> Open() override { return OpenStore(At(dir_)); }
  Result<std::unique_ptr<Store>> OpenAsAnother() override { return OpenStore(At(other_)); }
  Result<std::unique_ptr<StoreReader>> OpenReader() override { return OpenStoreReader(At(dir_)); }
  std::string Run(const std::string& sql) override {
    Result<Sqlite> raw = Sqlite::Open(Path(), Sqlite::OpenMode::kReadWrite);
    if (!raw) return raw.error().message;
    const Status status = raw->Run(sql.c_str());
    return status ? "" : status.error().message;
  }
  void Tamper(const std::string& sql) override {
    std::string triggers;
    for (const char* name :
         {"audit_is_never_changed", "audit_is_never_cut", "audit_cuts_are_recorded"})
      triggers += std::string("DROP TRIGGER IF EXISTS ") + name + ";";
    if (const std::string error = Run(triggers + sql); !error.empty())
      throw std::runtime_error(error);
  }

 private:
  std::string Path() const { return dir_.path() + "/heald.db"; }
  StoreLocation At(const StateDir& dir) const { return {"sqlite:" + Path(), dir.path(), false}; }

  StateDir dir_;
  StateDir other_;
};

class PostgresBackend final : public Backend {
 public:
  explicit PostgresBackend(fakes::PostgresServer* server)
      : server_(*server), schema_(FreshSchema()) {}

  Result<std::unique_ptr<Store>> Open() override { return OpenStore(At(dir_)); }
  Result<std::unique_ptr<Store>> OpenAsAnother() override { return OpenStore(At(other_)); }
  Result<std::unique_ptr<StoreReader>> OpenReader() override { return OpenStoreReader(At(dir_)); }
  std::string Run(const std::string& sql) override {
    try {
      server_.Run("SET search_path = " + schema_ + ";" + sql);
      return "";
    } catch (const std::runtime_error& error) {
      return error.what();
    }
  }
  void Tamper(const std::string& sql) override {
    if (const std::string error = Run("SET session_replication_role = replica;" + sql);
        !error.empty())
      throw std::runtime_error(error);
  }

 private:
  StoreLocation At(const StateDir& dir) const { return {server_.Url(schema_), dir.path(), false}; }

  fakes::PostgresServer& server_;
  const std::string schema_;
  StateDir dir_;
  StateDir other_;
};

}  // namespace

StateDir::StateDir() {
  const std::string base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  std::string pattern = base + "/heald-store-XXXXXX";
  path_ = mkdtemp(pattern.data());
}

StateDir::~StateDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

fakes::PostgresServer* SharedPostgres() {
  static const std::unique_ptr<fakes::PostgresServer> kServer =
      fakes::PostgresServer::Installed() ? std::make_unique<fakes::PostgresServer>() : nullptr;
  return kServer.get();
}

std::string FreshSchema() {
  static int last = 0;
  return "store" + std::to_string(++last);
}

std::vector<BackendParam> AllBackends() {
  return {{"Sqlite", [] { return std::make_unique<SqliteBackend>(); }},
          {"Postgres", []() -> std::unique_ptr<Backend> {
             fakes::PostgresServer* const server = SharedPostgres();
             if (server == nullptr) return nullptr;
             return std::make_unique<PostgresBackend>(server);
           }}};
}

}  // namespace heald
