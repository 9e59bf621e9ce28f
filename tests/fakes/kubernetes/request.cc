#include "tests/fakes/kubernetes/request.h"

#include <vector>

namespace heald::fakes::kubernetes {
namespace {

std::string UrlDecoded(const std::string& text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      plain += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
      i += 2;
    } else {
      plain += text[i] == '+' ? ' ' : text[i];
    }
  }
  return plain;
}

std::vector<std::string> Split(const std::string& text, char by) {
  std::vector<std::string> parts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find(by, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

}  // namespace

Request::Request(const FakeRequest& http_in) : http(http_in) {
  for (const std::string& pair : Split(http.query, '&')) {
    const size_t equals = pair.find('=');
    query[UrlDecoded(pair.substr(0, equals))] =
        equals == std::string::npos ? "" : UrlDecoded(pair.substr(equals + 1));
  }
  std::vector<std::string> parts = Split(http.path, '/');
  for (std::string& part : parts) part = UrlDecoded(part);
  size_t at = 0;
  if (parts.size() >= 3 && parts[0] == "api") {
    version = parts[1];
    at = 2;
  } else if (parts.size() >= 4 && parts[0] == "apis") {
    group = parts[1];
    version = parts[2];
    at = 3;
  } else {
    return;
  }
  known = true;
  const auto next = [&]() { return at < parts.size() ? parts[at++] : std::string(); };
  if (parts[at] == "namespaces" && at + 2 < parts.size() && parts[at + 2] != "status" &&
      parts[at + 2] != "finalize") {
    ++at;
    space = next();
  }
  plural = next();
  name = next();
  sub = next();
  if (plural == "namespaces") space = name;  // a namespace is asked for within itself
  resource = FindResource(group, plural);
}

std::string Request::Query(const std::string& name_in) const {
  const auto found = query.find(name_in);
  return found == query.end() ? "" : found->second;
}

bool Request::Flag(const std::string& name_in) const {
  const std::string value = Query(name_in);
  return value == "1" || value == "true";
}

Json Request::Body() const {
  if (http.body.empty()) return Json::object();
  Json body = Json::parse(http.body, nullptr, false);
  if (body.is_discarded()) throw BadRequest("unexpected end of JSON input");
  return body;
}

std::string Request::Verb() const {
  if (http.method == "GET" || http.method == "HEAD")
    return Flag("watch") ? "watch" : name.empty() ? "list" : "get";
  if (http.method == "POST") return "create";
  if (http.method == "PUT") return "update";
  if (http.method == "PATCH") return "patch";
  if (http.method == "DELETE") return name.empty() ? "deletecollection" : "delete";
  return "";
}

Attempt Request::AsAttempt() const {
  return {Verb(), group, sub.empty() ? plural : plural + "/" + sub, space, name};
}

std::string Request::Manager() const {
  if (const std::string manager = Query("fieldManager"); !manager.empty()) return manager;
  const std::string agent(http.Header("user-agent"));
  return agent.empty() ? "unknown" : agent.substr(0, agent.find('/'));
}

}  // namespace heald::fakes::kubernetes
