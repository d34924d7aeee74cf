
/*
 * Copyright (C) OpenQoE
 *
 * A slot that becomes a view's while another process reads it.  The page of
 * the slot's end is taken away, so that the clearing of the slot is caught in
 * the middle and what a reader would see there can be looked at.
 */


#include "tap.h"
#include "qoe_sessions.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>


#define SIZE           (2 * 1024 * 1024)


static char            *page;        /* made unreadable */
static size_t           page_size;
static qoe_view_t      *slot;
static volatile int     faults;
static volatile int     even;        /* faults with an even number */


static void
fault(int sig, siginfo_t *info, void *context)
{
    char  *at = info->si_addr;

    (void) sig;
    (void) context;

    if (at < page || at >= page + page_size
        || mprotect(page, page_size, PROT_READ|PROT_WRITE) != 0)
    {
        _exit(9);
    }

    faults = faults + 1;
    even = even + !(slot->seq & 1);
}


/* The next slot lies across two pages, its sequence number in the first. */

static bool
lies_across(const qoe_view_t *v)
{
    uintptr_t  first, last;

    first = ((uintptr_t) v + offsetof(qoe_view_t, base)) / page_size;
    last = ((uintptr_t) (v + 1) - 1) / page_size;

    return last == first + 1;
}


int
main(void)
{
    void              *mem;
    uint32_t           seq, i;
    uint64_t           key[2] = { 1, 1 };
    qoe_view_t        *v, copy;
    qoe_session_t     *s;
    qoe_sessions_t    *t;
    struct sigaction   sa;

    page_size = (size_t) sysconf(_SC_PAGESIZE);

    mem = mmap(NULL, SIZE, PROT_READ|PROT_WRITE, MAP_SHARED|MAP_ANONYMOUS, -1,
               0);
    if (mem == MAP_FAILED) {
        abort();
    }

    t = mem;
    qoe_sessions_create(t, SIZE);
    s = qoe_sessions_add(t, key);

    /* Views take the slots in order while none was given back. */

    for (i = 0; !lies_across(qoe_sessions_slot(t, i)); i++) {
        (void) qoe_sessions_add_view(t, s, i + 1);
    }

    slot = qoe_sessions_slot(t, i);
    page = (char *) ((uintptr_t) (slot + 1) - 1);
    page -= (uintptr_t) page % page_size;
    seq = slot->seq;

    memset(&sa, 0, sizeof(sa));
    sa.sa_sigaction = fault;
    sa.sa_flags = SA_SIGINFO;
    sigaction(SIGSEGV, &sa, NULL);
    mprotect(page, page_size, PROT_NONE);

    v = qoe_sessions_add_view(t, s, 4711);

    signal(SIGSEGV, SIG_DFL);

    ok(v == slot && faults == 1,
       "the write that clears the slot is caught by a fault");
    ok(even == 0, "while the slot is cleared its sequence number is odd");
    ok((v->seq & 1) == 0 && v->seq != seq,
       "after that the sequence number is even, and different from before");
    ok(qoe_sessions_read(t, i, &copy) && copy.view_key == 4711
       && copy.seq == v->seq, "a reader gets the new view");

    seq = v->seq;
    qoe_sessions_remove_view(t, v);
    v = qoe_sessions_add_view(t, s, 4712);

    ok(v == slot && (v->seq & 1) == 0 && v->seq != seq,
       "a slot that is used again gets another sequence number");

    munmap(mem, SIZE);

    return tap_end();
}
