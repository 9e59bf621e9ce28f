#include "demo/broker/front.h"

#include <Poco/Exception.h>
#include <Poco/Net/ServerSocket.h>
#include <Poco/Net/StreamSocket.h>
#include <Poco/Net/TCPServerConnection.h>
#include <Poco/Net/TCPServerConnectionFactory.h>

#include <map>
#include <utility>

namespace heald::demo {
namespace {

using Poco::Net::Socket;
using Poco::Net::StreamSocket;

// Requests whose answers name brokers.
constexpr int16_t kMetadata = 3;
constexpr int16_t kFindCoordinator = 10;
constexpr size_t kMaxFrame = 64 << 20;
constexpr long kPoll_s = 1;

// Kafka's numbers are big-endian.
template <typename T>
std::string Bytes(T number) {
  std::string bytes;
  for (size_t i = sizeof number; i-- > 0;) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}
template <typename T>
T Number(std::string_view bytes) {
  uint64_t number = 0;
  for (size_t i = 0; i < sizeof(T); ++i)
    number = number << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<T>(number);
}

void Replace(std::string* text, const std::string& from, const std::string& to) {
  for (size_t at = 0; (at = text->find(from, at)) != std::string::npos; at += to.size())
    text->replace(at, from.size(), to);
}

// What came from one side: whole frames, without the length before them.
class Frames {
 public:
  // False at the end, or where no sane peer would go on.
  bool Read(StreamSocket& from) {
    char chunk[65536];
    const int got = from.receiveBytes(chunk, sizeof chunk);
    if (got > 0) buffer_.append(chunk, static_cast<size_t>(got));
    return got > 0 && (buffer_.size() < 4 || Number<uint32_t>(buffer_) <= kMaxFrame);
  }
  bool Take(std::string* frame) {
    if (buffer_.size() < 4 || buffer_.size() - 4 < Number<uint32_t>(buffer_)) return false;
    *frame = buffer_.substr(4, Number<uint32_t>(buffer_));
    buffer_.erase(0, 4 + frame->size());
    return true;
  }

 private:
  std::string buffer_;
};

void Send(StreamSocket& to, const std::string& frame) {
  const std::string whole = Bytes(static_cast<uint32_t>(frame.size())) + frame;
  for (size_t sent = 0; sent < whole.size();)
    sent += static_cast<size_t>(
        to.sendBytes(whole.data() + sent, static_cast<int>(whole.size() - sent)));
}

class Connection : public Poco::Net::TCPServerConnection {
 public:
  Connection(const StreamSocket& client, const BrokerAddress& mock, const BrokerAddress& told)
      : TCPServerConnection(client), mock_(mock), told_(told) {}

  void run() override {
    try {
      StreamSocket broker(Poco::Net::SocketAddress(mock_.host, mock_.port));
      while (Relay(socket(), broker)) {
      }
    } catch (const Poco::Exception&) {
      // One of the two hung up: so does this.
    }
  }

 private:
  bool Relay(StreamSocket& client, StreamSocket& broker) {
    Socket::SocketList readable{client, broker};
    Socket::SocketList none;
    if (Socket::select(readable, none, none, Poco::Timespan(kPoll_s, 0)) == 0) return true;
    std::string frame;
    for (const Socket& ready : readable) {
      if (ready == client) {
        if (!requests_.Read(client)) return false;
        while (requests_.Take(&frame)) {
          if (frame.size() < 8) return false;
          const auto api = Number<int16_t>(frame);
          if (api == kMetadata || api == kFindCoordinator) asked_[frame.substr(4, 4)] = api;
          Send(broker, frame);
        }
      } else {
        if (!answers_.Read(broker)) return false;
        while (answers_.Take(&frame))
          Send(client,
               asked_.erase(frame.substr(0, 4)) == 0 ? frame : WithAddress(frame, mock_, told_));
      }
    }
    return true;
  }

  const BrokerAddress& mock_;
  const BrokerAddress& told_;
  Frames requests_;
  Frames answers_;
  std::map<std::string, int16_t> asked_;  // by the request's id
};

class Factory : public Poco::Net::TCPServerConnectionFactory {
 public:
  Factory(BrokerAddress mock, BrokerAddress told)
      : mock_(std::move(mock)), told_(std::move(told)) {}
  Poco::Net::TCPServerConnection* createConnection(const StreamSocket& client) override {
    return new Connection(client, mock_, told_);
  }

 private:
  const BrokerAddress mock_;
  const BrokerAddress told_;
};

Poco::Net::ServerSocket Listen(uint16_t port) {
  Poco::Net::ServerSocket socket;
  socket.bind(port, /*reuseAddress=*/true, /*reusePort=*/false);  // by default two could share it
  socket.listen();
  return socket;
}

}  // namespace

std::string WithAddress(std::string_view answer, const BrokerAddress& from,
                        const BrokerAddress& to) {
  const auto port = [](const BrokerAddress& a) { return Bytes(static_cast<int32_t>(a.port)); };
  const auto text = [](const BrokerAddress& a) {
    return Bytes(static_cast<int16_t>(a.host.size())) + a.host;
  };
  const auto compact = [](const BrokerAddress& a) {
    return static_cast<char>(a.host.size() + 1) + a.host;
  };
  std::string out(answer);
  Replace(&out, text(from) + port(from), text(to) + port(to));
  Replace(&out, compact(from) + port(from), compact(to) + port(to));
  return out;
}

BrokerFront::BrokerFront(BrokerAddress mock, BrokerAddress told)
    : server_(new Factory(std::move(mock), told), Listen(told.port)) {
  server_.start();
}

}  // namespace heald::demo
