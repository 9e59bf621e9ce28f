#include "tests/fakes/postgres_server.h"

#include <libpq-fe.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <thread>

namespace heald::fakes {
namespace {

namespace fs = std::filesystem;

// Of the newest version that Debian's packages have put there.
std::string Program(const std::string& name) {
  std::error_code error;
  std::string found;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error)) {
    const std::string path = entry.path().string() + "/bin/" + name;
    if (access(path.c_str(), X_OK) == 0 && path > found) found = path;
  }
  return found;
}

// PostgreSQL doesn't run as root.
const passwd* Owner() {
  if (geteuid() != 0) return nullptr;
  const passwd* owner = getpwnam("postgres");
  return owner != nullptr ? owner : getpwnam("nobody");
}

std::vector<std::string> AsOwner(std::vector<std::string> command) {
  const passwd* const owner = Owner();
  if (owner == nullptr) return command;
  std::vector<std::string> out = {"/usr/bin/setpriv", "--reuid=" + std::to_string(owner->pw_uid),
                                  "--regid=" + std::to_string(owner->pw_gid), "--clear-groups",
                                  "--pdeathsig=KILL"};
  out.insert(out.end(), command.begin(), command.end());
  return out;
}

std::string TextOf(const std::string& path) {
  std::ifstream in(path);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

bool PostgresServer::Installed() {
  return !Program("initdb").empty() && !Program("postgres").empty();
}

PostgresServer::PostgresServer(const std::string& settings, const std::string& base)
    : port_(FreePort()) {
  const char* const memory = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
  std::string pattern = (base.empty() ? memory : base) + "/heald-postgres-XXXXXX";
  folder_ = mkdtemp(pattern.data());
  if (const passwd* const owner = Owner(); owner != nullptr)
    if (chown(folder_.c_str(), owner->pw_uid, owner->pw_gid) != 0)
      throw std::runtime_error("can't give " + folder_ + " away");
  const std::string data = folder_ + "/data";
  ChildProcess initdb(AsOwner({Program("initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E",
                               "UTF8", "--locale=C", "--no-sync"}),
                      folder_ + "/initdb.log");
  while (initdb.Running()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  if (!fs::exists(data + "/PG_VERSION"))
    throw std::runtime_error("initdb failed: " + TextOf(folder_ + "/initdb.log"));
  std::ofstream(data + "/postgresql.conf", std::ios::app)
      << "listen_addresses = '127.0.0.1'\nunix_socket_directories = '" << folder_
      << "'\nmax_connections = 50\nshared_buffers = 16MB\nlogging_collector = off\n"
      << settings;
  Start();
}

PostgresServer::~PostgresServer() {
  EndWith(SIGQUIT);
  std::error_code ignored;
  fs::remove_all(folder_, ignored);
}

void PostgresServer::Start() {
  process_ = std::make_unique<ChildProcess>(
      AsOwner({Program("postgres"), "-D", folder_ + "/data", "-p", std::to_string(port_)}),
      folder_ + "/log");
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  while (!Answers()) {
    if (!process_->Running() || std::chrono::steady_clock::now() > until)
      throw std::runtime_error("PostgreSQL doesn't start: " + TextOf(folder_ + "/log"));
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

void PostgresServer::Stop() {
  EndWith(SIGINT);
}

void PostgresServer::Crash() {
  EndWith(SIGQUIT);
}

void PostgresServer::EndWith(int signal) {
  if (process_ == nullptr) return;
  if (process_->Running()) kill(process_->pid(), signal);
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (process_->Running() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  process_.reset();
}

bool PostgresServer::Answers() const {
  const std::string where = "host=127.0.0.1 connect_timeout=2 port=" + std::to_string(port_);
  return PQping(where.c_str()) == PQPING_OK;
}

std::string PostgresServer::Url(const std::string& schema, const std::string& user) const {
  return "postgresql://" + user + "@127.0.0.1:" + std::to_string(port_) +
         "/postgres?schema=" + schema;
}

std::vector<std::string> PostgresServer::Run(const std::string& sql) const {
  const std::string where =
      "postgresql://postgres@127.0.0.1:" + std::to_string(port_) + "/postgres?connect_timeout=5";
  const std::unique_ptr<PGconn, decltype(&PQfinish)> connection(PQconnectdb(where.c_str()),
                                                                PQfinish);
  const std::unique_ptr<PGresult, decltype(&PQclear)> result(PQexec(connection.get(), sql.c_str()),
                                                             PQclear);
  const ExecStatusType status = PQresultStatus(result.get());
  if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
    throw std::runtime_error(PQerrorMessage(connection.get()));
  std::vector<std::string> rows;
  for (int i = 0; i < PQntuples(result.get()); ++i)
    rows.emplace_back(PQgetvalue(result.get(), i, 0));
  return rows;
}

}  // namespace heald::fakes
