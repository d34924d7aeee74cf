
/*
 * Copyright (C) OpenQoE
 *
 * Content-Encoding: gzip (RFC 1952).  A few bytes can inflate to gigabytes, so
 * the output is bounded by a size and, after the first 64 kB, by a ratio.
 */


#include "ngx_http_openqoe.h"

#include <zlib.h>


#define NGX_HTTP_OPENQOE_FREE_OUTPUT  (64 * 1024)
#define NGX_HTTP_OPENQOE_RATIO_MAX    100
#define NGX_HTTP_OPENQOE_STEP         (32 * 1024)


static ngx_uint_t ngx_http_openqoe_inflate_all(z_stream *z, qoe_buf_t *out,
    const char **error);
static int ngx_http_openqoe_inflate_some(z_stream *z, qoe_buf_t *out);


/*
 * Replaces body->bytes by the inflated bytes.  0, or the status of the answer,
 * and its reason in body->error.  The body must be whole gzip members only.
 */

ngx_uint_t
ngx_http_openqoe_inflate(ngx_http_request_t *r, ngx_http_openqoe_body_t *body,
    size_t max)
{
    z_stream    z;
    qoe_buf_t   out;
    ngx_uint_t  status;

    if (body->bytes.len > UINT32_MAX) {
        body->error = "the gzip body is too large";
        return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
    }

    ngx_memzero(&z, sizeof(z_stream));

    /* 15 + 16: gzip only, no zlib or raw streams */

    if (inflateInit2(&z, 15 + 16) != Z_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "openqoe: inflateInit2() failed");
        body->error = "out of memory";
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    qoe_buf_init(&out, &qoe_mem_heap, max);

    z.next_in = (Bytef *) body->bytes.data;
    z.avail_in = (uInt) body->bytes.len;

    status = ngx_http_openqoe_inflate_all(&z, &out, &body->error);

    inflateEnd(&z);

    ngx_http_openqoe_body_free(body);

    if (status != 0) {
        qoe_buf_free(&out);
        return status;
    }

    body->heap = out.data;
    body->bytes = out.data ? (qoe_span_t) { out.data, out.len }
                           : qoe_span("");
    return 0;
}


static ngx_uint_t
ngx_http_openqoe_inflate_all(z_stream *z, qoe_buf_t *out, const char **error)
{
    int       rc;
    size_t    in_size, before;
    uint64_t  ratio;

    in_size = z->avail_in;
    rc = Z_BUF_ERROR;

    while (z->avail_in != 0 || (rc == Z_OK && z->avail_out == 0)) {

        before = out->len;
        rc = ngx_http_openqoe_inflate_some(z, out);

        if (rc == Z_MEM_ERROR) {
            *error = "out of memory";
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        ratio = (uint64_t) (in_size - z->avail_in)
                * NGX_HTTP_OPENQOE_RATIO_MAX;

        if (out->status == QOE_TOO_LARGE
            || (out->len > NGX_HTTP_OPENQOE_FREE_OUTPUT && out->len > ratio))
        {
            *error = "the gzip body inflates to more than is allowed";
            return NGX_HTTP_REQUEST_ENTITY_TOO_LARGE;
        }

        if (rc == Z_STREAM_END) {

            /* several members may follow each other (RFC 1952, 2.2) */

            if (z->avail_in != 0 && inflateReset(z) != Z_OK) {
                break;
            }

            continue;
        }

        if (rc != Z_OK || (out->len == before && z->avail_in == 0)) {
            break;
        }
    }

    if (rc != Z_STREAM_END) {
        *error = (rc == Z_OK || rc == Z_BUF_ERROR)
                 ? "the gzip body is truncated" : "the gzip body is damaged";
        return NGX_HTTP_BAD_REQUEST;
    }

    return 0;
}


/* Inflates a piece.  A byte over the maximum sets QOE_TOO_LARGE in out. */

static int
ngx_http_openqoe_inflate_some(z_stream *z, qoe_buf_t *out)
{
    int     rc;
    char   *p;
    size_t  room;
    Bytef   more;

    room = qoe_min(out->max - out->len, (size_t) NGX_HTTP_OPENQOE_STEP);

    if (room == 0) {
        z->next_out = &more;
        z->avail_out = 1;
        rc = inflate(z, Z_NO_FLUSH);

        if (z->avail_out == 0) {
            out->status = QOE_TOO_LARGE;
        }

        return rc;
    }

    p = qoe_buf_reserve(out, room);
    if (p == NULL) {
        return Z_MEM_ERROR;
    }

    z->next_out = (Bytef *) p;
    z->avail_out = (uInt) room;

    rc = inflate(z, Z_NO_FLUSH);

    out->len += room - z->avail_out;

    return rc;
}
