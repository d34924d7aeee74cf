
/*
 * Copyright (C) OpenQoE
 *
 * openqoe_dimension and CARDINALITY_LIMITS: what is done with the values of a
 * dimension.
 */


#include "ngx_http_openqoe_fleet.h"


#define NGX_HTTP_OPENQOE_CUSTOM_MAX  1000    /* default of max= */
#define NGX_HTTP_OPENQOE_TOPK_MAX    100     /* default of max= for topk */


typedef enum {
    NGX_HTTP_OPENQOE_PARAM_MAX = 0,
    NGX_HTTP_OPENQOE_PARAM_TTL,
    NGX_HTTP_OPENQOE_PARAM_SIZE,
    NGX_HTTP_OPENQOE_PARAM_OVERFLOW,
    NGX_HTTP_OPENQOE_PARAM_MAXLEN,
    NGX_HTTP_OPENQOE_PARAM_SOURCE,
    NGX_HTTP_OPENQOE_PARAM_METRICS,
    NGX_HTTP_OPENQOE_PARAM_VALUES,
    NGX_HTTP_OPENQOE_PARAM_FILE,
    NGX_HTTP_OPENQOE_PARAMS
} ngx_http_openqoe_param_e;

#define ngx_http_openqoe_bit(param)  (1U << NGX_HTTP_OPENQOE_PARAM_##param)


/* A directive while it is being read. */

typedef struct {
    ngx_conf_t       *cf;
    const char       *directive;
    qoe_dimension_t   dim;
    ngx_str_t         source;
    ngx_str_t         file;
    qoe_role_t        grain;                 /* from metrics= */
    uint32_t          given;                 /* a bit for each parameter */
    ngx_uint_t        custom;
} ngx_http_openqoe_dimension_t;


static char *ngx_http_openqoe_dimension_name(ngx_http_openqoe_dimension_t *d,
    qoe_dimensions_t *dims, uint64_t set, size_t *n);
static char *ngx_http_openqoe_dimension_param(ngx_http_openqoe_dimension_t *d,
    ngx_str_t *param);
static const char *ngx_http_openqoe_dimension_value(
    ngx_http_openqoe_dimension_t *d, ngx_uint_t param, ngx_str_t *s);
static const char *ngx_http_openqoe_dimension_pins(
    ngx_http_openqoe_dimension_t *d, ngx_str_t *s);
static char *ngx_http_openqoe_dimension_pinned(
    ngx_http_openqoe_dimension_t *d);
static char *ngx_http_openqoe_dimension_sense(
    ngx_http_openqoe_dimension_t *d);
static char *ngx_http_openqoe_dimension_lists(
    ngx_http_openqoe_dimension_t *d);
static char *ngx_http_openqoe_dimension_custom(
    ngx_http_openqoe_dimension_t *d, ngx_http_openqoe_main_conf_t *mcf);
static ngx_uint_t ngx_http_openqoe_same_label(qoe_span_t a, qoe_span_t b);


static const ngx_str_t  ngx_http_openqoe_params[] = {
    ngx_string("max="),
    ngx_string("ttl="),
    ngx_string("size="),
    ngx_string("overflow="),
    ngx_string("maxlen="),
    ngx_string("source="),
    ngx_string("metrics="),
    ngx_string("values="),
    ngx_string("file=")
};


/*
 * The parameters that an action accepts beside source=.  drop accepts none,
 * because a dropped dimension is in no metric.
 */

static const uint32_t  ngx_http_openqoe_action_params[] = {
    ngx_http_openqoe_bit(MAX) | ngx_http_openqoe_bit(TTL)    /* allow */
    | ngx_http_openqoe_bit(OVERFLOW) | ngx_http_openqoe_bit(MAXLEN)
    | ngx_http_openqoe_bit(METRICS) | ngx_http_openqoe_bit(VALUES)
    | ngx_http_openqoe_bit(FILE),
    ngx_http_openqoe_bit(MAX) | ngx_http_openqoe_bit(OVERFLOW)      /* topk */
    | ngx_http_openqoe_bit(MAXLEN) | ngx_http_openqoe_bit(METRICS),
    ngx_http_openqoe_bit(METRICS),                           /* hash */
    ngx_http_openqoe_bit(SIZE)                               /* bucket */
    | ngx_http_openqoe_bit(METRICS),
    0                                                        /* drop */
};


static const ngx_http_openqoe_range_t  ngx_http_openqoe_max_range = {
    1, 1000000, "a number from 1 to 1000000"
};

static const ngx_http_openqoe_range_t  ngx_http_openqoe_ttl_range = {
    60000, 366ULL * 86400 * 1000, "a time from 1m to 366d"
};

static const ngx_http_openqoe_range_t  ngx_http_openqoe_bucket_range = {
    1, 1000000000, "a number from 1 to 1000000000"
};

static const ngx_http_openqoe_range_t  ngx_http_openqoe_maxlen_range = {
    1, 256, "a number from 1 to 256"
};


/*
 * openqoe_dimension name action [max=] [ttl=] [size=] [overflow=] [maxlen=]
 * [values=] [metrics=] [source=]
 */

char *
ngx_http_openqoe_dimension(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                          *rv;
    size_t                         n;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_openqoe_dimension_t   d;
    ngx_http_openqoe_main_conf_t  *mcf = conf;

    ngx_memzero(&d, sizeof(ngx_http_openqoe_dimension_t));

    d.cf = cf;
    d.directive = (const char *) cmd->name.data;
    value = cf->args->elts;

    rv = ngx_http_openqoe_dimension_name(&d, &mcf->dimensions,
                                         mcf->dimensions_set, &n);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (qoe_action_find(ngx_http_openqoe_span(value[2]), &d.dim.action)
        != QOE_OK)
    {
        return ngx_http_openqoe_bad_value(cf, d.directive, &value[2],
                   "\"allow\", \"topk\", \"hash\", \"bucket\" or \"drop\"");
    }

    for (i = 3; i < cf->args->nelts; i++) {

        rv = ngx_http_openqoe_dimension_param(&d, &value[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    rv = ngx_http_openqoe_dimension_sense(&d);

    if (rv == NGX_CONF_OK && d.custom) {
        rv = ngx_http_openqoe_dimension_custom(&d, mcf);
    }

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    mcf->dimensions.dim[n] = d.dim;
    mcf->dimensions.n = ngx_max(mcf->dimensions.n, n + 1);
    mcf->dimensions_set |= 1ULL << n;

    return NGX_CONF_OK;
}


/* Finds or gives the dimension's number, and sets the defaults. */

static char *
ngx_http_openqoe_dimension_name(ngx_http_openqoe_dimension_t *d,
    qoe_dimensions_t *dims, uint64_t set, size_t *n)
{
    size_t      i;
    ngx_str_t  *value;
    qoe_span_t  name;

    value = d->cf->args->elts;
    name = ngx_http_openqoe_span(value[1]);

    i = qoe_dimension_find(dims, name);
    *n = i;

    if (i < dims->n) {

        if (set >> i & 1) {
            ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                               "duplicate value \"%V\" in \"%s\"", &value[1],
                               d->directive);
            return NGX_CONF_ERROR;
        }

        d->dim = dims->dim[i];
        return NGX_CONF_OK;
    }

    if (qoe_dimension_name_valid(name) != QOE_OK) {
        return ngx_http_openqoe_bad_value(d->cf, d->directive, &value[1],
                   "a dimension of the module, or [a-zA-Z_][a-zA-Z0-9_.]"
                   "{0,62} that is not a label of Prometheus itself");
    }

    for (i = 0; i < dims->n; i++) {
        if (ngx_http_openqoe_same_label(dims->dim[i].name, name)) {
            return ngx_http_openqoe_bad_value(d->cf, d->directive, &value[1],
                       "a name that is not another dimension's for "
                       "Prometheus, where a dot is an underscore");
        }
    }

    if (i == QOE_DIMENSIONS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                           "\"%V\" in \"%s\" is one too many, there can "
                           "be %d dimensions, %d of them the module's own",
                           &value[1], d->directive, QOE_DIMENSIONS_MAX,
                           QOE_DIMS_BUILTIN);
        return NGX_CONF_ERROR;
    }

    d->custom = 1;
    d->dim.name = name;
    d->dim.role = QOE_ROLE_FINE;
    d->dim.max = NGX_HTTP_OPENQOE_CUSTOM_MAX;
    d->dim.ttl_s = 86400;
    d->dim.size = 1;
    d->dim.maxlen = QOE_DIMENSION_LEN;

    return NGX_CONF_OK;
}


static char *
ngx_http_openqoe_dimension_param(ngx_http_openqoe_dimension_t *d,
    ngx_str_t *param)
{
    ngx_str_t         s;
    ngx_uint_t        i;
    const char       *expected;
    const ngx_str_t  *name;

    name = ngx_http_openqoe_params;

    for (i = 0; i < NGX_HTTP_OPENQOE_PARAMS; i++) {

        name = &ngx_http_openqoe_params[i];

        if (param->len >= name->len
            && ngx_strncmp(param->data, name->data, name->len) == 0)
        {
            break;
        }
    }

    if (i == NGX_HTTP_OPENQOE_PARAMS) {
        return ngx_http_openqoe_bad_value(d->cf, d->directive, param,
                   "\"max=\", \"ttl=\", \"size=\", \"overflow=\", "
                   "\"maxlen=\", \"values=\", \"file=\", \"metrics=\" or "
                   "\"source=\"");
    }

    if (d->given & 1U << i) {
        ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                           "duplicate parameter \"%V\" in \"%s\"", param,
                           d->directive);
        return NGX_CONF_ERROR;
    }

    d->given |= 1U << i;

    name = &ngx_http_openqoe_params[i];
    s.data = param->data + name->len;
    s.len = param->len - name->len;

    expected = ngx_http_openqoe_dimension_value(d, i, &s);

    return expected == NULL
           ? NGX_CONF_OK
           : ngx_http_openqoe_bad_value(d->cf, d->directive, param, expected);
}


/* NULL, or what the value must be. */

static const char *
ngx_http_openqoe_dimension_value(ngx_http_openqoe_dimension_t *d,
    ngx_uint_t param, ngx_str_t *s)
{
    size_t                           number;
    uint32_t                        *field;
    ngx_msec_t                       ms;
    const ngx_http_openqoe_range_t  *range;

    switch (param) {

    case NGX_HTTP_OPENQOE_PARAM_TTL:

        range = &ngx_http_openqoe_ttl_range;

        if (ngx_http_openqoe_time(s, range, &ms) != NGX_OK) {
            return range->text;
        }

        d->dim.ttl_s = (uint32_t) (ms / 1000);
        return NULL;

    case NGX_HTTP_OPENQOE_PARAM_OVERFLOW:

        if (ngx_strcmp(s->data, "other") == 0) {
            d->dim.overflow = QOE_OVERFLOW_OTHER;

        } else if (ngx_strcmp(s->data, "hash") == 0) {
            d->dim.overflow = QOE_OVERFLOW_HASH;

        } else {
            return "\"other\" or \"hash\"";
        }

        return NULL;

    case NGX_HTTP_OPENQOE_PARAM_METRICS:

        if (ngx_strcmp(s->data, "headline") == 0) {
            d->grain = QOE_ROLE_FINE;

        } else if (ngx_strcmp(s->data, "all") == 0) {
            d->grain = QOE_ROLE_BASE;

        } else {
            return "\"headline\" or \"all\"";
        }

        return NULL;

    case NGX_HTTP_OPENQOE_PARAM_VALUES:

        return ngx_http_openqoe_dimension_pins(d, s);

    case NGX_HTTP_OPENQOE_PARAM_SOURCE:

        d->source = *s;
        return NULL;

    case NGX_HTTP_OPENQOE_PARAM_FILE:

        d->file = *s;
        return s->len != 0 ? NULL : "the path of a file";

    case NGX_HTTP_OPENQOE_PARAM_MAX:

        range = &ngx_http_openqoe_max_range;
        field = &d->dim.max;
        break;

    case NGX_HTTP_OPENQOE_PARAM_SIZE:

        range = &ngx_http_openqoe_bucket_range;
        field = &d->dim.size;
        break;

    default: /* NGX_HTTP_OPENQOE_PARAM_MAXLEN */

        range = &ngx_http_openqoe_maxlen_range;
        field = &d->dim.maxlen;
    }

    if (ngx_http_openqoe_number(s, range, &number) != NGX_OK) {
        return range->text;
    }

    *field = (uint32_t) number;

    return NULL;
}


/* A comma-separated list of values that always have a place. */

static const char *
ngx_http_openqoe_dimension_pins(ngx_http_openqoe_dimension_t *d, ngx_str_t *s)
{
    size_t       i, start;
    qoe_span_t  *pins, value;

    static const char  expected[] =
        "1 to 64 different values with commas between them, each of 1 to 256 "
        "bytes without control characters";

    pins = ngx_palloc(d->cf->pool,
                      QOE_DIMENSION_PINS_MAX * sizeof(qoe_span_t));
    if (pins == NULL) {
        return "shorter, there is no memory";
    }

    d->dim.pins = pins;
    start = 0;

    for (i = 0; i <= s->len; i++) {

        if (i < s->len && (s->data[i] < 0x20 || s->data[i] == 0x7f)) {
            return expected;
        }

        if (i < s->len && s->data[i] != ',') {
            continue;
        }

        value = (qoe_span_t) { (char *) s->data + start, i - start };
        start = i + 1;

        if (value.len == 0 || value.len > QOE_DIMENSION_LEN_MAX
            || d->dim.npins == QOE_DIMENSION_PINS_MAX
            || qoe_dimension_pinned(&d->dim, value))
        {
            return expected;
        }

        pins[d->dim.npins++] = value;
    }

    return NULL;
}


/* Whether the pinned values can be values of this dimension at all. */

static char *
ngx_http_openqoe_dimension_pinned(ngx_http_openqoe_dimension_t *d)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = d->cf->args->elts;

    if (d->dim.npins > d->dim.max) {
        ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                           "\"values=\" of \"%V\" in \"%s\" has %uD values, "
                           "which is more than \"max=%uD\"", &value[1],
                           d->directive, d->dim.npins, d->dim.max);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < d->dim.npins; i++) {

        if (d->dim.pins[i].len > d->dim.maxlen) {
            ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                               "\"%*s\" in \"values=\" of \"%V\" in \"%s\" "
                               "is longer than \"maxlen=%uD\"",
                               d->dim.pins[i].len, d->dim.pins[i].data,
                               &value[1], d->directive, d->dim.maxlen);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* Whether action and parameters fit together and fit the dimension. */

static char *
ngx_http_openqoe_dimension_sense(ngx_http_openqoe_dimension_t *d)
{
    uint32_t     source, useless;
    ngx_str_t   *value;
    ngx_uint_t   i;
    const char  *action;

    value = d->cf->args->elts;
    source = d->given & ngx_http_openqoe_bit(SOURCE);

    if (d->dim.role == QOE_ROLE_NEVER && d->dim.action != QOE_ACTION_DROP) {
        return ngx_http_openqoe_bad_value(d->cf, d->directive, &value[2],
                   "\"drop\" for this dimension: it has a value of its own "
                   "for each viewer or view, which no metric can carry");
    }

    action = qoe_action_name(d->dim.action).data;

    if (d->dim.action == QOE_ACTION_BUCKET
        && !(d->given & ngx_http_openqoe_bit(SIZE)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                           "action \"bucket\" of \"%V\" in \"%s\" needs "
                           "\"size=\"", &value[1], d->directive);
        return NGX_CONF_ERROR;
    }

    if (!d->custom != !source) {
        ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                           d->custom
                           ? "\"%V\" in \"%s\" is not a dimension of the "
                             "module, it needs \"source=\""
                           : "\"%V\" in \"%s\" is a dimension of the module, "
                             "it cannot have \"source=\"",
                           &value[1], d->directive);
        return NGX_CONF_ERROR;
    }

    useless = d->given & ~source
              & ~ngx_http_openqoe_action_params[d->dim.action];

    for (i = 0; i < NGX_HTTP_OPENQOE_PARAMS; i++) {

        if (useless & 1U << i) {
            ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                               "\"%V\" of \"%V\" in \"%s\" has no meaning "
                               "with the action \"%s\"",
                               &ngx_http_openqoe_params[i], &value[1],
                               d->directive, action);
            return NGX_CONF_ERROR;
        }
    }

    if (d->given & ngx_http_openqoe_bit(METRICS)) {

        if (d->dim.role == QOE_ROLE_EXTRA) {
            ngx_conf_log_error(NGX_LOG_EMERG, d->cf, 0,
                               "\"metrics=\" of \"%V\" in \"%s\" has no "
                               "meaning: that dimension belongs to certain "
                               "metrics alone", &value[1], d->directive);
            return NGX_CONF_ERROR;
        }

        d->dim.role = d->grain;
    }

    /* the default maximum of another action would make a large list */

    if (d->dim.action == QOE_ACTION_TOPK
        && !(d->given & ngx_http_openqoe_bit(MAX)))
    {
        d->dim.max = ngx_min(d->dim.max, NGX_HTTP_OPENQOE_TOPK_MAX);
    }

    return ngx_http_openqoe_dimension_lists(d);
}


/* With a file, its values are all there are, unless max= says otherwise. */

static char *
ngx_http_openqoe_dimension_lists(ngx_http_openqoe_dimension_t *d)
{
    char  *rv;

    if (d->file.len == 0) {
        return ngx_http_openqoe_dimension_pinned(d);
    }

    if (!(d->given & ngx_http_openqoe_bit(MAX))) {
        d->dim.max = 0;
    }

    d->dim.max += d->dim.npins;
    rv = ngx_http_openqoe_dimension_pinned(d);

    return rv != NGX_CONF_OK
           ? rv : ngx_http_openqoe_dimension_file(d->cf, d->directive,
                                                  &d->file, &d->dim);
}


static char *
ngx_http_openqoe_dimension_custom(ngx_http_openqoe_dimension_t *d,
    ngx_http_openqoe_main_conf_t *mcf)
{
    qoe_source_t  *source;

    d->dim.source = ngx_http_openqoe_span(d->source);

    source = ngx_array_push(&mcf->sources);
    if (source == NULL) {
        return NGX_CONF_ERROR;
    }

    if (qoe_source_parse(source, d->dim.name, d->dim.source) != QOE_OK) {
        return ngx_http_openqoe_bad_value(d->cf, d->directive, &d->source,
                   "\"data.key\", \"data.key.key\", a field of events such "
                   "as \"network.city\", or \"attribute.name\"");
    }

    if (source->kind == QOE_SOURCE_FIELD
        && (source->field == QOE_FIELD_SESSION_ID
            || source->field == QOE_FIELD_VIEW_ID
            || source->field == QOE_FIELD_VIEWER_ID
            || source->field == QOE_FIELD_VIDEO_SOURCE_URL))
    {
        return ngx_http_openqoe_bad_value(d->cf, d->directive, &d->source,
                   "another field: this one has a value of its own for each "
                   "viewer or view, which no metric can carry");
    }

    return NGX_CONF_OK;
}


/* Whether Prometheus would see the same label name. */

static ngx_uint_t
ngx_http_openqoe_same_label(qoe_span_t a, qoe_span_t b)
{
    char    x, y;
    size_t  i;

    for (i = 0; i < a.len && i < b.len; i++) {

        x = (a.data[i] == '.') ? '_' : a.data[i];
        y = (b.data[i] == '.') ? '_' : b.data[i];

        if (x != y) {
            return 0;
        }
    }

    return a.len == b.len;
}


/* NULL; NGX_CONF_ERROR: the error was logged.  Directives take precedence. */

const char *
ngx_http_openqoe_cardinality_limits(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf, ngx_str_t *json)
{
    char          err[256];
    qoe_status_t  rc;

    rc = qoe_dimensions_json(&mcf->dimensions, ngx_http_openqoe_span(*json),
                             mcf->dimensions_set, err, sizeof(err));
    if (rc == QOE_OK) {
        return NULL;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value in \"CARDINALITY_LIMITS\": %s",
                       rc == QOE_INVALID ? err : "no memory");

    return NGX_CONF_ERROR;
}


/* An attribute that no location adds must be a mistyped name. */

ngx_int_t
ngx_http_openqoe_dimensions_check(ngx_conf_t *cf,
    ngx_http_openqoe_main_conf_t *mcf)
{
    size_t       i;
    ngx_str_t   *names;
    qoe_span_t   name;
    ngx_uint_t   j;

    static const qoe_span_t  prefix = { "attribute.",
                                        sizeof("attribute.") - 1 };

    names = mcf->attributes.elts;

    for (i = QOE_DIMS_BUILTIN; i < mcf->dimensions.n; i++) {

        name = mcf->dimensions.dim[i].source;

        if (name.len <= prefix.len
            || ngx_strncmp(name.data, prefix.data, prefix.len) != 0)
        {
            continue;
        }

        name.data += prefix.len;
        name.len -= prefix.len;

        for (j = 0; j < mcf->attributes.nelts; j++) {
            if (qoe_span_eq(name, ngx_http_openqoe_span(names[j]))) {
                break;
            }
        }

        if (j == mcf->attributes.nelts) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"source=attribute.%*s\" in "
                               "\"openqoe_dimension\" needs an "
                               "\"openqoe_attribute\" of that name",
                               name.len, name.data);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
