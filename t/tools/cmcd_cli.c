
/*
 * Copyright (C) OpenQoE
 *
 * cmcd_cli: decodes sets of CMCD for tests.  Each line of stdin is
 *
 *     query|header|body HEX
 *
 * in the form of t/data/cmcd/decode.tsv: the part of a URI after "?", header
 * lines with line feeds between them, or a body.  HEX are its bytes.  Prints a
 * line for each: the set as JSON (an array for a body), or why it is refused,
 * and after a tab the counts of what is left out, in the order of the reasons.
 */


#include "qoe_cmcd_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <strings.h>


#define LINES  64


static void
print_set(const qoe_cmcd_t *c)
{
    qoe_buf_t  b;

    qoe_buf_init(&b, &qoe_mem_heap, 1 << 24);
    qoe_cmcd_json(&b, c);
    fwrite(b.data, 1, b.len, stdout);
    qoe_buf_free(&b);
}


static void
add_ignored(uint32_t *ignored, const qoe_cmcd_t *c)
{
    size_t  i;

    for (i = 0; i < QOE_CMCD_IGNORED; i++) {
        ignored[i] += c->ignored[i];
    }
}


static void
body(qoe_span_t text, char *buf, uint32_t *ignored)
{
    char        *feed;
    size_t       n;
    qoe_cmcd_t   c;
    qoe_span_t   line;
    const char  *why;

    for (n = 0; /* void */ ; /* void */) {
        feed = memchr(text.data, '\n', text.len);
        line.data = text.data;
        line.len = feed ? (size_t) (feed - text.data) : text.len;

        switch (qoe_cmcd_report(&c, line, buf, &why)) {
        case QOE_OK:
            printf("%s", n++ ? "," : "[");
            print_set(&c);
            break;
        case QOE_INVALID:
            printf("%s\"refused: %s\"", n++ ? "," : "[", why);
            break;
        default:
            break;
        }

        add_ignored(ignored, &c);

        if (feed == NULL) {
            break;
        }

        text.data = feed + 1;
        text.len -= line.len + 1;
    }

    printf("%s", n ? "]" : "refused: no record");
}


/* The header of a line, whose name and colon are taken off. */

static unsigned
header_of(qoe_span_t *line)
{
    size_t    len;
    unsigned  i;
    static const char *const  names[] = {
#define NAME(id, name)  name ":",
        QOE_CMCD_HEADERS(NAME)
    };

    for (i = 0; i < QOE_CMCD_NHEADERS; i++) {
        len = strlen(names[i]);

        if (line->len >= len && strncasecmp(line->data, names[i], len) == 0) {
            line->data += len;
            line->len -= len;
            break;
        }
    }

    return i;
}


static qoe_status_t
headers(qoe_cmcd_t *c, qoe_span_t text, char *buf)
{
    char        *feed;
    size_t       n;
    uint8_t      name[LINES];
    qoe_span_t   line, query, value[LINES];

    query = qoe_span_null;

    for (n = 0; n < LINES; /* void */) {
        feed = memchr(text.data, '\n', text.len);
        line.data = text.data;
        line.len = feed ? (size_t) (feed - text.data) : text.len;
        text.data += line.len + 1;
        text.len -= feed ? line.len + 1 : text.len;

        if (line.len && line.data[0] == '?') {
            query = (qoe_span_t) { line.data + 1, line.len - 1 };

        } else {
            name[n] = (uint8_t) header_of(&line);
            value[n] = line;
            n += name[n] != QOE_CMCD_NHEADERS;
        }

        if (feed == NULL) {
            break;
        }
    }

    return n ? qoe_cmcd_headers(c, value, name, n, buf)
             : qoe_cmcd_query(c, query, buf);
}


static void
decode(char kind, qoe_span_t text, char *buf)
{
    size_t         i;
    uint32_t       ignored[QOE_CMCD_IGNORED];
    qoe_cmcd_t     c;
    qoe_status_t   rc;

    memset(ignored, 0, sizeof(ignored));

    if (kind == 'b') {
        body(text, buf, ignored);

    } else {
        rc = kind == 'h' ? headers(&c, text, buf)
                         : qoe_cmcd_query(&c, text, buf);
        add_ignored(ignored, &c);

        if (rc == QOE_OK) {
            print_set(&c);
        } else {
            printf("refused: %s", rc == QOE_DONE ? "no CMCD"
                                                 : "version not supported");
        }
    }

    for (i = 0; i < QOE_CMCD_IGNORED; i++) {
        printf("%c%u", i ? ' ' : '\t', ignored[i]);
    }

    printf("\n");
    fflush(stdout);
}


int
main(void)
{
    char    *line, *hex, *text, *buf, digits[3];
    size_t   cap, n;

    line = NULL;
    cap = 0;
    digits[2] = '\0';

    while (getline(&line, &cap, stdin) > 0) {
        hex = strchr(line, ' ');

        if (hex == NULL) {
            fprintf(stderr, "cmcd_cli: a line is no \"KIND HEX\"\n");
            return 1;
        }

        hex++;
        n = strspn(hex, "0123456789abcdef") / 2;
        text = malloc(n + 1);

        /* lines of headers have commas between them */
        buf = malloc(n + LINES);

        for (size_t i = 0; i < n; i++) {
            memcpy(digits, hex + 2 * i, 2);
            text[i] = (char) strtoul(digits, NULL, 16);
        }

        decode(line[0], (qoe_span_t) { text, n }, buf);
        free(text);
        free(buf);
    }

    free(line);

    return 0;
}
