
/*
 * Copyright (C) OpenQoE
 */


#include "ngx_http_openqoe_cmcd.h"
#include "ngx_http_openqoe_fleet.h"


static ngx_conf_enum_t  ngx_http_openqoe_validations[] = {
    { ngx_string("partial"), 0 },
    { ngx_string("strict"), 1 },
    { ngx_null_string, 0 }
};


static ngx_conf_enum_t  ngx_http_openqoe_overloads[] = {
    { ngx_string("503"), NGX_HTTP_SERVICE_UNAVAILABLE },
    { ngx_string("429"), NGX_HTTP_TOO_MANY_REQUESTS },
    { ngx_string("204"), NGX_HTTP_NO_CONTENT },
    { ngx_null_string, 0 }
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_events_range = {
    1, 10000, "a number from 1 to 10000"
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_inflated_range = {
    1024, 1024 * 1024 * 1024, "a size from 1k to 1g"
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_drain_range = {
    0, 600000, "a time from 0 to 10m"
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_nice_range = {
    0, 19, "a number from 0 to 19"
};


static ngx_conf_enum_t  ngx_http_openqoe_acks[] = {
    { ngx_string("memory"), QOE_ACK_MEMORY },
    { ngx_string("spool"), QOE_ACK_SPOOL },
    { ngx_string("fsync"), QOE_ACK_FSYNC },
    { ngx_null_string, 0 }
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_ack_range = {
    100, 60000, "a time from 100ms to 60s"
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_series_range = {
    100, 10000000, "a number from 100 to 10000000"
};


static ngx_http_openqoe_range_t  ngx_http_openqoe_series_ttl_range = {
    1000, 366ULL * 86400 * 1000, "a time from 1s to 366d"
};


#define NGX_HTTP_OPENQOE_ANY_CONF                                             \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_command_t  ngx_http_openqoe_commands[] = {

    { ngx_string("openqoe_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_edge"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_edge,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_fleet_key"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_fleet_key,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_exporter"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_openqoe_exporter_block,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_spool"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_openqoe_spool,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_drain_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_time,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_openqoe_main_conf_t, drain_timeout),
      &ngx_http_openqoe_drain_range },

    { ngx_string("openqoe_helper_nice"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_number,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_openqoe_main_conf_t, helper_nice),
      &ngx_http_openqoe_nice_range },

    { ngx_string("openqoe_event_type"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_openqoe_event_type,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_event_time"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_openqoe_event_time,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_metrics"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_openqoe_metrics,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_dimension"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_openqoe_dimension,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_view_timeout"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE123,
      ngx_http_openqoe_view_timeout,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_view_record"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_view_record,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_traces"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE12,
      ngx_http_openqoe_traces,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_max_new_values"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_number,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_openqoe_main_conf_t, max_new_values),
      &ngx_http_openqoe_events_range },

    { ngx_string("openqoe_series_max"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_number,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_openqoe_main_conf_t, series_max),
      &ngx_http_openqoe_series_range },

    { ngx_string("openqoe_series_ttl"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_time,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_openqoe_main_conf_t, series_ttl),
      &ngx_http_openqoe_series_ttl_range },

    { ngx_string("openqoe_series_birth"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_series_birth,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_attribute"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE2,
      ngx_http_openqoe_attribute,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_events"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_openqoe_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_OPENQOE_EVENTS,
      ngx_http_openqoe_events_handler },

    { ngx_string("openqoe_cmcd_events"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_openqoe_cmcd_events,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_OPENQOE_CMCD_EVENTS,
      ngx_http_openqoe_events_handler },

    { ngx_string("openqoe_health"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_openqoe_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_OPENQOE_HEALTH,
      ngx_http_openqoe_health_handler },

    { ngx_string("openqoe_stats"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_openqoe_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_OPENQOE_STATS,
      ngx_http_openqoe_stats_handler },

    { ngx_string("openqoe_page"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_openqoe_set_handler,
      NGX_HTTP_LOC_CONF_OFFSET,
      NGX_HTTP_OPENQOE_PAGE,
      ngx_http_openqoe_page_handler },

    { ngx_string("openqoe_api_key"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_api_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_api_key_file"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_api_key_file,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_cors_origin"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_openqoe_cors_origin,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_marker"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, marker),
      NULL },

    { ngx_string("openqoe_marker_domain"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_marker_domain,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_max_events"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, max_events),
      &ngx_http_openqoe_events_range },

    { ngx_string("openqoe_max_sessions"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_number,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, max_sessions),
      &ngx_http_openqoe_events_range },

    { ngx_string("openqoe_max_inflated_size"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, max_inflated_size),
      &ngx_http_openqoe_inflated_range },

    { ngx_string("openqoe_validation"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, strict),
      ngx_http_openqoe_validations },

    { ngx_string("openqoe_overload_status"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, overload_status),
      ngx_http_openqoe_overloads },

    { ngx_string("openqoe_overload_wait"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_overload_wait,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_ack"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_enum,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, ack),
      ngx_http_openqoe_acks },

    { ngx_string("openqoe_ack_timeout"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_set_time,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, ack_timeout),
      &ngx_http_openqoe_ack_range },

    { ngx_string("openqoe_cmcd"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_cmcd,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_cmcd_org"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_set_complex_value_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_openqoe_loc_conf_t, cmcd_org),
      NULL },

    { ngx_string("openqoe_cmcd_log"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_openqoe_cmcd_log,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("openqoe_cmsd"),
      NGX_HTTP_OPENQOE_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_openqoe_cmsd,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_openqoe_module_ctx = {
    ngx_http_openqoe_preconfiguration,     /* preconfiguration */
    ngx_http_openqoe_postconfiguration,    /* postconfiguration */

    ngx_http_openqoe_create_main_conf,     /* create main configuration */
    ngx_http_openqoe_init_main_conf,       /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_openqoe_create_loc_conf,      /* create location configuration */
    ngx_http_openqoe_merge_loc_conf        /* merge location configuration */
};


ngx_module_t  ngx_http_openqoe_module = {
    NGX_MODULE_V1,
    &ngx_http_openqoe_module_ctx,          /* module context */
    ngx_http_openqoe_commands,             /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_openqoe_init_module,          /* init module */
    ngx_http_openqoe_init_process,         /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_openqoe_exit_process,         /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};
