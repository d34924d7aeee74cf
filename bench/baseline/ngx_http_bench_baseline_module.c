
/*
 * Copyright (C) OpenQoE
 *
 * bench_baseline [accepted | otlp | grpc]: reads the request's body and
 * answers without a look at it.
 *
 *     accepted    202 and a JSON object, as an events location answers: the
 *                 most that any handler of ours can reach in this nginx
 *     otlp        200 and nothing, a valid answer to OTLP over HTTP
 *     grpc        200 and an empty message; with "add_trailer grpc-status 0"
 *                 a valid answer to OTLP over gRPC
 */


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


typedef struct {
    ngx_str_t   name;
    ngx_uint_t  status;
    ngx_str_t   type;
    ngx_str_t   body;
} ngx_http_bench_answer_t;


typedef struct {
    ngx_http_bench_answer_t  *answer;
} ngx_http_bench_loc_conf_t;


static ngx_int_t ngx_http_bench_handler(ngx_http_request_t *r);
static void ngx_http_bench_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_bench_send(ngx_http_request_t *r);
static void *ngx_http_bench_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_bench_baseline(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_http_bench_answer_t  ngx_http_bench_answers[] = {
    { ngx_string("accepted"), NGX_HTTP_ACCEPTED,
      ngx_string("application/json"),
      ngx_string("{\"success\":true,\"message\":\"Events accepted\","
                 "\"events_received\":1,\"processing_time_ns\":10000}") },

    { ngx_string("otlp"), NGX_HTTP_OK,
      ngx_string("application/x-protobuf"), ngx_null_string },

    { ngx_string("grpc"), NGX_HTTP_OK,
      ngx_string("application/grpc"), ngx_string("\0\0\0\0\0") }
};


static ngx_command_t  ngx_http_bench_commands[] = {

    { ngx_string("bench_baseline"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_bench_baseline,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_bench_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_bench_create_loc_conf,        /* create location configuration */
    NULL                                   /* merge location configuration */
};


ngx_module_t  ngx_http_bench_baseline_module = {
    NGX_MODULE_V1,
    &ngx_http_bench_module_ctx,            /* module context */
    ngx_http_bench_commands,               /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_bench_handler(ngx_http_request_t *r)
{
    ngx_int_t  rc;

    if (r->method != NGX_HTTP_POST) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_bench_body);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


static void
ngx_http_bench_body(ngx_http_request_t *r)
{
    ngx_http_finalize_request(r, ngx_http_bench_send(r));
}


static ngx_int_t
ngx_http_bench_send(ngx_http_request_t *r)
{
    ngx_int_t                   rc;
    ngx_buf_t                  *b;
    ngx_chain_t                 out;
    ngx_http_bench_answer_t    *answer;
    ngx_http_bench_loc_conf_t  *lcf;

    lcf = ngx_http_get_module_loc_conf(r, ngx_http_bench_baseline_module);
    answer = lcf->answer;

    r->headers_out.status = answer->status;
    r->headers_out.content_type = answer->type;
    r->headers_out.content_type_len = answer->type.len;
    r->headers_out.content_length_n = (off_t) answer->body.len;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = answer->body.data;
    b->last = answer->body.data + answer->body.len;
    b->memory = (answer->body.len != 0);
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void *
ngx_http_bench_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_bench_loc_conf_t));
}


static char *
ngx_http_bench_baseline(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_bench_loc_conf_t  *lcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    if (lcf->answer != NULL) {
        return "is duplicate";
    }

    value = cf->args->elts;
    lcf->answer = &ngx_http_bench_answers[0];

    if (cf->args->nelts == 2) {
        lcf->answer = NULL;

        for (i = 0; i < 3; i++) {
            if (value[1].len == ngx_http_bench_answers[i].name.len
                && ngx_strncmp(value[1].data,
                               ngx_http_bench_answers[i].name.data,
                               value[1].len) == 0)
            {
                lcf->answer = &ngx_http_bench_answers[i];
            }
        }
    }

    if (lcf->answer == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "invalid value \"%V\" in "
                           "\"%V\" directive, it must be \"accepted\", "
                           "\"otlp\" or \"grpc\"", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_bench_handler;

    return NGX_CONF_OK;
}
