
/*
 * Copyright (C) OpenQoE
 *
 * The rows of t/data/cmcd: sets and reports with the decoding wanted, and all
 * sets that real players have sent.
 */


#include "tap.h"
#include "cmcd_support.h"

#include <ctype.h>
#include <zlib.h>


#define DECODE   "t/data/cmcd/decode.tsv"
#define REAL     "t/data/cmcd/real.tsv.gz"
#define COLUMNS  8
#define LINE     (1 << 16)


/* A row; what is decoded stays in its line, without the escapes of the file. */

typedef struct {
    char        *column[COLUMNS];
    qoe_span_t   encoded;
} row_t;


static void
unescape(row_t *row, char *text)
{
    char  *s, *to, hex[3];

    for (s = to = text; *s; s++) {
        if (*s != '\\') {
            *to++ = *s;
            continue;
        }

        switch (*++s) {
        case 't':
            *to++ = '\t';
            break;
        case 'n':
            *to++ = '\n';
            break;
        case 'r':
            *to++ = '\r';
            break;
        case 'x':
            memcpy(hex, s + 1, 2);
            hex[2] = '\0';
            *to++ = (char) strtoul(hex, NULL, 16);
            s += 2;
            break;
        default:
            *to++ = *s;
        }
    }

    row->encoded = (qoe_span_t) { text, (size_t) (to - text) };
}


/* The next row of a file, in line; false at its end. */

static bool
next_row(gzFile f, row_t *row, char *line, size_t encoded)
{
    size_t  n;

    while (gzgets(f, line, LINE)) {
        line[strcspn(line, "\n")] = '\0';

        if (line[0] == '#') {
            continue;
        }

        memset(row, 0, sizeof(row_t));

        for (n = 0; n < COLUMNS && line; n++) {
            row->column[n] = strsep(&line, "\t");
        }

        if (row->column[encoded] == NULL
            || strcmp(row->column[encoded], "encoded") == 0)
        {
            line = row->column[0];
            continue;
        }

        unescape(row, row->column[encoded]);

        return true;
    }

    return false;
}


/* What decode.tsv calls refused, or the set. */

static json_t *
refused(const char *why)
{
    return strstr(why, "version") ? json_string("refused: version")
                                  : json_sprintf("refused: %s", why);
}


/* All reports of a body. */

static json_t *
decode_body(qoe_span_t body)
{
    json_t      *all;
    cmcd_set_t   s;
    qoe_span_t   line;
    const char  *p, *end, *feed;

    all = json_array();
    end = body.data + body.len;

    for (p = body.data; p <= end; p = line.data + line.len + 1) {
        feed = memchr(p, '\n', (size_t) (end - p));
        line = (qoe_span_t) { p, (size_t) ((feed ? feed : end) - p) };
        cmcd_report(&s, line);

        if (s.status == QOE_OK) {
            json_array_append_new(all, cmcd_json(&s.c));
        } else if (s.status == QOE_INVALID) {
            json_array_append_new(all, refused(s.why));
        }

        cmcd_free(&s);
    }

    if (json_array_size(all) == 0) {
        json_decref(all);
        return refused("no record");
    }

    return all;
}


/* The counts that the column "ignored" has, whose reasons are finer. */

static void
wanted_ignored(const char *column, uint32_t *counts)
{
    size_t       i, n;
    const char  *p, *reason;
    static const struct {
        const char          *text;
        qoe_cmcd_ignored_t   reason;
    } reasons[] = {
        { "type", QOE_CMCD_TYPE }, { "custom type", QOE_CMCD_TYPE },
        { "range", QOE_CMCD_RANGE }, { "token", QOE_CMCD_RANGE },
        { "length", QOE_CMCD_LENGTH }, { "empty list", QOE_CMCD_LENGTH },
        { "unknown", QOE_CMCD_UNKNOWN }, { "event mode only", QOE_CMCD_MODE }
    };

    memset(counts, 0, QOE_CMCD_IGNORED * sizeof(uint32_t));

    for (p = column; *p; p += n + (p[n] == ',')) {
        n = strcspn(p, ",");

        if (strncmp(p, "_syntax=", 8) == 0) {
            counts[QOE_CMCD_SYNTAX]++;

            for (i = 0; i < n; i++) {
                counts[QOE_CMCD_SYNTAX] += (p[i] == ';');
            }

            continue;
        }

        reason = memchr(p, '=', n) ? (char *) memchr(p, '=', n) + 1 : p;

        for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
            if (strlen(reasons[i].text) == (size_t) (p + n - reason)
                && strncmp(reasons[i].text, reason, (size_t) (p + n - reason))
                   == 0)
            {
                counts[reasons[i].reason]++;
            }
        }
    }
}


static json_t *
decode(const row_t *row, size_t where, uint32_t *ignored, bool *counted)
{
    json_t      *json;
    cmcd_set_t   s;
    const char  *kind;

    kind = row->column[where];
    *counted = false;

    if (strcmp(kind, "body") == 0) {
        return decode_body(row->encoded);
    }

    if (strcmp(kind, "query") == 0) {
        cmcd_query(&s, row->encoded);
    } else {
        cmcd_headers(&s, row->encoded);
    }

    json = s.status == QOE_OK ? cmcd_json(&s.c)
           : refused(s.status == QOE_DONE ? "no CMCD" : "version");
    *counted = (s.status == QOE_OK);
    memcpy(ignored, s.c.ignored, sizeof(s.c.ignored));
    cmcd_free(&s);

    return json;
}


/* The text "version 3 not supported" is that of a version; see refused(). */

static json_t *
wanted(const char *expected)
{
    size_t   i;
    json_t  *json, *entry;

    if (strncmp(expected, "refused: ", 9) == 0) {
        return refused(expected + 9);
    }

    json = json_loads(expected, JSON_REJECT_DUPLICATES, NULL);

    json_array_foreach(json, i, entry) {
        if (json_is_string(entry)) {
            json_array_set_new(json, i, refused(json_string_value(entry) + 9));
        }
    }

    return json;
}


static bool
check(const row_t *row, size_t where)
{
    bool       same, counted;
    char      *a, *b;
    json_t    *is, *must;
    uint32_t   ignored[QOE_CMCD_IGNORED], want[QOE_CMCD_IGNORED];

    is = decode(row, where, ignored, &counted);
    must = wanted(row->column[where + 2]);
    same = is && must && cmcd_same(is, must);

    if (!same) {
        a = json_dumps(is, JSON_COMPACT|JSON_SORT_KEYS|JSON_ENCODE_ANY);
        b = json_dumps(must, JSON_COMPACT|JSON_SORT_KEYS|JSON_ENCODE_ANY);
        printf("# got    %s\n# wanted %s\n", a ? a : "nothing",
               b ? b : "nothing");
        free(a);
        free(b);
    }

    if (counted) {
        wanted_ignored(row->column[where + 3], want);

        if (memcmp(ignored, want, sizeof(want)) != 0) {
            printf("# the counts of \"%s\" differ\n", row->column[where + 3]);
            same = false;
        }
    }

    json_decref(is);
    json_decref(must);

    return same;
}


static void
test_decode(char *line)
{
    int     n;
    row_t   row;
    gzFile  f;

    f = gzopen(DECODE, "r");
    n = 0;

    while (f && next_row(f, &row, line, 2)) {
        n++;
        ok(check(&row, 1), "row %s of " DECODE " decodes as it says: %s",
           row.column[0], row.column[7] ? row.column[7] : "");
    }

    if (f) {
        gzclose(f);
    }

    ok(n == 239, DECODE " has 239 rows");
}


/* One check for the rows of a run: there are 1,953 of them. */

static void
test_real(char *line)
{
    int     n, bad, all;
    char    run[256];
    row_t   row;
    gzFile  f;

    f = gzopen(REAL, "r");
    run[0] = '\0';
    n = bad = all = 0;

    while (f && next_row(f, &row, line, 2)) {
        if (strcmp(run, row.column[0]) != 0) {
            if (n) {
                ok(bad == 0, "all %d sets of %s decode as wanted", n, run);
            }

            snprintf(run, sizeof(run), "%s", row.column[0]);
            n = bad = 0;
        }

        n++;
        all++;
        bad += !check(&row, 1);
    }

    if (f) {
        gzclose(f);
    }

    ok(bad == 0, "all %d sets of %s decode as wanted", n, run);
    ok(all == 1953, REAL " has 1953 rows");
}


int
main(void)
{
    char  *line;

    line = malloc(LINE);
    test_decode(line);
    test_real(line);
    free(line);

    return tap_end();
}
