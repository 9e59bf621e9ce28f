// What a service keeps outside of its memory, so that no restart cures it and somebody has to look
// after it: its settings, its certificate, its small disk. Used by HttpApp and payments; the places
// also by heald-demo-upkeep.
// Thread rule: all functions from any thread.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "core/base/result.h"
#include "demo/services/chaos_state.h"
#include "demo/services/disk.h"
#include "demo/services/settings.h"

namespace heald::demo {

// In it.
inline constexpr const char* kCertificateFile = "certificate.pem";

class DataFolder {
 public:
  // Makes in `folder` what is missing. What can't be used is an error: the service doesn't start.
  static Result<std::unique_ptr<DataFolder>> Open(const std::string& folder,
                                                  const std::string& service);

  Settings& settings() { return *settings_; }
  Disk& disk() { return disk_; }
  // Negative when it has ended, or can't be read: nobody could use it.
  double CertificateDaysLeft() const;

  // Does what happens once: drift, an old certificate, a bad release.
  Status Act(const Faults& faults);

 private:
  DataFolder(std::string folder, std::string service, std::unique_ptr<Settings> settings);

  const std::string folder_;
  const std::string service_;
  const std::unique_ptr<Settings> settings_;
  Disk disk_;
};

}  // namespace heald::demo
