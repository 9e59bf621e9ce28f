// A server with a certificate of its own root, and clients that trust it. Thread rule: one test
// thread.
#pragma once

#include "tests/api/certificates.h"
#include "tests/api/server_fixture.h"

namespace heald::api {

class TlsFixture : public ServerFixture {
 protected:
  TlsFixture() {
    files_.cert_file = folder_.WriteCertificate("cert.pem", leaf_);
    files_.key_file = folder_.WriteKey("key.pem", leaf_);
    client_ = ClientContext(root_);
  }
  void StartTls(ServerOptions options = {}) {
    options.tls = files_;
    tls_ = client_.get();
    Start(std::move(options));
  }

  const CertificateFolder folder_;
  const Certified root_ = MakeCertificate("root", nullptr);
  const Certified leaf_ = MakeCertificate("heald", &root_);
  TlsFiles files_;
  ContextHandle client_;
};

}  // namespace heald::api
