// A service for tests: listens on a port as told and answers HTTP, or fails in the wanted way.
//   process_stub [--port N] [--delay MS] [--exit CODE] [--exit-after MS] [--ignore-term]
//                [--child] [--status N] [--say TEXT]
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <map>
#include <string>

namespace {

void SleepMs(int ms) {
  usleep(static_cast<useconds_t>(ms) * 1000);
}

[[noreturn]] void Serve(int port, int status) {
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  const int on = 1;
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener, 16) != 0) {
    std::cerr << "port " << port << ": " << strerror(errno) << std::endl;
    _exit(4);
  }
  for (;;) {
    const int peer = accept(listener, nullptr, nullptr);
    char request[2048];
    if (read(peer, request, sizeof request) > 0) {
      const std::string answer = "HTTP/1.1 " + std::to_string(status) +
                                 " Status\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
      [[maybe_unused]] const ssize_t sent = write(peer, answer.data(), answer.size());
    }
    close(peer);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool is_flag = name == "--ignore-term" || name == "--child";
    options[name] = is_flag || i + 1 == argc ? "" : argv[++i];
  }
  const auto number = [&](const char* name, int other) {
    return options.contains(name) ? std::atoi(options[name].c_str()) : other;
  };
  if (options.contains("--ignore-term")) signal(SIGTERM, SIG_IGN);
  if (options.contains("--say")) std::cout << options["--say"] << std::endl;
  if (options.contains("--child") && fork() == 0)
    for (;;) pause();
  if (options.contains("--exit-after") || options.contains("--exit")) {
    SleepMs(number("--exit-after", 0));
    return number("--exit", 0);
  }
  SleepMs(number("--delay", 0));
  if (options.contains("--port")) Serve(number("--port", 0), number("--status", 200));
  for (;;) pause();
}
