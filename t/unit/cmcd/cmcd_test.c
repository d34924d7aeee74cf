
/*
 * Copyright (C) OpenQoE
 *
 * The rules of decoding CMCD one by one: the grammar of RFC 8941, types,
 * ranges, lengths, duplicates, limits; sets that are cut at each byte.
 */


#include "tap.h"
#include "cmcd_support.h"


#define LONG  8192


static const char *const  names[] = {
#define NAME(id, name, type, max, where)  name,
    QOE_CMCD_KEYS(NAME)
};


static void
test_keys(void)
{
    char        upper[QOE_CMCD_NAME_MAX + 1], longer[QOE_CMCD_NAME_MAX + 1];
    size_t      i;
    qoe_span_t  name;

    for (i = 0; i < QOE_CMCD_NKEYS; i++) {
        name = qoe_span_str(names[i]);
        snprintf(longer, sizeof(longer), "%sz", names[i]);
        snprintf(upper, sizeof(upper), "%s", names[i]);
        upper[0] = (char) (upper[0] - 'a' + 'A');

        ok(qoe_cmcd_key_find(name) == (qoe_cmcd_key_t) i
           && qoe_span_eq(qoe_cmcd_key_name((qoe_cmcd_key_t) i), name)
           && qoe_cmcd_key_find(qoe_span_str(upper)) == QOE_CMCD_NKEYS
           && qoe_cmcd_key_find(qoe_span_str(longer)) == QOE_CMCD_NKEYS,
           "the key %s is found by its name alone", names[i]);
        ok(i == 0 || strcmp(names[i - 1], names[i]) < 0,
           "the key %s stands in the order of the alphabet", names[i]);
    }

    ok(qoe_cmcd_key_find(qoe_span("")) == QOE_CMCD_NKEYS
       && qoe_cmcd_key_find(qoe_span("b\0")) == QOE_CMCD_NKEYS
       && qoe_cmcd_key_find(qoe_span("br\0")) == QOE_CMCD_NKEYS
       && qoe_cmcd_key_find(qoe_span("cmsddcmsdd")) == QOE_CMCD_NKEYS
       && qoe_cmcd_key_find(qoe_span("{")) == QOE_CMCD_NKEYS,
       "there is no key without a name, with a NUL, or longer than all");
    ok(qoe_span_eq(qoe_cmcd_ot_text(QOE_CMCD_OT_NONE), qoe_span(""))
       && qoe_span_eq(qoe_cmcd_ot_text(QOE_CMCD_OT_TIMED_TEXT),
                      qoe_span("tt")),
       "object types have their texts");
    ok(qoe_span_eq(qoe_cmcd_ignored_name(QOE_CMCD_SYNTAX), qoe_span("syntax"))
       && qoe_span_eq(qoe_cmcd_ignored_name(QOE_CMCD_NO_SID),
                      qoe_span("no_sid")),
       "reasons have their names");
}


/* A set as one header has it, its JSON, and the reasons of what is left out. */

typedef struct {
    const char  *set;
    const char  *json;
    const char  *ignored;
} rule_t;


static const rule_t  rules[] = {

    /* dictionaries */

    { "", "{}", "" },
    { "   ", "{}", "" },
    { "br=1", "{\"br\":[1]}", "" },
    { "br=1 ", "{\"br\":[1]}", "" },
    { "\tbr=1", "{\"br\":[1]}", "" },
    { "br=1\t", "{\"br\":[1]}", "" },
    { "br=1 ,\t bl=2", "{\"bl\":[2],\"br\":[1]}", "" },
    { "br=1,", "{\"br\":[1]}", "syntax" },
    { "br=1, ", "{\"br\":[1]}", "syntax" },
    { ",", "{}", "syntax syntax" },
    { ",,br=1", "{\"br\":[1]}", "syntax syntax" },
    { "br", "{}", "type" },
    { "br=", "{}", "syntax" },
    { "=1,br=1", "{\"br\":[1]}", "syntax" },
    { "br=1 bl=2,d=3", "{\"d\":3}", "syntax" },
    { "br=1bl=2,d=3", "{\"d\":3}", "syntax" },
    { "*a=1,a_-.*9=2,br=1", "{\"a_-.*9\":2,\"br\":[1]}", "unknown" },

    /* a member with an error has no value, but neither takes one away */

    { "br=1,br=", "{\"br\":[1]}", "syntax" },
    { "br=1,br=x", "{}", "type" },
    { "br=x,br=1", "{\"br\":[1]}", "" },
    { "d=1,d", "{}", "type" },
    { "bs,bs=?0,su=?0,su", "{\"bs\":false,\"su\":true}", "" },
    { "bs=?0,bs=1", "{}", "type" },
    { "br=(1 2;v 3),bl=(4;a 5),br=(6),nor=\"x\",bl=7",
      "{\"bl\":[7],\"br\":[6],\"nor\":[\"x\"]}", "" },
    { "br=1,bl=(2 3),mtp=(4;v 5),bl=(6 7 8),tb=9",
      "{\"bl\":[6,7,8],\"br\":[1],\"mtp\":[[4,\"v\"],5],\"tb\":[9]}", "" },
    { "br=(1 2 3),bl=(4 5),br=(6", "{\"bl\":[4,5],\"br\":[1,2,3]}", "syntax" },
    { "br=(1 2 3),bl=(4 5),br=()", "{\"bl\":[4,5]}", "length" },
    { "v=3,v=2", "{\"v\":2}", "" },
    { "v=3,v=x,br=1", "{\"br\":[1]}", "type" },

    /* numbers */

    { "d=-1", "{}", "range" },
    { "d=--1,br=1", "{\"br\":[1]}", "syntax" },
    { "d=-,br=1", "{\"br\":[1]}", "syntax" },
    { "d=000000000000001", "{\"d\":1}", "" },
    { "d=0000000000000001", "{}", "syntax" },
    { "d=999999999999.999", "{\"d\":1000000000000}", "" },
    { "d=1000000000000.0", "{}", "syntax" },
    { "d=0.5", "{\"d\":1}", "" },
    { "d=0.499", "{\"d\":0}", "" },
    { "d=-0.5", "{\"d\":0}", "" },
    { "d=-0.501", "{}", "range" },
    { "d=1.0000", "{}", "syntax" },
    { "d=1.,br=2", "{\"br\":[2]}", "syntax" },
    { "pr=-0.125", "{\"pr\":-0.125}", "" },
    { "pr=-999999999999.999", "{\"pr\":-999999999999.999}", "" },
    { "pr=-999999999999999", "{\"pr\":-999999999999999}", "" },
    { "pr=0.000", "{\"pr\":0}", "" },
    { "pr=(1)", "{}", "type" },
    { "v=0.4", "{}", "range" },
    { "v=1.4", "{\"v\":1}", "" },
    { "sn=0", "{\"sn\":0}", "" },

    /* strings */

    { "sid=\"\"", "{\"sid\":\"\"}", "" },
    { "sid=\" ~\"", "{\"sid\":\" ~\"}", "" },
    { "sid=\"\\\\\\\"\"", "{\"sid\":\"\\\\\\\"\"}", "" },
    { "sid=\"\\", "{}", "syntax" },
    { "sid=\"\\\"", "{}", "syntax" },
    { "sid=\"a\"b,br=1", "{\"br\":[1]}", "syntax" },
    { "sid=\"a\x01,bl=7,\",br=1", "{\"br\":[1]}", "syntax" },
    { "sid=\"a\\x,bl=7,\\\",d=3,\",br=1", "{\"br\":[1]}", "syntax" },
    { "sid=\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xac\"",
      "{\"sid\":\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x8e\xac\"}", "" },
    { "sid=\"\xc3\",br=1", "{\"br\":[1]}", "syntax" },
    { "sid=\"\xf4\x90\x80\x80\",br=1", "{\"br\":[1]}", "syntax" },
    { "sid=tok,cid=:YQ==:,h=?1,cs=1", "{}", "type type mode type" },
    { "cs=\"\",nrr=\"0-9\"", "{\"cs\":\"\",\"nrr\":\"0-9\"}", "" },

    /* tokens, bytes, booleans */

    { "ot=v;a=1;b", "{\"ot\":\"v\"}", "" },
    { "ot=av", "{\"ot\":\"av\"}", "" },
    { "ot=avv,sf=dd,st=vl,sta=pp", "{}", "range range range range" },
    { "ot=a:b/c!#$%&'*+-.^_`|~,br=1", "{\"br\":[1]}", "range" },
    { "ot=a(b,br=1", "{\"br\":[1]}", "syntax" },
    { "zz=:YWJj+/9=:,br=1", "{\"br\":[1]}", "unknown" },
    { "zz=:YW!:,br=1", "{\"br\":[1]}", "syntax" },
    { "zz=:YWJj,br=1", "{\"br\":[1]}", "syntax" },
    { "bs=?1,su=?0,nr=?,bg=?10", "{\"bs\":true,\"su\":false}",
      "syntax syntax" },
    { "bs=(?1)", "{}", "type" },

    /* lists */

    { "br=(1)", "{\"br\":[1]}", "" },
    { "br=(  1  2  )", "{\"br\":[1,2]}", "" },
    { "br=(1\t2),bl=3", "{\"bl\":[3]}", "syntax" },
    { "br=(1;v2),bl=3", "{\"bl\":[3],\"br\":[1]}", "" },
    { "br=(1 2", "{}", "syntax" },
    { "br=(1 ", "{}", "syntax" },
    { "br=(", "{}", "syntax" },
    { "br=()", "{}", "length" },
    { "br=(\"x\" y)", "{}", "type" },
    { "br=(-1 \"x\" 2 -3)", "{\"br\":[2]}", "range" },
    { "br=(1.5;v 2.4;a)", "{\"br\":[[2,\"v\"],[2,\"a\"]]}", "" },
    { "br=(1;v;a;v=?0)", "{\"br\":[[1,\"a\"]]}", "" },
    { "br=(1;v=?0;v)", "{\"br\":[[1,\"v\"]]}", "" },
    { "br=(1; v 2;  a=\"x\")", "{\"br\":[[1,\"v\"],[2,\"a\"]]}", "" },
    { "br=(1;v= 2),bl=3", "{\"bl\":[3]}", "syntax" },
    { "br=(1;=2),bl=3", "{\"bl\":[3]}", "syntax" },
    { "br=(1;a=(2)),bl=3", "{\"bl\":[3]}", "syntax" },
    { "br=(1;m 2;i 3;c 4;tt 5;k 6;o 7;av 8;avx)",
      "{\"br\":[[1,\"m\"],[2,\"i\"],[3,\"c\"],[4,\"tt\"],[5,\"k\"],[6,\"o\"],"
      "[7,\"av\"],8]}", "" },
    { "nor=(\"a\";r=\"0-1\";r=5 \"b\";r=\"\" \"c\";r=\"1-\";v)",
      "{\"nor\":[\"a\",[\"b\",{\"r\":\"\"}],[\"c\",{\"r\":\"1-\"}]]}", "" },
    { "nor=\"a\";r=\"0-1\"", "{\"nor\":[[\"a\",{\"r\":\"0-1\"}]]}", "" },
    { "nor=5,ec=(5 \"x\" tok -2.5)", "{\"ec\":[\"5\",\"x\",\"-2.5\"]}",
      "type type" },
    { "d=(1 2),sid=(\"a\"),ot=(v)", "{}", "type type type" },

    /* custom and unknown keys */

    { "a-b=\"x\",c-d=y,e-f=007,g-h=-1.50",
      "{\"a-b\":\"x\",\"c-d\":\"y\",\"e-f\":7,\"g-h\":-1.5}", "" },
    { "a-b=1,a-b=\"2\",c-d=3,a-b=?1", "{\"c-d\":3}", "type" },
    { "a-b=1,c-d=3,a-b=(1)", "{\"c-d\":3}", "unknown" },
    { "a-b=:YQ==:", "{}", "type" },
    { "-a=1,a-=1,b=2,B-c=3", "{\"B-c\":3}", "syntax unknown unknown" },
    { "a--b=1", "{\"a--b\":1}", "" },
    { "a-a=1,z-z=2,br=3,sid-x=4",
      "{\"a-a\":1,\"br\":[3],\"sid-x\":4,\"z-z\":2}", "" },

    /* what is for event mode */

    { "e=ps,ts=1,cen=\"x\",rc=1,ttfb=1,ttfbb=1,ttlb=1,url=\"u\",h=\"h\","
      "cmsdd=\"a\",cmsds=\"b\",smrt=\"c\",br=1", "{\"br\":[1]}",
      "mode mode mode mode mode mode mode mode mode mode mode mode" },
    { "e=\"x\",ts=y,br=1", "{\"br\":[1]}", "mode mode" }
};


static void
count_reasons(const char *text, uint32_t *counts)
{
    size_t       i, n;
    qoe_span_t   name;

    memset(counts, 0, QOE_CMCD_IGNORED * sizeof(uint32_t));

    for ( ; *text; text += n + (text[n] == ' ')) {
        n = strcspn(text, " ");

        for (i = 0; i < QOE_CMCD_IGNORED; i++) {
            name = qoe_cmcd_ignored_name((qoe_cmcd_ignored_t) i);
            counts[i] += qoe_span_eq(name, (qoe_span_t) { text, n });
        }
    }
}


static void
one_header(cmcd_set_t *s, const char *text)
{
    size_t      len;
    uint8_t     name;
    qoe_span_t  value;

    len = strlen(text);
    name = QOE_CMCD_HEADER_REQUEST;
    s->in = cmcd_exact(text, len);
    s->buf = malloc(len + 1);
    value = (qoe_span_t) { s->in, len };
    s->status = qoe_cmcd_headers(&s->c, &value, &name, 1, s->buf);
}


static void
test_rules(void)
{
    size_t       i;
    json_t      *is, *must;
    uint32_t     counts[QOE_CMCD_IGNORED];
    qoe_buf_t    text;
    cmcd_set_t   s;

    for (i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        one_header(&s, rules[i].set);
        count_reasons(rules[i].ignored, counts);
        is = cmcd_json(&s.c);
        must = json_loads(rules[i].json, 0, NULL);

        qoe_buf_init(&text, &qoe_mem_heap, LONG);
        qoe_cmcd_json(&text, &s.c);

        if (!ok(s.status == QOE_OK && is && must && cmcd_same(is, must)
                && memcmp(counts, s.c.ignored, sizeof(counts)) == 0
                && text.len == strlen(rules[i].json)
                && memcmp(text.data, rules[i].json, text.len) == 0,
                "<%s> is %s", rules[i].set, rules[i].json))
        {
            printf("# got %.*s\n", (int) text.len, text.data);
        }

        json_decref(is);
        json_decref(must);
        qoe_buf_free(&text);
        cmcd_free(&s);
    }
}


/* Texts of the longest length and of one more character, of n bytes each. */

static void
test_length(const char *key, size_t max, const char *character)
{
    char         set[LONG];
    size_t       i, k;
    bool         right;
    cmcd_set_t   s;

    right = true;

    for (k = 0; k < 2; k++) {
        i = (size_t) snprintf(set, sizeof(set), "e=ce,ts=1,%s=\"", key);

        for (size_t n = 0; n < max + k; n++) {
            i += (size_t) snprintf(set + i, sizeof(set) - i, "%s", character);
        }

        i += (size_t) snprintf(set + i, sizeof(set) - i, "\"");
        cmcd_report(&s, (qoe_span_t) { set, i });

        right &= s.status == QOE_OK && s.c.ignored[QOE_CMCD_LENGTH] == k;
        right &= (qoe_cmcd_key_find(qoe_span_str(key)) == QOE_CMCD_NKEYS)
                 ? s.c.ncustom == 1 - k
                 : qoe_cmcd_has(&s.c, qoe_cmcd_key_find(qoe_span_str(key)))
                   == (k == 0);
        cmcd_free(&s);
    }

    ok(right, "%s has up to %zu characters of %zu bytes, and no more", key,
       max, strlen(character) == 2 && character[0] == '\\' ? 1
       : strlen(character));
}


static void
test_items(void)
{
    char         set[LONG];
    size_t       i, k;
    cmcd_set_t   s;

    one_header(&s, "br=1");
    ok(s.c.headers, "a set of headers is known as such");
    cmcd_free(&s);

    i = (size_t) snprintf(set, sizeof(set), "CMCD=br=(1+2),bl=(");

    for (k = 0; k < QOE_CMCD_ITEMS + 50; k++) {
        i += (size_t) snprintf(set + i, sizeof(set) - i, "%zu+", k);
    }

    i += (size_t) snprintf(set + i, sizeof(set) - i, "),d=4");
    cmcd_query(&s, (qoe_span_t) { set, i });
    ok(s.c.count[QOE_CMCD_BL] == QOE_CMCD_ITEMS - 2 && !s.c.headers
       && s.c.nitems == QOE_CMCD_ITEMS && s.c.ncustom == 0
       && s.c.items[QOE_CMCD_ITEMS - 1].number == QOE_CMCD_ITEMS - 3
       && s.c.ignored[QOE_CMCD_LENGTH] == 1 && qoe_cmcd_has(&s.c, QOE_CMCD_D),
       "a list has as many items as there is room for");
    cmcd_free(&s);

    i = (size_t) snprintf(set, sizeof(set), "br=(1 2),bl=(");

    for (k = 0; k < QOE_CMCD_ITEMS; k++) {
        i += (size_t) snprintf(set + i, sizeof(set) - i, "%zu ", k);
    }

    snprintf(set + i, sizeof(set) - i, "),ec=\"x\",bl=3");
    one_header(&s, set);
    ok(s.c.count[QOE_CMCD_BL] == 1 && s.c.count[QOE_CMCD_BR] == 2
       && s.c.ignored[QOE_CMCD_LENGTH] == 1
       && !qoe_cmcd_has(&s.c, QOE_CMCD_EC),
       "more items than a set may have are left out; a later member of the key "
       "makes room");
    cmcd_free(&s);

    for (i = 0, k = 0; k < QOE_CMCD_CUSTOM + 3; k++) {
        i += (size_t) snprintf(set + i, sizeof(set) - i, "a-%zu=%zu,", k, k);
    }

    snprintf(set + i, sizeof(set) - i, "a-0=5");
    one_header(&s, set);
    ok(s.c.ncustom == QOE_CMCD_CUSTOM && s.c.ignored[QOE_CMCD_LENGTH] == 3
       && qoe_span_eq(qoe_cmcd_custom_find(&s.c, qoe_span("a-0"))->text,
                      qoe_span("5")),
       "more custom keys than a set may have are left out");
    cmcd_free(&s);
}


static void
test_number_of(void)
{
    cmcd_set_t  s;

    one_header(&s, "br=(1;a 2 3;v 4 5;v),bl=(6;a),mtp=7");

    ok(qoe_cmcd_number_of(&s.c, QOE_CMCD_BR, QOE_CMCD_OT_VIDEO) == 3
       && qoe_cmcd_number_of(&s.c, QOE_CMCD_BR, QOE_CMCD_OT_AUDIO) == 1,
       "the first item of an object type is the number of that type");
    ok(qoe_cmcd_number_of(&s.c, QOE_CMCD_BR, QOE_CMCD_OT_MUXED) == 2
       && qoe_cmcd_number_of(&s.c, QOE_CMCD_MTP, QOE_CMCD_OT_VIDEO) == 7,
       "an item without a type is the number of all others");
    ok(qoe_cmcd_number_of(&s.c, QOE_CMCD_BL, QOE_CMCD_OT_NONE) == 6
       && isnan(qoe_cmcd_number_of(&s.c, QOE_CMCD_BL, QOE_CMCD_OT_VIDEO))
       && isnan(qoe_cmcd_number_of(&s.c, QOE_CMCD_TB, QOE_CMCD_OT_NONE)),
       "there is no number of a type that a list does not have");
    cmcd_free(&s);
}


static void
test_tokens(void)
{
    cmcd_set_t  s;

    cmcd_report(&s, qoe_span("e=ps,ts=1,ot=tt,sf=h,st=ll,sta=r,bs=?0,su"));
    ok(s.status == QOE_OK
       && qoe_cmcd_token(&s.c, QOE_CMCD_E) == QOE_CMCD_E_STATE
       && qoe_cmcd_token(&s.c, QOE_CMCD_OT) == QOE_CMCD_OT_TIMED_TEXT
       && qoe_cmcd_token(&s.c, QOE_CMCD_SF) == QOE_CMCD_SF_HLS
       && qoe_cmcd_token(&s.c, QOE_CMCD_ST) == QOE_CMCD_ST_LOW_LATENCY
       && qoe_cmcd_token(&s.c, QOE_CMCD_STA) == QOE_CMCD_STA_REBUFFERING,
       "tokens have the numbers of their enumerations");
    ok(qoe_cmcd_has(&s.c, QOE_CMCD_BS) && !qoe_cmcd_flag(&s.c, QOE_CMCD_BS)
       && qoe_cmcd_flag(&s.c, QOE_CMCD_SU) && !qoe_cmcd_flag(&s.c, QOE_CMCD_NR)
       && qoe_cmcd_token(&s.c, QOE_CMCD_V) == 0,
       "what is not sent is false and none");
    cmcd_free(&s);
}


/* Percent signs of a query that begin no escape stand for themselves. */

static void
test_percent(void)
{
    cmcd_set_t  s;

    cmcd_query(&s, qoe_span("CMCD=cid=\"%@0%0@%g0%0G%4a%4F%`1%%41%2\",br=1"));
    ok(s.status == QOE_OK
       && qoe_span_eq(s.c.text[QOE_CMCD_CID],
                      qoe_span("%@0%0@%g0%0GJO%`1%A%2")),
       "a percent sign without two hexadecimal digits stands for itself");
    cmcd_free(&s);
}


/* Headers: the order of names, and lines of one name. */

static void
test_headers(void)
{
    json_t      *json, *must;
    cmcd_set_t   s;

    cmcd_headers(&s, qoe_span("CMCD-Status: br=4,d=4\nCMCD-Session: br=3,dl=3\n"
                              "CMCD-Request: br=2,sn=2\nCMCD-Object: br=1,d=1\n"
                              "CMCD-Object:  \nCMCD-Object: dl=9,pt=5"));
    json = cmcd_json(&s.c);
    must = json_loads("{\"br\":[4],\"d\":4,\"dl\":3,\"pt\":5,\"sn\":2}", 0,
                      NULL);
    ok(s.status == QOE_OK && s.c.headers && cmcd_same(json, must)
       && s.c.ignored[QOE_CMCD_SYNTAX] == 0,
       "of a key in several headers the last in the order Object, Request, "
       "Session, Status counts, and lines without a value are none");
    json_decref(json);
    json_decref(must);
    cmcd_free(&s);

    cmcd_headers(&s, qoe_span("CMCD-Object: br=(1\nCMCD-Object: ot=v\n"
                              "CMCD-Session: sid=\"x\ncmcd-status: bs"));
    ok(s.status == QOE_OK && s.c.ignored[QOE_CMCD_SYNTAX] == 2
       && s.c.set == ((uint64_t) 1 << QOE_CMCD_OT
                      | (uint64_t) 1 << QOE_CMCD_BS),
       "a header with an error does not take the others");
    cmcd_free(&s);

    ok(qoe_cmcd_headers(&s.c, NULL, NULL, 0, NULL) == QOE_DONE && s.c.set == 0,
       "there is no set without headers");

    cmcd_headers(&s, qoe_span("CMCD-Session: v=3,sid=\"x\"\nCMCD-Status: bs,"
                              "a-b=1,zz"));
    ok(s.status == QOE_INVALID && s.c.set == 0 && s.c.ncustom == 0
       && s.c.ignored[QOE_CMCD_VERSION] == 1
       && s.c.ignored[QOE_CMCD_UNKNOWN] == 0,
       "a set of a higher version is left out as a whole");
    cmcd_free(&s);
}


static void
test_reports(void)
{
    size_t       i, n, good;
    cmcd_set_t   s;
    static const struct {
        const char  *line;
        const char  *why;
    } bad[] = {
        { "sid=\"x\",a-b=1,bl=1", "event report without e and ts" },
        { "e=ps,sid=\"x\"", "event report without ts" },
        { "ts=1,sid=\"x\"", "event report without e" },
        { "e=ps,ts=-1", "event report without ts" },
        { "e=ps,ts=1,v=3", "version not supported" }
    };

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cmcd_report(&s, qoe_span_str(bad[i].line));
        ok(s.status == QOE_INVALID && s.why && strcmp(s.why, bad[i].why) == 0
           && s.c.set == 0 && s.c.ncustom == 0 && s.c.nitems == 0,
           "<%s> is refused: %s", bad[i].line, bad[i].why);
        cmcd_free(&s);
    }

    cmcd_report(&s, qoe_span(" \t\r\n"));
    ok(s.status == QOE_DONE && s.c.set == 0, "white space is no report");
    cmcd_free(&s);

    for (i = 0, good = 0; i < 10000; i++) {
        char  line[64];

        n = (size_t) snprintf(line, sizeof(line), "e=t,ts=%zu,sn=%zu,v=2\r",
                              1764752400000 + i, i);
        cmcd_report(&s, (qoe_span_t) { line, n });
        good += s.status == QOE_OK && s.c.number[QOE_CMCD_SN] == (double) i;
        cmcd_free(&s);
    }

    ok(good == 10000, "10,000 reports decode one after the other");
}


/*
 * A set that is cut somewhere: all members before the cut have the values of
 * the whole set, so at most the key that is cut may differ.
 */

static void
test_cuts(const char *what, const char *query)
{
    size_t        n, bad;
    unsigned      differ;
    json_t       *all, *part, *value;
    cmcd_set_t    s;
    const char   *key;

    cmcd_query(&s, qoe_span_str(query));
    all = cmcd_json(&s.c);
    cmcd_free(&s);
    bad = 0;

    for (n = 0; n < strlen(query); n++) {
        cmcd_query(&s, (qoe_span_t) { query, n });
        part = cmcd_json(&s.c);
        differ = 0;

        json_object_foreach(part, key, value) {
            differ += !cmcd_same(value, json_object_get(all, key));
        }

        bad += s.status == QOE_INVALID || part == NULL || differ > 1
               || (s.status == QOE_DONE && n > 3);
        json_decref(part);
        cmcd_free(&s);
    }

    ok(json_object_size(all) > 8 && bad == 0,
       "a set of %s may be cut at any of its %zu bytes", what, strlen(query));
    json_decref(all);
}


/*
 * What is left in the buffer from an earlier set goes on where the set ends,
 * and must not be read.
 */

static void
test_beyond(const char *what, const char *query)
{
    char               *buf;
    size_t              i, n, len, differ;
    json_t             *alone, *before;
    qoe_cmcd_t          c;
    cmcd_set_t          s;
    qoe_status_t        rc;
    static const char   fill[] = " ),\";=(0a.?:-";

    len = strlen(query);
    buf = malloc(2 * len);
    differ = 0;

    for (n = 0; n < len; n++) {
        cmcd_query(&s, (qoe_span_t) { query, n });
        alone = cmcd_json(&s.c);

        for (i = 0; i < sizeof(fill) - 1; i++) {
            memset(buf, fill[i], 2 * len);
            rc = qoe_cmcd_query(&c, (qoe_span_t) { query, n }, buf);
            before = cmcd_json(&c);
            differ += rc != s.status || !json_equal(alone, before)
                      || memcmp(c.ignored, s.c.ignored,
                                sizeof(c.ignored)) != 0;
            json_decref(before);
        }

        json_decref(alone);
        cmcd_free(&s);
    }

    free(buf);

    ok(differ == 0, "of a set of %s that is cut nothing beyond its end is read",
       what);
}


/* Sets of 8 kB, of members, texts, escapes, and of nothing that decodes. */

static void
test_long(const char *what, const char *head, const char *fill,
    uint64_t set, uint32_t ignored)
{
    char        *query;
    size_t       i, len;
    uint32_t     sum;
    json_t      *json;
    cmcd_set_t   s;

    query = malloc(LONG);
    len = strlen(head);
    memcpy(query, head, len);

    while (len + strlen(fill) <= LONG) {
        memcpy(query + len, fill, strlen(fill));
        len += strlen(fill);
    }

    cmcd_query(&s, (qoe_span_t) { query, len });
    json = cmcd_json(&s.c);

    for (i = 0, sum = 0; i < QOE_CMCD_IGNORED; i++) {
        sum += s.c.ignored[i];
    }

    ok(s.status == QOE_OK && json && s.c.set == set
       && (ignored ? sum >= ignored : sum == 0), "8 kB of %s", what);

    json_decref(json);
    cmcd_free(&s);
    free(query);
}


int
main(void)
{
    static const uint64_t  br = (uint64_t) 1 << QOE_CMCD_BR;
    static const char      v1[] =
        "CMCD=bl%3D21300%2Cbr%3D3200%2Cbs%2Ccid%3D%22a%5C%22"
        "%C3%A9%22%2Cd%3D4004%2Cdl%3D18500%2Cmtp%3D25400%2Cnor%3D%22..%2F"
        "s.m4v%22%2Cot%3Dv%2Cpr%3D1.08%2Csf%3Dh%2Csid%3D%226e2fb550%22%2C"
        "st%3Dv%2Csu%2Ctb%3D6000%2Ccom.example-x%3D500";
    static const char      v2[] =
        "CMCD=bl=(2100;v+1800;a),br=(3000;v%20164;a),bs=?0,"
        "cid=%22c%22,ec=(%222001%22),nor=(%22a%22;r=%220-9%22+%22b%22),"
        "ot=v,pr=1.1,sid=%22s%22,sta=p,v=2";

    test_keys();
    test_rules();
    test_length("sid", 64, "s");
    test_length("sid", 64, "\xc3\xa9");
    test_length("sid", 64, "\xf0\x9f\x8e\xac");
    test_length("sid", 64, "\\\"");
    test_length("cid", 128, "c");
    test_length("h", 128, "h");
    test_length("cen", 64, "x");
    test_length("com.example-x", 64, "x");
    test_items();
    test_number_of();
    test_tokens();
    test_percent();
    test_headers();
    test_reports();

    test_cuts("version 1", v1);
    test_beyond("version 1", v1);
    test_cuts("version 2", v2);
    test_beyond("version 2", v2);

    test_long("members", "CMCD=br=0", ",br=1,br=(1+2;v)", br, 0);
    test_long("a text", "CMCD=br=1,cs=%22%22,cs=%22", "%C3%A9",
              br | (uint64_t) 1 << QOE_CMCD_CS, 1);
    test_long("percent signs", "CMCD=br=1,", "%", br, 1);
    test_long("commas", "CMCD=br=1", ",", br, 8000);
    test_long("parentheses", "CMCD=br=1,bl=", "(", br, 1);
    test_long("quotes", "CMCD=br=1,sid=", "%22", br, 1);
    test_long("semicolons", "CMCD=br=1,bl=1", ";", br, 1);
    test_long("parameters", "CMCD=br=1", ";v;a;v=?0", br, 0);
    test_long("backslashes", "CMCD=br=1,sid=%22", "%5C", br, 1);
    test_long("NULs", "CMCD=br=1,", "%00", br, 1);

    return tap_end();
}
