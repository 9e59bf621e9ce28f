// Where a process sends its traces, and as whom, by the variables that OpenTelemetry names for it,
// so that it is set up like any other. Used by the loader of pipeline files and the demo services.
// Thread rule: pure functions.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/result.h"

namespace heald {

using NamedTexts = std::vector<std::pair<std::string, std::string>>;

struct OtlpEnvironment {
  std::string endpoint;   // empty: nothing is sent
  std::string named_by;   // the variable that the endpoint is from
  bool is_whole = false;  // it is a URL as it stands, else a receiver's for all it takes
  NamedTexts headers;
  std::string service_name;
  NamedTexts resource;  // without service.name where service_name says it
};

// OTEL_EXPORTER_OTLP_[TRACES_]ENDPOINT and _HEADERS, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_SDK_DISABLED; OTEL_SERVICE_NAME counts before service.name of the attributes. An error names
// the variable.
using GetVariable = std::function<std::optional<std::string>(const std::string& name)>;
Result<OtlpEnvironment> ReadOtlpEnvironment(const GetVariable& get);

// The URL that traces are posted to, of a receiver's: "http://jaeger:4318" + "/v1/traces", which
// may stand there already.
std::string TracesUrl(std::string_view endpoint);

}  // namespace heald
