
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_attribute: adds what nginx knows of a request to its events.  The
 * name of an event's field fills that field where the client left it empty;
 * any other name is an attribute of the log record, and may be a dimension's
 * source.
 */


#include "ngx_http_openqoe.h"
#include "ngx_http_openqoe_cmcd.h"


#define NGX_HTTP_OPENQOE_ATTRIBUTES      32  /* per location */
#define NGX_HTTP_OPENQOE_ATTRIBUTE_NAME  63  /* bytes */
#define NGX_HTTP_OPENQOE_ATTRIBUTE_LEN   256


typedef struct {
    ngx_str_t                 name;
    ngx_uint_t                fill;          /* fills an event's field */
    ngx_http_complex_value_t  value;
} ngx_http_openqoe_attribute_t;


static const char *ngx_http_openqoe_attribute_name(ngx_str_t *name);
static ngx_int_t ngx_http_openqoe_attribute_known(ngx_conf_t *cf,
    ngx_str_t *name);
static void ngx_http_openqoe_attribute_fill(qoe_request_t *q, size_t field,
    qoe_span_t text);
static size_t ngx_http_openqoe_attribute_field(size_t field);
static void ngx_http_openqoe_attribute_dims(const ngx_array_t *sources,
    qoe_request_t *q);


/* Attributes of a log record that come from the event itself. */

static const ngx_str_t  ngx_http_openqoe_own[] = {
    ngx_string("event_type"),
    ngx_string("event_time"),
    ngx_string("marker"),
    ngx_string("log.record.uid"),
    ngx_string("data")
};

#define NGX_HTTP_OPENQOE_OWN                                                  \
    (sizeof(ngx_http_openqoe_own) / sizeof(ngx_str_t))


/* openqoe_attribute name value */

char *
ngx_http_openqoe_attribute(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                         *value;
    ngx_uint_t                         i;
    const char                        *expected;
    ngx_http_openqoe_attribute_t      *attr;
    ngx_http_openqoe_loc_conf_t       *lcf = conf;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;
    expected = ngx_http_openqoe_attribute_name(&value[1]);

    if (expected != NULL) {
        return ngx_http_openqoe_bad_value(cf, (char *) cmd->name.data,
                                          &value[1], expected);
    }

    if (lcf->attributes == NGX_CONF_UNSET_PTR) {
        lcf->attributes = ngx_array_create(cf->pool, 4,
                                       sizeof(ngx_http_openqoe_attribute_t));
        if (lcf->attributes == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    attr = lcf->attributes->elts;

    for (i = 0; i < lcf->attributes->nelts; i++) {
        if (qoe_span_eq(ngx_http_openqoe_span(attr[i].name),
                        ngx_http_openqoe_span(value[1])))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate value \"%V\" in \"%V\"", &value[1],
                               &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    if (i == NGX_HTTP_OPENQOE_ATTRIBUTES) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" in \"%V\" is one too many, there can "
                           "be %d attributes", &value[1], &cmd->name,
                           NGX_HTTP_OPENQOE_ATTRIBUTES);
        return NGX_CONF_ERROR;
    }

    attr = ngx_array_push(lcf->attributes);
    if (attr == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(attr, sizeof(ngx_http_openqoe_attribute_t));
    attr->name = value[1];
    attr->fill = qoe_event_field_known(ngx_http_openqoe_span(value[1]));

    if (!attr->fill
        && ngx_http_openqoe_attribute_known(cf, &value[1]) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
    ccv.cf = cf;
    ccv.value = &value[2];
    ccv.complex_value = &attr->value;

    return ngx_http_compile_complex_value(&ccv) == NGX_OK ? NGX_CONF_OK
                                                          : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_openqoe_attribute_at(ngx_array_t *attributes, ngx_uint_t i,
    ngx_str_t *name, ngx_str_t *value)
{
    ngx_http_openqoe_attribute_t  *attr;

    if (attributes == NULL || i >= attributes->nelts) {
        return NGX_DECLINED;
    }

    attr = attributes->elts;
    *name = attr[i].name;
    *value = attr[i].value.value;

    return NGX_OK;
}


/* NULL, or what the name must be. */

static const char *
ngx_http_openqoe_attribute_name(ngx_str_t *name)
{
    u_char      c;
    size_t      i;
    qoe_span_t  span;

    static const char  expected[] =
        "a field of events, or [a-zA-Z_][a-zA-Z0-9_.-]{0,62}";

    span = ngx_http_openqoe_span(*name);

    if (name->len == 0 || name->len > NGX_HTTP_OPENQOE_ATTRIBUTE_NAME) {
        return expected;
    }

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_') {
            continue;
        }

        if (i == 0 || !((c >= '0' && c <= '9')
                        || ngx_http_openqoe_in(".-", c)))
        {
            return expected;
        }
    }

    for (i = 0; i < NGX_HTTP_OPENQOE_OWN; i++) {
        if (qoe_span_eq(span, ngx_http_openqoe_span(ngx_http_openqoe_own[i])))
        {
            return "another name, because events already have this one";
        }
    }

    if (qoe_event_field_find(span) != QOE_FIELDS
        && !qoe_event_field_known(span))
    {
        return "another field, because only the client sets this one";
    }

    return NULL;
}


/* Notes a name that dimensions may use as their source. */

static ngx_int_t
ngx_http_openqoe_attribute_known(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_str_t                     *known;
    ngx_http_openqoe_main_conf_t  *mcf;

    mcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_openqoe_module);

    known = ngx_array_push(&mcf->attributes);
    if (known == NULL) {
        return NGX_ERROR;
    }

    *known = *name;

    return NGX_OK;
}


/*
 * Evaluates all attributes, once for a request: fills the fields of the
 * batch's events, and gives the other attributes to meta.
 */

qoe_status_t
ngx_http_openqoe_attributes(ngx_http_request_t *r, ngx_array_t *attributes,
    qoe_batch_t *batch, qoe_record_meta_t *meta, qoe_arena_t *arena)
{
    size_t                         k;
    ngx_str_t                      value;
    ngx_uint_t                     i;
    qoe_span_t                     text;
    qoe_named_t                   *list;
    qoe_status_t                   rc;
    ngx_http_openqoe_attribute_t  *attr;

    attr = attributes->elts;

    list = qoe_arena_alloc(arena, attributes->nelts * sizeof(qoe_named_t));
    if (list == NULL) {
        return QOE_NOMEM;
    }

    meta->attrs = list;
    meta->nattrs = 0;

    for (i = 0; i < attributes->nelts; i++) {

        if (ngx_http_complex_value(r, &attr[i].value, &value) != NGX_OK) {
            return QOE_NOMEM;
        }

        rc = ngx_http_openqoe_attribute_text(&text, &value, arena);

        if (rc != QOE_OK) {
            return rc;
        }

        if (text.len == 0) {
            continue;
        }

        if (!attr[i].fill) {
            list[meta->nattrs].name = ngx_http_openqoe_span(attr[i].name);
            list[meta->nattrs++].value = text;
            continue;
        }

        for (k = 0; k < batch->nevents; k++) {

            /* keeps the client's values, and fields of other types */

            (void) qoe_event_fill(&batch->events[k],
                                  ngx_http_openqoe_span(attr[i].name), text);
        }
    }

    return QOE_OK;
}


/*
 * A request has no fields but the texts that become attributes of metrics; a
 * field without such a text is of no use to it.
 */

qoe_status_t
ngx_http_openqoe_attributes_request(ngx_http_request_t *r,
    ngx_array_t *attributes, const ngx_array_t *sources, qoe_request_t *q,
    qoe_arena_t *arena)
{
    ngx_str_t                      value;
    ngx_uint_t                     i;
    qoe_span_t                     text;
    ngx_http_openqoe_attribute_t  *attr;

    attr = (attributes != NULL) ? attributes->elts : NULL;

    for (i = 0; attr != NULL && i < attributes->nelts; i++) {

        if (ngx_http_complex_value(r, &attr[i].value, &value) != NGX_OK
            || ngx_http_openqoe_attribute_text(&text, &value, arena) != QOE_OK)
        {
            return QOE_NOMEM;
        }

        if (text.len == 0) {
            continue;
        }

        if (attr[i].fill) {
            ngx_http_openqoe_attribute_fill(q,
                qoe_event_field_find(ngx_http_openqoe_span(attr[i].name)),
                text);

        } else if (q->nattrs < QOE_REQUEST_NAMED) {
            q->named[q->nattrs].name = ngx_http_openqoe_span(attr[i].name);
            q->named[q->nattrs++].value = text;
        }
    }

    ngx_http_openqoe_attribute_dims(sources, q);

    return QOE_OK;
}


static void
ngx_http_openqoe_attribute_fill(qoe_request_t *q, size_t field,
    qoe_span_t text)
{
    size_t  id;

    id = ngx_http_openqoe_attribute_field(field);

    if (id != QOE_TEXTS && q->text[id].len == 0) {
        q->text[id] = text;
    }
}


/* The text of a sample that a field of an event becomes, or QOE_TEXTS. */

static size_t
ngx_http_openqoe_attribute_field(size_t field)
{
    switch (field) {

#define NGX_HTTP_OPENQOE_TEXT(id)  case QOE_FIELD_##id: return QOE_TEXT_##id;
#define NGX_HTTP_OPENQOE_NO_TEXT(id, path)

    QOE_SAMPLE_TEXTS(NGX_HTTP_OPENQOE_TEXT, NGX_HTTP_OPENQOE_NO_TEXT)

    case QOE_FIELD_CMCD_SID:
        return QOE_TEXT_SESSION_ID;

    case QOE_FIELD_CMCD_CID:
        return QOE_TEXT_VIDEO_ID;

    default:
        return QOE_TEXTS;
    }
}


/* The values of custom dimensions; those of "data" have none. */

static void
ngx_http_openqoe_attribute_dims(const ngx_array_t *sources, qoe_request_t *q)
{
    size_t               id, k;
    ngx_uint_t           i;
    qoe_span_t           value;
    const qoe_source_t  *s;

    s = sources->elts;

    for (i = 0; i < sources->nelts; i++) {

        value = qoe_span_null;

        if (s[i].kind == QOE_SOURCE_FIELD) {
            id = ngx_http_openqoe_attribute_field(s[i].field);
            value = (id != QOE_TEXTS) ? q->text[id] : qoe_span_null;

        } else if (s[i].kind == QOE_SOURCE_ATTRIBUTE) {
            for (k = 0; k < q->nattrs; k++) {
                if (qoe_span_eq(q->named[k].name, s[i].key)) {
                    value = q->named[k].value;
                }
            }
        }

        if (value.len != 0 && q->nattrs + q->ndims < QOE_REQUEST_NAMED) {
            q->named[q->nattrs + q->ndims].name = s[i].name;
            q->named[q->nattrs + q->ndims++].value = value;
        }
    }
}


/*
 * Copies the value up to the longest that is accepted, in whole characters; a
 * byte that is not UTF-8 and a control character become '?'.
 */

qoe_status_t
ngx_http_openqoe_attribute_text(qoe_span_t *out, ngx_str_t *value,
    qoe_arena_t *arena)
{
    char    *text;
    size_t   n, len;
    u_char  *p, *end;

    *out = qoe_span_null;

    if (value->len == 0) {
        return QOE_OK;
    }

    text = qoe_arena_alloc(arena, ngx_min(value->len,
                                          NGX_HTTP_OPENQOE_ATTRIBUTE_LEN));
    if (text == NULL) {
        return QOE_NOMEM;
    }

    len = 0;
    end = value->data + value->len;

    for (p = value->data; p < end; p += n) {

        n = (*p < 0x80) ? 1 : qoe_utf8_len(p, end);

        if (len + ngx_max(n, 1) > NGX_HTTP_OPENQOE_ATTRIBUTE_LEN) {
            break;
        }

        if (n == 0 || *p < 0x20 || *p == 0x7f) {
            text[len++] = '?';
            n = 1;
            continue;
        }

        if (n == 1) {
            text[len++] = (char) *p;
            continue;
        }

        ngx_memcpy(text + len, p, n);
        len += n;
    }

    *out = (qoe_span_t) { text, len };

    return QOE_OK;
}
