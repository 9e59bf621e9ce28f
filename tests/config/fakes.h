// A catalog of four small plugins and a world of its own for `${env:…}` and `${file:…}`, shared by
// the tests of config. Thread rule: tests only.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/config/environment.h"
#include "core/model/component.h"

namespace heald {

class FakeEnvironment final : public Environment {
 public:
  std::map<std::string, std::string> variables = {{"HOME", "/home/anna"}};
  std::map<std::string, std::string> files;
  Result<size_t> live_tokens = size_t{0};

  std::optional<std::string> Variable(const std::string& name) const override {
    const auto at = variables.find(name);
    return at == variables.end() ? std::nullopt : std::optional<std::string>(at->second);
  }
  Result<std::string> ReadFile(const std::string& path, size_t) const override {
    const auto at = files.find(path);
    if (at == files.end()) return MakeError(Code::kNotFound, "no such file");
    return at->second;
  }
  Result<size_t> LiveTokens(const std::string&) const override { return live_tokens; }
};

class FakeCatalog final : public Catalog {
 public:
  FakeCatalog() {
    Add(Kind::kSource, "prometheus", 0, kSamples, R"json({
      "type": "object",
      "properties": {
        "url": {"type": "string", "pattern": "^https?://", "description": "the server's address"},
        "interval": {"type": "string", "x-unit": "duration", "default": "10s", "minimum": "1s"},
        "queries": {"type": "object", "additionalProperties": {"type": "string", "minLength": 1}},
        "password": {"type": "string", "x-secret": true},
        "max_body": {"type": "string", "x-unit": "size", "default": "16MiB", "maximum": "1GiB"},
        "headers": {"type": "object", "x-secret": true, "additionalProperties": {"type": "string"}},
        "tls": {"type": "object", "properties": {
          "ca_file": {"type": "string"},
          "verify": {"type": "boolean", "default": true}}},
        "timeout": {"type": "string", "x-unit": "duration", "x-deprecated": "use deadline"}
      },
      "required": ["url", "queries"]
    })json");
    Add(Kind::kSource, "scrape", 0, kSamples,
        R"({"type": "object", "properties": {"targets": {"type": "array",
            "items": {"type": "string"}, "minItems": 1, "maxItems": 3}}})");
    components_.back().open_outputs = true;
    Add(Kind::kSource, "tail", 0, kLogs, R"({"type": "object", "properties": {}})");
    Add(Kind::kDetector, "zscore", kSamples, kFindings, R"json({
      "type": "object",
      "properties": {
        "window": {"type": "integer", "minimum": 2, "maximum": 4096, "default": 20, "x-order": 1},
        "sensitivity": {"type": "number", "exclusiveMinimum": 0, "default": 3.0, "x-order": 2,
                        "x-reload": "keep"},
        "floor": {"type": "number", "x-unit": "ratio", "default": "1%", "maximum": "50%"},
        "robust": {"type": "boolean", "default": false},
        "direction": {"type": "string", "enum": ["up", "down", "both"], "default": "both"}
      }
    })json");
    Add(Kind::kDetector, "correlate", kFindings, kFindings,
        R"({"type": "object", "properties": {}})");
    Add(Kind::kAction, "docker", 0, kOutcomes, R"json({
      "type": "object",
      "properties": {
        "operation": {"type": "string", "enum": ["restart", "stop", "start"]},
        "container": {"type": "string", "x-runtime": true, "default": "${target.service}"},
        "socket": {"type": "string", "default": "/var/run/docker.sock"},
        "labels": {"type": "object", "additionalProperties": {"type": "string", "x-runtime": true}}
      },
      "required": ["operation"]
    })json");
    // A restart goes from one to the next, a stop can be taken back; docker leaves it to its plans.
    Add(Kind::kAction, "systemd", 0, kOutcomes,
        R"({"type": "object", "properties": {"operation": {"type": "string"}}})");
    components_.back().abilities_of = [](const Value& config) {
      const Value* operation = config.Find("operation");
      const bool restart = operation != nullptr && operation->AsString() != nullptr &&
                           *operation->AsString() == "restart";
      return Abilities{.undo = !restart, .canary = restart};
    };
    Add(Kind::kAction, "alert", 0, kOutcomes, R"({"type": "object", "properties": {}})");
    Add(Kind::kNotifier, "slack", kFindings | kDecisions | kOutcomes | kIncidents, 0, R"json({
      "type": "object",
      "properties": {
        "webhook_url": {"type": "string", "x-secret": true, "pattern": "^https://"},
        "channel": {"type": "string", "pattern": "^#", "default": "#incidents"},
        "title": {"type": "string", "x-runtime": true},
        "body": {"type": "string", "x-runtime": true, "x-marked": true},
        "extra": {"description": "anything"}
      },
      "required": ["webhook_url"]
    })json");
    components_.back().validate = [](const Value& config) {
      std::vector<Problem> problems;
      const Value* channel = config.Find("channel");
      if (channel != nullptr && channel->AsString() && *channel->AsString() == "#general")
        problems.push_back({"/channel", "#general is for people: choose another channel"});
      return problems;
    };
    for (Component& component : components_)
      if (component.name == "prometheus")
        component.outputs_of = [](const Value& config) {
          std::vector<std::string> names;
          const Value* queries = config.Find("queries");
          if (queries != nullptr && queries->AsMap() != nullptr)
            for (const Value::Member& member : *queries->AsMap()) names.push_back(member.first);
          return names;
        };
  }

  const Component* Find(Kind kind, std::string_view name) const override {
    for (const Component& component : components_)
      if (component.kind == kind && component.name == name) return &component;
    return nullptr;
  }
  std::vector<const Component*> All() const override {
    std::vector<const Component*> all;
    for (const Component& component : components_) all.push_back(&component);
    return all;
  }
  std::string LoadError(Kind kind, std::string_view name) const override {
    return kind == Kind::kDetector && name == "latency"
               ? "liblatency.so was built for ABI 1.3, this host has 1.1: update heald or rebuild "
                 "with SDK 1.1"
               : "";
  }
  void Add(Kind kind, std::string name, uint32_t inputs, uint32_t outputs, std::string schema) {
    Component component;
    component.kind = kind;
    component.name = std::move(name);
    component.version = "1.2.3";
    component.config_schema = std::move(schema);
    component.inputs = inputs;
    component.outputs = outputs;
    component.validate = [](const Value&) { return std::vector<Problem>(); };
    component.outputs_of = [](const Value&) { return std::vector<std::string>(); };
    components_.push_back(std::move(component));
  }

 private:
  std::vector<Component> components_;
};

}  // namespace heald
