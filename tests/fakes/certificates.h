// Authorities and certificates made on the spot, as PEM files in a folder. For tests of TLS.
// Thread rule: one thread.
#pragma once

#include <filesystem>
#include <string>

namespace heald::fakes {

struct CertificateFiles {
  std::string cert_file;
  std::string key_file;
};

class Authority {
 public:
  // Writes NAME.crt and NAME.key into folder.
  Authority(std::filesystem::path folder, const std::string& name);
  const std::string& ca_file() const { return files_.cert_file; }
  // names: a subjectAltName, for instance "DNS:localhost,IP:127.0.0.1".
  CertificateFiles Issue(const std::string& name, const std::string& names) const;

 private:
  std::filesystem::path folder_;
  CertificateFiles files_;
};

}  // namespace heald::fakes
