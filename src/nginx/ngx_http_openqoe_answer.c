
/*
 * Copyright (C) OpenQoE
 *
 * The answers of an events location, in JSON: that events were accepted, which
 * of them were refused and why, or that the client should try again.
 */


#include "ngx_http_openqoe.h"


static ngx_uint_t ngx_http_openqoe_wants_text(ngx_http_request_t *r);
static uint64_t ngx_http_openqoe_taken_ns(uint64_t received_ns);


ngx_int_t
ngx_http_openqoe_send_accepted(ngx_http_request_t *r,
    const ngx_http_openqoe_answer_t *answer)
{
    ngx_str_t                     json;
    ngx_http_openqoe_loc_conf_t  *lcf;

    static const char  format[] =
        "{\"success\":true,\"message\":\"Events accepted\","
        "\"events_received\":%uz,\"processing_time_ns\":%uL%*s}";

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);

    if (lcf->input->empty && !ngx_http_openqoe_wants_text(r)) {
        return ngx_http_openqoe_send_empty(r, QOE_COUNT_REQUESTS_ACCEPTED);
    }

    json.data = ngx_pnalloc(r->pool, sizeof(format) + 2 * NGX_INT64_LEN
                                     + answer->errors.len);
    if (json.data == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json.len = (size_t)
        (ngx_sprintf(json.data, format, answer->accepted,
                     ngx_http_openqoe_taken_ns(answer->received_ns),
                     answer->errors.len, answer->errors.data)
         - json.data);

    return ngx_http_openqoe_send_text(r, NGX_HTTP_ACCEPTED, &json);
}


/*
 * Asks the client to try again later.  The answer says why, and how many of the
 * events are queued nevertheless.
 */

ngx_int_t
ngx_http_openqoe_send_retry(ngx_http_request_t *r, const char *message,
    size_t queued, uint64_t received_ns)
{
    qoe_buf_t                     b;
    qoe_mem_t                     mem;
    ngx_uint_t                    status;
    ngx_http_openqoe_loc_conf_t  *lcf;

    static ngx_str_t  retry_after = ngx_string("1");

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_openqoe_module);
    status = lcf->overload_status != NGX_CONF_UNSET_UINT
             ? lcf->overload_status : lcf->input->overload_status;

    if (status == NGX_HTTP_NO_CONTENT) {
        return ngx_http_openqoe_send_empty(r, QOE_COUNT_REQUESTS_OVERLOAD);
    }

    if (ngx_http_openqoe_header(r, "Retry-After", retry_after) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_openqoe_json_init(&b, &mem, r);

    qoe_buf_printf(&b, "{\"success\":false,\"message\":\"%s\","
                   "\"events_received\":%zu,\"processing_time_ns\":%llu}",
                   message, queued, (unsigned long long)
                       ngx_http_openqoe_taken_ns(received_ns));

    return ngx_http_openqoe_send(r, status, &b);
}


/*
 * 204.  The counter says which status another client would have got: players
 * send the same reports again at once after any other answer.
 */

ngx_int_t
ngx_http_openqoe_send_empty(ngx_http_request_t *r, qoe_counter_t counter)
{
    ngx_http_openqoe_ctx_t  *ctx;

    ctx = ngx_http_openqoe_get_ctx(r);

    if (ctx == NULL || ngx_http_openqoe_common_headers(r) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_openqoe_metrics_answer(r, ctx, NGX_HTTP_NO_CONTENT);
    ngx_http_openqoe_count(r, counter, 1);

    ctx->own = 1;
    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


/* Does the client ask for JSON by name?  Players accept anything. */

static ngx_uint_t
ngx_http_openqoe_wants_text(ngx_http_request_t *r)
{
    ngx_table_elt_t             *h;
    ngx_http_openqoe_headers_t   it;

    static char  type[] = "application/json";

    ngx_http_openqoe_headers_in(r, &it);

    while ((h = ngx_http_openqoe_next_header(&it)) != NULL) {

        if (ngx_http_openqoe_header_is(h, "accept")
            && ngx_strlcasestrn(h->value.data, h->value.data + h->value.len,
                                (u_char *) type, sizeof(type) - 2)
               != NULL)
        {
            return 1;
        }
    }

    return 0;
}


/* Appends "errors":[...]; an error of the whole body has no "event". */

void
ngx_http_openqoe_errors(qoe_buf_t *b, const qoe_batch_t *batch)
{
    size_t                     i;
    const qoe_decode_error_t  *e;

    qoe_buf_literal(b, "\"errors\":[");

    for (i = 0; i < batch->nerrors; i++) {

        e = &batch->errors[i];

        qoe_buf_printf(b, "%s{", i ? "," : "");

        if (e->event != QOE_DECODE_BODY) {
            qoe_buf_printf(b, "\"event\":%zu,", e->event);
        }

        qoe_buf_literal(b, "\"field\":");
        qoe_buf_json_string(b, qoe_span_str(e->field));
        qoe_buf_literal(b, ",\"reason\":");
        qoe_buf_json_string(b, qoe_span_str(e->reason));
        qoe_buf_literal(b, "}");
    }

    qoe_buf_literal(b, "]");
}


static uint64_t
ngx_http_openqoe_taken_ns(uint64_t received_ns)
{
    uint64_t  now;

    now = qoe_unix_ns();

    return now > received_ns ? now - received_ns : 0;
}
