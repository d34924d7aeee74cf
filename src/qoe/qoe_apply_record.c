
/*
 * Copyright (C) OpenQoE
 *
 * Records of views: when one is due, what its texts are, and putting it into
 * the ring of the lane, where the feeds of its exporters find it.
 *
 * A writer may be killed between any two stores.  A record is made of the slot
 * and put before the slot says so, so it may be put twice, which its reader
 * tolerates; and a view that is over keeps its slot until its final record is
 * put.
 */


#include "qoe_apply_priv.h"
#include "qoe_failpoint.h"
#include "qoe_uuid.h"


/* The final records that one tick puts. */
#define QOE_APPLY_RECORDS      64

/* The slots that a call at an exit looks at. */
#define QOE_APPLY_LEAVES       1024

/* How long the ring is left alone after it had no room. */
#define QOE_APPLY_RETRY_MS     100

#define QOE_APPLY_HASH_LEN     16            /* of a viewer, as text */


/* The texts of a record that are made for it. */

typedef struct {
    char                 session_id[QOE_UUID_TEXT_LEN];
    char                 view_id[QOE_LABELS_MAX];
    char                 viewer[QOE_APPLY_HASH_LEN];
    char                 ids[QOE_LABELS_MAX];
    char                 error[QOE_LABELS_MAX];
} qoe_apply_texts_t;


static bool qoe_apply_uuid(uint8_t id[16], qoe_span_t text);
static uint64_t qoe_apply_viewer(const qoe_apply_t *a, const qoe_sample_t *s);
static void qoe_apply_set_block(qoe_apply_t *a, uint32_t *block,
    const qoe_labels_t *l);
static qoe_status_t qoe_apply_put(qoe_apply_t *a, qoe_view_t *v,
    uint64_t now_ns);
static void qoe_apply_record_ids(qoe_apply_t *a, qoe_view_record_t *r,
    const qoe_view_t *v, qoe_apply_texts_t *t);
static void qoe_apply_record_error(qoe_apply_t *a, qoe_view_record_t *r,
    const qoe_view_t *v, qoe_apply_texts_t *t);
static void qoe_apply_record_dims(qoe_apply_t *a, qoe_view_record_t *r,
    const qoe_view_t *v);
static void qoe_apply_free(qoe_apply_t *a, qoe_view_t *v);


void
qoe_apply_sent(qoe_apply_t *a, qoe_view_t *v, const qoe_sample_t *s)
{
    qoe_apply_set_block(a, &v->sent, &a->sent);

    if (v->sent == 0 && a->sent.len != 0) {
        qoe_apply_count(a, QOE_COUNT_RECORDS_GOVERNED, 1);
    }

    if (s->text[QOE_TEXT_VIEWER_ID].len != 0) {
        v->viewer = qoe_apply_viewer(a, s);
    }
}


/*
 * Such sets are never known, so that those of metrics, which share the store,
 * always have the last quarter of it.
 */

static void
qoe_apply_set_block(qoe_apply_t *a, uint32_t *block, const qoe_labels_t *l)
{
    uint32_t  old;

    old = *block;
    *block = qoe_apply_block(a, l, false);

    qoe_store_unref(a->store, old);
}


/*
 * Keyed, so that a viewer in the records cannot be found by the viewer's id.
 * All edges with the same key of the fleet have the same hash of a viewer.
 */

static uint64_t
qoe_apply_viewer(const qoe_apply_t *a, const qoe_sample_t *s)
{
    uint64_t      hash;
    qoe_hasher_t  h;

    qoe_hash_begin(&h, a->conf->fleet.id != 0 ? &a->conf->fleet.key
                                              : &a->key);
    qoe_hash_add(&h, qoe_span("viewer_hash"));
    qoe_hash_add(&h, s->text[QOE_TEXT_ORG_ID]);
    qoe_hash_add(&h, s->text[QOE_TEXT_VIEWER_ID]);

    hash = qoe_hash_end(&h);

    return hash != 0 ? hash : 1;
}


void
qoe_apply_noted(qoe_apply_t *a, qoe_view_t *v, qoe_session_t *session,
    const qoe_sample_t *s)
{
    if (v->play == 0) {
        qoe_apply_ids(a, v, s);
        v->play = ++session->plays;
    }

    if (s->type == QOE_EVENT_ERROR) {
        a->labels.len = 0;

        (void) qoe_labels_add(&a->labels, qoe_span("family"),
                              s->text[QOE_TEXT_ERROR_FAMILY]);
        (void) qoe_labels_add(&a->labels, qoe_span("code"),
                              s->text[QOE_TEXT_ERROR_CODE]);

        qoe_apply_set_block(a, &v->error, &a->labels);
    }
}


qoe_span_t
qoe_apply_view_id(const qoe_apply_t *a, const qoe_view_t *v, char *buf)
{
    size_t  len;

    static const uint8_t  zero[16];

    if (memcmp(v->view_id, zero, sizeof(zero)) != 0) {
        qoe_uuid_format(buf, v->view_id);
        return (qoe_span_t) { buf, QOE_UUID_TEXT_LEN };
    }

    len = v->ids != 0 ? qoe_store_block_read(a->store, v->ids, buf) : 0;

    return qoe_labels_get((qoe_span_t) { buf, len }, qoe_span("view"));
}


qoe_span_t
qoe_apply_error(const qoe_apply_t *a, const qoe_view_t *v, char *buf)
{
    size_t  len;

    len = v->error != 0 ? qoe_store_block_read(a->store, v->error, buf) : 0;

    return (qoe_span_t) { buf, len };
}


/* Nearly all ids are UUIDs, which the slot has room for. */

void
qoe_apply_ids(qoe_apply_t *a, qoe_view_t *v, const qoe_sample_t *s)
{
    a->labels.len = 0;

    if (!qoe_apply_uuid(v->view_id, s->text[QOE_TEXT_VIEW_ID])) {
        (void) qoe_labels_add(&a->labels, qoe_span("view"),
                              s->text[QOE_TEXT_VIEW_ID]);
    }

    if (!qoe_apply_uuid(v->session_id, s->text[QOE_TEXT_SESSION_ID])) {
        (void) qoe_labels_add(&a->labels, qoe_span("session"),
                              s->text[QOE_TEXT_SESSION_ID]);
    }

    if (a->labels.len != 0) {
        qoe_apply_set_block(a, &v->ids, &a->labels);
    }
}


/* false: the text is no UUID, or not in the form that formatting gives. */

static bool
qoe_apply_uuid(uint8_t id[16], qoe_span_t text)
{
    char  form[QOE_UUID_TEXT_LEN];

    static const uint8_t  zero[16];

    if (text.len == QOE_UUID_TEXT_LEN && qoe_uuid_parse(id, text) == QOE_OK) {
        qoe_uuid_format(form, id);

        if (memcmp(form, text.data, sizeof(form)) == 0
            && memcmp(id, zero, sizeof(zero)) != 0)
        {
            return true;
        }
    }

    memset(id, 0, 16);

    return false;
}


/*
 * The last writer may have put a record without having noted it: its number is
 * skipped, so that it is never that of another record.
 */

void
qoe_apply_record_adopt(qoe_apply_t *a, qoe_view_t *v)
{
    size_t    i;
    uint32_t  *block[] = { &v->sent, &v->ids, &v->error };

    for (i = 0; i < sizeof(block) / sizeof(block[0]); i++) {
        if (*block[i] != 0 && !qoe_store_adopt(a->store, *block[i])) {
            *block[i] = 0;
        }
    }

    v->records++;
}


void
qoe_apply_interim(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns)
{
    uint64_t  now_ms;

    bool      due;

    if (!a->conf->records || !qoe_view_started(v)) {
        return;
    }

    now_ms = now_ns / 1000000;

    due = a->conf->views && a->conf->record_ms != 0
          && (v->recorded_ms == 0
              || qoe_view_since(now_ms, v->recorded_ms) >= a->conf->record_ms);

    /* if there is no room, the view's next event tries again */

    if (due || qoe_apply_part_due(a, v)) {
        (void) qoe_apply_put(a, v, now_ns);
    }
}


/*
 * Without an interval there are only final records, and the view of a record
 * is not over: it may go on at another server, or here in a new zone.
 */

qoe_status_t
qoe_apply_leave(qoe_apply_t *a, uint64_t now_ns)
{
    uint32_t     n, slots;
    qoe_view_t  *v;

    if (!a->conf->records || !a->conf->views || a->conf->record_ms == 0) {
        return QOE_OK;
    }

    slots = qoe_sessions_slots(a->sessions);

    for (n = 0; n < QOE_APPLY_LEAVES && a->left < slots; n++) {
        v = qoe_sessions_slot(a->sessions, a->left);

        if (v->view_key != 0 && v->over == 0 && qoe_view_started(v)
            && qoe_apply_put(a, v, now_ns) != QOE_OK)
        {
            return QOE_AGAIN;
        }

        a->left++;
    }

    return a->left < slots ? QOE_AGAIN : QOE_OK;
}


void
qoe_apply_final(qoe_apply_t *a, qoe_view_t *v, qoe_view_end_t why,
    uint64_t now_ns)
{
    /* a view without an event is one whose writer died just before it */

    if (!a->conf->records || v->events == 0) {
        qoe_apply_free(a, v);
        return;
    }

    qoe_sessions_part(a->sessions, v, why);

    if (qoe_apply_put(a, v, now_ns) == QOE_OK) {
        qoe_apply_free(a, v);
    }
}


void
qoe_apply_parted(qoe_apply_t *a, uint64_t now_ns)
{
    uint32_t     n;
    qoe_view_t  *v;

    a->parting = false;

    for (n = 0; n < QOE_APPLY_RECORDS; n++) {
        v = qoe_sessions_parted(a->sessions);

        if (v == NULL) {
            return;
        }

        if (!a->conf->records) {
            (void) qoe_apply_give_up(a);
            continue;
        }

        if (qoe_apply_put(a, v, now_ns) != QOE_OK) {
            return;
        }

        qoe_apply_free(a, v);
    }

    a->parting = true;
}


bool
qoe_apply_give_up(qoe_apply_t *a)
{
    qoe_view_t  *v;

    v = qoe_sessions_parted(a->sessions);

    if (v == NULL) {
        return false;
    }

    qoe_apply_count(a, QOE_COUNT_RECORDS_DROPPED, 1);
    qoe_apply_free(a, v);

    return true;
}


/* Releases what the view holds, and its slot. */

static void
qoe_apply_free(qoe_apply_t *a, qoe_view_t *v)
{
    qoe_blocks_t  b;

    qoe_timelines_end(a->timelines, a->sessions, v);

    b = qoe_sessions_base(v);
    qoe_sessions_set_base(v, &qoe_apply_no_blocks, 0, 0);
    qoe_apply_base_free(a, b);

    qoe_store_unref(a->store, v->sent);
    qoe_store_unref(a->store, v->ids);
    qoe_store_unref(a->store, v->error);
    v->sent = v->ids = v->error = 0;

    qoe_sessions_remove_view(a->sessions, v);
}


static qoe_status_t
qoe_apply_put(qoe_apply_t *a, qoe_view_t *v, uint64_t now_ns)
{
    uint64_t           wake[QOE_LANES_MAX / 64];
    qoe_put_t          put;
    qoe_status_t       rc;
    qoe_view_record_t  r;
    qoe_apply_texts_t  texts;
    char               trace[QOE_TRACE_PACKED];

    qoe_view_record_make(&r, v, now_ns);
    qoe_apply_record_ids(a, &r, v, &texts);
    qoe_apply_record_error(a, &r, v, &texts);

    if (v->requests.cause != 0) {
        r.stall_cause = qoe_cause_name(
                            (qoe_cause_t) (v->requests.cause - 1));
    }

    qoe_apply_record_dims(a, &r, v);
    qoe_apply_trace(a, &r, v, trace);

    /* without a stream of records, only those with a trace are taken */

    if (!a->conf->views && !r.trace) {
        qoe_apply_traced(a, &r, v);
        return QOE_OK;
    }

    put.lane = a->lane;
    put.head.data = a->packed;
    put.head.len = qoe_view_record_pack(a->packed, &r);
    put.body = qoe_span_null;
    put.kind = QOE_KIND_VIEW;

    rc = qoe_zone_put(a->st->zone, a->self, a->slot, &put, 1, QOE_ACK_MEMORY,
                      NULL, wake);

    if (rc != QOE_OK) {
        a->retry_ms = now_ns / 1000000 + QOE_APPLY_RETRY_MS;
        return rc;
    }

    (void) qoe_failpoint("record.put");

    v->records++;
    v->recorded_ms = now_ns / 1000000;
    qoe_apply_traced(a, &r, v);
    qoe_apply_count(a, QOE_COUNT_RECORDS_PUT, 1);

    return QOE_OK;
}


static void
qoe_apply_record_ids(qoe_apply_t *a, qoe_view_record_t *r,
    const qoe_view_t *v, qoe_apply_texts_t *t)
{
    int         i;
    size_t      len;
    uint64_t    hash;
    qoe_span_t  ids;

    len = v->ids != 0 ? qoe_store_block_read(a->store, v->ids, t->ids) : 0;
    ids = (qoe_span_t) { t->ids, len };

    r->view_id = qoe_apply_view_id(a, v, t->view_id);
    r->session_id = qoe_labels_get(ids, qoe_span("session"));

    if (r->session_id.len == 0) {
        qoe_uuid_format(t->session_id, v->session_id);
        r->session_id = (qoe_span_t) { t->session_id, QOE_UUID_TEXT_LEN };
    }

    if (v->viewer != 0) {
        hash = v->viewer;

        for (i = QOE_APPLY_HASH_LEN - 1; i >= 0; i--, hash >>= 4) {
            t->viewer[i] = "0123456789abcdef"[hash & 15];
        }

        r->viewer_hash = (qoe_span_t) { t->viewer, QOE_APPLY_HASH_LEN };
    }
}


static void
qoe_apply_record_error(qoe_apply_t *a, qoe_view_record_t *r,
    const qoe_view_t *v, qoe_apply_texts_t *t)
{
    qoe_span_t  error;

    if (v->errors == 0) {
        return;
    }

    error = qoe_apply_error(a, v, t->error);
    r->error_type = qoe_labels_get(error, qoe_span("family"));
    r->error_code = qoe_labels_get(error, qoe_span("code"));

    /* as the metric of errors has it */

    if (r->error_type.len == 0) {
        r->error_type = qoe_span("unknown");
    }
}


/* The governed values, but those as sent where they are others. */

static void
qoe_apply_record_dims(qoe_apply_t *a, qoe_view_record_t *r,
    const qoe_view_t *v)
{
    qoe_span_t         name, value, sent;
    qoe_labels_t      *governed;
    qoe_labels_iter_t  it;

    governed = &a->base[0];
    governed->len = v->fine != 0 ? qoe_store_block_read(a->store, v->fine,
                                                        governed->data)
                                 : 0;
    a->sent.len = v->sent != 0 ? qoe_store_block_read(a->store, v->sent,
                                                      a->sent.data)
                               : 0;
    a->labels.len = 0;
    sent = qoe_labels_span(&a->sent);
    qoe_labels_iter(&it, qoe_labels_span(governed));

    while (qoe_labels_next(&it, &name, &value)) {
        if (qoe_labels_get(sent, name).len == 0) {
            (void) qoe_labels_add(&a->labels, name, value);
        }
    }

    qoe_labels_iter(&it, sent);

    while (qoe_labels_next(&it, &name, &value)) {
        (void) qoe_labels_add(&a->labels, name, value);
    }

    r->dims = qoe_labels_span(&a->labels);
}
