// Plugins made by hand, wrong in one way each; RAW_CASE says which.
#include <unistd.h>
#include <csignal>
#include <cstdio>

#include "heald/plugin.h"

namespace {

#if RAW_CASE == 3 || RAW_CASE == 4
int32_t Init([[maybe_unused]] heald_error* error) {
#if RAW_CASE == 3
  std::raise(SIGSEGV);
#else
  std::snprintf(error->message, sizeof error->message, "no licence found");
#endif
  return HEALD_DENIED;
}
#endif
#if RAW_CASE == 5
int32_t Hang(heald_error*) {
  for (;;) pause();
}
#endif

heald_plugin Make() {
  heald_plugin plugin{};
  plugin.size = sizeof plugin;
  plugin.abi_major = HEALD_ABI_MAJOR;
  plugin.abi_minor = HEALD_ABI_MINOR;
  plugin.name = {"raw", 3};
  static heald_component component{};
  component.size = sizeof component;
  component.kind = HEALD_DETECTOR;
  component.name = {"raw", 3};
  component.config_schema = {"{}", 2};
  component.inputs = HEALD_RECORD_SAMPLES;
  component.create = [](const heald_host*, const heald_value*, void**, heald_error*) -> int32_t {
    return HEALD_INTERNAL;
  };
  component.destroy = [](void*) {};
  static heald_detector_vtable table{};
  table.size = sizeof table;
  table.samples = [](void*, const heald_samples*, const heald_sink*, heald_error*) -> int32_t {
    return HEALD_OK;
  };
  component.vtable = &table;
  static const heald_component* const components[] = {&component};
  plugin.components = components;
  plugin.component_count = 1;
#if RAW_CASE == 1  // of a newer ABI
  plugin.abi_minor = HEALD_ABI_MINOR + 7;
#elif RAW_CASE == 2  // a hook is missing
  table.samples = nullptr;
#elif RAW_CASE == 3 || RAW_CASE == 4
  plugin.init = &Init;
#elif RAW_CASE == 5
  plugin.init = &Hang;
#elif RAW_CASE == 6  // the schema isn't JSON
  component.config_schema = {"{oops", 5};
#elif RAW_CASE == 7
  plugin.component_count = 0;
#endif
  return plugin;
}

}  // namespace

#if RAW_CASE != 8  // no symbol at all
extern "C" __attribute__((visibility("default"))) const heald_plugin heald_plugin_v1;
const heald_plugin heald_plugin_v1 = Make();
#else
extern "C" __attribute__((visibility("default"))) int something_else() {
  return static_cast<int>(Make().size);
}
#endif
