#include "core/store/module.h"

#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>

namespace heald {
namespace {

namespace fs = std::filesystem;

// <prefix>/bin/heald -> <prefix>/lib/heald/stores, in the build tree as installed.
fs::path PathOf(const std::string& name) {
  const std::string file = "heald_store_" + name + ".so";
  if (const char* dir = std::getenv("HEALD_STORE_DIR")) return fs::path(dir) / file;
  std::error_code error;
  const fs::path prefix = fs::read_symlink("/proc/self/exe", error).parent_path().parent_path();
  for (const char* lib : {HEALD_LIBDIR, "lib"})
    if (const fs::path path = prefix / lib / "heald" / "stores" / file; fs::exists(path, error))
      return path;
  return prefix / "lib" / "heald" / "stores" / file;
}

}  // namespace

uint64_t StoreLayout() { return HEALD_STORE_LAYOUT; }

Status CallStoreModule(const std::string& name, StoreModuleCall* call) {
  const std::string path = PathOf(name).string();
  std::error_code error;
  if (!fs::exists(path, error))
    return MakeError(
        Code::kNotFound,
        "the " + name + " store isn't installed: there is no " + path +
            "; install it (Debian's package is heald-postgresql), or use sqlite:heald.db");
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    return MakeError(Code::kUnsupported,
                     "the " + name + " store can't be loaded: " + std::string(dlerror()));
  const auto open = reinterpret_cast<StoreModuleFunction>(dlsym(library, kStoreModuleFunction));
  call->layout = StoreLayout();
  const int answer = open == nullptr ? 1 : open(call);
  if (answer == 1)
    return MakeError(Code::kUnsupported, path +
                                             " belongs to another build of heald; install both "
                                             "from the same one");
  if (answer != 0) return call->error;
  return {};
}

}  // namespace heald
