// heald-demo-upkeep: what an operator would do for a service of the demo by hand, as programs that
// heald's action `exec` runs. Each works on the service's data folder and nothing else.
// Exit codes: 0 done, 1 it can't be done or there is nothing to do, 2 bad usage.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <string>

#include "demo/services/certificate.h"
#include "demo/services/data_folder.h"
#include "demo/services/disk.h"
#include "demo/services/profile.h"
#include "demo/services/settings.h"

namespace heald::demo {
namespace {

constexpr int kUsage = 2;

Result<std::string> Renew(const std::string& folder, const std::string& service) {
  const std::string file = folder + "/" + kCertificateFile;
  if (const Status issued = IssueCertificate(file, service, kCertificateDays); !issued)
    return issued.error();
  return "a new certificate for " + std::to_string(kCertificateDays) + " days in " + file;
}

int Run(const std::string& verb, const std::string& data, const std::string& service) {
  const std::string folder = data + "/" + service;
  const auto done = verb == "renew-certificate" ? Renew(folder, service)
                    : verb == "clean-disk"      ? CleanDisk(folder + "/" + kDiskFolder)
                                                : RollBackSettings(folder);
  std::fprintf(done ? stdout : stderr, "%s: %s\n", service.c_str(),
               done ? done->c_str() : done.error().message.c_str());
  return done ? 0 : 1;
}

}  // namespace
}  // namespace heald::demo

int main(int argc, char** argv) {
  CLI::App app("What somebody has to look after for a service of the heald demo.",
               "heald-demo-upkeep");
  std::string data;
  std::string service;
  app.require_subcommand(1);
  for (const auto& [name, help] :
       {std::pair{"renew-certificate", "Make a new certificate; the service takes it by itself"},
        std::pair{"clean-disk", "Delete debug logs from its disk"},
        std::pair{"roll-back", "Bring back the settings that it last started with"}}) {
    CLI::App* verb = app.add_subcommand(name, help);
    verb->add_option("--data", data, "folder with the data of all services")
        ->envname("HEALD_DEMO_DATA")
        ->required()
        ->check(CLI::ExistingDirectory);
    verb->add_option("service", service, "orders, users or payments")
        ->required()
        ->check(CLI::IsMember({"orders", "users", "payments"}));
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : heald::demo::kUsage;
  }
  return heald::demo::Run(app.get_subcommands().front()->get_name(), data, service);
}
