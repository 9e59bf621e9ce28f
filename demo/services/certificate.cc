#include "demo/services/certificate.h"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include <chrono>
#include <memory>

#include "demo/services/text_file.h"

namespace heald::demo {
namespace {

constexpr double kDayS = 86'400;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Text = std::unique_ptr<BIO, Freed<BIO_free_all>>;

double SecondsNow() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool Fill(X509* certificate, EVP_PKEY* key, const std::string& name, double days) {
  uint32_t serial = 0;
  if (RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial) != 1) return false;
  X509_NAME* subject = X509_get_subject_name(certificate);
  return X509_set_version(certificate, X509_VERSION_3) == 1 &&
         ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial) == 1 &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8,
                                    reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1,
                                    0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1 &&
         X509_gmtime_adj(X509_getm_notBefore(certificate), -static_cast<long>(kDayS)) != nullptr &&
         X509_gmtime_adj(X509_getm_notAfter(certificate), static_cast<long>(days * kDayS)) !=
             nullptr &&
         X509_set_pubkey(certificate, key) == 1 && X509_sign(certificate, key, EVP_sha256()) > 0;
}

}  // namespace

Status IssueCertificate(const std::string& file, const std::string& name, double days) {
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate(X509_new());
  const Text text(BIO_new(BIO_s_mem()));
  if (!key || !certificate || !text || !Fill(certificate.get(), key.get(), name, days) ||
      PEM_write_bio_PrivateKey(text.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1 ||
      PEM_write_bio_X509(text.get(), certificate.get()) != 1)
    return MakeError(Code::kInternal, "OpenSSL made no certificate for '" + name + "'");
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(text.get(), &bytes);
  return ReplaceText(file, std::string(bytes, static_cast<size_t>(size)));
}

Result<double> CertificateDaysLeft(const std::string& file) {
  const auto text = ReadText(file);
  if (!text) return text.error();
  const Text in(BIO_new_mem_buf(text->data(), static_cast<int>(text->size())));
  const Certificate certificate(PEM_read_bio_X509(in.get(), nullptr, nullptr, nullptr));
  tm end{};
  if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate.get()), &end) != 1)
    return MakeError(Code::kCorrupt, file + " has no certificate in PEM");
  return (static_cast<double>(timegm(&end)) - SecondsNow()) / kDayS;
}

}  // namespace heald::demo
