
/*
 * Copyright (C) OpenQoE
 *
 * Traces of views: which views have one, ids that every edge makes alike, and
 * their bytes.
 */


#include "tap.h"
#include "qoe_trace.h"

#include <math.h>


#define ID  "0102030405060708090a0b0c0d0e0f10"


static const char *
hex(const uint8_t *p, size_t n)
{
    size_t       i;
    static char  text[64];

    for (i = 0; i < n; i++) {
        sprintf(text + 2 * i, "%02x", p[i]);
    }

    return text;
}


static qoe_view_record_t
record(void)
{
    qoe_view_record_t  r;

    memset(&r, 0, sizeof(r));
    r.started = true;
    r.startup_ms = 100;
    r.playing_ms = 99000;
    r.session_id = qoe_span("s");
    r.view_id = qoe_span("v");

    return r;
}


static void
test_bad(void)
{
    qoe_view_record_t  r;

    r = record();
    ok(!qoe_trace_bad(&r), "a view that plays is not bad");

    r.startup_ms = 4000;
    ok(!qoe_trace_bad(&r), "nor is one that starts in 4 s");
    r.startup_ms = 4000.5;
    ok(qoe_trace_bad(&r), "one that takes longer is");
    r.startup_ms = NAN;
    ok(!qoe_trace_bad(&r), "one whose startup is unknown is not");

    r.stalled_ms = 1000;
    ok(!qoe_trace_bad(&r), "a hundredth may be stalled");
    r.stalled_ms = 1001;
    ok(qoe_trace_bad(&r), "more may not");

    r = record();
    r.errors = 1;
    ok(qoe_trace_bad(&r), "a view with an error is bad");

    r = record();
    r.failed = true;
    ok(qoe_trace_bad(&r), "so is one that failed");

    r = record();
    r.started = false;
    ok(!qoe_trace_bad(&r), "a view that has not started may still do so");
    r.final = true;
    ok(qoe_trace_bad(&r), "one that never did is bad");
}


static void
test_wanted(void)
{
    char                text[24];
    int                 i, n, same;
    bool                wanted;
    double              p, q;
    qoe_view_record_t   r;
    qoe_traces_conf_t   conf;

    r = record();
    conf = (qoe_traces_conf_t) { QOE_TRACES_OFF, 1 };
    ok(!qoe_trace_wanted(&conf, &r, &p), "with traces off no view has one");
    conf.mode = QOE_TRACES_ALL;
    conf.sample = 0;
    ok(qoe_trace_wanted(&conf, &r, &p) && p == 1,
       "with all traces each view has one");

    conf.mode = QOE_TRACES_BAD;
    ok(!qoe_trace_wanted(&conf, &r, &p) && p == 0,
       "without a sample good views have none");
    conf.sample = 1;
    ok(qoe_trace_wanted(&conf, &r, &p) && p == 1,
       "a sample of all is all good views");
    r.errors = 1;
    conf.sample = 0.25;
    ok(qoe_trace_wanted(&conf, &r, &p) && p == 1,
       "bad views always have one");

    r = record();

    for (i = n = same = 0; i < 4000; i++) {
        r.view_id = (qoe_span_t) { text, (size_t) sprintf(text, "view %d", i)
                                 };
        wanted = qoe_trace_wanted(&conf, &r, &p);
        n += wanted;
        same += (wanted == qoe_trace_wanted(&conf, &r, &q) && p == 0.25
                 && q == 0.25);
    }

    ok(n > 900 && n < 1100 && same == 4000,
       "a sample of a quarter is about a quarter (%d of 4000), the same each "
       "time", n);

    /* 7 bytes of the id decide: 0x40 and zeros are exactly a quarter */

    r.view_id = qoe_span("ffffffff-ffff-ffff-ff40-000000000000");
    ok(!qoe_trace_wanted(&conf, &r, &p),
       "an id of exactly the share is not in the sample");
    r.view_id = qoe_span("ffffffff-ffff-ffff-ff3f-fffffffffffe");
    ok(qoe_trace_wanted(&conf, &r, &p), "an id below it is");
}


static void
test_ids(void)
{
    uint8_t  id[16], other[16];

    qoe_trace_id(id, qoe_span("s"),
                 qoe_span("01020304-0506-0708-090a-0b0c0d0e0f10"));
    ok(strcmp(hex(id, 16), ID) == 0, "a view_id that is a UUID is the id");

    qoe_trace_id(id, qoe_span("s"),
                 qoe_span("00000000-0000-0000-0000-000000000000"));
    ok(strcmp(hex(id, 16), "00000000000000000000000000000000") != 0,
       "but no id is all zero");

    /* other edges, also those of another version, must make the same */

    qoe_trace_id(id, qoe_span("a session"), qoe_span("a view"));
    ok(strcmp(hex(id, 16), "4a2279342896c988571981669f41633e") == 0,
       "the id of other view_ids is always the same hash (%s)", hex(id, 16));
    qoe_trace_id(other, qoe_span("a session"), qoe_span("b view"));
    ok(memcmp(id, other, 16) != 0, "another view has another one");
    qoe_trace_id(other, qoe_span("b session"), qoe_span("a view"));
    ok(memcmp(id, other, 16) != 0, "so has the same view of another session");
    qoe_trace_id(other, qoe_span("a sessiona"), qoe_span(" view"));
    ok(memcmp(id, other, 16) != 0, "the ids are not run together");
}


static void
test_spans(void)
{
    size_t          i;
    uint8_t         id[16], span[8], other[8];
    qoe_stretch_t   s, t;

    qoe_trace_id(id, qoe_span("s"),
                 qoe_span("01020304-0506-0708-090a-0b0c0d0e0f10"));

    qoe_trace_root(span, id, false, 5000);
    ok(strcmp(hex(span, 8), "090a0b0c0d0e0f10") == 0,
       "the root's id is the end of the trace's id");
    qoe_trace_root(span, id, true, 5000);
    ok(strcmp(hex(span, 8), "6fd4f2bfd8a47c74") == 0,
       "a view that comes again has a hash (%s)", hex(span, 8));
    qoe_trace_root(other, id, true, 5001);
    ok(memcmp(span, other, 8) != 0, "which its begin changes");

    id[0] ^= 1;
    qoe_trace_root(other, id, true, 5000);
    ok(memcmp(span, other, 8) != 0, "and its id");
    id[0] ^= 1;

    memset(id + 8, 0, 8);
    qoe_trace_root(span, id, false, 5000);
    ok(strcmp(hex(span, 8), "0000000000000000") != 0,
       "no root's id is all zero");
    memset(id + 8, 0x11, 8);

    memset(&s, 0, sizeof(s));
    s.start_ms = 1000;
    s.kind = QOE_STRETCH_STALL;
    s.ms = 200;
    qoe_trace_child(span, id, &s);
    qoe_trace_child(other, id, &s);
    ok(strcmp(hex(span, 8), "ca97e6d03cc3223c") == 0
       && memcmp(span, other, 8) == 0,
       "the id of a stretch is the same each time (%s)", hex(span, 8));

    for (i = 0; i < 4; i++) {
        t = s;
        t.start_ms += (i == 0);
        t.kind += (i == 1);
        t.ms += (i == 2);
        id[3] ^= (i == 3);
        qoe_trace_child(other, id, &t);
        id[3] ^= (i == 3);

        if (memcmp(span, other, 8) == 0) {
            break;
        }
    }

    ok(i == 4, "another begin, kind, length or trace has another one");
}


static void
test_bytes(void)
{
    char           buf[QOE_TRACE_PACKED + 8], damaged[QOE_TRACE_PACKED];
    size_t         i, len, wrong;
    qoe_trace_t    a, b;
    qoe_stretch_t  s;

    memset(&a, 0, sizeof(a));
    memset(buf, 0x55, sizeof(buf));
    a.probability = 0.125;
    a.again = true;
    qoe_timeline_begin(&a.timeline, 1000);

    for (i = 0; i < 5; i++) {
        memset(&s, 0, sizeof(s));
        s.kind = i % 2 ? QOE_STRETCH_STALL : QOE_STRETCH_PLAYING;
        s.start_ms = 1000 + i * 5000;
        s.ms = 5000;
        qoe_timeline_add(&a.timeline, &s);
    }

    a.timeline.sent = 2;
    len = qoe_trace_pack(buf, &a);
    ok(len < QOE_TRACE_PACKED
       && qoe_trace_unpack(&b, (qoe_span_t) { buf, len }) == QOE_OK
       && b.probability == 0.125 && b.again
       && memcmp(&a.timeline, &b.timeline, sizeof(a.timeline)) == 0,
       "a trace comes back from its bytes");

    for (i = 2, wrong = 0; i < 8; i++) {
        wrong += (buf[i] != 0);
    }

    ok(wrong == 0, "bytes that say nothing are 0");

    for (i = 0; i < len + 8; i++) {
        wrong += (i != len && qoe_trace_unpack(&b, (qoe_span_t) { buf, i })
                              != QOE_INVALID);
    }

    ok(wrong == 0, "neither a part of it is a trace, nor what is longer");

    memcpy(damaged, buf, len);
    damaged[0]++;
    ok(qoe_trace_unpack(&b, (qoe_span_t) { damaged, len }) == QOE_INVALID,
       "bytes of another format are none");

    a.timeline.sent = a.timeline.n;
    len = qoe_trace_pack(buf, &a);
    ok(qoe_trace_unpack(&b, (qoe_span_t) { buf, len }) == QOE_OK,
       "all of it may have been sent");
    a.timeline.sent = a.timeline.n + 1;
    len = qoe_trace_pack(buf, &a);
    ok(qoe_trace_unpack(&b, (qoe_span_t) { buf, len }) == QOE_INVALID,
       "but not more");

    memset(&a, 0, sizeof(a));
    len = qoe_trace_pack(buf, &a);
    ok(qoe_trace_unpack(&b, (qoe_span_t) { buf, len }) == QOE_OK
       && b.timeline.n == 0 && !b.again
       && qoe_trace_unpack(&b, (qoe_span_t) { buf, len - 1 }) == QOE_INVALID,
       "a trace may be empty");

    a.timeline.n = QOE_TIMELINE_ENTRIES;
    len = qoe_trace_pack(buf, &a);
    ok(len <= QOE_TRACE_PACKED
       && qoe_trace_unpack(&b, (qoe_span_t) { buf, len }) == QOE_OK
       && b.timeline.n == QOE_TIMELINE_ENTRIES, "or full");
    a.timeline.n = QOE_TIMELINE_ENTRIES + 1;
    len = qoe_trace_pack(buf, &a);
    ok(len <= QOE_TRACE_PACKED
       && qoe_trace_unpack(&b, (qoe_span_t) { buf, len }) == QOE_INVALID,
       "but not more than full");
}


/* The format before codecs: 19 bits of kbit/s, 12 of half the height. */

static void
test_old_bytes(void)
{
    char           buf[QOE_TRACE_PACKED];
    size_t         len;
    uint64_t       old;
    qoe_trace_t    a, b;
    qoe_stretch_t  s;

    memset(&a, 0, sizeof(a));
    qoe_timeline_begin(&a.timeline, 1000);

    memset(&s, 0, sizeof(s));
    s.kind = QOE_STRETCH_RENDITION;
    s.start_ms = 1000;
    s.bitrate = 25000000;
    s.height = 720;
    qoe_timeline_add(&a.timeline, &s);

    len = qoe_trace_pack(buf, &a);
    old = (a.timeline.entry[0] & UINT64_MAX >> 31)
          | (25000ULL << 12 | 360) << 33;
    memcpy(buf + len - 8, &old, 8);
    buf[0]--;

    ok(qoe_trace_unpack(&b, (qoe_span_t) { buf, len }) == QOE_OK
       && memcmp(&a.timeline, &b.timeline, sizeof(a.timeline)) == 0,
       "a trace of the format before codecs has its bitrate and height");
}


int
main(void)
{
    test_bad();
    test_wanted();
    test_ids();
    test_spans();
    test_bytes();
    test_old_bytes();

    return tap_end();
}
