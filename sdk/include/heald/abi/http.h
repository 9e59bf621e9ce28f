/* heald ABI, host extension heald.http/1: a component takes requests on the agent's own listener.
 *
 * A source that others push to (remote write, webhooks) mounts a route when it starts; the agent
 * then answers POST /receive/<node><path> with what the handler says. The listener does the rest:
 * TLS, tokens (role `sender` or `admin`), limits of head, body and time, metrics. The handler sees
 * complete requests only, and never two at once: it is [data] like poll, so an instance needs no
 * locks for it. While it runs up to 7 more wait; others are sent away with 503 and Retry-After.
 *
 * A handler that doesn't return in time (the node's deadline, at most 10 s) is answered for with
 * 503, and while it hangs so is everyone else; what it says later is thrown away, so senders may
 * send the same again: a receiver must be able to take it twice. With the node's stop its routes
 * are gone; until its successor has mounted them, requests get 503.
 *
 * Get it with host->get_extension(ctx, HEALD_EXT_HTTP); heald/http.h wraps it in C++.
 */
#ifndef HEALD_ABI_HTTP_H_
#define HEALD_ABI_HTTP_H_

#include "heald/abi/types.h"

#ifdef __cplusplus
extern "C" {
#endif

#define HEALD_EXT_HTTP "heald.http/1"
#define HEALD_HTTP_MAX_BODY_BYTES (16u << 20)

/* Lives until the handler returns. */
typedef struct heald_http_request {
  uint32_t size;
  uint32_t reserved;
  heald_str path;           /* as mounted */
  const heald_label* query; /* decoded, in the order in which they came; names may repeat */
  uint64_t query_count;
  const heald_label* headers; /* names in lower case; without authorization and cookie */
  uint64_t header_count;
  heald_str body;  /* complete; as it was sent, content-encoding and all */
  heald_str actor; /* whose token it is: "user:prometheus"; "local" where there are no tokens */
} heald_http_request;

/* The host sets `size` and zeroes the rest. Pointers live until the handler's next call or
 * unmount. */
typedef struct heald_http_response {
  uint32_t size;
  int32_t status; /* 200..599 */
  heald_str content_type;
  heald_str body;
  const heald_label* headers; /* more of them; framing, dates and security are the host's */
  uint64_t header_count;
  int64_t retry_after_ns; /* > 0: a Retry-After header, in whole seconds, rounded up */
} heald_http_response;

/* [data] Answers one request. An error becomes an answer as well: HEALD_INVALID 400, HEALD_DENIED
 * 403, HEALD_NOT_FOUND 404, HEALD_FULL and HEALD_UNAVAILABLE 503 with retry_after_ns, others 500;
 * its message tells the sender what was wrong. Of these only what isn't the sender's fault
 * (HEALD_UNAVAILABLE and what becomes 500) makes the node unwell. */
typedef int32_t (*heald_http_handler)(void* user, const heald_http_request* request,
                                      heald_http_response* response, heald_error* error);

/* `ctx` is the host's: heald_host.ctx. */
typedef struct heald_http_extension {
  uint32_t size;
  uint32_t reserved;
  /* [control] In start. path: "" or one "/word" of letters, digits, '-', '_' and '.'.
   * max_body_bytes: 1..HEALD_HTTP_MAX_BODY_BYTES; more is answered with 413 before it is read.
   * HEALD_INVALID: no such path or limit; HEALD_CONFLICT: the node has mounted it already;
   * HEALD_UNAVAILABLE: nobody listens here (a test, a backtest, `heald record`): let start fail
   * with it. */
  int32_t (*mount)(void* ctx, heald_str path, uint64_t max_body_bytes, heald_http_handler handler,
                   void* user, uint64_t* route, heald_error* error);
  /* [control] In stop. The handler isn't called any more. */
  void (*unmount)(void* ctx, uint64_t route);
} heald_http_extension;

#ifdef __cplusplus
} /* extern "C" */
static_assert(offsetof(heald_http_request, body) == 56 && sizeof(heald_http_request) == 88);
static_assert(offsetof(heald_http_response, headers) == 40 && sizeof(heald_http_response) == 64);
static_assert(sizeof(heald_http_extension) == 24);
#endif

#endif /* HEALD_ABI_HTTP_H_ */
