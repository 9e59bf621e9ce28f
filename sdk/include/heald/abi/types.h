/* heald ABI: the words every other ABI header uses.
 *
 * The boundary between the agent and a plugin is plain C. No header in abi/ needs anything but
 * <stdint.h> and <stddef.h>, no struct holds a type whose size depends on the compiler, and no
 * exception crosses. Plugin authors rarely read this: heald/plugin.h wraps it in C++20.
 *
 * THREAD TAGS, used in every comment below:
 *
 *   [control]  create, destroy, start, stop, snapshot, restore of one instance: one at a time, and
 *              never while a [data] call of the same instance runs.
 *
 *   [data]     the instance's work (poll, samples, tick, execute, notify…): one call at a time per
 *              instance, on any thread, unless the component has HEALD_REENTRANT.
 *
 *   [any]      callable at any time from any thread, also from threads the plugin made itself.
 *
 * OWNERSHIP, unless a comment says otherwise: a pointer passed in lives until the call returns; a
 * pointer handed out by a plugin lives until the next call on the same instance; a pointer handed
 * out by the host lives until the call that handed it out returns to the host.
 *
 * GROWTH: a data struct whose first member is `uint32_t size` may get new members at its end. The
 * writer sets size to the sizeof it was compiled with; the reader treats missing members as zero.
 * Of a longer one a plugin reads what it knows; the host refuses it where the part that it doesn't
 * know isn't all zero. Where such structs come as an array, a stride stands beside the count: step
 * by it, never by one's own sizeof. Structs without `size` (heald_str, heald_label, heald_value,
 * heald_member, …) and tables of functions never change. Enumerators are only appended.
 *
 * Frozen as 1.0: sdk/VERSIONING.md says what may still change and how.
 */
#ifndef HEALD_ABI_TYPES_H_
#define HEALD_ABI_TYPES_H_

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HEALD_ABI_MAJOR 1
#define HEALD_ABI_MINOR 0

/* UTF-8 text; not NUL-terminated. len 0 with a null ptr is the empty string. */
typedef struct heald_str {
  const char* ptr;
  uint64_t len;
} heald_str;

typedef struct heald_label {
  heald_str name;
  heald_str value;
} heald_label;

/* Sorted by name, names unique. */
typedef struct heald_labels {
  const heald_label* items;
  uint64_t count;
} heald_labels;

/* What a call returns; 0 is success. The same value stands in heald_error.code. */
enum {
  HEALD_OK = 0,
  HEALD_INVALID = 1,      /* the caller's input is wrong: config, argument, record */
  HEALD_UNAVAILABLE = 2,  /* a server or target can't be reached now */
  HEALD_DEADLINE = 3,     /* the deadline passed */
  HEALD_CANCELLED = 4,    /* the host asked to stop */
  HEALD_DENIED = 5,       /* authentication or permission */
  HEALD_NOT_FOUND = 6,    /* the target doesn't exist */
  HEALD_CONFLICT = 7,     /* someone else changed the target */
  HEALD_FULL = 8,         /* a queue or limit is reached; retry_after_ns says when to come back */
  HEALD_STALE_SERIES = 9, /* a series handle has expired: intern its labels again */
  HEALD_UNSUPPORTED = 10, /* optional operation that this component doesn't have */
  HEALD_CORRUPT = 11,     /* stored state is damaged or of another version */
  HEALD_INTERNAL = 12     /* a bug: an exception nobody expected, a broken invariant */
};

#define HEALD_ERROR_POINTER_BYTES 256
#define HEALD_ERROR_MESSAGE_BYTES 1024

/* Owned by the caller, filled by the callee only when it returns non-zero. Both texts are
 * NUL-terminated UTF-8, cut at a character's border when too long. */
typedef struct heald_error {
  uint32_t size;
  int32_t code;
  uint32_t retryable; /* 1: the same call may succeed later */
  uint32_t reserved;
  int64_t retry_after_ns;                       /* 0: not known; the host waits a minute at most */
  char json_pointer[HEALD_ERROR_POINTER_BYTES]; /* RFC 6901, the part of the config at fault */
  char message[HEALD_ERROR_MESSAGE_BYTES];      /* what is wrong and what to do about it */
} heald_error;

/* ---- typed configuration -------------------------------------------------------------------- */

enum {
  HEALD_VALUE_NULL = 0,
  HEALD_VALUE_BOOL = 1,   /* integer 0 or 1 */
  HEALD_VALUE_INT = 2,    /* integer; durations are nanoseconds, sizes are bytes */
  HEALD_VALUE_DOUBLE = 3, /* number; ratios are 0..1 */
  HEALD_VALUE_STRING = 4,
  HEALD_VALUE_LIST = 5,
  HEALD_VALUE_MAP = 6
};

struct heald_member;

/* One node of a configuration tree, already validated against the component's schema, defaults
 * filled in and units applied: a plugin never parses text. Never grows. */
typedef struct heald_value {
  uint32_t kind;
  uint32_t reserved;
  union {
    int64_t integer;
    double number;
    const char* text; /* count bytes */
    const struct heald_value* list;
    const struct heald_member* map; /* in the file's order */
  } as;
  uint64_t count; /* bytes of text, items of list, members of map */
} heald_value;

typedef struct heald_member {
  heald_str key;
  heald_value value;
} heald_member;

/* ---- shared enumerations -------------------------------------------------------------------- */

enum {
  HEALD_SEVERITY_NORMAL = 0,
  HEALD_SEVERITY_INFO = 1,
  HEALD_SEVERITY_WARNING = 2,
  HEALD_SEVERITY_CRITICAL = 3
};

enum { HEALD_LOG_DEBUG = 0, HEALD_LOG_INFO = 1, HEALD_LOG_WARNING = 2, HEALD_LOG_ERROR = 3 };

/* Bits for a component's inputs and outputs. */
enum {
  HEALD_RECORD_SAMPLES = 1u << 0,
  HEALD_RECORD_LOGS = 1u << 1,
  HEALD_RECORD_FINDINGS = 1u << 2,
  HEALD_RECORD_DECISIONS = 1u << 3,
  HEALD_RECORD_OUTCOMES = 1u << 4,
  HEALD_RECORD_INCIDENTS = 1u << 5
};

#ifdef __cplusplus
} /* extern "C" */
static_assert(sizeof(void*) == 8, "heald plugins are 64-bit");
static_assert(sizeof(heald_str) == 16 && sizeof(heald_value) == 24 && sizeof(heald_member) == 40);
static_assert(offsetof(heald_error, json_pointer) == 24 && offsetof(heald_error, message) == 280);
static_assert(sizeof(heald_error) == 1304);
#endif

#endif /* HEALD_ABI_TYPES_H_ */
