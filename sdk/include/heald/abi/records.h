/* heald ABI: the records that travel through a pipeline.
 *
 *   source -> samples, log lines -> detector -> finding -> incident -> decision -> outcome
 *                                                             notification <-'
 * Used by every plugin kind. Records are read-only for whoever receives them and live until the
 * receiving call returns; sample columns may be kept longer with host->retain.
 * All times are nanoseconds since the Unix epoch (UTC) unless the name says otherwise; a time of 0
 * means "not known". A double that isn't known is NaN.
 */
#ifndef HEALD_ABI_RECORDS_H_
#define HEALD_ABI_RECORDS_H_

#include "heald/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A series handle: 22 bits of slot, 10 bits of generation. Slots are reused after a series has
 * expired, with another generation, so a table indexed by slot sees at once when its row belongs
 * to a series that is gone. */
typedef uint32_t heald_series;
#define HEALD_SERIES_SLOT(series) ((series)&0x3fffffu)
#define HEALD_SERIES_GENERATION(series) ((series) >> 22)
#define HEALD_SERIES_MAX_SLOTS 0x400000u
#define HEALD_SERIES_NONE 0xffffffffu

/* Columns owned by the host. Row i is series[i] at ts_ns[i] with value[i]; within one series rows
 * are in the order in which they came. Values may be NaN or infinite. */
typedef struct heald_samples {
  uint32_t size;
  uint32_t reserved;
  const heald_series* series;
  const int64_t* ts_ns;
  const double* value;
  uint64_t count;
  void* batch; /* for host->retain and host->release */
} heald_samples;

typedef struct heald_log_line {
  uint32_t size;
  uint32_t severity; /* HEALD_SEVERITY_*, normal where the line doesn't say */
  heald_series stream;
  uint32_t reserved;
  int64_t ts_ns;
  heald_str line;
  heald_labels attributes; /* structured fields of this line, beside the stream's labels */
} heald_log_line;

enum { HEALD_FINDING_ANOMALY = 0, HEALD_FINDING_PREDICTION = 1, HEALD_FINDING_EVENT = 2 };
enum { HEALD_FINDING_OPEN = 0, HEALD_FINDING_UPDATE = 1, HEALD_FINDING_CLEAR = 2 };

/* Never grows. */
typedef struct heald_contributor {
  heald_str name;  /* metric or query name */
  double share;    /* the shares of one finding sum to 1 */
  double value;    /* its latest value */
  double expected; /* what was expected of it */
} heald_contributor;

/* What a detector says is wrong or about to go wrong. A finding is opened once, updated any number
 * of times, and cleared once; all of them carry the same id. */
typedef struct heald_finding {
  uint32_t size;
  uint32_t kind;       /* HEALD_FINDING_ANOMALY… */
  uint32_t state;      /* HEALD_FINDING_OPEN… */
  uint32_t severity;   /* HEALD_SEVERITY_*; normal in a clear */
  uint64_t id;         /* unique within the detector instance; `key` is so everywhere */
  heald_series series; /* HEALD_SERIES_NONE where the finding isn't about one series */
  uint32_t reserved;
  heald_labels target; /* what is sick: service, namespace, pod… */
  heald_str metric;    /* query or metric name, for instance latency_p99 */
  heald_str unit;      /* UCUM-like: s, By, 1, 1/s; may be empty */
  heald_str summary;   /* one sentence; may be empty, the host then writes one */
  double value;
  double expected_low;  /* NaN: no lower bound */
  double expected_high; /* NaN: no upper bound */
  double score;         /* unbounded, larger is worse; comparable within one detector */
  double confidence;    /* 0..1 */
  int64_t began_ns;     /* when it began, by the samples' time */
  int64_t ts_ns;        /* time of the sample behind this state */
  const heald_contributor* contributors; /* largest share first */
  uint64_t contributor_count;
  /* predictions only, else NaN, 0 and empty */
  double probability; /* of failing within the horizon, 0..1 */
  int64_t eta_ns;     /* expected time of failure */
  int64_t eta_low_ns; /* interval around it */
  int64_t eta_high_ns;
  heald_str component;          /* the part likely to fail */
  heald_str recommended_action; /* a policy may map it to an action */
  /* the latest values, oldest first, for a sparkline */
  const double* recent;
  uint64_t recent_count;
  int64_t recent_step_ns;   /* time between two of them; 0 where it varies */
  uint64_t count;           /* how many events stand behind it; 0 where that means nothing */
  heald_labels annotations; /* anything else worth showing. `cleared` in a clear says why it ended:
                               absent or "normal" is a recovery, anything else is not */
  /* set by the host, whatever the detector leaves here */
  heald_str node; /* the node that reported it */
  heald_str key;  /* the id that it has in the API, unique among all nodes and for ever */
} heald_finding;

enum {
  HEALD_INCIDENT_OPEN = 0,
  HEALD_INCIDENT_ACTING = 1,
  HEALD_INCIDENT_VERIFYING = 2,
  HEALD_INCIDENT_RESOLVED = 3,
  HEALD_INCIDENT_ESCALATED = 4
};

/* Findings about one target, taken together. */
typedef struct heald_incident {
  uint32_t size;
  uint32_t state;
  uint32_t severity;
  uint32_t reserved;
  uint64_t id;        /* 1, 2, 3…, as people see it */
  heald_str trace_id; /* 32 lower-case hex digits */
  heald_labels target;
  heald_str summary;
  int64_t opened_ns;
  int64_t closed_ns;             /* 0: open */
  const heald_finding* findings; /* latest state of each */
  uint64_t finding_count;
  uint64_t finding_stride; /* bytes from one finding to the next, as the host knows them */
} heald_incident;

enum { HEALD_MODE_SHADOW = 0, HEALD_MODE_APPROVE = 1, HEALD_MODE_ENFORCE = 2 };

/* What an action would do, written by its plan(). */
typedef struct heald_plan {
  uint32_t size;
  uint32_t reversible;  /* 1: undo() brings the former state back */
  heald_str summary;    /* one sentence: "restart container payments (3f2a…)" */
  heald_str target_uid; /* identity of the thing acted on; another uid later is another thing */
  heald_str before;     /* JSON for observe() and undo(), at most 64 KiB, kept in the journal; its
                           member `rests_on`: what an approval is bound to, else all of the plan */
  int64_t effect_within_ns; /* after execute() the effect shows within this time or failed */
  uint32_t can_canary;      /* 1: the target has several members, and heald_action_request.part is
                               understood for this plan */
  uint32_t reserved;
} heald_plan;

enum {
  HEALD_DECISION_WOULD_ACT = 0,
  HEALD_DECISION_ACT = 1,
  HEALD_DECISION_REFUSED = 2,
  HEALD_DECISION_AWAITS_APPROVAL = 3
};

/* Grows by heald_decision.guard_stride. */
typedef struct heald_guard_verdict {
  heald_str guard;  /* cooldown, max_per_hour… */
  uint32_t allowed; /* 0 or 1 */
  uint32_t reserved;
  heald_str reason; /* "0/3 this hour" */
} heald_guard_verdict;

typedef struct heald_decision {
  uint32_t size;
  uint32_t verdict; /* HEALD_DECISION_… */
  uint32_t mode;    /* HEALD_MODE_… */
  uint32_t dry_run;
  heald_str id; /* also the idempotency key */
  uint64_t incident;
  heald_str policy;
  heald_str action;
  heald_str actor; /* who: "heald", "user:anna" */
  heald_labels target;
  const heald_plan* plan; /* never null */
  heald_str plan_hash;    /* hex SHA-256 */
  const heald_guard_verdict* guards;
  uint64_t guard_count;
  uint64_t guard_stride; /* bytes from one verdict to the next, as the host knows them */
  int64_t ts_ns;
} heald_decision;

enum {
  HEALD_OUTCOME_ISSUED = 0,
  HEALD_OUTCOME_OBSERVED = 1,
  HEALD_OUTCOME_VERIFIED = 2,
  HEALD_OUTCOME_FAILED = 3,
  HEALD_OUTCOME_UNDONE = 4,
  HEALD_OUTCOME_DRY_RUN = 5
};

typedef struct heald_outcome {
  uint32_t size;
  uint32_t state; /* HEALD_OUTCOME_… */
  heald_str decision;
  uint64_t incident;
  heald_str detail; /* "ready after 0.9 s" */
  int64_t ts_ns;
} heald_outcome;

enum {
  HEALD_NOTICE_FINDING = 0,
  HEALD_NOTICE_INCIDENT = 1,
  HEALD_NOTICE_DECISION = 2,
  HEALD_NOTICE_OUTCOME = 3
};

/* One event for a notifier. event_id stays the same when it is delivered again. The pointers that
 * don't belong to the event are null; a decision and an outcome come with their incident, an
 * outcome also with its decision. */
typedef struct heald_notification {
  uint32_t size;
  uint32_t kind; /* HEALD_NOTICE_… */
  heald_str event_id;
  heald_str node; /* the detector or policy it came from */
  int64_t ts_ns;
  heald_str text; /* the event in one line, ready for people */
  const heald_finding* finding;
  const heald_incident* incident;
  const heald_decision* decision;
  const heald_outcome* outcome;
  const heald_value* params; /* the notifier's config with ${…} filled in for this event */
} heald_notification;

#ifdef __cplusplus
} /* extern "C" */
static_assert(offsetof(heald_samples, count) == 32 && sizeof(heald_samples) == 48);
static_assert(offsetof(heald_log_line, line) == 24 && sizeof(heald_log_line) == 56);
static_assert(sizeof(heald_contributor) == 40);
static_assert(offsetof(heald_finding, id) == 16 && offsetof(heald_finding, target) == 32);
static_assert(offsetof(heald_finding, value) == 96 && offsetof(heald_finding, contributors) == 152);
static_assert(offsetof(heald_finding, probability) == 168 &&
              offsetof(heald_finding, recent) == 232);
static_assert(offsetof(heald_finding, annotations) == 264 && sizeof(heald_finding) == 312);
static_assert(offsetof(heald_incident, trace_id) == 24 &&
              offsetof(heald_incident, finding_stride) == 104 && sizeof(heald_incident) == 112);
static_assert(offsetof(heald_plan, before) == 40 && offsetof(heald_plan, effect_within_ns) == 56);
static_assert(offsetof(heald_plan, can_canary) == 64 && sizeof(heald_plan) == 72);
static_assert(sizeof(heald_guard_verdict) == 40);
static_assert(offsetof(heald_decision, guards) == 128 && sizeof(heald_decision) == 160);
static_assert(sizeof(heald_outcome) == 56);
static_assert(offsetof(heald_notification, finding) == 64 && sizeof(heald_notification) == 104);
#endif

#endif /* HEALD_ABI_RECORDS_H_ */
