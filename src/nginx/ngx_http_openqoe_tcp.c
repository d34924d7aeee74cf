
/*
 * Copyright (C) OpenQoE
 *
 * What the kernel knows of the connection of a request: one call of
 * getsockopt().  Streams of HTTP/2 share a connection, and so what is known of
 * it.  A connection of QUIC or of a Unix socket has none of it: the socket of
 * QUIC is that of all clients.
 */


#include "ngx_http_openqoe_cmcd.h"

#include <math.h>


/*
 * The kernel's struct tcp_info and that of the C library grow each at its own
 * time, and either may be the longer one: the kernel says how much of it there
 * is.  All kernels have what stands up to tcpi_total_retrans; what came later
 * is read at its place, as an older C library has no name for it.
 */
#define NGX_HTTP_OPENQOE_TCP_LEAST                                            \
    (offsetof(struct tcp_info, tcpi_total_retrans) + sizeof(uint32_t))

/* The place of tcpi_snd_wnd: Linux 5.4 */
#define NGX_HTTP_OPENQOE_SND_WND   228
#define NGX_HTTP_OPENQOE_ACKED     120       /* tcpi_bytes_acked */
#define NGX_HTTP_OPENQOE_BUSY      168       /* tcpi_busy_time, */
#define NGX_HTTP_OPENQOE_RWND      176       /* tcpi_rwnd_limited: Linux 4.10 */
#define NGX_HTTP_OPENQOE_TCP_INFO  256

/*
 * The window says something of the path once it has grown over what a
 * connection begins with, and until the connection has been idle for long.
 */
#define NGX_HTTP_OPENQOE_ETP_BYTES 100000
#define NGX_HTTP_OPENQOE_ETP_MS    10000

/* How far to look for what was noted of a connection. */
#define NGX_HTTP_OPENQOE_CLEANUPS  16


/* What the kernel has counted for a connection until its last request. */

typedef struct {
    double    busy_ms;
    uint32_t  retransmits;
} ngx_http_openqoe_tcp_noted_t;


static double ngx_http_openqoe_tcp_busy(const u_char *raw, socklen_t len);
static ngx_http_openqoe_tcp_noted_t *ngx_http_openqoe_tcp_note(
    ngx_http_request_t *r);
static double ngx_http_openqoe_etp(const u_char *raw, socklen_t len);
static uint64_t ngx_http_openqoe_tcp_word(const u_char *raw, size_t offset,
    size_t size);
static void ngx_http_openqoe_tcp_noted(void *data);


ngx_int_t
ngx_http_openqoe_tcp(ngx_http_request_t *r, ngx_http_openqoe_tcp_t *tcp)
{
    socklen_t          len;
    ngx_connection_t  *c;
    union {
        struct tcp_info  info;
        u_char           raw[NGX_HTTP_OPENQOE_TCP_INFO];
    } ti;

    c = r->connection;
    tcp->rtt_ms = NAN;
    tcp->etp_kbps = NAN;
    tcp->busy_ms = NAN;
    tcp->retransmits = 0;

#if (NGX_HTTP_V3)
    if (c->quic != NULL) {
        return NGX_DECLINED;
    }
#endif

#if (NGX_HAVE_UNIX_DOMAIN)
    if (c->sockaddr->sa_family == AF_UNIX) {
        return NGX_DECLINED;
    }
#endif

    len = sizeof(ti.raw);

    if (getsockopt(c->fd, IPPROTO_TCP, TCP_INFO, &ti, &len) == -1
        || len < NGX_HTTP_OPENQOE_TCP_LEAST)
    {
        return NGX_DECLINED;
    }

    if (ti.info.tcpi_rtt != 0) {
        tcp->rtt_ms = ti.info.tcpi_rtt / 1000.0;
    }

    tcp->etp_kbps = ngx_http_openqoe_etp(ti.raw, len);
    tcp->busy_ms = ngx_http_openqoe_tcp_busy(ti.raw, len);
    tcp->retransmits = ti.info.tcpi_total_retrans;

    return NGX_OK;
}


/* Estimated throughput as of CTA-5006: the send window, each round trip. */

static double
ngx_http_openqoe_etp(const u_char *raw, socklen_t len)
{
    double                  window, rwnd;
    const struct tcp_info  *info;

    info = (const struct tcp_info *) raw;

    if (len < NGX_HTTP_OPENQOE_SND_WND + sizeof(uint32_t)
        || info->tcpi_rtt == 0
        || info->tcpi_last_ack_recv > NGX_HTTP_OPENQOE_ETP_MS
        || ngx_http_openqoe_tcp_word(raw, NGX_HTTP_OPENQOE_ACKED,
                                     sizeof(uint64_t))
           < NGX_HTTP_OPENQOE_ETP_BYTES)
    {
        return NAN;
    }

    window = (double) info->tcpi_snd_cwnd * info->tcpi_snd_mss;
    rwnd = (double) ngx_http_openqoe_tcp_word(raw, NGX_HTTP_OPENQOE_SND_WND,
                                              sizeof(uint32_t));

    if (rwnd != 0 && rwnd < window) {
        window = rwnd;
    }

    /* bits a millisecond are kbit/s, and the kernel counts microseconds */

    return window * 8 * 1000 / info->tcpi_rtt;
}


/* Microseconds in which there were bytes to send, or to be acknowledged. */

static double
ngx_http_openqoe_tcp_busy(const u_char *raw, socklen_t len)
{
    uint64_t  busy, rwnd;

    if (len < NGX_HTTP_OPENQOE_RWND + sizeof(uint64_t)) {
        return NAN;
    }

    busy = ngx_http_openqoe_tcp_word(raw, NGX_HTTP_OPENQOE_BUSY,
                                     sizeof(uint64_t));
    rwnd = ngx_http_openqoe_tcp_word(raw, NGX_HTTP_OPENQOE_RWND,
                                     sizeof(uint64_t));

    return (double) (busy - ngx_min(rwnd, busy)) / 1000;
}


static uint64_t
ngx_http_openqoe_tcp_word(const u_char *raw, size_t offset, size_t size)
{
    uint32_t  half;
    uint64_t  word;

    if (size == sizeof(uint32_t)) {
        ngx_memcpy(&half, raw + offset, sizeof(uint32_t));
        return half;
    }

    ngx_memcpy(&word, raw + offset, sizeof(uint64_t));

    return word;
}


void
ngx_http_openqoe_tcp_delta(ngx_http_request_t *r, ngx_http_openqoe_tcp_t *tcp)
{
    ngx_http_openqoe_tcp_t         total;
    ngx_http_openqoe_tcp_noted_t  *noted;

    total = *tcp;
    noted = ngx_http_openqoe_tcp_note(r);

    if (noted == NULL) {
        tcp->busy_ms = NAN;
        tcp->retransmits = 0;
        return;
    }

    tcp->busy_ms -= noted->busy_ms;
    tcp->retransmits -= noted->retransmits;

    noted->busy_ms = total.busy_ms;
    noted->retransmits = total.retransmits;
}


/*
 * The kernel counts for the whole life of a connection.  What was counted
 * before stands in a cleanup of the connection's pool.
 */

static ngx_http_openqoe_tcp_noted_t *
ngx_http_openqoe_tcp_note(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_pool_cleanup_t            *cln;
    ngx_http_openqoe_tcp_noted_t  *noted;

    cln = r->connection->pool->cleanup;

    for (i = 0; cln != NULL && i < NGX_HTTP_OPENQOE_CLEANUPS; i++) {

        if (cln->handler == ngx_http_openqoe_tcp_noted) {
            return cln->data;
        }

        cln = cln->next;
    }

    cln = ngx_pool_cleanup_add(r->connection->pool,
                               sizeof(ngx_http_openqoe_tcp_noted_t));

    if (cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_openqoe_tcp_noted;

    noted = cln->data;
    noted->busy_ms = NAN;
    noted->retransmits = 0;

    return noted;
}


/* Names the cleanup; there is nothing to clean up. */

static void
ngx_http_openqoe_tcp_noted(void *data)
{
    (void) data;
}
