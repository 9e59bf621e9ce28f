// The API's own description of its objects (OpenAPI v2), and whether an object keeps to it. Used by
// the test that holds the test server's objects against it.
// Thread rule: constant once made.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace heald::kubernetes_test {

using Json = nlohmann::json;

class ApiSchema {
 public:
  explicit ApiSchema(const std::string& file);

  // What is wrong with the object, one line each: required fields that are missing, fields that
  // the kind doesn't have, values of another type.
  std::vector<std::string> Problems(const Json& object) const;

 private:
  void Check(const Json& schema, const Json& value, const std::string& at,
             std::vector<std::string>& out) const;
  void CheckObject(const Json& schema, const Json& value, const std::string& at,
                   std::vector<std::string>& out) const;

  Json definitions_;
};

}  // namespace heald::kubernetes_test
