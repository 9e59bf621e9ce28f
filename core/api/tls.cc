#include "core/api/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <utility>

#include "core/base/units.h"

namespace heald::api {
namespace {

// TLS 1.2 with forward secrecy and authenticated encryption only; all of TLS 1.3 is that.
constexpr const char* kCiphers = "ECDHE+AESGCM:ECDHE+CHACHA20";
constexpr const char* kGroups = "X25519:P-256:P-384";

template <typename T, void (*kFree)(T*)>
struct Free {
  void operator()(T* object) const { kFree(object); }
};
using X509Ptr = std::unique_ptr<X509, Free<X509, X509_free>>;
using KeyPtr = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY, EVP_PKEY_free>>;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

struct Loaded {
  std::shared_ptr<SSL_CTX> context;
  int64_t valid_from_ns = 0;
  int64_t valid_until_ns = 0;
};

Error Wrong(const char* key, const std::string& file, const std::string& what) {
  return MakeError(Code::kInvalid, "agent.tls." + std::string(key) + " " + file + " " + what);
}

Result<FilePtr> Open(const char* key, const std::string& file) {
  if (file.empty())
    return MakeError(Code::kInvalid, "agent.tls." + std::string(key) +
                                         " is missing: TLS needs cert_file and key_file");
  FilePtr opened(std::fopen(file.c_str(), "re"));
  if (opened != nullptr) return opened;
  return Wrong(key, file,
               std::string("cannot be read: ") + std::strerror(errno) +
                   (errno == EACCES ? "; let the agent's user read it" : "; correct the path"));
}

int NoPassPhrase(char*, int, int, void* asked) {
  *static_cast<bool*>(asked) = true;
  return -1;
}

int64_t TimeOf(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return 0;
  // Some certificates never expire, which is the year 9999: beyond what ns can say.
  return std::min<int64_t>(timegm(&parts), INT64_MAX / kSecond) * kSecond;
}

Result<X509Ptr> ReadCertificate(const char* key, const std::string& file) {
  Result<FilePtr> opened = Open(key, file);
  if (!opened) return opened.error();
  X509Ptr certificate(PEM_read_X509(opened->get(), nullptr, nullptr, nullptr));
  if (certificate != nullptr) return certificate;
  return Wrong(key, file,
               "holds no certificate in PEM form: it must begin with '-----BEGIN "
               "CERTIFICATE-----' (from DER: openssl x509 -inform der)");
}

Result<KeyPtr> ReadKey(const std::string& file) {
  constexpr const char* kKey = "key_file";
  Result<FilePtr> opened = Open(kKey, file);
  if (!opened) return opened.error();
  bool pass_phrase = false;
  KeyPtr key(PEM_read_PrivateKey(opened->get(), nullptr, NoPassPhrase, &pass_phrase));
  if (key != nullptr) return key;
  return Wrong(kKey, file,
               pass_phrase ? "needs a pass phrase, which the agent can't be asked for: store it "
                             "without one (openssl pkey -in … -out …)"
                           : "holds no private key in PEM form: it must begin with "
                             "'-----BEGIN PRIVATE KEY-----'");
}

Status SetUp(SSL_CTX* context) {
  const bool fine = SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
                    SSL_CTX_set_cipher_list(context, kCiphers) == 1 &&
                    SSL_CTX_set1_groups_list(context, kGroups) == 1;
  if (!fine)
    return MakeError(Code::kInternal, "OpenSSL knows no cipher of " + std::string(kCiphers));
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // What is left of a write may be repeated from another place, with more behind it.
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  constexpr unsigned char kSessions[] = "heald";  // without it a resumed client certificate fails
  SSL_CTX_set_session_id_context(context, kSessions, sizeof kSessions - 1);
  return {};
}

Status RequireClients(SSL_CTX* context, const std::string& file) {
  constexpr const char* kKey = "client_ca_file";
  const Result<X509Ptr> first = ReadCertificate(kKey, file);
  if (!first) return first.error();
  STACK_OF(X509_NAME)* const names = SSL_load_client_CA_file(file.c_str());
  if (names == nullptr || SSL_CTX_load_verify_locations(context, file.c_str(), nullptr) != 1) {
    sk_X509_NAME_pop_free(names, X509_NAME_free);
    return Wrong(kKey, file, "holds a certificate that can't be read: check each of its parts");
  }
  SSL_CTX_set_client_CA_list(context, names);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

Result<Loaded> LoadFiles(const TlsFiles& files) {
  Result<X509Ptr> certificate = ReadCertificate("cert_file", files.cert_file);
  if (!certificate) return certificate.error();
  const Result<KeyPtr> key = ReadKey(files.key_file);
  if (!key) return key.error();
  Loaded loaded;
  loaded.context = {SSL_CTX_new(TLS_server_method()), SSL_CTX_free};
  SSL_CTX* const context = loaded.context.get();
  if (context == nullptr) return MakeError(Code::kUnavailable, "no memory for TLS");
  if (const Status s = SetUp(context); !s) return s.error();
  if (SSL_CTX_use_certificate_chain_file(context, files.cert_file.c_str()) != 1) {
    const char* const reason = ERR_reason_error_string(ERR_peek_last_error());
    return Wrong("cert_file", files.cert_file,
                 std::string("can't be used: ") + (reason == nullptr ? "not valid" : reason) +
                     "; it needs the server's certificate first, then those that signed it");
  }
  if (X509_check_private_key(certificate->get(), key->get()) != 1 ||
      SSL_CTX_use_PrivateKey(context, key->get()) != 1)
    return Wrong("key_file", files.key_file,
                 "is not the key of the certificate in " + files.cert_file +
                     ": set the two that were made together");
  if (!files.client_ca_file.empty())
    if (const Status s = RequireClients(context, files.client_ca_file); !s) return s.error();
  loaded.valid_from_ns = TimeOf(X509_get0_notBefore(certificate->get()));
  loaded.valid_until_ns = TimeOf(X509_get0_notAfter(certificate->get()));
  return loaded;
}

// Which version of the files lies there now.
std::string Fingerprint(const TlsFiles& files) {
  std::string all;
  for (const std::string& file : {files.cert_file, files.key_file, files.client_ca_file}) {
    struct stat about {};
    if (file.empty() || stat(file.c_str(), &about) != 0) about = {};
    for (const int64_t part :
         {static_cast<int64_t>(about.st_ino), static_cast<int64_t>(about.st_size),
          static_cast<int64_t>(about.st_mtim.tv_sec), static_cast<int64_t>(about.st_mtim.tv_nsec)})
      all += std::to_string(part) + ' ';
  }
  return all;
}

void NoteValidity(const Notice& notice, const TlsFiles& files, const Loaded& loaded) {
  const int64_t now_ns = static_cast<int64_t>(std::time(nullptr)) * kSecond;
  const std::string name = "the certificate in " + files.cert_file;
  if (loaded.valid_until_ns <= now_ns)
    notice(true, name + " expired on " + FormatTime(loaded.valid_until_ns) +
                     ": clients will refuse it; renew it, a restart isn't needed");
  else if (loaded.valid_from_ns > now_ns)
    notice(true, name + " is valid from " + FormatTime(loaded.valid_from_ns) +
                     " only: clients will refuse it; check the clock");
  else
    notice(false, name + " is valid until " + FormatTime(loaded.valid_until_ns));
}

}  // namespace

Tls::Tls(TlsFiles files, Notice notice)
    : files_(std::move(files)),
      notice_(notice ? std::move(notice) : [](bool, const std::string&) {}) {}

Result<std::unique_ptr<Tls>> Tls::Load(TlsFiles files, Notice notice) {
  auto tls = std::unique_ptr<Tls>(new Tls(std::move(files), std::move(notice)));
  tls->loaded_ = tls->seen_ = Fingerprint(tls->files_);
  Result<Loaded> loaded = LoadFiles(tls->files_);
  ERR_clear_error();
  if (!loaded) return loaded.error();
  NoteValidity(tls->notice_, tls->files_, *loaded);
  tls->context_ = std::move(loaded->context);
  return tls;
}

std::shared_ptr<ssl_ctx_st> Tls::context() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

void Tls::Refresh() {
  std::string now = Fingerprint(files_);
  if (now == loaded_ || std::exchange(seen_, now) != now) return;
  loaded_ = std::move(now);
  Result<Loaded> loaded = LoadFiles(files_);
  ERR_clear_error();
  if (!loaded) {
    notice_(true,
            "the certificate's files changed and can't be used, the old one "
            "stays at work: " +
                loaded.error().message);
    return;
  }
  NoteValidity(notice_, files_, *loaded);
  const std::lock_guard lock(mutex_);
  context_ = std::move(loaded->context);
}

}  // namespace heald::api
