#include "plugins/notifiers/email/smtp.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "plugins/support/utf8.h"

namespace heald::email {
namespace {

struct Session {
  const std::function<bool()>* cancelled = nullptr;
  std::string_view data;  // what is still to be sent
  std::string command;    // the last that was sent: "RCPT TO:<a@b>"
  std::string reply;      // the last line that came to it
  bool over = false;      // libcurl says good-bye, after whatever went wrong
  SmtpAnswer answer;
};

struct EasyDeleter {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};

std::string_view Line(std::string_view text) {
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  return text;
}

size_t OnRead(char* to, size_t, size_t size, void* user) {
  auto& session = *static_cast<Session*>(user);
  const size_t n = std::min(size, session.data.size());
  std::memcpy(to, session.data.data(), n);
  session.data.remove_prefix(n);
  return n;
}

int OnProgress(void* user, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& cancelled = *static_cast<Session*>(user)->cancelled;
  return cancelled && cancelled() ? 1 : 0;
}

// What is said, line by line. Only the server's words and the recipients' commands are kept.
int OnTalk(CURL*, curl_infotype type, char* text, size_t size, void* user) {
  auto& session = *static_cast<Session*>(user);
  const std::string_view line = Line({text, size});
  session.over |= type == CURLINFO_HEADER_OUT && line == "QUIT";
  if (session.over) return 0;
  if (type == CURLINFO_HEADER_OUT) {
    session.command = line.starts_with("AUTH") ? "AUTH" : std::string(line.substr(0, 400));
  } else if (type == CURLINFO_HEADER_IN && line.size() >= 3) {
    session.reply = support::ValidUtf8(line.substr(0, 300));
    if (session.command.starts_with("RCPT TO:<") && line[0] != '2' && line.substr(3, 1) != "-") {
      const std::string address = session.command.substr(9, session.command.find('>') - 9);
      session.answer.refused.emplace_back(address, session.reply);
      if (line[0] == '4') session.answer.postponed.push_back(address);
    }
  }
  return 0;
}

std::string Shown(const std::string& server) {
  const size_t end = server.find('/', server.find("://") + 3);
  return server.substr(0, end);
}

std::string Refusals(const SmtpAnswer& answer) {
  std::string out;
  for (const auto& [address, reply] : answer.refused)
    out += (out.empty() ? "" : "; ") + address + ": " + reply;
  return out;
}

void Judge(CURLcode code, const char* curl_text, const Config& config, Session* session) {
  using Kind = SmtpAnswer::Kind;
  SmtpAnswer& answer = session->answer;
  const std::string server = Shown(config.server);
  const std::string& reply = session->reply;
  const auto is = [&](Kind kind, const std::string& message) {
    answer.kind = kind;
    answer.message = message;
  };
  switch (code) {
    case CURLE_OK:
      return is(Kind::kDone, answer.refused.empty() ? "" : "not taken for " + Refusals(answer));
    case CURLE_ABORTED_BY_CALLBACK:
      return is(Kind::kCancelled, "cancelled: " + server);
    case CURLE_LOGIN_DENIED:
      if (!reply.empty() && reply[0] == '4')
        return is(Kind::kLater, server + " doesn't log anyone in now: " + reply);
      return is(Kind::kMend, server + " doesn't accept username and password: " + reply);
    case CURLE_USE_SSL_FAILED:
      return is(Kind::kMend, server +
                                 " offers no encryption (STARTTLS): use its other port, or write "
                                 "`starttls: never` where the network is to be trusted");
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
      return is(Kind::kMend, server + " can't be trusted: " + curl_text +
                                 ": name its authority in tls.ca_file, or correct its certificate");
    case CURLE_COULDNT_RESOLVE_HOST:
      return is(Kind::kLater, "no such host: " + server + ": check the name in `server`");
    case CURLE_COULDNT_CONNECT:
      return is(Kind::kLater, "no connection to " + server + ": " + curl_text);
    case CURLE_OPERATION_TIMEDOUT:
      return is(Kind::kLater, server + " doesn't answer in time");
    default:
      break;
  }
  if (!answer.refused.empty() && session->command.starts_with("RCPT")) {
    answer.for_nobody = true;
    const bool all_later = answer.postponed.size() == answer.refused.size();
    return is(all_later ? Kind::kLater : Kind::kMend,
              server + " takes no recipient: " + Refusals(answer) +
                  (all_later ? "" : ": correct `to` and `cc`"));
  }
  if (!reply.empty() && reply[0] == '5') {
    if (session->command.starts_with("MAIL"))
      return is(Kind::kMend,
                server + " refuses the sender: " + reply + ": correct `from`, or log in");
    return is(Kind::kNever, server + " refuses the mail: " + reply);
  }
  is(Kind::kLater, server + " didn't take the mail: " +
                       (!reply.empty() && reply[0] == '4' ? reply
                        : *curl_text != 0                 ? std::string(curl_text)
                                                          : curl_easy_strerror(code)));
}

long Milliseconds(sdk::Duration time) {
  return static_cast<long>(std::max<int64_t>(time.ns / 1'000'000, 1));
}

}  // namespace

std::string CheckServer(const std::string& url) {
  if (!url.starts_with("smtp://") && !url.starts_with("smtps://"))
    return "is not a mail server's address: write smtp://mail.example.com:587 or "
           "smtps://mail.example.com";
  CURLU* parsed = curl_url();
  const CURLUcode code = curl_url_set(parsed, CURLUPART_URL, url.c_str(), 0);
  char* user = nullptr;
  const bool with_user =
      code == CURLUE_OK && curl_url_get(parsed, CURLUPART_USER, &user, 0) == CURLUE_OK;
  curl_free(user);
  curl_url_cleanup(parsed);
  if (code != CURLUE_OK) return std::string("is not a URL: ") + curl_url_strerror(code);
  return with_user ? "credentials in a URL end up in logs: move them to username and password" : "";
}

SmtpClient::SmtpClient(const Config& config, std::function<bool()> cancelled)
    : config_(config), cancelled_(std::move(cancelled)) {
  static const CURLcode ready = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)ready;
}

SmtpAnswer SmtpClient::Send(const std::string& from, const std::vector<std::string>& to,
                            const std::string& data) const {
  // A connection of its own for each: mails are rare, and servers close idle ones.
  const std::unique_ptr<CURL, EasyDeleter> handle(curl_easy_init());
  CURL* easy = handle.get();
  Session session;
  session.cancelled = &cancelled_;
  session.data = data;
  char curl_text[CURL_ERROR_SIZE] = {};
  std::unique_ptr<curl_slist, ListDeleter> recipients;
  for (const std::string& each : to)
    recipients.reset(curl_slist_append(recipients.release(), ("<" + each + ">").c_str()));
  const auto set = [&](CURLoption option, auto value) { curl_easy_setopt(easy, option, value); };
  set(CURLOPT_URL, config_.server.c_str());
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_MAIL_FROM, ("<" + from + ">").c_str());
  set(CURLOPT_MAIL_RCPT, recipients.get());
  set(CURLOPT_MAIL_RCPT_ALLLOWFAILS, 1L);
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &OnRead);
  set(CURLOPT_READDATA, &session);
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &OnProgress);
  set(CURLOPT_XFERINFODATA, &session);
  set(CURLOPT_VERBOSE, 1L);
  set(CURLOPT_DEBUGFUNCTION, &OnTalk);
  set(CURLOPT_DEBUGDATA, &session);
  set(CURLOPT_ERRORBUFFER, curl_text);
  set(CURLOPT_TIMEOUT_MS, Milliseconds(config_.timeout));
  set(CURLOPT_CONNECTTIMEOUT_MS, Milliseconds(config_.connect_timeout));
  if (!config_.username.empty()) {
    set(CURLOPT_USERNAME, config_.username.c_str());
    set(CURLOPT_PASSWORD, config_.password.c_str());
  }
  set(CURLOPT_USE_SSL, static_cast<long>(config_.starttls == Starttls::kRequired ? CURLUSESSL_ALL
                                         : config_.starttls == Starttls::kNever  ? CURLUSESSL_NONE
                                                                                 : CURLUSESSL_TRY));
  set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  const support::TlsConfig& tls = config_.tls;
  if (!tls.ca_file.empty()) set(CURLOPT_CAINFO, tls.ca_file.c_str());
  if (!tls.cert_file.empty()) {
    set(CURLOPT_SSLCERT, tls.cert_file.c_str());
    set(CURLOPT_SSLKEY, tls.key_file.c_str());
  }
  if (tls.insecure_skip_verify) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
  Judge(curl_easy_perform(easy), curl_text, config_, &session);
  return std::move(session.answer);
}

}  // namespace heald::email
