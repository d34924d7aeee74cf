
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_schema.h"

#include <stdio.h>


const qoe_schema_field_t  qoe_schema_fields[QOE_FIELDS] = {
#define QOE_SCHEMA_FIELD(id, parent, key, kind)                               \
    { parent, { key, sizeof(key) - 1 }, QOE_KIND_##kind },
    QOE_EVENT_FIELDS(QOE_SCHEMA_FIELD)
#undef QOE_SCHEMA_FIELD
};


#define QOE_SCHEMA_GROUP(name, first, end)                                    \
    { { name, sizeof(name) - 1 }, QOE_FIELD_##first, end }

const qoe_schema_group_t  qoe_schema_groups[QOE_SCHEMA_GROUPS] = {
    QOE_SCHEMA_GROUP("device", DEVICE_NAME, QOE_FIELD_OS_FAMILY),
    QOE_SCHEMA_GROUP("os", OS_FAMILY, QOE_FIELD_BROWSER_FAMILY),
    QOE_SCHEMA_GROUP("browser", BROWSER_FAMILY, QOE_FIELD_PLAYER_NAME),
    QOE_SCHEMA_GROUP("player", PLAYER_NAME, QOE_FIELD_NETWORK_ASN),
    QOE_SCHEMA_GROUP("network", NETWORK_ASN, QOE_FIELD_CDN_PROVIDER),
    QOE_SCHEMA_GROUP("cdn", CDN_PROVIDER, QOE_FIELD_VIDEO_ID),
    QOE_SCHEMA_GROUP("video", VIDEO_ID, QOE_FIELD_CMCD_BR),
    QOE_SCHEMA_GROUP("cmcd", CMCD_BR, QOE_FIELDS)
};

static const char *qoe_schema_duration(char *buf, size_t size, uint64_t ms);


const char *
qoe_schema_older(char *buf, size_t size, const qoe_decode_conf_t *conf,
    double t, double min, double max)
{
    char  age[40];

    if (t * 1000 >= min && t * 1000 <= max) {
        snprintf(buf, size, "must be in milliseconds: %.0f looks like seconds",
                 t);
        return buf;
    }

    snprintf(buf, size, "is older than %s",
             qoe_schema_duration(age, sizeof(age), conf->max_age_ms));

    return buf;
}


const char *
qoe_schema_ahead(char *buf, size_t size, const qoe_decode_conf_t *conf)
{
    char  age[40];

    snprintf(buf, size, "is more than %s in the future",
             qoe_schema_duration(age, sizeof(age), conf->max_ahead_ms));

    return buf;
}


static const char *
qoe_schema_duration(char *buf, size_t size, uint64_t ms)
{
    size_t                              i;
    static const struct {
        uint64_t                        ms;
        const char                     *name;
    } units[] = {
        { 3600000, "hour" },
        { 60000, "minute" },
        { 1000, "second" },
        { 1, "millisecond" }
    };

    i = 0;

    while (ms < units[i].ms && units[i].ms != 1) {
        i++;
    }

    while (ms % units[i].ms != 0) {
        i++;
    }

    snprintf(buf, size, "%llu %s%s", (unsigned long long) (ms / units[i].ms),
             units[i].name, (ms == units[i].ms) ? "" : "s");

    return buf;
}
