/* heald ABI: what a plugin exports, and the function tables of its components.
 *
 * A plugin is one shared object that exports one data symbol, `heald_plugin_v1`. It lists
 * components; a component is one source, detector, action or notifier that a pipeline file can
 * name. Released tables and extension ids never change; new behaviour comes as an extension.
 */
#ifndef HEALD_ABI_PLUGIN_H_
#define HEALD_ABI_PLUGIN_H_

#include "heald/abi/host.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HEALD_SOURCE = 0, HEALD_DETECTOR = 1, HEALD_ACTION = 2, HEALD_NOTIFIER = 3 };

enum {
  HEALD_BLOCKING = 1u << 0,  /* calls may wait (network, disk): the node gets a thread of its own */
  HEALD_REENTRANT = 1u << 1, /* [data] calls of one instance may overlap */
  HEALD_DETERMINISTIC = 1u << 2, /* same input, same output: may be replayed in backtest */
  HEALD_OPEN_OUTPUTS = 1u << 3   /* a source that can't name its outputs before it runs */
};

/* A source is started with the sink that it uses until stop returns. A polled source has `poll`,
 * called every interval_ns; a push source emits from its own threads or from routes that it mounts
 * (heald/abi/http.h), and either has null there or a poll that only says how it is: an error makes
 * the node unwell until a poll returns without one. */
typedef struct heald_source_vtable {
  uint32_t size;
  uint32_t reserved;
  /* [control] Begin. The sink lives until stop returns. */
  int32_t (*start)(void* self, const heald_sink* sink, heald_error* error);
  /* [control] No emit afterwards; joins the plugin's own threads. */
  void (*stop)(void* self);
  /* [data] Time between two polls, > 0; only where poll isn't null. Asked before each poll. */
  int64_t (*interval_ns)(void* self);
  /* [data] Emit what is new. Return by deadline_ns (host->monotonic_ns time). An error is logged
   * and counted, and the next poll comes as usual. */
  int32_t (*poll)(void* self, int64_t deadline_ns, heald_error* error);
  /* [data] Optional: emit history from..to (ns since the epoch) in time order. Findings made from
   * it are learnt from, never acted on. */
  int32_t (*backfill)(void* self, int64_t from_ns, int64_t to_ns, heald_error* error);
} heald_source_vtable;

/* Findings go to the sink of the call. A call that returns an error isn't repeated; what it had
 * emitted counts. host->cancelled says when a call takes too long. */
typedef struct heald_detector_vtable {
  uint32_t size;
  uint32_t reserved;
  /* [data] Either may be null where the component doesn't take that record. */
  int32_t (*samples)(void* self, const heald_samples* samples, const heald_sink* sink,
                     heald_error* error);
  int32_t (*logs)(void* self, const heald_log_line* lines, uint64_t count, uint64_t stride,
                  const heald_sink* sink, heald_error* error);
  /* [data] About once a second: staleness, time-based clears. Optional. After HEALD_UNAVAILABLE the
   * node isn't well until a tick returns HEALD_OK. */
  int32_t (*tick)(void* self, int64_t now_ns, const heald_sink* sink, heald_error* error);
  /* [data] These series are gone; drop what is kept for them, clear their findings. Optional. */
  void (*expired)(void* self, const heald_series* series, uint64_t count, const heald_sink* sink);
  /* [control] Optional pair. snapshot: *state lives until the next call. restore: before the first
   * [data] call, with a state of this plugin's version under the same config but for keys with
   * x-reload: keep; HEALD_CORRUPT refuses and leaves the instance as new. */
  int32_t (*snapshot)(void* self, heald_str* state, heald_error* error);
  int32_t (*restore)(void* self, heald_str state, heald_error* error);
} heald_detector_vtable;

/* Which members of a target with several an action is asked for. All three parts of one decision
 * come with the same plan. */
enum {
  HEALD_PART_ALL = 0,
  HEALD_PART_CANARY = 1, /* the first member of the plan; only where the plan says can_canary */
  HEALD_PART_REST = 2    /* the members after the first */
};

/* What an action is able to do under a config (heald_component.abilities_of), known before there is
 * a plan: a policy that wants more is refused when its file is read. */
enum {
  HEALD_CAN_UNDO = 1u << 0,  /* some of its plans are reversible */
  HEALD_CAN_CANARY = 1u << 1 /* some of its plans say can_canary */
};

/* What an action is asked to do. params is the node's config with ${target…} and ${finding…}
 * filled in for this decision. */
typedef struct heald_action_request {
  uint32_t size;
  uint32_t part;      /* HEALD_PART_…; of execute, observe, dry_run and undo, plan() gets all */
  heald_str decision; /* idempotency key; the same again means the same execution */
  heald_str policy;
  uint64_t incident;
  heald_str trace_id;
  heald_labels target;
  const heald_value* params;
  const heald_finding* finding; /* the one that triggered; null after a restart of the agent */
  int64_t deadline_ns;          /* host->monotonic_ns time; of this call */
} heald_action_request;

/* One call that an action made: what people need to see to trust it, and what they would repeat by
 * hand. Nothing secret in it: no headers, no bodies, no credentials of a URL. Never grows. */
typedef struct heald_call {
  heald_str call;   /* "POST /v1.41/containers/3f2a/restart?t=10", "systemctl restart payments" */
  heald_str answer; /* "204", "exit code 1", "no answer: timed out" */
  int64_t at_ns;    /* since the epoch */
  int64_t took_ns;
} heald_call;

enum {
  HEALD_EFFECT_PENDING = 0, /* issued, not there yet */
  HEALD_EFFECT_DONE = 1,    /* the target is changed and healthy by its own account */
  HEALD_EFFECT_FAILED = 2,  /* it won't come */
  HEALD_EFFECT_ABSENT = 3   /* the call never reached the target */
};

typedef struct heald_effect {
  uint32_t size;
  uint32_t state;   /* HEALD_EFFECT_… */
  heald_str detail; /* "ready after 0.9 s"; of one that takes long how far it is: "12 of 50 pods" */
  /* The calls made for it, oldest first; optional. They also count where the hook returns an
   * error: then nothing else of the effect is read. */
  const heald_call* calls;
  uint64_t call_count;
} heald_effect;

/* The host sets `size` of *plan and *effect to what it knows and zeroes the rest; a hook writes no
 * further than that, and leaves there how far it wrote. */
typedef struct heald_action_vtable {
  uint32_t size;
  uint32_t reserved;
  /* [data] What would be done. Reads the target, changes nothing. HEALD_NOT_FOUND: no such target.
   */
  int32_t (*plan)(void* self, const heald_action_request* request, heald_plan* plan,
                  heald_error* error);
  /* [data] Goes down to the target's own dry run where there is one. Optional. */
  int32_t (*dry_run)(void* self, const heald_action_request* request, const heald_plan* plan,
                     heald_effect* effect, heald_error* error);
  /* [data] Does it, once. Needn't wait for the effect: the host asks observe. An error with
   * HEALD_CONFLICT: the target isn't what was planned for. */
  int32_t (*execute)(void* self, const heald_action_request* request, const heald_plan* plan,
                     heald_effect* effect, heald_error* error);
  /* [data] Has the planned effect shown? Called until done or failed, at the latest until
   * plan->effect_within_ns is over, and after a crash to learn whether execute had reached the
   * target; so it looks at the target, not at memory. What takes many steps (a drain) may take the
   * next ones here, each so that doing it twice is harmless. */
  int32_t (*observe)(void* self, const heald_action_request* request, const heald_plan* plan,
                     heald_effect* effect, heald_error* error);
  /* [data] Brings plan->before back. Only for reversible plans. Optional. */
  int32_t (*undo)(void* self, const heald_action_request* request, const heald_plan* plan,
                  heald_effect* effect, heald_error* error);
  /* [control] Optional pair for actions that look after something all the time (supervised
   * processes). start: after create and before the first [data] call, once the pipeline is known
   * to be good; an error ends the start of the pipeline. stop: after the last [data] call and
   * before destroy; joins the plugin's own threads. `leaving` is 0 when another instance of the
   * same node follows at once (reload), 1 when the node goes for good (shutdown, node removed). */
  int32_t (*start)(void* self, heald_error* error);
  void (*stop)(void* self, uint32_t leaving);
} heald_action_vtable;

typedef struct heald_notifier_vtable {
  uint32_t size;
  uint32_t reserved;
  /* [data] Delivers them, oldest first; several about one thing may go out as one. results[i] is
   * HEALD_OK for each that is delivered; the others the host keeps and hands over again. *error is
   * about the first of those: retryable or not, when to come back. One that isn't retryable is
   * dropped. HEALD_FULL with retry_after_ns is a pause and no failure: a notifier that keeps to a
   * rate. HEALD_CANCELLED: not tried. Non-zero return: none was delivered. */
  int32_t (*notify)(void* self, const heald_notification* items, uint64_t count, uint64_t stride,
                    int32_t* results, heald_error* error);
  /* [control] Optional pair, as for actions. */
  int32_t (*start)(void* self, heald_error* error);
  void (*stop)(void* self, uint32_t leaving);
} heald_notifier_vtable;

/* Receives one problem per call from validate; pointer is RFC 6901. */
typedef void (*heald_problem_fn)(void* user, heald_str json_pointer, heald_str message);
/* Receives one output name per call from outputs. */
typedef void (*heald_name_fn)(void* user, heald_str name);

typedef struct heald_component {
  uint32_t size;
  uint32_t kind;           /* HEALD_SOURCE… */
  heald_str name;          /* `plugin:` in the pipeline file; unique per kind */
  heald_str doc;           /* one line */
  heald_str config_schema; /* JSON Schema, see sdk/CONFIG.md for the subset */
  uint32_t inputs;         /* HEALD_RECORD_* bits */
  uint32_t outputs;
  uint32_t flags; /* HEALD_BLOCKING… */
  uint32_t reserved;
  /* [any] Checks what the schema can't say; no side effects. Optional. */
  void (*validate)(const heald_value* config, heald_problem_fn problem, void* user);
  /* [any] The names of a source's outputs under this config (query names). Optional. */
  void (*outputs_of)(const heald_value* config, heald_name_fn name, void* user);
  /* [control] Makes an instance; no threads, no network yet. config lives until the call returns.
   */
  int32_t (*create)(const heald_host* host, const heald_value* config, void** self,
                    heald_error* error);
  /* [control] */
  void (*destroy)(void* self);
  const void* vtable; /* heald_source_vtable… by kind; static */
  /* [any] An optional table by id, or null. Static. */
  const void* (*get_extension)(heald_str id);
  /* [any] Actions: HEALD_CAN_… under this config. Optional; without it an action with `undo` can
   * undo, and none has a canary. Placeholders (${target.name}) stand in config as they are. */
  uint32_t (*abilities_of)(const heald_value* config);
} heald_component;

typedef struct heald_plugin {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;
  heald_str name;
  heald_str version;
  heald_str author;
  heald_str license;
  /* [control] Once per process, before anything else; optional. */
  int32_t (*init)(heald_error* error);
  void (*deinit)(void);
  const heald_component* const* components;
  uint64_t component_count;
} heald_plugin;

#define HEALD_PLUGIN_SYMBOL "heald_plugin_v1"

#ifdef __cplusplus
} /* extern "C" */
static_assert(sizeof(heald_source_vtable) == 48 && sizeof(heald_detector_vtable) == 56);
static_assert(sizeof(heald_action_vtable) == 64 && sizeof(heald_notifier_vtable) == 32);
static_assert(offsetof(heald_action_request, target) == 64 && sizeof(heald_action_request) == 104);
static_assert(offsetof(heald_effect, calls) == 24 && sizeof(heald_effect) == 40);
static_assert(sizeof(heald_call) == 48);
static_assert(offsetof(heald_component, validate) == 72 && sizeof(heald_component) == 128);
static_assert(offsetof(heald_plugin, init) == 72 && sizeof(heald_plugin) == 104);
#endif

#endif /* HEALD_ABI_PLUGIN_H_ */
