/* The boundary is C: these headers have to compile as C, and every compiler has to see the same
 * sizes. abi_test.cc compares them with what C++ sees. */
#include <heald/abi/host.h>
#include <heald/abi/http.h>
#include <heald/abi/plugin.h>
#include <heald/abi/records.h>
#include <heald/abi/score.h>
#include <heald/abi/types.h>

const size_t heald_test_c_sizes[] = {sizeof(heald_str),
                                     sizeof(heald_value),
                                     sizeof(heald_member),
                                     sizeof(heald_error),
                                     sizeof(heald_samples),
                                     sizeof(heald_log_line),
                                     sizeof(heald_finding),
                                     sizeof(heald_incident),
                                     sizeof(heald_plan),
                                     sizeof(heald_decision),
                                     sizeof(heald_outcome),
                                     sizeof(heald_notification),
                                     sizeof(heald_host),
                                     sizeof(heald_batch),
                                     sizeof(heald_sink),
                                     sizeof(heald_http_request),
                                     sizeof(heald_http_response),
                                     sizeof(heald_http_extension),
                                     sizeof(heald_source_vtable),
                                     sizeof(heald_detector_vtable),
                                     sizeof(heald_action_vtable),
                                     sizeof(heald_notifier_vtable),
                                     sizeof(heald_action_request),
                                     sizeof(heald_call),
                                     sizeof(heald_effect),
                                     sizeof(heald_component),
                                     sizeof(heald_score),
                                     sizeof(heald_score_sink),
                                     sizeof(heald_score_extension),
                                     sizeof(heald_plugin)};
const size_t heald_test_c_size_count = sizeof heald_test_c_sizes / sizeof heald_test_c_sizes[0];

/* A plugin without a line of C++: what an author in C, or another language, would write. */
static int32_t Create(const heald_host* host, const heald_value* config, void** self,
                      heald_error* error) {
  (void)config;
  (void)error;
  *self = (void*)host;
  return HEALD_OK;
}
static void Destroy(void* self) {
  (void)self;
}
static const heald_detector_vtable kVtable = {.size = sizeof(heald_detector_vtable)};
static const heald_component kComponent = {.size = sizeof(heald_component),
                                           .kind = HEALD_DETECTOR,
                                           .name = {"plain_c", 7},
                                           .create = Create,
                                           .destroy = Destroy,
                                           .vtable = &kVtable};
static const heald_component* const kComponents[] = {&kComponent};
const heald_plugin heald_test_c_plugin = {.size = sizeof(heald_plugin),
                                          .abi_major = HEALD_ABI_MAJOR,
                                          .abi_minor = HEALD_ABI_MINOR,
                                          .name = {"plain_c", 7},
                                          .components = kComponents,
                                          .component_count = 1};
