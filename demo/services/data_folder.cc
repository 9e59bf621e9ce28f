#include "demo/services/data_folder.h"

#include <filesystem>
#include <system_error>

#include "demo/services/certificate.h"
#include "demo/services/profile.h"

namespace heald::demo {

DataFolder::DataFolder(std::string folder, std::string service, std::unique_ptr<Settings> settings)
    : folder_(std::move(folder)),
      service_(std::move(service)),
      settings_(std::move(settings)),
      disk_(folder_ + "/" + kDiskFolder) {}

Result<std::unique_ptr<DataFolder>> DataFolder::Open(const std::string& folder,
                                                     const std::string& service) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) return MakeError(Code::kUnavailable, "can't make " + folder + ": " + error.message());
  auto settings = Settings::Open(folder);
  if (!settings) return settings.error();
  const std::string certificate = folder + "/" + kCertificateFile;
  if (!std::filesystem::exists(certificate))
    if (const Status issued = IssueCertificate(certificate, service, kCertificateDays); !issued)
      return issued.error();
  std::unique_ptr<DataFolder> data(new DataFolder(folder, service, std::move(*settings)));
  if (const Status opened = data->disk_.Open(); !opened) return opened.error();
  return data;
}

double DataFolder::CertificateDaysLeft() const {
  const auto left = demo::CertificateDaysLeft(folder_ + "/" + kCertificateFile);
  return left ? *left : -1;
}

Status DataFolder::Act(const Faults& faults) {
  if (faults.drift) settings_->ChangeByHand();
  if (faults.certificate_days >= 0)
    if (Status issued =
            IssueCertificate(folder_ + "/" + kCertificateFile, service_, faults.certificate_days);
        !issued)
      return issued;
  return faults.crash_loop ? BreakSettings(folder_) : Status();
}

}  // namespace heald::demo
