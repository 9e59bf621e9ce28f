// The real series of ../shared/data (or $HEALD_SHARED/data), read at run time; nothing where the
// folder isn't there. Used by trend's quality test. Thread rule: pure functions.
#pragma once

#include <string>
#include <vector>

#include "tests/trend/families.h"

namespace heald::trend::testing {

struct Column {
  std::string name;
  Values values;
};

// Empty: there is none; tests then say so and use what is generated.
std::string DataFolder();
// The training parts' columns that aren't constant, scaled to mean 0 and deviation 1.
std::vector<Column> SmdTraining(const std::string& folder);
// The value columns of the files.
std::vector<Column> Nab(const std::string& folder);

}  // namespace heald::trend::testing
