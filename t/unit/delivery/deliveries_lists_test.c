
/*
 * Copyright (C) OpenQoE
 *
 * The table of states from within: what lies where in its memory, and that its
 * lists, chains and counts agree after each change.
 */


#include "qoe_deliveries_layout.h"
#include "qoe_delivery_priv.h"
#include "tap.h"

#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>


#define T0     1700000000000
#define SIZE   (32 * 1024)


static qoe_deliveries_t  *table;
static size_t             table_size;


static void
create(size_t size)
{
    free(table);
    table = aligned_alloc(64, qoe_align(size, 64));
    memset(table, 0, qoe_align(size, 64));
    table_size = size;
    qoe_deliveries_create(table, size);
}


typedef enum { NEWCOMER, KNOWN, OVER }  kind_t;


/* A state with that key of that kind, last seen ms after T0. */

static qoe_delivery_t *
put(uint64_t k0, uint64_t k1, kind_t kind, unsigned patience, uint64_t ms)
{
    uint64_t         key[2] = { k0, k1 };
    qoe_delivery_t  *d;

    d = qoe_deliveries_find(table, key);

    if (d == NULL) {
        d = qoe_deliveries_add(table, key);
    }

    qoe_deliveries_open(table, d);
    d->flags = QOE_DELIVERY_BEGUN | (kind == OVER ? QOE_DELIVERY_OVER : 0);
    d->epoch_ms = T0 - 100000;
    d->media = kind == KNOWN ? 3 : 0;
    d->patience = (uint8_t) patience;
    d->received_ms = T0 + ms;
    d->st = QOE_CMCD_ST_VOD;
    d->sf = QOE_CMCD_SF_HLS;
    qoe_deliveries_close(table, d);

    return d;
}


static qoe_delivery_t *
find(uint64_t k0, uint64_t k1)
{
    uint64_t  key[2] = { k0, k1 };

    return qoe_deliveries_find(table, key);
}


/*
 * Each used slot is in the chain of its bucket, and in the list of its kind,
 * once; the free ones are in none; and all is counted.
 */

static bool
sane(void)
{
    bool                   right;
    uint32_t               i, n, link, used, listed, alive, chained, unlisted;
    const qoe_delivery_t  *d;

    right = true;
    used = listed = alive = chained = 0;

    for (i = 1; i <= table->unused; i++) {
        d = qoe_deliveries_at(table, i);
        used += qoe_deliveries_used(d);
        right &= (d->seq & 1) == 0
                 && (qoe_deliveries_used(d) ? find(d->key[0], d->key[1]) == d
                                            : d->key[0] == 0);
    }

    for (i = 0; i < QOE_DELIVERIES_LISTS; i++) {
        link = table->list[i].ends.oldest;

        for (n = 0; link != 0 && n <= table->capacity; n++) {
            d = qoe_deliveries_at(table, link);
            right &= d->list == 1 + i && qoe_deliveries_used(d)
                     && (d->links.newer != 0
                         || table->list[i].ends.newest == link);
            link = d->links.newer;
        }

        right &= n == table->list[i].count;
        listed += n;
        alive += i != QOE_DELIVERIES_OVER ? n : 0;
    }

    for (i = 0; i < table->buckets; i++) {
        link = ((const uint32_t *) ((char *) table
                                    + QOE_DELIVERIES_HEADER))[i];

        for ( /* void */ ; link != 0 && chained <= table->capacity; chained++) {
            link = qoe_deliveries_at(table, link)->next;
        }
    }

    link = table->free;

    for (unlisted = 0; link != 0 && unlisted <= table->capacity; unlisted++) {
        right &= !qoe_deliveries_used(qoe_deliveries_at(table, link));
        link = qoe_deliveries_at(table, link)->next;
    }

    return right && used == listed && used == chained && used == table->count
           && unlisted == table->unused - used
           && alive == table->alive[QOE_CMCD_ST_VOD][QOE_CMCD_SF_HLS];
}


static void
test_create(void)
{
    size_t    i, end;

    static const struct { size_t size; uint32_t capacity, buckets; }  rows[] = {
        { 512, 0, 0 }, { 575, 0, 0 }, { 576, 0, 16 }, { 895, 0, 16 },
        { 896, 1, 16 }, { 1215, 1, 16 }, { 1216, 2, 16 },
        { 512 + 10240, 31, 16 }, { 512 + 10241, 31, 32 },
        { 512 + 32 * 320 + 128, 32, 32 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        create(rows[i].size);
        end = QOE_DELIVERIES_HEADER + table->buckets * sizeof(uint32_t)
              + table->capacity * sizeof(qoe_delivery_t);
        ok(table->capacity == rows[i].capacity
           && table->buckets == rows[i].buckets
           && (table->capacity == 0 || end <= rows[i].size)
           && (rows[i].buckets == 0 || table->capacity <= table->buckets * 2),
           "a table of %zu bytes has %u slots and %u buckets", rows[i].size,
           rows[i].capacity, rows[i].buckets);
    }
}


/* The smallest table that holds a state. */

static void
test_single(void)
{
    uint64_t         key[2] = { 3, 4 };
    qoe_delivery_t  *d;

    create(896);
    d = put(1, 2, KNOWN, 0, 1);
    ok(find(1, 2) == d && qoe_deliveries_add(table, key) == NULL && sane(),
       "a table of one slot has room for one state");
    qoe_deliveries_remove(table, d);
    ok(find(1, 2) == NULL && put(3, 4, KNOWN, 0, 1) == d && sane(),
       "and then for another");
}


/* Keys that share a bucket, and parts of other keys. */

static void
test_chain(void)
{
    qoe_delivery_t  *a, *b, *c;

    create(SIZE);
    a = put(5, 1, KNOWN, 0, 1);
    b = put(5, 2, KNOWN, 0, 2);
    c = put(5 + table->buckets, 1, KNOWN, 0, 3);

    ok(find(5, 1) == a && find(5, 2) == b && find(5 + table->buckets, 1) == c
       && find(5, 3) == NULL && find(5 + table->buckets, 2) == NULL
       && find(6, 1) == NULL && sane(),
       "a state is found by its whole key");

    qoe_deliveries_remove(table, b);
    ok(find(5, 1) == a && find(5, 2) == NULL
       && find(5 + table->buckets, 1) == c && sane(),
       "the others of a bucket are found without the middle one");

    qoe_deliveries_remove(table, c);
    ok(find(5, 1) == a && sane(), "and without the first one");

    ok(put(0, 9, KNOWN, 0, 1) == c && find(0, 9) == c && put(9, 0, KNOWN, 0, 1)
       == b && find(9, 0) == b && sane(),
       "the slot freed last is used first, and half of a key may be 0");
}


static void
test_add(void)
{
    size_t           i;
    uint32_t         seq;
    uint64_t         key[2] = { 7, 8 };
    qoe_delivery_t  *d, clean;

    create(SIZE);
    d = qoe_deliveries_add(table, key);
    ok(d->seq != 0 && (d->seq & 1) == 0 && table->count == 1
       && table->unused == 1 && d->list == 1 + QOE_DELIVERIES_NEW
       && table->alive[0][0] == 1 && table->list[0].count == 1,
       "a new state is a newcomer of no known type, and can be read");

    seq = d->seq;
    memset((char *) d + offsetof(qoe_delivery_t, received_ms), 0xff,
           sizeof(*d) - offsetof(qoe_delivery_t, received_ms));
    d->list = 1;
    d->st = d->sf = 0;
    qoe_deliveries_remove(table, d);
    ok(d->seq == seq + 2 && d->key[0] == 0 && d->key[1] == 0
       && table->count == 0 && table->alive[0][0] == 0,
       "a state that was removed has no key, and a new sequence number");

    (void) qoe_deliveries_add(table, key);
    memset(&clean, 0, sizeof(clean));
    clean.key[0] = 7;
    clean.key[1] = 8;
    clean.seq = d->seq;
    clean.list = 1;
    ok(d->seq == seq + 4 && memcmp(d, &clean, sizeof(clean)) == 0,
       "a slot that is used again is clean");

    seq = d->seq;
    qoe_deliveries_open(table, d);
    ok(d->seq == (seq | 1) && d->list == 0 && table->count == 1
       && table->alive[0][0] == 0 && table->list[0].count == 0,
       "a state that changes is in no list, and not to be read");
    qoe_deliveries_close(table, d);
    ok(d->seq == seq + 2 && d->list == 1 && table->alive[0][0] == 1,
       "after that it is again");

    /* a torn state: types that there are not */

    qoe_deliveries_open(table, d);
    d->st = QOE_CMCD_STS;
    d->sf = QOE_CMCD_SFS;
    qoe_deliveries_close(table, d);
    ok(table->alive[0][0] == 1, "a type that does not exist counts as none");

    d->list = QOE_DELIVERIES_LISTS + 1;
    qoe_deliveries_open(table, d);

    for (i = 0; i < QOE_DELIVERIES_LISTS; i++) {
        seq = table->list[i].count;
        ok(seq == (i == 0), "a list that does not exist is none: %zu", i);
    }
}


/* The list of a state by its kind and its silence, and when it is due. */

static void
test_due(void)
{
    unsigned         i;
    qoe_delivery_t  *d;

    static const struct {
        kind_t       kind;
        unsigned     patience;
        uint32_t     list;
        uint64_t     silence;        /* 0: it is not due */
    } rows[] = {
        { NEWCOMER, 0, 0, 30000 }, { NEWCOMER, 2, 0, 120000 },
        { KNOWN, 0, 1, 30000 }, { KNOWN, 1, 2, 60000 },
        { KNOWN, 2, 3, 120000 }, { KNOWN, 3, 4, 300000 },
        { KNOWN, 4, 4, 30000 }, { OVER, 1, 5, 0 }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        create(SIZE);
        d = put(1, 1, rows[i].kind, rows[i].patience, 0);

        ok(table->list[rows[i].list].count == 1 && sane()
           && qoe_deliveries_due_ms(table)
              == (rows[i].silence != 0 ? T0 + rows[i].silence : UINT64_MAX)
           && qoe_deliveries_silent(table, T0 + rows[i].silence - 1) == NULL
           && qoe_deliveries_silent(table, T0 + rows[i].silence)
              == (rows[i].silence != 0 ? d : NULL),
           "kind %d with silence %u is due after %u ms", rows[i].kind,
           rows[i].patience, (unsigned) rows[i].silence);
    }

    create(SIZE);

    for (i = 0; i < 4; i++) {
        (void) put(1 + i, 1, KNOWN, i, 1000);
    }

    d = put(2, 1, KNOWN, 1, 500);
    ok(qoe_deliveries_due_ms(table) == T0 + 31000
       && qoe_deliveries_silent(table, T0 + 30999) == NULL
       && qoe_deliveries_silent(table, T0 + 31000) == find(1, 1),
       "the first of all lists is due");
    qoe_deliveries_remove(table, find(1, 1));
    ok(qoe_deliveries_due_ms(table) == T0 + 60500
       && qoe_deliveries_silent(table, T0 + 60500) == d,
       "then that of the next list");
    qoe_deliveries_remove(table, d);
    ok(qoe_deliveries_due_ms(table) == T0 + 121000
       && qoe_deliveries_silent(table, T0 + 400000) == find(3, 1),
       "then that of the one after it");
}


static void
test_victim(void)
{
    uint32_t         i, quarter;
    qoe_delivery_t  *gone, *d;

    create(SIZE);
    quarter = table->capacity / 4;
    gone = put(1, 1, OVER, 0, 5000);
    (void) put(2, 1, KNOWN, 0, 1000);

    for (i = 0; i < quarter; i++) {
        (void) put(100 + i, 1, NEWCOMER, 0, 2000 + i);
    }

    ok(qoe_deliveries_victim(table) == gone
       && gone->flags == (QOE_DELIVERY_BEGUN | QOE_DELIVERY_OVER
                          | QOE_DELIVERY_EVICTED),
       "with a quarter of newcomers what is over is given up, and marked");

    (void) put(99, 1, NEWCOMER, 0, 9000);
    ok(qoe_deliveries_victim(table) == find(100, 1)
       && (find(100, 1)->flags & QOE_DELIVERY_EVICTED)
       && !(find(101, 1)->flags & QOE_DELIVERY_EVICTED),
       "with one more the oldest newcomer is");

    qoe_deliveries_remove(table, find(99, 1));
    ok(qoe_deliveries_victim(table) == gone && sane(),
       "one that is removed does not count");

    qoe_deliveries_remove(table, gone);
    ok(qoe_deliveries_victim(table) == find(100, 1),
       "without one that is over the oldest newcomer is given up");

    /* of the known ones the oldest of all lists */

    create(SIZE);
    (void) put(1, 1, KNOWN, 0, 2000);
    (void) put(2, 1, KNOWN, 1, 1000);
    (void) put(3, 1, KNOWN, 2, 1000);
    (void) put(4, 1, KNOWN, 3, 999);
    ok(qoe_deliveries_victim(table) == find(4, 1),
       "the oldest may be in the last list");
    qoe_deliveries_remove(table, find(4, 1));
    d = qoe_deliveries_victim(table);
    ok(d == find(2, 1), "of two of the same age that of the shorter silence");
    (void) put(2, 1, KNOWN, 1, 3000);
    (void) put(3, 1, KNOWN, 2, 3000);
    ok(qoe_deliveries_victim(table) == find(1, 1),
       "the oldest may be in the first list");
}


static void
test_read(void)
{
    qoe_delivery_t         *d, copy;
    qoe_deliveries_info_t   info;

    create(SIZE);
    d = put(1, 2, KNOWN, 0, 7);
    (void) put(3, 4, KNOWN, 0, 8);

    ok(qoe_deliveries_read(table, 0, &copy)
       && memcmp(&copy, d, sizeof(copy)) == 0
       && qoe_deliveries_read(table, 1, &copy) && copy.key[0] == 3
       && !qoe_deliveries_read(table, 2, &copy)
       && !qoe_deliveries_read(table, table->capacity, &copy),
       "slots that were never used have no state");

    qoe_deliveries_info(table, &info);
    ok(info.count == 2 && info.touched == 2 && info.max == table->capacity
       && info.alive[QOE_CMCD_ST_VOD][QOE_CMCD_SF_HLS] == 2
       && info.alive[0][0] == 0, "a reader sees how many there are");

    qoe_deliveries_remove(table, d);
    qoe_deliveries_info(table, &info);
    ok(!qoe_deliveries_read(table, 0, &copy) && info.count == 1
       && info.touched == 2 && qoe_deliveries_slot(table, 0) == d
       && d->key[0] == 0 && qoe_deliveries_slot(table, 1) == d + 1
       && qoe_deliveries_slot(table, table->capacity - 1)
          == d + table->capacity - 1
       && qoe_deliveries_slot(table, table->capacity) == NULL,
       "a slot that was freed has no state, and there are no others");

    table->unused = table->capacity + 1;
    qoe_deliveries_info(table, &info);
    ok(info.touched == table->capacity
       && !qoe_deliveries_read(table, table->capacity, &copy),
       "a torn number of slots leads nowhere");
}


/*
 * A writer that changes a state while a reader copies it: the page with the
 * state's second half is not readable at first, and the fault that the reader
 * meets there is the moment at which the writer writes.
 */

static uint8_t         *half;
static size_t           page;
static qoe_delivery_t  *torn;


static void
write_within(int signo)
{
    (void) signo;

    (void) mprotect(half, page, PROT_READ|PROT_WRITE);
    torn->seq = (torn->seq | 1) + 1;
    torn->epoch_ms = 22;
    torn->track[1].next = 22;
}


/* Reads a state whose sequence number is seq; true: all of it is the new. */

static bool
read_torn(uint32_t i, uint32_t seq)
{
    qoe_delivery_t  copy;

    torn->seq = seq;
    torn->epoch_ms = 11;
    torn->track[1].next = 11;

    return mprotect(half, page, PROT_NONE) == 0
           && qoe_deliveries_read(table, i, &copy)
           && copy.epoch_ms == 22 && copy.track[1].next == 22
           && copy.seq == (seq | 1) + 1;
}


static void
test_torn(void)
{
    uint32_t           i;
    qoe_deliveries_t  *kept;
    struct sigaction   sa, before;

    kept = table;
    page = (size_t) sysconf(_SC_PAGESIZE);
    table = mmap(NULL, 16 * page, PROT_READ|PROT_WRITE,
                 MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);

    if (table == MAP_FAILED) {
        abort();
    }

    qoe_deliveries_create(table, 16 * page);

    /* the first state whose last part is on another page than the rest */

    for (i = 0; ; i++) {
        torn = put(1 + i, 1, KNOWN, 0, i);
        half = (uint8_t *) ((uintptr_t) &torn->track[0] / page * page);

        if (half > (uint8_t *) &torn->epoch_ms && i != 0) {
            break;
        }
    }

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = write_within;
    sigaction(SIGSEGV, &sa, &before);

    ok(read_torn(i, 8), "a reader in whose copy a writer wrote reads again");
    ok(read_torn(i, 9), "so does one that began while a writer wrote");

    sigaction(SIGSEGV, &before, NULL);
    munmap(table, 16 * page);
    table = kept;
}


/* What a killed writer leaves, and the table that is made of it. */

static void
test_rebuild(void)
{
    uint32_t         i, n, seq;
    qoe_delivery_t  *d;

    create(SIZE);
    n = table->capacity - 2;

    for (i = 0; i < n; i++) {
        (void) put(10 + i, 1, i % 3 ? KNOWN : NEWCOMER, i % 4, (i * 7) % n);
    }

    qoe_deliveries_remove(table, find(12, 1));
    seq = qoe_deliveries_slot(table, 0)->seq;

    /* the number of slots was not stored, or is torn */

    table->unused = 0;
    table->free = 77;
    table->count = 0;
    memset(table->list, 0x11, sizeof(table->list));
    qoe_deliveries_rebuild(table);
    ok(table->unused == 2 && table->count == 2 && sane(),
       "slots are found as far as they are used without a gap");

    table->unused = n;
    qoe_deliveries_slot(table, 0)->seq = seq | 1;
    qoe_deliveries_rebuild(table);
    ok(table->unused == n && table->count == n - 1 && sane()
       && qoe_deliveries_slot(table, 0)->seq == (seq | 1) + 1,
       "all lists, chains and counts are made of the slots");

    for (i = 0, d = NULL; i < QOE_DELIVERIES_LISTS; i++) {
        uint64_t  last = 0;

        for (d = qoe_deliveries_oldest_of(table, i); d != NULL;
             d = qoe_deliveries_at(table, d->links.newer))
        {
            n -= d->received_ms < last;
            last = d->received_ms;
        }
    }

    ok(n == table->capacity - 2, "each list is in the order of the receipts");

    table->unused = UINT32_MAX;
    qoe_deliveries_rebuild(table);
    ok(table->unused == table->capacity && sane(),
       "a number of slots that there are not is that of all");

    for (i = 0; i < 3; i++) {
        d = put(1000 + i, 1, KNOWN, 0, 1);
    }

    ok(d != NULL && table->count == table->capacity && sane()
       && table->free == 0, "every free slot is used again");

    qoe_deliveries_rebuild(table);
    ok(table->count == table->capacity && table->unused == table->capacity
       && sane(), "a full table stays full");
}


int
main(void)
{
    test_create();
    test_single();
    test_chain();
    test_add();
    test_due();
    test_victim();
    test_read();
    test_torn();
    test_rebuild();

    free(table);

    return tap_end();
}
