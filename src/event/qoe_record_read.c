
/*
 * Copyright (C) OpenQoE
 *
 * Reads records.
 */


#include "qoe_record.h"
#include "qoe_source.h"

#include <math.h>


static qoe_status_t qoe_record_check(const qoe_record_t *r);
static void qoe_sample_numbers(qoe_sample_t *s, const qoe_record_t *r);
static qoe_status_t qoe_sample_named(const qoe_named_t **to, size_t *nto,
    const qoe_record_t *r, size_t first, size_t n, qoe_arena_t *arena);


qoe_status_t
qoe_record_open(qoe_record_t *r, qoe_span_t packed)
{
    size_t                    fixed;
    const qoe_record_head_t  *head;

    if (packed.len < sizeof(qoe_record_head_t)
        || packed.len > QOE_RECORD_MAX)
    {
        return QOE_INVALID;
    }

    head = (const qoe_record_head_t *) packed.data;

    if (head->format != QOE_RECORD_FORMAT
        || head->head_len > packed.len
        || head->body_len != packed.len - head->head_len
        || head->type > QOE_EVENT_CUSTOM
        || head->nnumbers > QOE_NUMBERS
        || head->nattrs > QOE_ATTRIBUTES_MAX
        || head->ndims > QOE_SOURCES_MAX)
    {
        return QOE_INVALID;
    }

    fixed = sizeof(qoe_record_head_t) + head->nnumbers * sizeof(double)
            + (size_t) (head->nattrs + head->ndims) * 2 * sizeof(uint32_t);

    if (head->head_len < fixed) {
        return QOE_INVALID;
    }

    r->head = head;
    r->body = (qoe_span_t) { packed.data + head->head_len, head->body_len };
    r->numbers = packed.data + sizeof(qoe_record_head_t);
    r->named = r->numbers + head->nnumbers * sizeof(double);

    if (qoe_record_check(r) != QOE_OK) {
        return QOE_INVALID;
    }

    r->type_name = (head->type != QOE_EVENT_CUSTOM)
                   ? qoe_event_type_name((qoe_event_type_t) head->type)
                   : qoe_record_span(r, head->type_name);

    return (r->type_name.len != 0) ? QOE_OK : QOE_INVALID;
}


/*
 * Returns a value other than 0 if any of n references exceeds its part.
 * Without branches, so that the compiler can vectorize it.
 */

static inline uint32_t
qoe_record_beyond(const char *refs, size_t n, uint32_t head_len,
    uint32_t body_len)
{
    size_t    i;
    uint32_t  ref, end, limit, beyond;

    beyond = 0;

    for (i = 0; i < n; i++) {
        memcpy(&ref, refs + i * sizeof(ref), sizeof(ref));

        limit = (ref & QOE_RECORD_IN_HEAD) ? head_len : body_len;
        end = ((ref & ~QOE_RECORD_IN_HEAD) >> QOE_RECORD_LEN_BITS)
              + (ref & ((1u << QOE_RECORD_LEN_BITS) - 1));

        /* neither exceeds 2^31, so the top bit shows a negative difference */
        beyond |= limit - end;
    }

    return beyond >> 31;
}


static qoe_status_t
qoe_record_check(const qoe_record_t *r)
{
    uint32_t                  beyond;
    const qoe_record_head_t  *head;

    head = r->head;

    beyond = qoe_record_beyond((const char *) head
                               + offsetof(qoe_record_head_t, type_name),
                               1 + QOE_TEXTS, head->head_len,
                               head->body_len);

    if (head->nattrs + head->ndims != 0) {
        beyond |= qoe_record_beyond(r->named,
                                    (size_t) (head->nattrs + head->ndims) * 2,
                                    head->head_len, head->body_len);
    }

    return (beyond == 0) ? QOE_OK : QOE_INVALID;
}


uint64_t
qoe_record_received(qoe_span_t packed)
{
    const qoe_record_head_t  *head;

    head = (const qoe_record_head_t *) packed.data;

    if (packed.len < sizeof(qoe_record_head_t)
        || head->format != QOE_RECORD_FORMAT)
    {
        return 0;
    }

    return head->received_ns;
}


qoe_status_t
qoe_record_sample(qoe_sample_t *s, const qoe_record_t *r, qoe_arena_t *arena)
{
    size_t                    i;
    const qoe_record_head_t  *head;

    head = r->head;

    s->type = (qoe_event_type_t) head->type;
    s->type_name = r->type_name;
    s->received_ns = head->received_ns;
    s->time_ms = head->time_ms;

    for (i = 0; i < QOE_TEXTS; i++) {
        s->text[i] = qoe_record_text(r, (qoe_text_t) i);
    }

    qoe_sample_numbers(s, r);

    if (qoe_sample_named(&s->attrs, &s->nattrs, r, 0, head->nattrs, arena)
        != QOE_OK)
    {
        return QOE_NOMEM;
    }

    return qoe_sample_named(&s->dims, &s->ndims, r, head->nattrs, head->ndims,
                            arena);
}


static void
qoe_sample_numbers(qoe_sample_t *s, const qoe_record_t *r)
{
    double    number;
    size_t    i, n;
    uint64_t  left;
    unsigned  id;

    memset(s->number, 0, sizeof(s->number));

    s->set = 0;
    left = r->head->set;
    n = r->head->nnumbers;

    for (i = 0; i < n && left != 0; i++) {
        id = (unsigned) __builtin_ctzll(left);
        left &= left - 1;

        memcpy(&number, r->numbers + i * sizeof(double), sizeof(double));

        if (id < QOE_NUMBERS && isfinite(number)) {
            s->set |= (uint64_t) 1 << id;
            s->number[id] = number;
        }
    }
}


static qoe_status_t
qoe_sample_named(const qoe_named_t **to, size_t *nto, const qoe_record_t *r,
    size_t first, size_t n, qoe_arena_t *arena)
{
    size_t        i;
    qoe_named_t  *named;

    *to = NULL;
    *nto = 0;

    if (n == 0) {
        return QOE_OK;
    }

    named = qoe_arena_alloc(arena, n * sizeof(qoe_named_t));

    if (named == NULL) {
        return QOE_NOMEM;
    }

    *to = named;

    for (i = first; i < first + n; i++) {
        *named = qoe_record_named(r, i);

        if (named->name.len != 0 && named->value.len != 0) {
            named++;
            (*nto)++;
        }
    }

    return QOE_OK;
}
