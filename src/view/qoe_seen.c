
/*
 * Copyright (C) OpenQoE
 *
 * Layout: header | sets.  A set is ordered from the newest tag to the oldest; a
 * new tag pushes the oldest out.
 */


#include "qoe_seen.h"
#include "qoe_hash_quick.h"


#define QOE_SEEN_WAYS      16
#define QOE_SEEN_HEADER    64


/* Bits 0 to 31 of a hash choose the set, the other bits are the tag. */

typedef struct {
    uint32_t        tag[QOE_SEEN_WAYS];      /* 0: none */
} qoe_seen_set_t;

struct qoe_seen_s {
    uint32_t        sets;
};

_Static_assert(sizeof(qoe_seen_set_t) == 64, "a set is a cache line");


static qoe_seen_set_t *qoe_seen_set(const qoe_seen_t *t, uint64_t hash);


void
qoe_seen_create(qoe_seen_t *t, size_t size)
{
    t->sets = (uint32_t) ((size - QOE_SEEN_HEADER) / sizeof(qoe_seen_set_t));
}


/*
 * The quick hash suffices: it starts with the session's keyed hash, which is
 * secret, so a client can at most make events of its own session collide.
 */

uint64_t
qoe_seen_hash(const qoe_hash_key_t *key, uint64_t session,
    uint64_t view_key, uint64_t video_key, const qoe_sample_t *s)
{
    uint64_t  h, left, word;

    h = qoe_hash_quick_word(key, session, view_key);
    h = qoe_hash_quick_word(key, h, video_key);
    h = qoe_hash_quick_word(key, h, (uint64_t) s->time_ms);
    h = qoe_hash_quick_word(key, h, s->set);
    h = qoe_hash_quick(key, h, s->type_name);
    h = qoe_hash_quick(key, h, s->text[QOE_TEXT_MEDIA_TYPE]);
    h = qoe_hash_quick(key, h, s->text[QOE_TEXT_CODEC]);
    h = qoe_hash_quick(key, h, s->text[QOE_TEXT_ERROR_FAMILY]);
    h = qoe_hash_quick(key, h, s->text[QOE_TEXT_ERROR_CODE]);

    for (left = s->set; left != 0; left &= left - 1) {
        memcpy(&word, &s->number[__builtin_ctzll(left)], sizeof(word));
        h = qoe_hash_quick_word(key, h, word);
    }

    return h;
}


void
qoe_seen_fetch(const qoe_seen_t *t, uint64_t hash)
{
    __builtin_prefetch(qoe_seen_set(t, hash), 1);
}


bool
qoe_seen(qoe_seen_t *t, uint64_t hash)
{
    bool             seen;
    unsigned         i;
    uint32_t         tag;
    qoe_seen_set_t  *set;

    set = qoe_seen_set(t, hash);

    tag = (uint32_t) (hash >> 32);
    tag |= (tag == 0);

    seen = false;

    for (i = 0; i < QOE_SEEN_WAYS; i++) {
        seen |= (set->tag[i] == tag);
    }

    if (!seen) {
        memmove(&set->tag[1], &set->tag[0],
                (QOE_SEEN_WAYS - 1) * sizeof(uint32_t));
        set->tag[0] = tag;
    }

    return seen;
}


static qoe_seen_set_t *
qoe_seen_set(const qoe_seen_t *t, uint64_t hash)
{
    return (qoe_seen_set_t *) ((uintptr_t) t + QOE_SEEN_HEADER)
           + ((hash & UINT32_MAX) * t->sets >> 32);
}
