
/*
 * Copyright (C) OpenQoE
 *
 * The bytes of a request body: in place if nginx has them in one buffer in
 * memory, otherwise copied together.  A temporary file is read with pread(2),
 * as nginx itself does to pass a body on: the pages were written a moment ago,
 * and client_max_body_size bounds their number.
 */


#include "ngx_http_openqoe.h"


static ngx_uint_t ngx_http_openqoe_gather(ngx_http_request_t *r,
    ngx_chain_t *in, size_t size, ngx_http_openqoe_body_t *body);
static ngx_int_t ngx_http_openqoe_encoding(ngx_http_request_t *r,
    ngx_uint_t *gzip);
static ngx_int_t ngx_http_openqoe_append(ngx_buf_t *b, u_char *dst,
    ngx_log_t *log);


/*
 * NULL if the type is one of the location's input, and the module knows the
 * encoding; otherwise what the client should send.
 */

const char *
ngx_http_openqoe_media_type(ngx_http_request_t *r)
{
    size_t                           len;
    ngx_str_t                        type;
    ngx_uint_t                       i, gzip;
    ngx_table_elt_t                 *h;
    ngx_http_openqoe_loc_conf_t     *lcf;
    const ngx_http_openqoe_input_t  *input;

    if (ngx_http_openqoe_encoding(r, &gzip) != NGX_OK) {
        return "Content-Encoding must be gzip or identity, or absent";
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    input = lcf->input;

    h = r->headers_in.content_type;

    if (h == NULL || h->value.len == 0) {
        return input->untyped ? NULL : input->expected;
    }

    type = h->value;

    /* ignore parameters such as charset: the bodies are UTF-8 */

    for (len = 0; len < type.len; len++) {
        if (type.data[len] == ';' || type.data[len] == ' '
            || type.data[len] == '\t')
        {
            break;
        }
    }

    type.len = len;

    for (i = 0; input->types[i] != NULL; i++) {
        if (ngx_http_openqoe_str_is(&type, input->types[i])) {
            return NULL;
        }
    }

    return input->expected;
}


/* NGX_OK, and whether the body is gzip; NGX_DECLINED: another encoding. */

static ngx_int_t
ngx_http_openqoe_encoding(ngx_http_request_t *r, ngx_uint_t *gzip)
{
    ngx_table_elt_t             *h;
    ngx_http_openqoe_headers_t   it;

    *gzip = 0;

    ngx_http_openqoe_headers_in(r, &it);

    while ((h = ngx_http_openqoe_next_header(&it)) != NULL) {

        if (!ngx_http_openqoe_header_is(h, "Content-Encoding")
            || ngx_http_openqoe_str_is(&h->value, "identity"))
        {
            continue;
        }

        /* RFC 9110: x-gzip is the same; only one encoding is accepted */

        if (*gzip
            || (!ngx_http_openqoe_str_is(&h->value, "gzip")
                && !ngx_http_openqoe_str_is(&h->value, "x-gzip")))
        {
            return NGX_DECLINED;
        }

        *gzip = 1;
    }

    return NGX_OK;
}


/*
 * 0, or the status of the answer, and its reason in body->error.  In either
 * case call ngx_http_openqoe_body_free() later.
 */

ngx_uint_t
ngx_http_openqoe_body(ngx_http_request_t *r, ngx_http_openqoe_body_t *body)
{
    off_t                         size;
    ngx_uint_t                    rc, gzip;
    ngx_chain_t                  *cl, *in;
    ngx_http_openqoe_loc_conf_t  *lcf;

    ngx_memzero(body, sizeof(ngx_http_openqoe_body_t));
    body->bytes = qoe_span("");

    /* there is no body if another module has discarded it before */

    in = r->request_body ? r->request_body->bufs : NULL;
    size = 0;

    for (cl = in; cl != NULL; cl = cl->next) {
        size += ngx_buf_size(cl->buf);
    }

    if (in != NULL && in->next == NULL && !in->buf->in_file) {
        body->bytes.data = (char *) in->buf->pos;
        body->bytes.len = (size_t) size;

    } else if (size > 0) {
        rc = ngx_http_openqoe_gather(r, in, (size_t) size, body);

        if (rc != 0) {
            return rc;
        }
    }

    if (ngx_http_openqoe_encoding(r, &gzip) != NGX_OK || !gzip) {
        return 0;
    }

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    return ngx_http_openqoe_inflate(r, body, lcf->max_inflated_size);
}


void
ngx_http_openqoe_body_free(ngx_http_openqoe_body_t *body)
{
    if (body->heap != NULL) {
        ngx_free(body->heap);
        body->heap = NULL;
    }
}


static ngx_uint_t
ngx_http_openqoe_gather(ngx_http_request_t *r, ngx_chain_t *in, size_t size,
    ngx_http_openqoe_body_t *body)
{
    u_char       *p;
    ngx_chain_t  *cl;

    p = ngx_alloc(size, r->connection->log);

    if (p == NULL) {
        body->error = "out of memory";
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    body->heap = p;
    body->bytes = (qoe_span_t) { (char *) p, size };

    for (cl = in; cl != NULL; cl = cl->next) {

        if (ngx_http_openqoe_append(cl->buf, p, r->connection->log)
            != NGX_OK)
        {
            body->error = "the body could not be read back";
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        p += ngx_buf_size(cl->buf);
    }

    return 0;
}


static ngx_int_t
ngx_http_openqoe_append(ngx_buf_t *b, u_char *dst, ngx_log_t *log)
{
    off_t    offset;
    ssize_t  n;

    if (ngx_buf_in_memory(b)) {
        ngx_memcpy(dst, b->pos, (size_t) (b->last - b->pos));
        return NGX_OK;
    }

    if (!b->in_file) {
        return NGX_OK;
    }

    for (offset = b->file_pos; offset < b->file_last; offset += n) {

        n = pread(b->file->fd, dst, (size_t) (b->file_last - offset), offset);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            ngx_log_error(NGX_LOG_CRIT, log, n ? ngx_errno : 0,
                          "openqoe: pread() \"%V\" failed", &b->file->name);
            return NGX_ERROR;
        }

        dst += n;
    }

    return NGX_OK;
}
