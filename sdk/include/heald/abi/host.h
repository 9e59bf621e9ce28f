/* heald ABI: what the agent offers a plugin.
 *
 * One heald_host per instance: `ctx` tells the host whose call it is, so logs, metrics, series and
 * state_dir belong to the node by themselves. The table outlives the instance.
 */
#ifndef HEALD_ABI_HOST_H_
#define HEALD_ABI_HOST_H_

#include "heald/abi/records.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { HEALD_METRIC_COUNTER = 0, HEALD_METRIC_GAUGE = 1, HEALD_METRIC_HISTOGRAM = 2 };

typedef struct heald_host {
  uint32_t size;
  uint16_t abi_major;
  uint16_t abi_minor;
  void* ctx;

  /* [any] One structured line in the agent's log, under the node's name. level: HEALD_LOG_*. */
  void (*log)(void* ctx, uint32_t level, heald_str message, const heald_label* fields,
              uint64_t field_count);

  /* [any] Registers a metric `heald_plugin_<name>` with these labels beside the node's own, and
   * writes a handle to *metric; the same name and labels give the same handle. name:
   * [a-z_][a-z0-9_]*; counters end in _total. HEALD_INVALID: bad name, or other kind under it. */
  int32_t (*metric)(void* ctx, uint32_t kind, heald_str name, heald_str help, heald_labels labels,
                    uint64_t* metric, heald_error* error);

  /* [any] Counter: adds value (>= 0). Gauge: sets it. Histogram: observes it. */
  void (*metric_record)(void* ctx, uint64_t metric, double value);

  /* [any] Gives the handle of the series of this node with exactly these labels. __name__ holds
   * the metric or query name. HEALD_FULL: the node's max_series is reached; the series was counted
   * as refused and should be skipped. HEALD_INVALID: labels unsorted, doubled or without __name__.
   */
  int32_t (*series_intern)(void* ctx, heald_labels labels, heald_series* series,
                           heald_error* error);

  /* [any] The labels of a live series, valid until this thread's next call of series_labels.
   * HEALD_STALE_SERIES when it has expired. */
  int32_t (*series_labels)(void* ctx, heald_series series, heald_labels* labels);

  /* [any] Wall clock, ns since the epoch. A virtual clock in tests and in backtest: use this, never
   * the system's. */
  int64_t (*now_ns)(void* ctx);

  /* [any] Never goes back; for measuring and for deadlines. */
  int64_t (*monotonic_ns)(void* ctx);

  /* [any] 1 as soon as the running call should return early: shutdown, reload, deadline. */
  int32_t (*cancelled)(void* ctx);

  /* [any] The node's own folder, existing, absolute, surviving restarts; owed-*: ARCHITECTURE.md */
  heald_str (*state_dir)(void* ctx);

  /* [any] The node's name in the pipeline file. */
  heald_str (*node_name)(void* ctx);

  /* [any] Keep a batch's columns beyond the call that showed it; every retain needs a release. */
  void (*retain)(void* ctx, void* batch);
  void (*release)(void* ctx, void* batch);

  /* [any] A table named "heald.name/version", or null where this host doesn't have it. The table
   * lives as long as the host. */
  const void* (*get_extension)(void* ctx, heald_str id);
} heald_host;

/* Writable columns from sink->reserve. Fill rows 0..k-1 and commit k. The plugin sets `size`; the
 * host writes no further than that. */
typedef struct heald_batch {
  uint32_t size;
  uint32_t reserved;
  heald_series* series;
  int64_t* ts_ns;
  double* value;
  uint64_t capacity;
  void* batch;
} heald_batch;

/* Where a source or detector puts what it has to say. [any]; calls on one sink don't block each
 * other, each reserve/commit pair belongs to one thread. */
typedef struct heald_sink {
  uint32_t size;
  uint32_t reserved;
  void* ctx;

  /* Columns for up to `rows` rows (at most 65,536). HEALD_FULL: the pipeline is behind;
   * error->retry_after_ns says when to come back (a polled source just returns). */
  int32_t (*reserve)(void* ctx, uint64_t rows, heald_batch* batch, heald_error* error);

  /* Publishes rows 0..rows-1 and ends the batch (0 rows: gives it back). Rows whose handle has
   * expired are left out and counted, and HEALD_STALE_SERIES is returned: intern again. */
  int32_t (*commit)(void* ctx, heald_batch* batch, uint64_t rows, heald_error* error);

  /* Copies the lines. `stride` is sizeof(heald_log_line) as the caller knows it. */
  int32_t (*logs)(void* ctx, const heald_log_line* lines, uint64_t count, uint64_t stride,
                  heald_error* error);

  /* Copies the findings. `stride` is sizeof(heald_finding) as the caller knows it. */
  int32_t (*findings)(void* ctx, const heald_finding* findings, uint64_t count, uint64_t stride,
                      heald_error* error);
} heald_sink;

#ifdef __cplusplus
} /* extern "C" */
static_assert(offsetof(heald_host, log) == 16 && offsetof(heald_host, series_intern) == 40);
static_assert(offsetof(heald_host, get_extension) == 112 && sizeof(heald_host) == 120);
static_assert(sizeof(heald_batch) == 48 && sizeof(heald_sink) == 48);
#endif

#endif /* HEALD_ABI_HOST_H_ */
