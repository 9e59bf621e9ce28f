#include "core/store/postgres/target.h"

#include <libpq-fe.h>

#include <memory>

#include "core/base/url.h"

namespace heald::postgres {
namespace {

constexpr std::string_view kSchemaParameter = "schema=";

// Takes schema=NAME out of the URL's query, which libpq would refuse.
std::string TakeSchema(std::string url, std::string* schema) {
  size_t begin = url.find('?');
  while (begin != std::string::npos) {
    const size_t end = url.find('&', begin + 1);
    const size_t size = (end == std::string::npos ? url.size() : end) - begin - 1;
    const std::string_view parameter = std::string_view(url).substr(begin + 1, size);
    if (!parameter.starts_with(kSchemaParameter)) {
      begin = end;
      continue;
    }
    *schema = parameter.substr(kSchemaParameter.size());
    if (end != std::string::npos)
      url.erase(begin + 1, size + 1);
    else
      url.erase(begin);
    break;
  }
  return url;
}

bool IsPlainName(const std::string& name) {
  return !name.empty() && name.size() < 64 && (name[0] < '0' || name[0] > '9') &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos;
}

}  // namespace

std::string Target::Shown(std::string text) const {
  for (const std::string& secret : secrets)
    for (size_t at = text.find(secret); at != std::string::npos; at = text.find(secret, at + 3))
      text.replace(at, secret.size(), "***");
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  for (char& c : text)
    if (c == '\n') c = ' ';
  return text;
}

Result<Target> ParseTarget(const std::string& url) {
  Target target;
  const std::string plain = TakeSchema(url, &target.schema);
  if (!IsPlainName(target.schema))
    return MakeError(Code::kInvalid, "agent.store: '" + target.schema +
                                         "' is no schema: lower-case letters, digits and _ make "
                                         "its name");
  char* why = nullptr;
  const std::unique_ptr<PQconninfoOption, decltype(&PQconninfoFree)> options(
      PQconninfoParse(plain.c_str(), &why), PQconninfoFree);
  const std::unique_ptr<char, decltype(&PQfreemem)> owned(why, PQfreemem);
  // libpq's own words might quote a part of the password.
  if (options == nullptr)
    return MakeError(Code::kInvalid,
                     "agent.store '" + WithoutPassword(url) +
                         "' is no URL of a PostgreSQL: write "
                         "postgresql://user@host:5432/database?sslmode=verify-full, with %XX for "
                         "characters that have a meaning in URLs");
  std::string host;
  std::string port = "5432";
  std::string database;
  for (const PQconninfoOption* o = options.get(); o->keyword != nullptr; ++o) {
    if (o->val == nullptr || o->val[0] == '\0') continue;
    const std::string keyword = o->keyword;
    if (keyword == "password" || keyword == "sslpassword") target.secrets.emplace_back(o->val);
    if (keyword == "host" || (keyword == "hostaddr" && host.empty())) host = o->val;
    if (keyword == "port") port = o->val;
    if (keyword == "dbname") database = o->val;
    target.parameters.emplace_back(keyword, o->val);
  }
  target.name =
      "postgresql://" + host + ":" + port + "/" + database + " (schema " + target.schema + ")";
  return target;
}

}  // namespace heald::postgres
