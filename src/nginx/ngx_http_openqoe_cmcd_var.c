
/*
 * Copyright (C) OpenQoE
 *
 * $openqoe_args, $openqoe_is_args and $openqoe_cmcd_KEY, for any location.  A
 * set is decoded when the first of its variables is asked for, and kept with
 * the request.
 */


#include "ngx_http_openqoe.h"
#include "qoe_number.h"


#define NGX_HTTP_OPENQOE_CMCD_PREFIX  "openqoe_cmcd_"


typedef struct {
    qoe_cmcd_t  set;
    unsigned    found:1;
} ngx_http_openqoe_cmcd_kept_t;


static ngx_int_t ngx_http_openqoe_args_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_openqoe_cmcd_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);


/* The arguments may be changed by "set $args", so they are not kept. */

static ngx_http_variable_t  ngx_http_openqoe_cmcd_vars[] = {

    { ngx_string("openqoe_args"), NULL, ngx_http_openqoe_args_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string("openqoe_is_args"), NULL, ngx_http_openqoe_args_variable,
      1, NGX_HTTP_VAR_NOCACHEABLE, 0 },

    { ngx_string(NGX_HTTP_OPENQOE_CMCD_PREFIX), NULL,
      ngx_http_openqoe_cmcd_variable, 0, NGX_HTTP_VAR_PREFIX, 0 },

      ngx_http_null_variable
};


ngx_int_t
ngx_http_openqoe_cmcd_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t  *var, *v;

    for (v = ngx_http_openqoe_cmcd_vars; v->name.len; v++) {
        var = ngx_http_add_variable(cf, &v->name, v->flags);

        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* Is CMCD the name of the argument from p to end, when it is decoded? */

static ngx_uint_t
ngx_http_openqoe_is_cmcd(u_char *p, u_char *end)
{
    u_char      ch;
    ngx_int_t   value;
    ngx_uint_t  i;

    for (i = 0; i < 4; i++) {

        if (p == end) {
            return 0;
        }

        ch = *p++;

        if (ch == '%' && end - p >= 2) {
            value = ngx_hextoi(p, 2);

            if (value != NGX_ERROR) {
                ch = (u_char) value;
                p += 2;
            }
        }

        if (ch != "CMCD"[i]) {
            return 0;
        }
    }

    return p == end || *p == '=';
}


/*
 * The arguments but those of the name CMCD, as bytes, in their order.  Without
 * CMCD they are r->args itself.
 */

static ngx_int_t
ngx_http_openqoe_args(ngx_http_request_t *r, ngx_str_t *args)
{
    u_char      *p, *end, *next, *to;
    ngx_uint_t   found, first;

    *args = r->args;
    end = r->args.data + r->args.len;
    found = 0;

    for (p = r->args.data; p < end && !found; p = next + 1) {
        next = ngx_strlchr(p, end, '&');
        next = next ? next : end;
        found = ngx_http_openqoe_is_cmcd(p, next);
    }

    if (!found) {
        return NGX_OK;
    }

    args->data = ngx_pnalloc(r->pool, r->args.len);

    if (args->data == NULL) {
        return NGX_ERROR;
    }

    to = args->data;
    first = 1;

    for (p = r->args.data; p <= end; p = next + 1) {
        next = ngx_strlchr(p, end, '&');
        next = next ? next : end;

        if (ngx_http_openqoe_is_cmcd(p, next)) {
            continue;
        }

        if (!first) {
            *to++ = '&';
        }

        to = ngx_cpymem(to, p, next - p);
        first = 0;
    }

    args->len = to - args->data;

    return NGX_OK;
}


static void
ngx_http_openqoe_cmcd_value(ngx_http_variable_value_t *v, const char *data,
    size_t len)
{
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 0;
    v->not_found = 0;
    v->data = (u_char *) data;
}


/* data is 1 for $openqoe_is_args. */

static ngx_int_t
ngx_http_openqoe_args_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t  args;

    if (ngx_http_openqoe_args(r, &args) != NGX_OK) {
        return NGX_ERROR;
    }

    if (data) {
        ngx_http_openqoe_cmcd_value(v, "?", args.len ? 1 : 0);
    } else {
        ngx_http_openqoe_cmcd_value(v, (char *) args.data, args.len);
    }

    return NGX_OK;
}


/* Marks what is kept; there is nothing to clean up. */

static void
ngx_http_openqoe_cmcd_cleanup(void *data)
{
    (void) data;
}


/*
 * The decoded set, or NULL if there is none.  It stands among the cleanups of
 * the pool because a module's context does not survive internal redirects.
 */

static ngx_int_t
ngx_http_openqoe_cmcd_kept(ngx_http_request_t *r, qoe_cmcd_t **set)
{
    qoe_status_t                   rc;
    ngx_pool_cleanup_t            *cln;
    ngx_http_openqoe_cmcd_kept_t  *kept;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_openqoe_cmcd_cleanup) {
            kept = cln->data;
            *set = kept->found ? &kept->set : NULL;
            return NGX_OK;
        }
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_openqoe_cmcd_kept_t));

    if (cln == NULL) {
        return NGX_ERROR;
    }

    kept = cln->data;

    rc = ngx_http_openqoe_cmcd_decode(r, 1, 1, &kept->set);

    if (rc == QOE_NOMEM) {
        return NGX_ERROR;
    }

    kept->found = (rc == QOE_OK);
    cln->handler = ngx_http_openqoe_cmcd_cleanup;
    *set = kept->found ? &kept->set : NULL;

    return NGX_OK;
}


/*
 * Names of variables have no capital letters and no other characters than
 * letters, digits and underscores: com_example_mykey is com.example-myKey.
 */

static const qoe_cmcd_custom_t *
ngx_http_openqoe_cmcd_custom(qoe_cmcd_t *set, ngx_str_t *name)
{
    u_char                    ch;
    size_t                    i, k;
    const qoe_cmcd_custom_t  *custom;

    for (i = 0; i < set->ncustom; i++) {
        custom = &set->custom[i];

        if (custom->name.len != name->len) {
            continue;
        }

        for (k = 0; k < name->len; k++) {
            ch = ngx_tolower((u_char) custom->name.data[k]);

            if (ch == '-' || ch == '.' || ch == '*') {
                ch = '_';
            }

            if (ch != name->data[k]) {
                break;
            }
        }

        if (k == name->len) {
            return custom;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_openqoe_cmcd_number(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, double number)
{
    char        *buf;
    qoe_span_t   text;

    buf = ngx_pnalloc(r->pool, QOE_NUMBER_LEN);

    if (buf == NULL) {
        return NGX_ERROR;
    }

    text = qoe_number_text(number, buf);
    ngx_http_openqoe_cmcd_value(v, text.data, text.len);

    return NGX_OK;
}


/* The value of a key that has one: of a list the first item. */

static ngx_int_t
ngx_http_openqoe_cmcd_key(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, qoe_cmcd_t *set, qoe_cmcd_key_t key)
{
    qoe_span_t  text;

    /* first[] is set for lists alone */

    switch (qoe_cmcd_key_type(key)) {

    case QOE_CMCD_TYPE_NUMBER:
    case QOE_CMCD_TYPE_DECIMAL:
        return ngx_http_openqoe_cmcd_number(r, v, set->number[key]);

    case QOE_CMCD_TYPE_NUMBERS:
        return ngx_http_openqoe_cmcd_number(r, v,
                                   set->items[set->first[key]].number);

    case QOE_CMCD_TYPE_FLAG:
        text = qoe_cmcd_flag(set, key) ? qoe_span("1") : qoe_span("0");
        break;

    case QOE_CMCD_TYPE_STRINGS:
        text = set->items[set->first[key]].text;
        break;

    default: /* QOE_CMCD_TYPE_STRING, QOE_CMCD_TYPE_TOKEN */
        text = set->text[key];
    }

    ngx_http_openqoe_cmcd_value(v, text.data, text.len);

    return NGX_OK;
}


/* data is the name of the variable. */

static ngx_int_t
ngx_http_openqoe_cmcd_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t                 name;
    qoe_cmcd_t               *set;
    qoe_cmcd_key_t            key;
    const qoe_cmcd_custom_t  *custom;

    name = *(ngx_str_t *) data;
    name.data += sizeof(NGX_HTTP_OPENQOE_CMCD_PREFIX) - 1;
    name.len -= sizeof(NGX_HTTP_OPENQOE_CMCD_PREFIX) - 1;

    if (ngx_http_openqoe_cmcd_kept(r, &set) != NGX_OK) {
        return NGX_ERROR;
    }

    v->not_found = 1;

    if (set == NULL) {
        return NGX_OK;
    }

    key = qoe_cmcd_key_find(ngx_http_openqoe_span(name));

    if (key != QOE_CMCD_NKEYS) {
        return qoe_cmcd_has(set, key)
               ? ngx_http_openqoe_cmcd_key(r, v, set, key) : NGX_OK;
    }

    custom = ngx_http_openqoe_cmcd_custom(set, &name);

    if (custom != NULL) {
        ngx_http_openqoe_cmcd_value(v, custom->text.data, custom->text.len);
    }

    return NGX_OK;
}
