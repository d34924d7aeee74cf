
/*
 * Copyright (C) OpenQoE
 *
 * The tables of keys, tokens and reasons, and the search in them.
 */


#include "qoe_cmcd_priv.h"


#define QOE_CMCD_ANY    false
#define QOE_CMCD_EVENT  true

#define QOE_CMCD_INFO(id, name, type, max, where)                             \
    { name, QOE_CMCD_TYPE_##type, QOE_CMCD_##where, max },

const qoe_cmcd_info_t  qoe_cmcd_info[QOE_CMCD_NKEYS] = {
    QOE_CMCD_KEYS(QOE_CMCD_INFO)
};


/* The first key that begins with a letter; AB for letters that have none. */

static const uint8_t  qoe_cmcd_letters[26] = {
    ['b' - 'a'] = QOE_CMCD_BG,
    ['c' - 'a'] = QOE_CMCD_CEN,
    ['d' - 'a'] = QOE_CMCD_D,
    ['e' - 'a'] = QOE_CMCD_E,
    ['h' - 'a'] = QOE_CMCD_H,
    ['l' - 'a'] = QOE_CMCD_LAB,
    ['m' - 'a'] = QOE_CMCD_MSD,
    ['n' - 'a'] = QOE_CMCD_NOR,
    ['o' - 'a'] = QOE_CMCD_OT,
    ['p' - 'a'] = QOE_CMCD_PB,
    ['r' - 'a'] = QOE_CMCD_RC,
    ['s' - 'a'] = QOE_CMCD_SF,
    ['t' - 'a'] = QOE_CMCD_TAB,
    ['u' - 'a'] = QOE_CMCD_URL,
    ['v' - 'a'] = QOE_CMCD_V
};


#define QOE_CMCD_TEXT_MAX  4

_Static_assert(QOE_CMCD_NAME_MAX == sizeof(uint64_t), "a name is one integer");

typedef struct {
    char               text[QOE_CMCD_TEXT_MAX];  /* the rest is 0 */
} qoe_cmcd_text_t;

#define QOE_CMCD_TEXT(id, text)  { text },

static const qoe_cmcd_text_t  qoe_cmcd_ot[] = {
    QOE_CMCD_TOKENS_OT(QOE_CMCD_TEXT)
};

static const qoe_cmcd_text_t  qoe_cmcd_sf[] = {
    QOE_CMCD_TOKENS_SF(QOE_CMCD_TEXT)
};

static const qoe_cmcd_text_t  qoe_cmcd_st[] = {
    QOE_CMCD_TOKENS_ST(QOE_CMCD_TEXT)
};

static const qoe_cmcd_text_t  qoe_cmcd_sta[] = {
    QOE_CMCD_TOKENS_STA(QOE_CMCD_TEXT)
};

static const qoe_cmcd_text_t  qoe_cmcd_e[] = {
    QOE_CMCD_TOKENS_E(QOE_CMCD_TEXT)
};


/* The tokens of a key; those of keys of another type are none. */

static const qoe_cmcd_text_t *
qoe_cmcd_tokens(qoe_cmcd_key_t key, size_t *n)
{
#define QOE_CMCD_TOKENS_OF(id, table)                                         \
    case QOE_CMCD_##id:                                                       \
        *n = sizeof(table) / sizeof(table[0]);                                \
        return table

    switch (key) {
    QOE_CMCD_TOKENS_OF(OT, qoe_cmcd_ot);
    QOE_CMCD_TOKENS_OF(SF, qoe_cmcd_sf);
    QOE_CMCD_TOKENS_OF(ST, qoe_cmcd_st);
    QOE_CMCD_TOKENS_OF(STA, qoe_cmcd_sta);
    QOE_CMCD_TOKENS_OF(E, qoe_cmcd_e);
    default:
        *n = 0;
        return NULL;
    }
}


/*
 * Texts of up to 8 bytes are compared as one integer each: the table is padded
 * with zeros.
 */

static inline uint64_t
qoe_cmcd_known(const char *text, size_t size)
{
    uint64_t  word;

    word = 0;
    memcpy(&word, text, size);

    return word;
}


/* The same of a text that is not padded: of 1 to 7 bytes, by two loads. */

static inline uint64_t
qoe_cmcd_word(const char *p, size_t len)
{
    uint64_t  word;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint16_t  pair;
    uint32_t  first, last;

    if (len >= sizeof(first)) {
        memcpy(&first, p, sizeof(first));
        memcpy(&last, p + len - sizeof(last), sizeof(last));

        return first | (uint64_t) last << 8 * (len - sizeof(last));
    }

    word = (unsigned char) p[len - 1];

    if (len == 1) {
        return word;
    }

    memcpy(&pair, p, sizeof(pair));

    return pair | word << 8 * (len - 1);
#else
    word = 0;
    memcpy(&word, p, len);

    return word;
#endif
}


/* Whether a text would be equal to a shorter one that is padded. */

static bool
qoe_cmcd_padded(qoe_span_t text)
{
    return text.data[text.len - 1] == '\0';
}


unsigned
qoe_cmcd_token_find(qoe_cmcd_key_t key, qoe_span_t text)
{
    size_t                  i, n;
    uint64_t                word;
    const qoe_cmcd_text_t  *t;

    if (text.len == 0 || text.len >= QOE_CMCD_TEXT_MAX
        || qoe_cmcd_padded(text))
    {
        return 0;
    }

    word = qoe_cmcd_word(text.data, text.len);
    t = qoe_cmcd_tokens(key, &n);

    for (i = 0; i < n; i++) {
        if (qoe_cmcd_known(t[i].text, QOE_CMCD_TEXT_MAX) == word) {
            return (unsigned) i + 1;
        }
    }

    return 0;
}


qoe_cmcd_key_t
qoe_cmcd_key_find(qoe_span_t name)
{
    unsigned     key;
    uint64_t     word;
    const char  *known;

    if (name.len == 0 || name.len >= QOE_CMCD_NAME_MAX
        || name.data[0] < 'a' || name.data[0] > 'z'
        || qoe_cmcd_padded(name))
    {
        return QOE_CMCD_NKEYS;
    }

    word = qoe_cmcd_word(name.data, name.len);
    key = qoe_cmcd_letters[name.data[0] - 'a'];

    for ( /* void */ ; key < QOE_CMCD_NKEYS; key++) {
        known = qoe_cmcd_info[key].name;

        if (qoe_cmcd_known(known, QOE_CMCD_NAME_MAX) == word) {
            return (qoe_cmcd_key_t) key;
        }

        if (known[0] != name.data[0]) {
            break;
        }
    }

    return QOE_CMCD_NKEYS;
}


qoe_span_t
qoe_cmcd_key_name(qoe_cmcd_key_t key)
{
    return qoe_span_str(qoe_cmcd_info[key].name);
}


qoe_cmcd_type_t
qoe_cmcd_key_type(qoe_cmcd_key_t key)
{
    return (qoe_cmcd_type_t) qoe_cmcd_info[key].type;
}


qoe_span_t
qoe_cmcd_ot_text(qoe_cmcd_ot_t ot)
{
    return ot == QOE_CMCD_OT_NONE ? qoe_span("")
                                  : qoe_span_str(qoe_cmcd_ot[ot - 1].text);
}


qoe_span_t
qoe_cmcd_ignored_name(qoe_cmcd_ignored_t reason)
{
#define QOE_CMCD_REASON_NAME(id, name)  name,

    static const char *const  names[] = {
        QOE_CMCD_REASONS(QOE_CMCD_REASON_NAME)
    };

    return qoe_span_str(names[reason]);
}
