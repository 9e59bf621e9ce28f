// The databases that a store can be in, for tests that all of them have to pass.
// Thread rule: one thread.
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <vector>

#include "core/store/open.h"
#include "tests/fakes/postgres_server.h"

namespace heald {

// Opens the same store again and again, as restarts of the agent do.
class Backend {
 public:
  virtual ~Backend() = default;
  virtual Result<std::unique_ptr<Store>> Open() = 0;
  // As an agent with another state_dir.
  virtual Result<std::unique_ptr<Store>> OpenAsAnother() = 0;
  virtual Result<std::unique_ptr<StoreReader>> OpenReader() = 0;
  // Any SQL in a session of its own; what went wrong.
  virtual std::string Run(const std::string& sql) = 0;
  // The same by someone who knows how to get around the triggers. Throws.
  virtual void Tamper(const std::string& sql) = 0;
};

struct BackendParam {
  std::string name;
  std::function<std::unique_ptr<Backend>()> make;  // null: it isn't installed
};

inline void PrintTo(const BackendParam& backend, std::ostream* out) {
  *out << backend.name;
}

std::vector<BackendParam> AllBackends();

// One for the whole test program; null where it isn't installed.
fakes::PostgresServer* SharedPostgres();
// A schema of its own in it, so far unused.
std::string FreshSchema();

// A folder for a state_dir, removed with it.
class StateDir {
 public:
  StateDir();
  ~StateDir();
  StateDir(const StateDir&) = delete;
  StateDir& operator=(const StateDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace heald
