// Stands between a client and a real server, and makes its answers bad on demand: for the faults
// that a healthy server never shows. Thread rule: any thread.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace heald::fakes {

enum class Fault { kNone, kGarbage, kHalf, k500, k429, kSlow, kRefuse };
inline constexpr Fault kFaults[] = {Fault::kGarbage, Fault::kHalf, Fault::k500,
                                    Fault::k429,     Fault::kSlow, Fault::kRefuse};
std::string_view ToString(Fault fault);

class FaultProxy {
 public:
  // A port of 127.0.0.1, or the path of a Unix socket.
  explicit FaultProxy(int port) : FaultProxy(port, "") {}
  explicit FaultProxy(std::string socket_path) : FaultProxy(0, std::move(socket_path)) {}
  ~FaultProxy();
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  // From now on; connections from before are cut.
  void Set(Fault fault);
  // Connections that met the fault that is set; kRefuse counts none.
  int met() const { return met_; }

 private:
  FaultProxy(int port, std::string socket_path);

  void Listen();
  void Run();
  void Serve(int client, int generation);
  int ConnectBehind() const;
  // Both ways, until one end closes or another fault is set.
  void Pump(int client, int server, Fault fault, int generation);
  bool Over(int generation) const { return stopping_ || generation != generation_; }

  const int behind_port_;
  const std::string behind_path_;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::atomic<int> generation_ = 0;
  std::atomic<int> met_ = 0;
  std::mutex mutex_;
  // Guarded by mutex_:
  Fault fault_ = Fault::kNone;
  int listener_ = -1;
  std::vector<std::jthread> serving_;
  std::thread thread_;
};

}  // namespace heald::fakes
