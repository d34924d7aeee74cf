
/*
 * Copyright (C) OpenQoE
 *
 * Usage: view_table_cli [--size view|session] [--record]
 * The table of states and transitions of src/view/qoe_view_table.h as Markdown,
 * as docs/numbers.md shows it; or the bytes that a view or a session takes; or
 * the attributes of a view's record, as docs/views.md shows them.  t/numbers.t
 * compares all.
 */


#include "qoe_session.h"
#include "qoe_view_record.h"
#include "qoe_view_table.h"

#include <stdio.h>
#include <string.h>


static void
record(void)
{
    size_t  i;

    static const struct {
        const char  *name;
        const char  *kind;
        const char  *text;
    } rows[] = {
#define TEXT(member, name, text)    { name, "text", text },
#define COUNT(member, name, text)   { name, "int", text },
#define PLAYED(member, name, text)  { name, "int, started views", text },
#define REAL(member, name, text)    { name, "double", text },
#define FLAG(member, name, text)    { name, "true, or absent", text },
        QOE_VIEW_ATTRIBUTES(TEXT, COUNT, PLAYED, REAL, FLAG)
    };

    puts("| attribute | kind | meaning |\n|---|---|---|");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        printf("| `%s` | %s | %s |\n", rows[i].name, rows[i].kind,
               rows[i].text);
    }
}


int
main(int argc, char **argv)
{
    size_t  i;

    static const char *const  phases[][2] = {
#define PHASE(id, name, text)  { name, text },
        QOE_VIEW_PHASES(PHASE)
#undef PHASE
    };

    static const char *const  signals[][2] = {
#define SIGNAL(id, name, text)  { name, text },
        QOE_VIEW_SIGNALS(SIGNAL)
#undef SIGNAL
    };

    static const struct {
        int          from;
        int          on;
        int          to;
        const char  *text;
    } rows[] = {
#define ROW(from, on, action, to, text)                                       \
        { QOE_PHASE_##from, QOE_SIGNAL_##on, QOE_PHASE_##to, text },
        QOE_VIEW_TRANSITIONS(ROW)
#undef ROW
    };

    if (argc == 3 && strcmp(argv[1], "--size") == 0) {
        printf("%zu\n", strcmp(argv[2], "view") == 0 ? sizeof(qoe_view_t)
                                                     : sizeof(qoe_session_t));
        return 0;
    }

    if (argc == 2 && strcmp(argv[1], "--record") == 0) {
        record();
        return 0;
    }

    puts("| state | what a viewer sees |\n|---|---|");

    for (i = 0; i < QOE_PHASES; i++) {
        printf("| **%s** | %s |\n", phases[i][0], phases[i][1]);
    }

    puts("\n| it ... | how it is known |\n|---|---|");

    for (i = 0; i < QOE_SIGNAL_NONE; i++) {
        printf("| *%s* | %s |\n", signals[i][0], signals[i][1]);
    }

    puts("\n| state | it ... | next | meaning |\n|---|---|---|---|");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        printf("| **%s** | *%s* | **%s** | %s |\n", phases[rows[i].from][0],
               signals[rows[i].on][0], phases[rows[i].to][0], rows[i].text);
    }

    return 0;
}
