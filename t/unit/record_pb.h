
/*
 * Copyright (C) OpenQoE
 *
 * Records by protobuf-c, the oracle of src/event/qoe_record*.c, and whole ones,
 * as they lie in the queue.
 */


#ifndef _RECORD_PB_H_INCLUDED_
#define _RECORD_PB_H_INCLUDED_


#include "qoe_otlp_pb.h"
#include "qoe_record.h"

#include "openqoe/v1/record.pb-c.h"


/* Packs head and body into one piece. */

static inline qoe_status_t
record_pack(qoe_span_t *out, const qoe_event_t *ev,
    const qoe_record_meta_t *meta, qoe_arena_t *arena)
{
    char          *p;
    qoe_span_t     head;
    qoe_status_t   rc;

    rc = qoe_record_pack(&head, ev, meta, arena);

    if (rc != QOE_OK) {
        return rc;
    }

    p = qoe_arena_alloc(arena, head.len + ev->raw.len);

    if (p == NULL) {
        return QOE_NOMEM;
    }

    memcpy(p, head.data, head.len);

    if (ev->raw.len != 0) {
        memcpy(p + head.len, ev->raw.data, ev->raw.len);
    }

    *out = (qoe_span_t) { p, head.len + ev->raw.len };

    return QOE_OK;
}


/* What qoe_record_open() should find. */

static inline qoe_status_t
record_unpack(Openqoe__V1__Record **out, qoe_span_t packed,
    qoe_arena_t *arena)
{
    qoe_status_t       rc;
    ProtobufCMessage  *msg;

    if (packed.len > QOE_RECORD_MAX) {
        return QOE_INVALID;
    }

    rc = qoe_pb_unpack(&msg, &openqoe__v1__record__descriptor, packed, arena);

    if (rc != QOE_OK) {
        return rc;
    }

    *out = (Openqoe__V1__Record *) msg;

    return (*out)->event_type.len != 0 && (*out)->uid.len == 16 ? QOE_OK
                                                                : QOE_INVALID;
}


static inline bool
record_span_is(qoe_span_t s, ProtobufCBinaryData b)
{
    return s.len == b.len && (s.len == 0 || memcmp(s.data, b.data, s.len) == 0);
}


static inline bool
record_named_is(const qoe_named_t *named, size_t n, Openqoe__V1__Named **list,
    size_t nlist)
{
    size_t  i, k;

    for (i = 0, k = 0; i < nlist && i < QOE_RECORD_NAMED_MAX; i++) {

        if (list[i]->name.len == 0 || list[i]->value.len == 0) {
            continue;
        }

        if (k == n || !record_span_is(named[k].name, list[i]->name)
            || !record_span_is(named[k].value, list[i]->value))
        {
            return false;
        }

        k++;
    }

    return k == n;
}


/* Did both read the same? */

static inline bool
record_is(const qoe_record_t *r, const Openqoe__V1__Record *pb)
{
    size_t                     i;
    const ProtobufCBinaryData  text[QOE_TEXTS] = {
        [QOE_TEXT_ORG_ID] = pb->org_id,
        [QOE_TEXT_PLAYER_ID] = pb->player_id,
        [QOE_TEXT_SESSION_ID] = pb->session_id,
        [QOE_TEXT_VIEW_ID] = pb->view_id,
        [QOE_TEXT_VIEWER_ID] = pb->viewer_id,
        [QOE_TEXT_ENV] = pb->env,
        [QOE_TEXT_APP_NAME] = pb->app_name,
        [QOE_TEXT_APP_VERSION] = pb->app_version,
        [QOE_TEXT_DEVICE_CATEGORY] = pb->device_category,
        [QOE_TEXT_OS_FAMILY] = pb->os_family,
        [QOE_TEXT_BROWSER_FAMILY] = pb->browser_family,
        [QOE_TEXT_PLAYER_NAME] = pb->player_name,
        [QOE_TEXT_NETWORK_COUNTRY_CODE] = pb->network_country_code,
        [QOE_TEXT_NETWORK_REGION] = pb->network_region,
        [QOE_TEXT_NETWORK_ASN] = pb->network_asn,
        [QOE_TEXT_CDN_PROVIDER] = pb->cdn_provider,
        [QOE_TEXT_CDN_EDGE_POP] = pb->cdn_edge_pop,
        [QOE_TEXT_VIDEO_ID] = pb->video_id,
        [QOE_TEXT_VIDEO_TITLE] = pb->video_title,
        [QOE_TEXT_VIDEO_SOURCE_URL] = pb->video_source_url,
        [QOE_TEXT_VIDEO_STREAM_TYPE] = pb->video_stream_type,
        [QOE_TEXT_CMCD_ST] = pb->cmcd_st,
        [QOE_TEXT_MEDIA_TYPE] = pb->media_type,
        [QOE_TEXT_CODEC] = pb->codec,
        [QOE_TEXT_ERROR_FAMILY] = pb->error_family,
        [QOE_TEXT_ERROR_CODE] = pb->error_code,
        [QOE_TEXT_MARKER] = pb->marker
    };

    for (i = 0; i < QOE_TEXTS; i++) {
        if (!record_span_is(r->text[i], text[i])) {
            return false;
        }
    }

    return r->received_ns == pb->received_unix_nano
           && r->event_ns == pb->event_unix_nano
           && r->severity == pb->severity_number
           && record_span_is(r->type_name, pb->event_type)
           && record_span_is(r->uid, pb->uid)
           && record_span_is(r->body, pb->body)
           && r->set == pb->number_set
           && r->numbers.len == pb->n_numbers * sizeof(double)
           && (r->numbers.len == 0
               || memcmp(r->numbers.data, pb->numbers, r->numbers.len) == 0)
           && record_named_is(r->attrs, r->nattrs, pb->attributes,
                              pb->n_attributes)
           && record_named_is(r->dims, r->ndims, pb->dimensions,
                              pb->n_dimensions);
}


#endif /* _RECORD_PB_H_INCLUDED_ */
