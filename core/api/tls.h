// The listener's certificate: read and checked at the start, read again when its files change, so
// that it can be renewed without a restart. A change that can't be used leaves the old one at work.
// Used by the server.
// Thread rule: context may be taken from any thread; Refresh is called by one.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "core/base/result.h"

struct ssl_ctx_st;  // OpenSSL's SSL_CTX

namespace heald::api {

struct TlsFiles {
  std::string cert_file;       // PEM: the server's certificate, then those between it and its root
  std::string key_file;        // PEM, without a pass phrase
  std::string client_ca_file;  // PEM; set: only clients with a certificate of these are let in

  bool empty() const { return cert_file.empty() && key_file.empty() && client_ca_file.empty(); }
  bool operator==(const TlsFiles&) const = default;
};

// What an operator should know, for the agent's log.
using Notice = std::function<void(bool bad, const std::string& text)>;

class Tls {
 public:
  // Errors name the key of the configuration, the file and what to do.
  static Result<std::unique_ptr<Tls>> Load(TlsFiles files, Notice notice);

  // For connections from now on; those that live keep theirs.
  std::shared_ptr<ssl_ctx_st> context() const;
  // Looks at the files' times and sizes. A change counts once it stays the same from one call to
  // the next: certificate and key are written one after the other.
  void Refresh();

 private:
  Tls(TlsFiles files, Notice notice);

  const TlsFiles files_;
  const Notice notice_;
  std::string loaded_;  // fingerprints of the files
  std::string seen_;
  mutable std::mutex mutex_;
  std::shared_ptr<ssl_ctx_st> context_;  // guarded by mutex_
};

}  // namespace heald::api
