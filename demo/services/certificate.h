// A self-signed certificate and its key in one PEM file, as a service keeps it: made, and asked how
// long it will last. The only user of OpenSSL here. Used by DataFolder and heald-demo-upkeep.
// Thread rule: all functions from any thread.
#pragma once

#include <string>

#include "core/base/result.h"

namespace heald::demo {

// Replaces `file` by a new one for `name` that ends in `days`; 0: just now.
Status IssueCertificate(const std::string& file, const std::string& name, double days);
// Negative when it has ended.
Result<double> CertificateDaysLeft(const std::string& file);

}  // namespace heald::demo
