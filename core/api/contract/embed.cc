// Runs while heald is built: embed_contract openapi.yaml openapi.json contract.cc. Writes the
// contract as JSON for those who read it with a program, and as constants for the agent. A mistake
// in the YAML fails the build at its line. Thread rule: one thread.
#include <charconv>
#include <fstream>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/config/yaml.h"

namespace heald {
namespace {

using Json = nlohmann::ordered_json;

// By the core schema of YAML 1.2; quoted text is never anything else.
Json Scalar(const YamlNode& node) {
  const std::string& text = node.text;
  if (!node.plain) return text;
  if (text == "null" || text == "~") return nullptr;
  if (text == "true" || text == "false") return text == "true";
  const char* end = text.data() + text.size();
  int64_t whole = 0;
  if (std::from_chars(text.data(), end, whole).ptr == end) return whole;
  double real = 0;
  const bool number = !text.empty() && text.find_first_of("0123456789") <= 1;
  if (number && std::from_chars(text.data(), end, real).ptr == end) return real;
  return text;
}

Json ToJson(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return nullptr;
    case YamlNode::Kind::kScalar:
      return Scalar(node);
    case YamlNode::Kind::kList: {
      Json list = Json::array();
      for (const YamlPtr& item : node.items) list.push_back(ToJson(*item));
      return list;
    }
    case YamlNode::Kind::kMap: {
      Json map = Json::object();
      for (const YamlMember& member : node.members) map[member.key] = ToJson(*member.value);
      return map;
    }
  }
  return nullptr;
}

std::string Literal(std::string_view text) {
  return "R\"~~~(" + std::string(text) + ")~~~\"sv";
}

bool Write(const char* file, const std::string& text) {
  std::ofstream out(file, std::ios::binary);
  out << text;
  out.close();
  if (!out) std::cerr << "cannot write " << file << "\n";
  return static_cast<bool>(out);
}

int Run(char** files) {
  std::ifstream in(files[1], std::ios::binary);
  if (!in) {
    std::cerr << "cannot read " << files[1] << "\n";
    return 1;
  }
  const Source source(files[1], std::string(std::istreambuf_iterator<char>(in), {}));
  Report report(source);
  const YamlPtr root = ParseYaml(source, &report);
  std::cerr << FormatText(report.Take());
  if (root == nullptr || report.failed()) return 1;
  const Json json = ToJson(*root);
  const std::string code =
      "#include \"core/api/contract.h\"\n\nusing namespace std::string_view_literals;\n\n"
      "namespace heald::api {\nstd::string_view ContractYaml() {\n  return " +
      Literal(source.text) + ";\n}\nstd::string_view ContractJson() {\n  return " +
      Literal(json.dump()) + ";\n}\n}  // namespace heald::api\n";
  return Write(files[2], json.dump(1) + "\n") && Write(files[3], code) ? 0 : 1;
}

}  // namespace
}  // namespace heald

int main(int argc, char** argv) {
  if (argc != 4) {
    std::cerr << "usage: embed_contract openapi.yaml openapi.json contract.cc\n";
    return 2;
  }
  return heald::Run(argv);
}
