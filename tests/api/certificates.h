// Certificates made on the spot: a root, and leaves that it signs, as PEM files in a folder of
// their own. Thread rule: one test thread.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

namespace heald::api {

using X509Handle = std::shared_ptr<X509>;
using KeyHandle = std::shared_ptr<EVP_PKEY>;
using ContextHandle = std::shared_ptr<SSL_CTX>;

struct Certified {
  X509Handle certificate;
  KeyHandle key;
};

constexpr long kDaySeconds = 24 * 60 * 60;

// Signed by `issuer`, or by itself when there is none.
inline Certified MakeCertificate(const std::string& name, const Certified* issuer,
                                 long valid_seconds = kDaySeconds) {
  static long serial = 1;
  Certified made{{X509_new(), X509_free}, {EVP_EC_gen("P-256"), EVP_PKEY_free}};
  X509* const x = made.certificate.get();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial++);
  X509_gmtime_adj(X509_getm_notBefore(x), -2 * kDaySeconds);
  X509_gmtime_adj(X509_getm_notAfter(x), valid_seconds);
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509* const by = issuer == nullptr ? x : issuer->certificate.get();
  X509_set_issuer_name(x, X509_get_subject_name(by));
  X509_set_pubkey(x, made.key.get());
  const auto extend = [&](int nid, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx(&context, by, x, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value);
    X509_add_ext(x, extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "CA:FALSE");
  if (issuer != nullptr) extend(NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1");
  X509_sign(x, issuer == nullptr ? made.key.get() : issuer->key.get(), EVP_sha256());
  return made;
}

class CertificateFolder {
 public:
  CertificateFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "heald-tls-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~CertificateFolder() { std::filesystem::remove_all(path_); }
  CertificateFolder(const CertificateFolder&) = delete;
  CertificateFolder& operator=(const CertificateFolder&) = delete;

  std::string At(const std::string& file) const { return path_ + "/" + file; }
  std::string Write(const std::string& file, const std::string& text) const {
    std::ofstream(At(file)) << text;
    return At(file);
  }
  std::string WriteCertificate(const std::string& file, const Certified& c) const {
    return WriteWith(file, [&](std::FILE* out) { PEM_write_X509(out, c.certificate.get()); });
  }
  // With a pass phrase unless it is null.
  std::string WriteKey(const std::string& file, const Certified& c,
                       const char* pass_phrase = nullptr) const {
    return WriteWith(file, [&](std::FILE* out) {
      PEM_write_PKCS8PrivateKey(out, c.key.get(),
                                pass_phrase == nullptr ? nullptr : EVP_aes_128_cbc(), nullptr, 0,
                                nullptr, const_cast<char*>(pass_phrase));
    });
  }

 private:
  // In one step, as those who renew certificates do.
  template <typename Fill>
  std::string WriteWith(const std::string& file, Fill fill) const {
    const std::string draft = At(file + ".new");
    std::FILE* const out = std::fopen(draft.c_str(), "w");
    fill(out);
    std::fclose(out);
    std::filesystem::rename(draft, At(file));
    return At(file);
  }

  std::string path_;
};

// A client that trusts `root` only, and shows `own` when asked who it is.
inline ContextHandle ClientContext(const Certified& root, const Certified* own = nullptr) {
  ContextHandle context(SSL_CTX_new(TLS_client_method()), SSL_CTX_free);
  X509_STORE_add_cert(SSL_CTX_get_cert_store(context.get()), root.certificate.get());
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
  if (own != nullptr) {
    SSL_CTX_use_certificate(context.get(), own->certificate.get());
    SSL_CTX_use_PrivateKey(context.get(), own->key.get());
  }
  return context;
}

}  // namespace heald::api
