#include "plugins/sources/alertmanager/alert_store.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

namespace heald::alertmanager {
namespace {

using nlohmann::json;

json ToJson(const FiringAlert& alert) {
  json target = json::object();
  for (const auto& [name, value] : alert.target.items()) target[name] = value;
  return {
      {"name", alert.name},         {"target", target},         {"fingerprint", alert.fingerprint},
      {"severity", alert.severity}, {"summary", alert.summary}, {"url", alert.url},
      {"from_ns", alert.from_ns},   {"seen_ns", alert.seen_ns}, {"finding_id", alert.finding_id}};
}

FiringAlert FromJson(const json& in) {
  FiringAlert alert{in.at("name"),
                    {},
                    in.at("fingerprint"),
                    in.at("severity"),
                    in.at("summary"),
                    in.at("url"),
                    in.at("from_ns"),
                    in.at("seen_ns"),
                    in.value("finding_id", uint64_t{0})};
  if (alert.severity > HEALD_SEVERITY_CRITICAL) alert.severity = HEALD_SEVERITY_CRITICAL;
  for (const auto& [name, value] : in.at("target").items())
    alert.target.Set(name, value.get<std::string>());
  return alert;
}

}  // namespace

std::vector<FiringAlert> AlertStore::Read(std::string* error) const {
  std::ifstream in(path_, std::ios::binary);
  if (!in) return {};
  std::ostringstream text;
  text << in.rdbuf();
  std::vector<FiringAlert> alerts;
  try {
    const json file = json::parse(text.str());
    for (const json& alert : file.at("alerts")) alerts.push_back(FromJson(alert));
    return alerts;
  } catch (const json::exception& damage) {
    *error = path_ + " is damaged (" + damage.what() + ") and was put aside as alerts.json.bad";
    std::rename(path_.c_str(), (path_ + ".bad").c_str());
    return {};
  }
}

std::string AlertStore::Write(const std::vector<FiringAlert>& alerts) const {
  json all = json::array();
  for (const FiringAlert& alert : alerts) all.push_back(ToJson(alert));
  const std::string fresh = path_ + ".new";
  {
    std::ofstream out(fresh, std::ios::binary | std::ios::trunc);
    out << json{{"alerts", all}}.dump(-1, ' ', false, json::error_handler_t::replace) << '\n';
    out.flush();
    if (!out) return "can't write " + fresh + ": " + std::strerror(errno);
  }
  if (std::rename(fresh.c_str(), path_.c_str()) != 0)
    return "can't replace " + path_ + ": " + std::strerror(errno);
  return {};
}

}  // namespace heald::alertmanager
