// The settings that every plugin with a network connection shares. A plugin's config struct derives
// from HttpConfig and puts HttpConfig::Fields() into its own table with std::tuple_cat, so the keys
// read the same in every plugin.
// Thread rule: plain values.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "heald/config.h"

namespace heald::support {

struct BasicAuth {
  std::string username;
  std::string password;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(Field("username", &BasicAuth::username, "User name"),
                      Field("password", &BasicAuth::password, "Password", {.secret = true}));
  }
};

struct TlsConfig {
  std::string ca_file;
  std::string cert_file;
  std::string key_file;
  std::string server_name;
  bool insecure_skip_verify = false;
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple(
        Field("ca_file", &TlsConfig::ca_file,
              "PEM file with the authorities to trust instead of the system's"),
        Field("cert_file", &TlsConfig::cert_file, "PEM file with the client certificate"),
        Field("key_file", &TlsConfig::key_file, "PEM file with the client certificate's key"),
        Field("server_name", &TlsConfig::server_name,
              "Name to ask for and to check in the server's certificate, when it isn't the URL's"),
        Field("insecure_skip_verify", &TlsConfig::insecure_skip_verify,
              "Accept any certificate: anyone on the way can read and change everything"));
  }
};

struct HttpConfig {
  std::string url;
  sdk::Duration timeout = sdk::Seconds(10);
  sdk::Duration connect_timeout = sdk::Seconds(5);
  BasicAuth basic_auth;
  std::string bearer_token;
  std::string bearer_token_file;
  TlsConfig tls;
  std::string proxy_url;
  std::map<std::string, std::string> headers;

  // Everything but `url`, which some plugins name otherwise or have several of.
  static constexpr auto ConnectionFields() {
    using sdk::Field;
    return std::tuple(
        Field("timeout", &HttpConfig::timeout, "Time limit of one request",
              {.min = 0, .exclusive_min = true}),
        Field("connect_timeout", &HttpConfig::connect_timeout,
              "Time limit of name look-up, connection and TLS handshake",
              {.min = 0, .exclusive_min = true}),
        Field("basic_auth", &HttpConfig::basic_auth, "User name and password"),
        Field("bearer_token", &HttpConfig::bearer_token, "Token for the Authorization header",
              {.secret = true}),
        Field("bearer_token_file", &HttpConfig::bearer_token_file,
              "File with that token; read again when it changes"),
        Field("tls", &HttpConfig::tls, "Certificates"),
        Field("proxy_url", &HttpConfig::proxy_url,
              "Proxy; by default the one in http_proxy, https_proxy and no_proxy"),
        Field("headers", &HttpConfig::headers, "Headers added to every request", {.secret = true}));
  }
  static constexpr auto Fields() {
    using sdk::Field;
    return std::tuple_cat(std::tuple(Field("url", &HttpConfig::url,
                                           "Base URL: http://, https:// or unix:///path/to/socket",
                                           {.required = true})),
                          ConnectionFields());
  }
};

// One thing wrong in an HttpConfig: RFC 6901 pointer and what to do about it.
struct HttpConfigProblem {
  std::string pointer;
  std::string message;
};

// What the schema can't say: forms of URLs, pairs that belong together, files that can't be read.
std::vector<HttpConfigProblem> CheckHttpConfig(const HttpConfig& config, bool with_url = true);

// Empty when `url` is one that HttpClient can use, else what is wrong with it.
std::string CheckUrl(const std::string& url);

}  // namespace heald::support
