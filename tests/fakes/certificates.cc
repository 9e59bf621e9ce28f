#include "tests/fakes/certificates.h"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <memory>
#include <stdexcept>

namespace heald::fakes {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using Cert = std::unique_ptr<X509, decltype(&X509_free)>;

void Need(bool ok, const char* what) {
  if (!ok) throw std::runtime_error(std::string("test certificate: ") + what);
}

template <typename F>
void WithFile(const std::string& path, const char* mode, F use) {
  FILE* file = std::fopen(path.c_str(), mode);
  Need(file != nullptr, path.c_str());
  use(file);
  std::fclose(file);
}

void AddExtension(X509* cert, X509* issuer, int nid, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
  Need(extension != nullptr, value.c_str());
  X509_add_ext(cert, extension, -1);
  X509_EXTENSION_free(extension);
}

Cert NewCertificate(EVP_PKEY* key, const std::string& name) {
  static long serial = 1;
  Cert cert(X509_new(), X509_free);
  X509_set_version(cert.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), serial++);
  X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(cert.get()), 86'400);
  X509_set_pubkey(cert.get(), key);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(cert.get()), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  return cert;
}

void Write(const CertificateFiles& files, X509* cert, EVP_PKEY* key) {
  WithFile(files.cert_file, "w", [&](FILE* file) { PEM_write_X509(file, cert); });
  WithFile(files.key_file, "w", [&](FILE* file) {
    PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  });
}

CertificateFiles FilesIn(const std::filesystem::path& folder, const std::string& name) {
  return {(folder / (name + ".crt")).string(), (folder / (name + ".key")).string()};
}

}  // namespace

Authority::Authority(std::filesystem::path folder, const std::string& name)
    : folder_(std::move(folder)), files_(FilesIn(folder_, name)) {
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Cert cert = NewCertificate(key.get(), name);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(cert.get()));
  AddExtension(cert.get(), cert.get(), NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(cert.get(), cert.get(), NID_key_usage, "critical,keyCertSign");
  Need(X509_sign(cert.get(), key.get(), EVP_sha256()) > 0, "signing");
  Write(files_, cert.get(), key.get());
}

CertificateFiles Authority::Issue(const std::string& name, const std::string& names) const {
  Key issuer_key(nullptr, EVP_PKEY_free);
  Cert issuer(nullptr, X509_free);
  WithFile(files_.cert_file, "r",
           [&](FILE* file) { issuer.reset(PEM_read_X509(file, nullptr, nullptr, nullptr)); });
  WithFile(files_.key_file, "r", [&](FILE* file) {
    issuer_key.reset(PEM_read_PrivateKey(file, nullptr, nullptr, nullptr));
  });
  Need(issuer != nullptr && issuer_key != nullptr, "authority");
  const Key key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const Cert cert = NewCertificate(key.get(), name);
  X509_set_issuer_name(cert.get(), X509_get_subject_name(issuer.get()));
  AddExtension(cert.get(), issuer.get(), NID_subject_alt_name, names);
  Need(X509_sign(cert.get(), issuer_key.get(), EVP_sha256()) > 0, "signing");
  const CertificateFiles files = FilesIn(folder_, name);
  Write(files, cert.get(), key.get());
  return files;
}

}  // namespace heald::fakes
