
/*
 * Copyright (C) OpenQoE
 *
 * The module's own metrics that event loops count: requests, their times, and
 * what became of events.
 *
 * If the body of a request was never read, its number of events is unknown: it
 * counts as one event in openqoe.ingest.events, with a reason that says so
 * (unauthorized, too_large, media_type, malformed; overload and error if nginx
 * itself refused it), and in none of openqoe.events_*, which agree with the
 * counters of /v2/stats.
 */


#include "ngx_http_openqoe.h"

#include <time.h>


#define NGX_HTTP_OPENQOE_PREPARED    128     /* a power of two */
#define NGX_HTTP_OPENQOE_PREPARED_S  60      /* seconds until governed anew */
#define NGX_HTTP_OPENQOE_PREPARED_KEY  (2 * QOE_ID_MAX + 32)
#define NGX_HTTP_OPENQOE_ORGS        8       /* counted apart in a batch */


/* What a set of attributes is made of.  endpoint NULL: org_id alone. */

typedef struct {
    qoe_span_t                 org;          /* not governed; empty: unknown */
    qoe_span_t                 player;
    const ngx_str_t           *endpoint;
    ngx_uint_t                 status;       /* for org_id alone: 1, refused */
} ngx_http_openqoe_series_t;


typedef struct {
    time_t                     made;         /* 0: never */
    uint32_t                   key_len;
    uint32_t                   labels_len;
    u_char                     key[NGX_HTTP_OPENQOE_PREPARED_KEY];
    char                       labels[QOE_SELF_LABELS];
} ngx_http_openqoe_prepared_t;


typedef struct {
    qoe_span_t                 org;
    size_t                     n;
} ngx_http_openqoe_org_t;


static uint64_t ngx_http_openqoe_mono_ns(void);
static void ngx_http_openqoe_unread(ngx_uint_t status);
static void ngx_http_openqoe_ingested(const char *reason, size_t n);
static void ngx_http_openqoe_orgs(const qoe_batch_t *batch,
    const char *reason);
static void ngx_http_openqoe_org(qoe_span_t org, size_t n,
    const char *reason);
static qoe_span_t ngx_http_openqoe_labels(const ngx_http_openqoe_series_t *s,
    qoe_labels_t *l);
static uint32_t ngx_http_openqoe_labels_key(
    const ngx_http_openqoe_series_t *s, u_char *key);
static uint32_t ngx_http_openqoe_labels_version(qoe_dim_t dim);
static void ngx_http_openqoe_labels_make(const ngx_http_openqoe_series_t *s,
    qoe_labels_t *l);
static void ngx_http_openqoe_labels_govern(qoe_labels_t *l, qoe_span_t name,
    qoe_dim_t dim, qoe_span_t value);
static void ngx_http_openqoe_add(qoe_metric_id_t metric, qoe_span_t labels,
    double value);


/* The state of this process; for the event loop's thread. */

static struct {
    qoe_self_t                  *self;       /* NULL: count nothing */
    qoe_governor_t               governor;
    uint32_t                     groups;

    ngx_http_openqoe_prepared_t  prepared[NGX_HTTP_OPENQOE_PREPARED];
} ngx_http_openqoe_own;


/* Why a body was not read; other reasons are names of counters. */

static const struct {
    ngx_uint_t   status;
    const char  *reason;
} ngx_http_openqoe_reasons[] = {
    { NGX_HTTP_BAD_REQUEST, "malformed" },
    { NGX_HTTP_UNAUTHORIZED, "unauthorized" },
    { NGX_HTTP_REQUEST_ENTITY_TOO_LARGE, "too_large" },
    { NGX_HTTP_UNSUPPORTED_MEDIA_TYPE, "media_type" },
    { NGX_HTTP_TOO_MANY_REQUESTS, "overload" },
    { NGX_HTTP_SERVICE_UNAVAILABLE, "overload" },
    { NGX_HTTP_INTERNAL_SERVER_ERROR, "error" }
};


void
ngx_http_openqoe_metrics_init(ngx_http_openqoe_main_conf_t *mcf)
{
    ngx_uint_t                i;
    ngx_http_openqoe_zone_t  *z;

    z = ngx_http_openqoe_get_zone(mcf);

    ngx_http_openqoe_own.self = z->state.self;
    ngx_http_openqoe_own.groups = mcf->qoe.groups;

    qoe_governor_init(&ngx_http_openqoe_own.governor, z->state.govern,
                      &mcf->dimensions, ngx_http_openqoe_self());

    /* a single process comes here again after a reload, with new rules */

    for (i = 0; i < NGX_HTTP_OPENQOE_PREPARED; i++) {
        ngx_http_openqoe_own.prepared[i].made = 0;
    }
}


/* Notes when the request arrived: first without its body, then whole. */

void
ngx_http_openqoe_metrics_receipt(ngx_http_openqoe_ctx_t *ctx)
{
    ctx->receipt_ns = ngx_http_openqoe_mono_ns();
}


/*
 * Counts what became of a body's events: the invalid ones, and the valid ones,
 * which share one fate.  batch->events NULL: their org_id is not known.
 */

void
ngx_http_openqoe_metrics_events(ngx_http_request_t *r,
    const qoe_batch_t *batch, qoe_counter_t refused)
{
    size_t                    invalid;
    qoe_span_t               *org, *player;
    const char               *reason, *bad, *over;
    ngx_http_openqoe_ctx_t   *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_openqoe_module);

    if (ngx_http_openqoe_own.self == NULL || ctx == NULL || ctx->ingested
        || batch->total == 0)
    {
        return;
    }

    ctx->ingested = 1;
    reason = (refused != NGX_HTTP_OPENQOE_TAKEN) ? qoe_counters[refused].name
                                                 : NULL;
    bad = qoe_counters[QOE_COUNT_EVENTS_INVALID].name;
    over = qoe_counters[QOE_COUNT_EVENTS_SESSIONS].name;

    /* refused events must not make values known, nor take places */

    qoe_govern_from(&ngx_http_openqoe_own.governor, 0, ctx->receipt_ns,
                    reason != NULL);

    invalid = batch->total - batch->nevents - ctx->over;

    ngx_http_openqoe_ingested(bad, invalid);
    ngx_http_openqoe_ingested(over, ctx->over);
    ngx_http_openqoe_ingested(reason, batch->nevents);

    ngx_http_openqoe_org(qoe_span_null, invalid, bad);
    ngx_http_openqoe_org(qoe_span_null, ctx->over, over);

    if (batch->events == NULL) {
        ngx_http_openqoe_org(qoe_span_null, batch->nevents, reason);
        return;
    }

    if (batch->nevents == 0) {
        return;
    }

    ngx_http_openqoe_orgs(batch, reason);

    /* kept for the answer, which may come after the batch is freed */

    org = &batch->events[0].field[QOE_FIELD_ORG_ID].v.string;
    player = &batch->events[0].field[QOE_FIELD_PLAYER_ID].v.string;

    ctx->ids = ngx_pnalloc(r->pool, org->len + player->len);

    if (ctx->ids != NULL) {
        ctx->org_len = org->len;
        ctx->player_len = player->len;

        /* reports have no player, and need no organization */

        if (org->len != 0) {
            ngx_memcpy(ctx->ids, org->data, org->len);
        }

        if (player->len != 0) {
            ngx_memcpy(ctx->ids + org->len, player->data, player->len);
        }
    }
}


/* Counts the answer to a POST in an events location. */

void
ngx_http_openqoe_metrics_answer(ngx_http_request_t *r,
    ngx_http_openqoe_ctx_t *ctx, ngx_uint_t status)
{
    uint64_t                    now, ns;
    ngx_time_t                 *tp;
    ngx_msec_int_t              ms;
    qoe_labels_t                labels;
    ngx_http_core_loc_conf_t   *clcf;
    ngx_http_openqoe_series_t   s;

    if (ngx_http_openqoe_own.self == NULL || ctx->answered
        || r->method != NGX_HTTP_POST)
    {
        return;
    }

    ctx->answered = 1;

    if (!ctx->ingested) {
        ctx->ingested = 1;
        ngx_http_openqoe_unread(status);
    }

    if (ctx->receipt_ns != 0) {
        now = ngx_http_openqoe_mono_ns();
        ns = now - ngx_min(now, ctx->receipt_ns);

    } else {

        /* nginx refused it earlier; its start in ms is the best there is */

        tp = ngx_timeofday();
        ms = (ngx_msec_int_t) ((tp->sec - r->start_sec) * 1000
                               + (tp->msec - r->start_msec));
        ns = (uint64_t) ngx_max(ms, 0) * 1000000;
    }

    ngx_http_openqoe_add(QOE_METRIC_INGEST_LATENCY, qoe_span_null,
                         (double) ns / 1e9);

    if ((ngx_http_openqoe_own.groups & QOE_GROUP_SELF) == 0) {
        return;
    }

    qoe_govern_from(&ngx_http_openqoe_own.governor, 0, ctx->receipt_ns,
                    status >= NGX_HTTP_SPECIAL_RESPONSE);

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    s.org = (qoe_span_t) { (char *) ctx->ids, ctx->org_len };
    s.player = ctx->ids == NULL
               ? qoe_span_null
               : (qoe_span_t) { (char *) ctx->ids + ctx->org_len,
                                ctx->player_len };
    s.endpoint = &clcf->name;
    s.status = status;

    ngx_http_openqoe_add(QOE_METRIC_REQUEST_PROCESSING_TIME,
                         ngx_http_openqoe_labels(&s, &labels), (double) ns);
}


/* Monotonic ns, for durations. */

static uint64_t
ngx_http_openqoe_mono_ns(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000000 + (uint64_t) ts.tv_nsec;
}


static void
ngx_http_openqoe_unread(ngx_uint_t status)
{
    ngx_uint_t   i;
    const char  *reason;

    reason = "refused";

    for (i = 0; i < sizeof(ngx_http_openqoe_reasons)
                    / sizeof(ngx_http_openqoe_reasons[0]); i++)
    {
        if (ngx_http_openqoe_reasons[i].status == status) {
            reason = ngx_http_openqoe_reasons[i].reason;
        }
    }

    ngx_http_openqoe_ingested(reason, 1);
}


/* reason NULL: the events were accepted. */

static void
ngx_http_openqoe_ingested(const char *reason, size_t n)
{
    qoe_labels_t  labels;

    if (n == 0 || (ngx_http_openqoe_own.groups & QOE_GROUP_SELF) == 0) {
        return;
    }

    labels.len = 0;
    (void) qoe_labels_add(&labels, qoe_span("outcome"),
                          reason == NULL ? qoe_span("accepted")
                                         : qoe_span("rejected"));

    if (reason != NULL) {
        (void) qoe_labels_add(&labels, qoe_span("reason"),
                              qoe_span_str(reason));
    }

    ngx_http_openqoe_add(QOE_METRIC_INGEST_EVENTS, qoe_labels_span(&labels),
                         (double) n);
}


/*
 * Counts the valid events by org_id, with one addition for each, as far as the
 * list has room.
 */

static void
ngx_http_openqoe_orgs(const qoe_batch_t *batch, const char *reason)
{
    size_t                  i, k, n;
    qoe_span_t              org;
    ngx_http_openqoe_org_t  list[NGX_HTTP_OPENQOE_ORGS];

    n = 0;

    for (i = 0; i < batch->nevents; i++) {

        org = batch->events[i].field[QOE_FIELD_ORG_ID].v.string;

        for (k = 0; k < n && !qoe_span_eq(list[k].org, org); k++) {
            /* void */
        }

        if (k < n) {
            list[k].n++;
            continue;
        }

        if (n == NGX_HTTP_OPENQOE_ORGS) {
            n--;
            k--;
            ngx_http_openqoe_org(list[n].org, list[n].n, reason);
        }

        list[k].org = org;
        list[k].n = 1;
        n++;
    }

    for (k = 0; k < n; k++) {
        ngx_http_openqoe_org(list[k].org, list[k].n, reason);
    }
}


static void
ngx_http_openqoe_org(qoe_span_t org, size_t n, const char *reason)
{
    qoe_span_t                 set;
    qoe_labels_t               labels, refused;
    ngx_http_openqoe_series_t  s;

    if (n == 0) {
        return;
    }

    ngx_memzero(&s, sizeof(ngx_http_openqoe_series_t));
    s.org = org;
    s.status = (reason != NULL);

    set = ngx_http_openqoe_labels(&s, &labels);

    ngx_http_openqoe_add(QOE_METRIC_EVENTS_RECEIVED, set, (double) n);

    if (reason == NULL) {
        ngx_http_openqoe_add(QOE_METRIC_EVENTS_ACCEPTED, set, (double) n);
        return;
    }

    refused.len = set.len;
    ngx_memcpy(refused.data, set.data, set.len);
    (void) qoe_labels_add(&refused, qoe_span("reason"), qoe_span_str(reason));

    ngx_http_openqoe_add(QOE_METRIC_EVENTS_REJECTED,
                         qoe_labels_span(&refused), (double) n);
}


/*
 * The governed attributes of a series: as prepared a while ago, or made in l.
 * Governance is asked again now and then, because it may have found room for a
 * value since, or have removed it.
 */

static qoe_span_t
ngx_http_openqoe_labels(const ngx_http_openqoe_series_t *s, qoe_labels_t *l)
{
    u_char                        key[NGX_HTTP_OPENQOE_PREPARED_KEY];
    uint32_t                      len;
    ngx_http_openqoe_prepared_t  *p;

    len = ngx_http_openqoe_labels_key(s, key);

    if (len == 0) {
        ngx_http_openqoe_labels_make(s, l);
        return qoe_labels_span(l);
    }

    p = &ngx_http_openqoe_own.prepared[ngx_murmur_hash2(key, len)
                                       % NGX_HTTP_OPENQOE_PREPARED];

    if (p->made == 0 || ngx_time() - p->made >= NGX_HTTP_OPENQOE_PREPARED_S
        || p->key_len != len || ngx_memcmp(p->key, key, len) != 0)
    {
        ngx_http_openqoe_labels_make(s, l);

        if (l->len > sizeof(p->labels)) {
            return qoe_labels_span(l);
        }

        p->made = ngx_time();
        p->key_len = len;
        p->labels_len = (uint32_t) l->len;
        ngx_memcpy(p->key, key, len);
        ngx_memcpy(p->labels, l->data, l->len);
    }

    return (qoe_span_t) { p->labels, p->labels_len };
}


/* Writes bytes that only this series has.  0: they are too many. */

static uint32_t
ngx_http_openqoe_labels_key(const ngx_http_openqoe_series_t *s, u_char *key)
{
    u_char    *p;
    uint32_t   len[4];

    if (s->org.len + s->player.len > 2 * QOE_ID_MAX) {
        return 0;
    }

    len[0] = (uint32_t) s->org.len;
    len[1] = (uint32_t) s->status;
    len[2] = ngx_http_openqoe_labels_version(QOE_DIM_ORG_ID);
    len[3] = ngx_http_openqoe_labels_version(QOE_DIM_PLAYER_ID);

    p = ngx_cpymem(key, len, sizeof(len));
    p = ngx_cpymem(p, &s->endpoint, sizeof(s->endpoint));

    if (s->org.len != 0) {
        p = ngx_cpymem(p, s->org.data, s->org.len);
    }

    if (s->player.len != 0) {
        p = ngx_cpymem(p, s->player.data, s->player.len);
    }

    return (uint32_t) (p - key);
}


/* It changes when the values change that the file of the dimension lists. */

static uint32_t
ngx_http_openqoe_labels_version(qoe_dim_t dim)
{
    qoe_roster_slot_t  *roster;

    roster = ngx_http_openqoe_own.governor.dims->dim[dim].roster;

    return roster != NULL ? qoe_roster_version(roster) : 0;
}


static void
ngx_http_openqoe_labels_make(const ngx_http_openqoe_series_t *s,
    qoe_labels_t *l)
{
    u_char  *last, status[NGX_INT_T_LEN];

    l->len = 0;

    if (s->endpoint == NULL) {
        ngx_http_openqoe_labels_govern(l, qoe_span("org_id"), QOE_DIM_ORG_ID,
                                       s->org);
        return;
    }

    ngx_http_openqoe_labels_govern(l, qoe_span("org.id"), QOE_DIM_ORG_ID,
                                   s->org);
    ngx_http_openqoe_labels_govern(l, qoe_span("player.id"),
                                   QOE_DIM_PLAYER_ID, s->player);

    (void) qoe_labels_add(l, qoe_span("request.endpoint"),
                          ngx_http_openqoe_span(*s->endpoint));

    last = ngx_sprintf(status, "%ui", s->status);

    (void) qoe_labels_add(l, qoe_span("http.response.status_code"),
                          (qoe_span_t) { (char *) status,
                                         (size_t) (last - status) });
}


static void
ngx_http_openqoe_labels_govern(qoe_labels_t *l, qoe_span_t name,
    qoe_dim_t dim, qoe_span_t value)
{
    char  buf[QOE_GOVERN_BUF];

    if (value.len == 0) {
        return;
    }

    value = qoe_govern(&ngx_http_openqoe_own.governor, dim, value,
                       (uint32_t) ngx_time(), buf);

    if (value.len != 0) {
        (void) qoe_labels_add(l, name, value);
    }
}


static void
ngx_http_openqoe_add(qoe_metric_id_t metric, qoe_span_t labels, double value)
{
    qoe_self_add(ngx_http_openqoe_own.self, ngx_http_openqoe_self(), metric,
                 labels, value);
}
