
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_event_type.h"


#define QOE_TYPE_NAME_MAX  64


typedef struct {
    qoe_span_t        name;
    qoe_severity_t    severity;
} qoe_event_type_row_t;


static const qoe_event_type_row_t  qoe_event_types[] = {
#define QOE_EVENT_TYPE_ROW(id, name, severity)                                \
    { { name, sizeof(name) - 1 }, QOE_SEVERITY_##severity },
    QOE_EVENT_TYPES(QOE_EVENT_TYPE_ROW)
#undef QOE_EVENT_TYPE_ROW
};


qoe_status_t
qoe_event_type_find(qoe_span_t name, const qoe_custom_type_t *customs,
    size_t ncustoms, qoe_event_type_t *type, qoe_severity_t *severity)
{
    size_t  i;

    for (i = 0; i < QOE_EVENT_CUSTOM; i++) {
        if (qoe_span_eq(name, qoe_event_types[i].name)) {
            *type = (qoe_event_type_t) i;
            *severity = qoe_event_types[i].severity;
            return QOE_OK;
        }
    }

    for (i = 0; i < ncustoms; i++) {
        if (qoe_span_eq(name, customs[i].name)) {
            *type = QOE_EVENT_CUSTOM;
            *severity = customs[i].severity;
            return QOE_OK;
        }
    }

    return QOE_INVALID;
}


qoe_status_t
qoe_event_type_valid(qoe_span_t name)
{
    char              c;
    size_t            i;
    qoe_severity_t    severity;
    qoe_event_type_t  type;

    if (name.len == 0 || name.len > QOE_TYPE_NAME_MAX
        || name.data[0] < 'a' || name.data[0] > 'z')
    {
        return QOE_INVALID;
    }

    for (i = 1; i < name.len; i++) {
        c = name.data[i];

        if ((c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_') {
            return QOE_INVALID;
        }
    }

    if (qoe_event_type_find(name, NULL, 0, &type, &severity) == QOE_OK) {
        return QOE_INVALID;
    }

    return QOE_OK;
}


qoe_span_t
qoe_event_type_name(qoe_event_type_t type)
{
    if ((size_t) type >= QOE_EVENT_CUSTOM) {
        return qoe_span_null;
    }

    return qoe_event_types[type].name;
}


int
qoe_event_type_rank(qoe_event_type_t type)
{
    size_t  i;

    /* Types without a rank here get the one left free after WAITSTART. */

    static const uint8_t  rank[QOE_EVENT_CUSTOM + 1] = {
        [QOE_EVENT_MANIFESTLOAD] = 1,
        [QOE_EVENT_VIEWSTART] = 2,
        [QOE_EVENT_PLAYERREADY] = 3,
        [QOE_EVENT_ERROR] = 4,
        [QOE_EVENT_PAUSE] = 5,
        [QOE_EVENT_PLAYING] = 6,
        [QOE_EVENT_STALLSTART] = 7,
        [QOE_EVENT_WAITSTART] = 8,
        [QOE_EVENT_SEEK] = 10,
        [QOE_EVENT_CANPLAY] = 11,
        [QOE_EVENT_STALLEND] = 12,
        [QOE_EVENT_ENDED] = 13,
        [QOE_EVENT_MOVEBACK] = 14,
        [QOE_EVENT_MOVEAWAY] = 15,
        [QOE_EVENT_PLAYBACKDETACHED] = 16
    };

    i = qoe_min((size_t) type, (size_t) QOE_EVENT_CUSTOM);

    return rank[i] != 0 ? rank[i] : 9;
}
