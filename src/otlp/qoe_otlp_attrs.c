
/*
 * Copyright (C) OpenQoE
 */


#include "qoe_otlp_attrs.h"
#include "qoe_otlp_pb.h"
#include "qoe_otlp_wire.h"


#define QOE_ATTRS_CHUNK    (64 * 1024)

/*
 * A collection may give every series a base of its own, so memory for runs is
 * bounded: beyond the bound runs are encoded anew for each point.
 */
#define QOE_ATTRS_MEM_MAX  (16 * 1024 * 1024)


/* the attributes field of NumberDataPoint and HistogramDataPoint */

static const unsigned  qoe_attrs_field[QOE_ATTRS_FORMS] = { 7, 9 };


static qoe_attrs_run_t qoe_attrs_run(qoe_attrs_t *a, qoe_attrs_form_t form,
    uint32_t block, char *scratch);
static qoe_attrs_run_t qoe_attrs_encode(char *dst, unsigned field,
    qoe_span_t block, qoe_span_t without);
static uint64_t qoe_attrs_key_bit(qoe_span_t name);
static bool qoe_attrs_has(qoe_span_t block, const char *end, qoe_span_t name);
static char *qoe_attrs_put(char *p, unsigned field, qoe_span_t name,
    qoe_span_t value);


qoe_status_t
qoe_attrs_init(qoe_attrs_t *a, const qoe_collect_t *c, const qoe_mem_t *mem)
{
    size_t  size;

    a->c = c;
    a->blocks = qoe_collect_blocks(c);

    size = ((size_t) a->blocks + 1) * QOE_ATTRS_FORMS * sizeof(*a->runs);

    a->runs = mem->alloc(mem->ctx, size);
    if (a->runs == NULL) {
        return QOE_NOMEM;
    }

    memset(a->runs, 0, size);
    qoe_arena_init(&a->arena, mem, QOE_ATTRS_CHUNK, QOE_ATTRS_MEM_MAX);

    return QOE_OK;
}


void
qoe_attrs_free(qoe_attrs_t *a)
{
    qoe_arena_free(&a->arena);
    a->arena.mem->free(a->arena.mem->ctx, a->runs);
}


static qoe_span_t
qoe_attrs_block(const qoe_attrs_t *a, uint32_t block)
{
    qoe_span_t  labels;

    if (block == 0 || block > a->blocks) {
        return qoe_span_null;
    }

    labels = qoe_collect_block(a->c, block);
    labels.len = qoe_min(labels.len, (size_t) QOE_LABELS_MAX);

    return labels;
}


void
qoe_attrs_get(qoe_attrs_t *a, qoe_attrs_form_t form, uint32_t base,
    uint32_t extra, qoe_span_t run[2])
{
    qoe_attrs_run_t  b, e;

    b = qoe_attrs_run(a, form, base, a->scratch[0]);
    e = qoe_attrs_run(a, form, extra, a->scratch[1]);

    if (b.keys & e.keys) {
        b = qoe_attrs_encode(a->scratch[0], qoe_attrs_field[form],
                             qoe_attrs_block(a, base),
                             qoe_attrs_block(a, extra));
    }

    run[0] = (qoe_span_t) { b.data, b.len };
    run[1] = (qoe_span_t) { e.data, e.len };
}


static qoe_attrs_run_t
qoe_attrs_run(qoe_attrs_t *a, qoe_attrs_form_t form, uint32_t block,
    char *scratch)
{
    char             *p;
    qoe_attrs_run_t   run, *kept;

    if (block == 0 || block > a->blocks) {
        return (qoe_attrs_run_t) { "", 0, 0 };
    }

    kept = &a->runs[(size_t) block * QOE_ATTRS_FORMS + form];

    if (kept->data != NULL) {
        return *kept;
    }

    run = qoe_attrs_encode(scratch, qoe_attrs_field[form],
                           qoe_attrs_block(a, block), qoe_span_null);

    p = qoe_arena_alloc(&a->arena, run.len);

    if (p != NULL) {
        memcpy(p, run.data, run.len);
        run.data = p;
        *kept = run;
    }

    return run;
}


/* Encodes the attributes of block whose keys are not in the block without. */

static qoe_attrs_run_t
qoe_attrs_encode(char *dst, unsigned field, qoe_span_t block,
    qoe_span_t without)
{
    char               *p;
    uint64_t            bit, keys;
    const char         *at;
    qoe_span_t          name, value;
    qoe_labels_iter_t   it;

    p = dst;
    keys = 0;

    qoe_labels_iter(&it, block);

    for (at = it.p; qoe_labels_next(&it, &name, &value); at = it.p) {
        bit = qoe_attrs_key_bit(name);

        if ((keys & bit) && qoe_attrs_has(block, at, name)) {
            continue;
        }

        if (without.len != 0
            && qoe_attrs_has(without, without.data + without.len, name))
        {
            continue;
        }

        keys |= bit;
        p = qoe_attrs_put(p, field, name, value);
    }

    return (qoe_attrs_run_t) { dst, (size_t) (p - dst), keys };
}


/* FNV-1a will do: names come from the configuration, not from clients. */

static uint64_t
qoe_attrs_key_bit(qoe_span_t name)
{
    size_t    i;
    uint64_t  h;

    h = 0xcbf29ce484222325;

    for (i = 0; i < name.len; i++) {
        h = (h ^ (unsigned char) name.data[i]) * 0x100000001b3;
    }

    return (uint64_t) 1 << (h >> 58);
}


/* Whether name is the key of an attribute of block that starts before end. */

static bool
qoe_attrs_has(qoe_span_t block, const char *end, qoe_span_t name)
{
    block.len = (size_t) (end - block.data);

    return qoe_labels_get(block, name).data != NULL;
}


/* KeyValue { key = 1, value = 2: AnyValue { string = 1, bool = 2 } } */

static char *
qoe_attrs_put(char *p, unsigned field, qoe_span_t name, qoe_span_t value)
{
    bool    flag;
    char   *text;
    size_t  any;

    flag = qoe_span_eq(name, qoe_span("otel.metric.overflow"))
           && qoe_span_eq(value, qoe_span("true"));

    any = flag ? 2 : qoe_wire_bytes_size(value.len);

    p = qoe_wire_head(p, field, qoe_wire_bytes_size(name.len)
                                + qoe_wire_bytes_size(any));

    p = qoe_wire_head(p, 1, name.len);
    text = p;
    p = qoe_wire_text(p, name);
    qoe_pb_repair(text, name.len);

    p = qoe_wire_head(p, 2, any);

    if (flag) {
        return qoe_wire_small(p, 2, 1);
    }

    p = qoe_wire_head(p, 1, value.len);
    text = p;
    p = qoe_wire_text(p, value);
    qoe_pb_repair(text, value.len);

    return p;
}
