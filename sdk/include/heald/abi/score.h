/* heald ABI: component extension heald.score/1, a detector's opinion of every moment.
 *
 * Findings say when something is wrong; between them a detector says nothing. `heald score`,
 * backtest and whoever draws or compares detectors want a number also for the moments in between.
 * A detector that has one offers this table through heald_component.get_extension. It is optional:
 * without it a moment's score is that of the worst finding that is open, and 0 where none is.
 *
 * What is a good score: larger is worse; it grows before a finding opens, so that moments can be
 * ranked and a threshold be chosen; 0 while the detector is still learning and where nothing is
 * known; never negative, never NaN. It need not be that of heald_finding, but mostly is.
 */
#ifndef HEALD_ABI_SCORE_H_
#define HEALD_ABI_SCORE_H_

#include "heald/abi/plugin.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HEALD_EXT_SCORE "heald.score/1"

/* How unusual one moment is for one series, or for several that are judged together. */
typedef struct heald_score {
  uint32_t size;
  heald_series series; /* the one that was judged; HEALD_SERIES_NONE: several together */
  int64_t ts_ns;       /* time of the judged sample or samples */
  double score;
  /* Largest share first, shares sum to 1. Given at moments that are worth a look: while a finding
   * is open (one series by itself needs none then), and where the score is raised though none is,
   * which `heald score` calls `info`. None at moments that are as usual. */
  const heald_contributor* contributors;
  uint64_t contributor_count;
} heald_score;

/* Takes scores within the call that got it. */
typedef struct heald_score_sink {
  uint32_t size;
  uint32_t reserved;
  void* ctx;
  /* Copies the scores. `stride` is sizeof(heald_score) as the caller knows it. At most one for the
   * same series (or, with HEALD_SERIES_NONE, the same group) and time. */
  void (*scores)(void* ctx, const heald_score* scores, uint64_t count, uint64_t stride);
} heald_score_sink;

typedef struct heald_score_extension {
  uint32_t size;
  uint32_t reserved;
  /* [data] Called in place of heald_detector_vtable.samples: does all that samples does, the same
   * findings included, and beside it hands a score to `scores` for each moment that it judged.
   * Samples of one moment come within one call, so a group is complete when a later time appears or
   * the samples end. samples and score may be called on one instance in turn. */
  int32_t (*score)(void* self, const heald_samples* samples, const heald_sink* sink,
                   const heald_score_sink* scores, heald_error* error);
} heald_score_extension;

#ifdef __cplusplus
} /* extern "C" */
static_assert(offsetof(heald_score, contributors) == 24 && sizeof(heald_score) == 40);
static_assert(sizeof(heald_score_sink) == 24 && sizeof(heald_score_extension) == 16);
#endif

#endif /* HEALD_ABI_SCORE_H_ */
