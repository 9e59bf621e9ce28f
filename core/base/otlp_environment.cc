#include "core/base/otlp_environment.h"

#include <algorithm>
#include <cctype>

namespace heald {
namespace {

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kBlank = " \t";
  const size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

bool IsTrue(std::string_view text) {
  return std::ranges::equal(text, std::string_view("true"), {},
                            [](unsigned char c) { return std::tolower(c); });
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::string Unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = high < 0 ? -1 : HexDigit(text[i + 2]);
    if (low >= 0) {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "name=value,name=value", with %20 and the like in values.
Result<NamedTexts> ReadList(const std::string& variable, std::string_view text) {
  NamedTexts out;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    const std::string_view item = Trimmed(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
    if (item.empty()) continue;
    const size_t equals = item.find('=');
    const std::string_view name = Trimmed(item.substr(0, equals));
    // A value may be a secret, so none is shown.
    if (equals == std::string_view::npos || name.empty())
      return MakeError(Code::kInvalid, "the environment variable " + variable +
                                           " has an entry that is no name=value: separate entries "
                                           "by commas");
    std::string value = Unescaped(Trimmed(item.substr(equals + 1)));
    if (value.find_first_of("\r\n") != std::string::npos)
      return MakeError(Code::kInvalid, "the environment variable " + variable +
                                           " has a line break in '" + std::string(name) + "'");
    out.emplace_back(name, std::move(value));
  }
  return out;
}

}  // namespace

Result<OtlpEnvironment> ReadOtlpEnvironment(const GetVariable& get) {
  OtlpEnvironment out;
  // As the specification has it, an empty variable is one that isn't set.
  const auto text = [&](const std::string& name) {
    return std::string(Trimmed(get(name).value_or("")));
  };
  const auto list = [&](const std::string& name, NamedTexts* into) -> Status {
    Result<NamedTexts> items = ReadList(name, text(name));
    if (!items) return items.error();
    *into = std::move(*items);
    return {};
  };
  out.service_name = text("OTEL_SERVICE_NAME");
  if (Status read = list("OTEL_RESOURCE_ATTRIBUTES", &out.resource); !read) return read.error();
  if (!out.service_name.empty())
    std::erase_if(out.resource, [](const auto& item) { return item.first == "service.name"; });
  const std::string own = "OTEL_EXPORTER_OTLP_TRACES_HEADERS";
  const std::string headers = text(own).empty() ? "OTEL_EXPORTER_OTLP_HEADERS" : own;
  if (Status read = list(headers, &out.headers); !read) return read.error();
  if (IsTrue(text("OTEL_SDK_DISABLED"))) return out;
  for (const char* name : {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"}) {
    out.endpoint = text(name);
    if (out.endpoint.empty()) continue;
    out.named_by = name;
    out.is_whole = out.named_by == "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    break;
  }
  return out;
}

std::string TracesUrl(std::string_view endpoint) {
  while (endpoint.ends_with('/')) endpoint.remove_suffix(1);
  constexpr std::string_view kPath = "/v1/traces";
  return std::string(endpoint) + std::string(endpoint.ends_with(kPath) ? "" : kPath);
}

}  // namespace heald
