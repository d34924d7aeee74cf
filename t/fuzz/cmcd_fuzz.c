
/*
 * Copyright (C) OpenQoE
 *
 * libFuzzer: sets of CMCD.  The first byte says where the others come from: a
 * query, header lines or the lines of a body.  What is decoded is valid JSON,
 * and written again as a set it decodes to the same, from each of the three.
 * All buffers end where their bytes do.
 */


#include "../unit/cmcd_support.h"



int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static void
check(int good)
{
    if (!good) {
        abort();
    }
}


static void
put_string(qoe_buf_t *b, qoe_span_t s)
{
    size_t  i;

    qoe_buf_literal(b, "\"");

    for (i = 0; i < s.len; i++) {
        if (s.data[i] == '"' || s.data[i] == '\\') {
            qoe_buf_literal(b, "\\");
        }

        qoe_buf_append(b, s.data + i, 1);
    }

    qoe_buf_literal(b, "\"");
}


static void
put_number(qoe_buf_t *b, double n)
{
    qoe_buf_printf(b, n == floor(n) ? "%.0f" : "%.3f", n);
}


static void
put_list(qoe_buf_t *b, const qoe_cmcd_t *c, qoe_cmcd_key_t key)
{
    size_t                  i;
    qoe_span_t              ot;
    const qoe_cmcd_item_t  *item;

    qoe_buf_literal(b, "=(");
    check(c->count[key] > 0);
    check((size_t) c->first[key] + c->count[key] <= c->nitems);

    for (i = 0; i < c->count[key]; i++) {
        item = &c->items[c->first[key] + i];
        qoe_buf_literal(b, " ");

        if (qoe_cmcd_key_type(key) == QOE_CMCD_TYPE_NUMBERS) {
            check(item->number >= 0 && item->number == floor(item->number));
            put_number(b, item->number);
        } else {
            put_string(b, item->text);
        }

        if (item->ot != QOE_CMCD_OT_NONE) {
            ot = qoe_cmcd_ot_text(item->ot);
            qoe_buf_printf(b, ";%.*s", (int) ot.len, ot.data);
        }

        if (item->range.data) {
            qoe_buf_literal(b, ";r=");
            put_string(b, item->range);
        }
    }

    qoe_buf_literal(b, ")");
}


/* The set as a dictionary. */

static void
put_set(qoe_buf_t *b, const qoe_cmcd_t *c)
{
    size_t          i;
    qoe_span_t      name;
    qoe_cmcd_key_t  key;

    for (key = 0; key < QOE_CMCD_NKEYS; key++) {
        if (!qoe_cmcd_has(c, key)) {
            continue;
        }

        name = qoe_cmcd_key_name(key);
        qoe_buf_printf(b, "%s%.*s", b->len ? "," : "", (int) name.len,
                       name.data);

        switch (qoe_cmcd_key_type(key)) {
        case QOE_CMCD_TYPE_NUMBER:
            check(c->number[key] >= 0
                  && c->number[key] == floor(c->number[key]));
            /* fall through */
        case QOE_CMCD_TYPE_DECIMAL:
            qoe_buf_literal(b, "=");
            put_number(b, c->number[key]);
            break;
        case QOE_CMCD_TYPE_FLAG:
            qoe_buf_printf(b, "=?%d", qoe_cmcd_flag(c, key));
            break;
        case QOE_CMCD_TYPE_STRING:
            qoe_buf_literal(b, "=");
            put_string(b, c->text[key]);
            break;
        case QOE_CMCD_TYPE_TOKEN:
            check(qoe_cmcd_token(c, key) != 0);
            qoe_buf_literal(b, "=");
            qoe_buf_append(b, c->text[key].data, c->text[key].len);
            break;
        default:
            put_list(b, c, key);
        }
    }

    for (i = 0; i < c->ncustom; i++) {
        qoe_buf_printf(b, "%s%.*s=", b->len ? "," : "",
                       (int) c->custom[i].name.len, c->custom[i].name.data);

        if (c->custom[i].number) {
            qoe_buf_append(b, c->custom[i].text.data, c->custom[i].text.len);
        } else {
            put_string(b, c->custom[i].text);
        }
    }
}


/* Nothing of a set that was written here is left out. */

static void
same(const cmcd_set_t *s, json_t *json)
{
    size_t   i;
    json_t  *again;

    check(s->status == QOE_OK);

    for (i = 0; i < QOE_CMCD_IGNORED; i++) {
        check(s->c.ignored[i] == 0);
    }

    again = cmcd_json(&s->c);
    check(again != NULL && cmcd_same(json, again));
    json_decref(again);
}


static void
again(const qoe_cmcd_t *c, json_t *json, bool report)
{
    char         hex[4];
    size_t       i;
    qoe_buf_t    set, query;
    cmcd_set_t   s;

    qoe_buf_init(&set, &qoe_mem_heap, 1 << 20);
    qoe_buf_init(&query, &qoe_mem_heap, 1 << 22);
    put_set(&set, c);
    check(set.status == QOE_OK);

    if (report) {
        cmcd_report(&s, (qoe_span_t) { set.data, set.len });
        same(&s, json);
        cmcd_free(&s);

    } else {
        qoe_buf_literal(&query, "CMCD-Session:");
        qoe_buf_append(&query, set.data, set.len);
        cmcd_headers(&s, (qoe_span_t) { query.data, query.len });
        same(&s, json);
        cmcd_free(&s);

        qoe_buf_reset(&query);
        qoe_buf_literal(&query, "a=b&CM%43D=");

        for (i = 0; i < set.len; i++) {
            snprintf(hex, sizeof(hex), "%%%02x", (uint8_t) set.data[i]);
            qoe_buf_append(&query, hex, 3);
        }

        cmcd_query(&s, (qoe_span_t) { query.data, query.len });
        same(&s, json);
        cmcd_free(&s);
    }

    qoe_buf_free(&set);
    qoe_buf_free(&query);
}


static void
decoded(const cmcd_set_t *s, bool report)
{
    json_t  *json;

    if (s->status == QOE_DONE) {
        check(s->c.set == 0 && s->c.ncustom == 0 && s->c.nitems == 0);
        return;
    }

    json = cmcd_json(&s->c);
    check(json != NULL && s->c.nitems <= QOE_CMCD_ITEMS
          && s->c.ncustom <= QOE_CMCD_CUSTOM);

    if (s->status == QOE_OK) {
        again(&s->c, json, report);
    } else {
        check(s->status == QOE_INVALID && json_object_size(json) == 0);
    }

    json_decref(json);
}


/* Lines whose first byte chooses one of the headers, or the query. */

static void
header_lines(cmcd_set_t *s, qoe_span_t text)
{
    int          lines;
    char        *feed;
    qoe_buf_t    b;
    qoe_span_t   line;
    static const char *const  prefixes[] = {
        "CMCD-Object:", "cmcd-request: ", "CMCD-Session:", "cMcD-StAtUs: ",
        "?", "X:", "", "CMCD"
    };

    qoe_buf_init(&b, &qoe_mem_heap, 1 << 20);

    for (lines = 0; text.len && lines < CMCD_LINES; lines++) {
        feed = memchr(text.data + 1, '\n', text.len - 1);
        line.data = text.data + 1;
        line.len = feed ? (size_t) (feed - line.data) : text.len - 1;

        qoe_buf_printf(&b, "%s%s", lines ? "\n" : "",
                       prefixes[(uint8_t) text.data[0] % 8]);
        qoe_buf_append(&b, line.data, line.len);

        text.data += 1 + line.len + (feed != NULL);
        text.len -= 1 + line.len + (feed != NULL);
    }

    /* a buffer to which nothing was added has no memory */

    cmcd_headers(s, b.len != 0 ? (qoe_span_t) { b.data, b.len }
                               : qoe_span(""));
    qoe_buf_free(&b);
}


static void
body(qoe_span_t text)
{
    char        *feed;
    cmcd_set_t   s;
    qoe_span_t   line;

    for ( ;; ) {
        feed = memchr(text.data, '\n', text.len);
        line.data = text.data;
        line.len = feed ? (size_t) (feed - text.data) : text.len;

        cmcd_report(&s, line);
        check((s.status == QOE_INVALID) == (s.why != NULL));
        decoded(&s, true);
        cmcd_free(&s);

        if (feed == NULL) {
            return;
        }

        text.data = feed + 1;
        text.len -= line.len + 1;
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    cmcd_set_t  s;
    qoe_span_t  text;

    if (size == 0) {
        return 0;
    }

    text = (qoe_span_t) { (const char *) data + 1, size - 1 };

    switch (data[0] % 3) {
    case 0:
        cmcd_query(&s, text);
        decoded(&s, false);
        cmcd_free(&s);
        break;
    case 1:
        header_lines(&s, text);
        decoded(&s, false);
        cmcd_free(&s);
        break;
    default:
        body(text);
    }

    return 0;
}
