#include "tests/contract/contract_fixture.h"

#include <sys/wait.h>

#include <cstdio>

#include "core/api/contract.h"
#include "core/base/clock.h"
#include "core/base/units.h"

namespace heald::testing {

std::string CheckContract(const std::vector<std::string>& arguments) {
  std::string command = HEALD_PYTHON " " HEALD_SOURCE_DIR "/tests/contract/check_contract.py";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return "cannot run " + command;
  std::string out;
  char chunk[4096];
  while (const size_t got = fread(chunk, 1, sizeof chunk, pipe)) out.append(chunk, got);
  const int status = pclose(pipe);
  if (status == 0) return out;
  return out + "(check_contract.py ended with " + std::to_string(WEXITSTATUS(status)) +
         "; it needs Python 3 with the package python3-jsonschema)\n";
}

namespace {

const nlohmann::json& Resolve(const nlohmann::json& document, const nlohmann::json& node) {
  const auto ref = node.find("$ref");
  if (ref == node.end()) return node;
  return document.at(nlohmann::json::json_pointer(ref->get<std::string>().substr(1)));
}

nlohmann::json BodyExample(const nlohmann::json& document, const nlohmann::json& operation) {
  if (!operation.contains("requestBody")) return nullptr;
  const nlohmann::json& body = Resolve(document, operation["requestBody"]);
  return body.at("/content/application~1json/examples"_json_pointer).front().at("value");
}

}  // namespace

std::vector<Operation> Operations() {
  const auto document = nlohmann::json::parse(api::ContractJson());
  std::vector<Operation> out;
  for (const auto& [path, item] : document["paths"].items())
    for (const auto& [name, operation] : item.items()) {
      if (name == "parameters") continue;
      Operation& next = out.emplace_back();
      std::transform(name.begin(), name.end(), std::back_inserter(next.method), ::toupper);
      next.path = path;
      next.role = operation["x-heald-role"];
      next.body = BodyExample(document, operation);
      next.parameters = nlohmann::json::array();
      for (const nlohmann::json* from : {&item, &operation})
        if (const auto list = from->find("parameters"); list != from->end())
          for (const nlohmann::json& parameter : *list)
            next.parameters.push_back(Resolve(document, parameter));
    }
  return out;
}

std::string Operation::ExamplePath() const {
  std::string out = path;
  for (const nlohmann::json& parameter : parameters) {
    const std::string place = "{" + parameter["name"].get<std::string>() + "}";
    const nlohmann::json& example = parameter["example"];
    if (const size_t at = out.find(place); at != std::string::npos)
      out.replace(at, place.size(),
                  example.is_string() ? example.get<std::string>() : example.dump());
  }
  return out;
}

std::string PercentEncode(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      out += c;
      continue;
    }
    char hex[4];
    std::snprintf(hex, sizeof hex, "%%%02X", static_cast<unsigned char>(c));
    out += hex;
  }
  return out;
}

std::string RequestText(const std::string& method, const std::string& target,
                        const std::string& body, const std::string& headers) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
  if (!body.empty())
    text +=
        "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  return text + "\r\n" + body;
}

ContractTest::ContractTest()
    : began_ms_(SystemClock().NowNs() / kMillisecond - 3'600'000),
      services_([this](const fakes::FakeRequest&) {
        const std::lock_guard lock(mutex_);
        ++scrapes_;
        std::string page = "# TYPE sick gauge\n# TYPE unwell gauge\n# TYPE memory gauge\n";
        for (const std::string name : {"a", "b", "c"}) {
          const std::string labels = "{service=\"" + name + "\"} ";
          page += "sick" + labels +
                  (name == "c" || (name == "a" && Starts().size() < 4) ? "1\n" : "0\n");
          page += "unwell" + labels + (name == "b" ? "1\n" : "0\n");
          // A sample a second, however fast it is asked for: a straight line.
          page += "memory" + labels + std::to_string(1000 + scrapes_ * 10) + " " +
                  std::to_string(began_ms_ + scrapes_ * 1000) + "\n";
        }
        return fakes::FakeReply{.body = page};
      }) {}

ContractTest::~ContractTest() {
  services_.Stop();
}

std::string ContractTest::Pipeline(const std::string& agent) {
  const std::string script = dir_ + "/service.sh";
  std::ofstream(script) << "#!/bin/sh\necho $$ >> " << dir_ << "/starts\nexec sleep 1000\n";
  chmod(script.c_str(), 0755);
  const std::string service = "{command: ['" + script + "'], stop_timeout: 1s}";
  return "version: 1\n"
         "agent: {listen: '127.0.0.1:0', state_dir: state, links: {grafana: "
         "'http://localhost:3000'}" +
         agent +
         "}\n"
         "sources:\n"
         "  page:\n"
         "    plugin: scrape\n"
         "    config:\n"
         "      targets: ['" +
         services_.url() +
         "/metrics']\n"
         "      metrics:\n"
         "        sick: {gauge: sick, by: [service]}\n"
         "        unwell: {gauge: unwell, by: [service]}\n"
         "        memory: {gauge: memory, by: [service]}\n"
         "  push: {plugin: alertmanager}\n"
         "detectors:\n"
         "  ill: {plugin: threshold, inputs: [page.sick], config: {above: {critical: 0.5}}}\n"
         "  faint: {plugin: threshold, inputs: [page.unwell], config: {above: {warning: 0.5}}}\n"
         "  odd: {plugin: zscore, inputs: [page.memory]}\n"
         "  soon:\n"
         "    plugin: trend\n"
         "    inputs: [page.memory]\n"
         "    config: {above: 2000, window: 16, recommended_action: restart}\n"
         "policies:\n"
         "  cure:\n"
         "    inputs: [ill]\n"
         "    when: sick > 0.5\n"
         "    action: restart\n"
         "    mode: enforce\n"
         "    guard: {cooldown: 1s, max_per_hour: 10, excluded: [c]}\n"
         "    verify: {within: 15s}\n"
         "  ask:\n"
         "    inputs: [faint]\n"
         "    action: restart\n"
         "    mode: approve\n"
         "    guard: {max_per_hour: 10}\n"
         "  watch: {inputs: [ill, odd, soon, push], action: restart, mode: shadow}\n"
         "actions:\n"
         "  restart:\n"
         "    plugin: process\n"
         "    config:\n"
         "      on_agent_exit: stop\n"
         "      services: {a: " +
         service + ", b: " + service + ", c: " + service + "}\n";
}

api::Answer ContractTest::AskRaw(const std::string& method, const std::string& target,
                                 const std::string& bytes) {
  api::RawClient client(port());
  client.Send(bytes);
  const api::Answer answer = client.Read(method != "HEAD");
  EXPECT_NE(answer.status, 0) << "no answer to " << method << " " << target.substr(0, 200);
  Record(method, target, answer.status, answer.headers, answer.body);
  return answer;
}

api::Answer ContractTest::Ask(const std::string& method, const std::string& target,
                              const std::string& body, const std::string& headers) {
  return AskRaw(method, target, RequestText(method, target, body, headers));
}

nlohmann::json ContractTest::AskJson(const std::string& method, const std::string& target,
                                     const std::string& body, const std::string& headers) {
  return nlohmann::json::parse(Ask(method, target, body, headers).body, nullptr, false);
}

std::string ContractTest::Listen(const std::string& last_event_id,
                                 const std::function<bool(const std::string& text)>& enough) {
  support::HttpClient client{support::HttpConfig{}};
  support::HttpRequest request;
  request.url = url_ + "/api/v1/events";
  request.timeout_ns = 60'000'000'000;
  if (!last_event_id.empty()) request.headers = {{"Last-Event-ID", last_event_id}};
  std::string text;
  request.on_data = [&](std::string_view data) {
    text += data;
    return !enough(text);
  };
  const support::HttpResult result = client.Perform(request);
  EXPECT_TRUE(result.ok()) << result.error.Sentence();
  // Events that came whole.
  text.resize(text.rfind("\n\n") == std::string::npos ? 0 : text.rfind("\n\n") + 2);
  Record("GET", "/api/v1/events", result.response.status,
         {result.response.headers.begin(), result.response.headers.end()}, text);
  return text;
}

void ContractTest::Record(const std::string& method, const std::string& target, int status,
                          const std::map<std::string, std::string>& headers,
                          const std::string& body) {
  nlohmann::json lower = nlohmann::json::object();
  for (const auto& [name, value] : headers) {
    std::string key;
    std::transform(name.begin(), name.end(), std::back_inserter(key), ::tolower);
    lower[key] = value;
  }
  const nlohmann::json exchange = {{"method", method},
                                   {"path", target.substr(0, target.find('?'))},
                                   {"status", status},
                                   {"headers", lower},
                                   {"body", body}};
  const std::lock_guard lock(mutex_);
  exchanges_.push_back(exchange.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace));
}

uint16_t ContractTest::port() const {
  return static_cast<uint16_t>(std::stoi(url_.substr(url_.rfind(':') + 1)));
}

void ContractTest::Judge(bool covering) {
  const std::string file = dir_ + "/exchanges.jsonl";
  {
    std::ofstream out(file);
    const std::lock_guard lock(mutex_);
    for (const std::string& exchange : exchanges_) out << exchange << "\n";
  }
  std::vector<std::string> arguments = {"exchanges", CONTRACT_JSON, file};
  if (covering) arguments.push_back("--covering");
  EXPECT_EQ(CheckContract(arguments), "");
}

}  // namespace heald::testing
