
/*
 * Copyright (C) OpenQoE
 *
 * Drives a transport from the command line, for t/transport.t:
 *
 *     transport_cli protocol=grpc url=http://127.0.0.1:4317 payload=FILE ...
 *
 * sends the file count times, at most concurrency at once, and prints a line
 * for each outcome.  Exits with 0 when each send() was taken.
 */


#include "qoe_transport.h"

#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>
#include <sys/resource.h>


#define CLI_HEADERS        16


typedef struct {
    qoe_transport_conf_t   conf;
    qoe_header_t           headers[CLI_HEADERS];
    qoe_signal_t           signal;
    qoe_span_t             payload;
    unsigned long          count;
    unsigned long          concurrency;
    unsigned long          pause_ms;     /* between two outcomes */
    const char            *after;        /* a file, waited for there */
    unsigned long          idle_ms;      /* wait before the first send */
    unsigned long          reopen;       /* after so many outcomes */
    unsigned long          abort_ms;     /* destroy after so long */
    unsigned long          fsize;        /* RLIMIT_FSIZE */
    long                   deadline_ms;
    unsigned long          started;
    unsigned long          done;
} cli_t;


static bool cli_option(cli_t *cli, const char *arg);
static bool cli_number(cli_t *cli, const char *name, const char *value);
static bool cli_choice(cli_t *cli, const char *name, const char *value);
static void cli_header(cli_t *cli, const char *value);
static void cli_await(const char *path);
static qoe_span_t cli_file(const char *path);
static void cli_log(void *ctx, qoe_log_level_t level, const char *text,
    size_t len);
static void cli_done(void *data, const qoe_outcome_t *o);
static int cli_run(cli_t *cli, qoe_net_t *net, qoe_transport_t *t);


static const char *const  cli_protocols[] = {
    "grpc", "http/protobuf", "http/json", "file", NULL
};

static const char *const  cli_signals[] = { "logs", "traces", "metrics", NULL };

static const char *const  cli_kinds[] = {
    "OK", "RETRY", "HOLD", "FINAL"
};


int
main(int argc, char **argv)
{
    int               i, rc;
    cli_t             cli;
    qoe_net_t        *net;
    qoe_log_t         log;
    struct rlimit     limit;
    qoe_transport_t  *t;

    memset(&cli, 0, sizeof(cli));

    cli.count = 1;
    cli.concurrency = 1;
    cli.deadline_ms = -1;
    cli.conf.headers = cli.headers;
    cli.conf.gzip_level = 1;
    cli.conf.timeout_ms = 10000;
    cli.conf.connect_timeout_ms = 5000;
    cli.conf.ssl_verify = true;
    cli.conf.user_agent = qoe_span("OTel-OTLP-Exporter-openqoe-nginx/test");

    for (i = 1; i < argc; i++) {
        if (!cli_option(&cli, argv[i])) {
            fprintf(stderr, "transport_cli: bad argument \"%s\"\n", argv[i]);
            return 2;
        }
    }

    signal(SIGPIPE, SIG_DFL);
    signal(SIGXFSZ, SIG_IGN);

    if (cli.fsize != 0) {
        limit.rlim_cur = limit.rlim_max = cli.fsize;
        setrlimit(RLIMIT_FSIZE, &limit);
    }

    log = (qoe_log_t) { cli_log, NULL, QOE_LOG_DEBUG };

    curl_global_init(CURL_GLOBAL_DEFAULT);

    net = qoe_net_create(&log);

    if (net == NULL
        || qoe_transport_create(&t, net, &cli.conf, &log) != QOE_OK)
    {
        printf("create failed\n");
        rc = 1;

    } else {
        rc = cli_run(&cli, net, t);
        qoe_transport_destroy(t);
    }

    qoe_net_destroy(net);
    curl_global_cleanup();

    free((char *) cli.payload.data);
    free((char *) cli.conf.ca_pem.data);
    free((char *) cli.conf.certificate_pem.data);
    free((char *) cli.conf.key_pem.data);

    return rc;
}


static int
cli_run(cli_t *cli, qoe_net_t *net, qoe_transport_t *t)
{
    int64_t        timeout;
    uint64_t       start;
    unsigned long  last;

    if (cli->idle_ms != 0) {
        start = qoe_mono_ms();

        while (qoe_mono_ms() - start < cli->idle_ms) {
            qoe_net_wait(net, NULL, 0, (int64_t) cli->idle_ms);
        }
    }

    start = qoe_mono_ms();

    while (cli->done < cli->count) {

        while (cli->started < cli->count
               && cli->started - cli->done < cli->concurrency)
        {
            if (qoe_transport_send(t, cli->signal, cli->payload, cli_done, cli)
                != QOE_OK)
            {
                printf("send failed\n");
                return 1;
            }

            cli->started++;
        }

        if (cli->deadline_ms >= 0) {
            qoe_transport_deadline(t, (uint64_t) cli->deadline_ms);
            cli->deadline_ms = -1;
        }

        timeout = -1;

        if (cli->abort_ms != 0) {
            if (qoe_mono_ms() - start >= cli->abort_ms) {
                printf("aborted with %lu in flight\n",
                       cli->started - cli->done);
                return 0;
            }

            timeout = (int64_t) cli->abort_ms;
        }

        last = cli->done;
        qoe_net_wait(net, NULL, 0, timeout);

        if (cli->done == last) {
            continue;
        }

        if (cli->reopen != 0 && last < cli->reopen
            && cli->done >= cli->reopen)
        {
            printf("reopen\n");
            fflush(stdout);
            getchar();
            qoe_transport_reopen(t);
        }

        if (cli->pause_ms != 0 && cli->done < cli->count) {
            usleep((useconds_t) cli->pause_ms * 1000);
        }

        if (cli->after != NULL && cli->done < cli->count) {
            cli_await(cli->after);
        }
    }

    return 0;
}


/* For a minute at most. */

static void
cli_await(const char *path)
{
    int  i;

    for (i = 0; i < 6000 && access(path, F_OK) != 0; i++) {
        usleep(10000);
    }
}


static void
cli_done(void *data, const qoe_outcome_t *o)
{
    cli_t  *cli = data;

    cli->done++;

    printf("kind=%s rejected=%lld retry_after=%lld http=%d grpc=%d error=%s "
           "ms=%.0f message=%s\n", cli_kinds[o->kind], (long long) o->rejected,
           (long long) o->retry_after_ms, o->http_status, o->grpc_status,
           o->error_type, o->seconds * 1000, o->message);
    fflush(stdout);
}


static bool
cli_option(cli_t *cli, const char *arg)
{
    char         name[32];
    size_t       i, len;
    const char  *value;

    const struct {
        const char  *name;
        qoe_span_t  *to;
    } files[] = {
        { "payload", &cli->payload },
        { "ca", &cli->conf.ca_pem },
        { "cert", &cli->conf.certificate_pem },
        { "key", &cli->conf.key_pem }
    };

    value = strchr(arg, '=');
    len = value ? (size_t) (value - arg) : sizeof(name);

    if (len >= sizeof(name)) {
        return false;
    }

    memcpy(name, arg, len);
    name[len] = '\0';
    value++;

    for (i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
        if (strcmp(name, files[i].name) == 0) {
            *files[i].to = cli_file(value);
            return files[i].to->data != NULL;
        }
    }

    if (strcmp(name, "url") == 0) {
        for (i = 0; i < QOE_SIGNALS; i++) {
            cli->conf.url[i] = qoe_span_str(value);
        }

        return true;
    }

    if (strcmp(name, "after") == 0) {
        cli->after = value;
        return true;
    }

    if (strcmp(name, "header") == 0 && cli->conf.nheaders < CLI_HEADERS) {
        cli_header(cli, value);
        return true;
    }

    return cli_choice(cli, name, value) || cli_number(cli, name, value);
}


static bool
cli_choice(cli_t *cli, const char *name, const char *value)
{
    int  i;

    if (strcmp(name, "protocol") == 0) {
        for (i = 0; cli_protocols[i] != NULL; i++) {
            if (strcmp(value, cli_protocols[i]) == 0) {
                cli->conf.protocol = (qoe_protocol_t) i;
                return true;
            }
        }
    }

    if (strcmp(name, "signal") == 0) {
        for (i = 0; cli_signals[i] != NULL; i++) {
            if (strcmp(value, cli_signals[i]) == 0) {
                cli->signal = (qoe_signal_t) i;
                return true;
            }
        }
    }

    return false;
}


static bool
cli_number(cli_t *cli, const char *name, const char *value)
{
    size_t         i;
    unsigned long  n;

    const struct {
        const char     *name;
        unsigned long  *to;
    } numbers[] = {
        { "count", &cli->count },
        { "concurrency", &cli->concurrency },
        { "pause", &cli->pause_ms },
        { "idle", &cli->idle_ms },
        { "reopen", &cli->reopen },
        { "abort", &cli->abort_ms },
        { "fsize", &cli->fsize }
    };

    n = strtoul(value, NULL, 10);

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (strcmp(name, numbers[i].name) == 0) {
            *numbers[i].to = n;
            return true;
        }
    }

    if (strcmp(name, "gzip") == 0) {
        cli->conf.gzip = (n != 0);
        cli->conf.gzip_level = (n != 0) ? (int) n : 1;

    } else if (strcmp(name, "timeout") == 0) {
        cli->conf.timeout_ms = n;

    } else if (strcmp(name, "connect") == 0) {
        cli->conf.connect_timeout_ms = n;

    } else if (strcmp(name, "verify") == 0) {
        cli->conf.ssl_verify = (n != 0);

    } else if (strcmp(name, "deadline") == 0) {
        cli->deadline_ms = (long) n;

    } else {
        return false;
    }

    return true;
}


/* "name:value", taken as it is. */

static void
cli_header(cli_t *cli, const char *value)
{
    const char    *colon;
    qoe_header_t  *h;

    h = &cli->headers[cli->conf.nheaders++];
    colon = strchr(value, ':');

    if (colon == NULL) {
        h->name = qoe_span_str(value);
        h->value = qoe_span_null;
        return;
    }

    h->name = (qoe_span_t) { value, (size_t) (colon - value) };
    h->value = qoe_span_str(colon + 1);
}


static qoe_span_t
cli_file(const char *path)
{
    FILE    *f;
    char    *data;
    size_t   len, cap;

    f = fopen(path, "rb");
    if (f == NULL) {
        return qoe_span_null;
    }

    cap = 64 * 1024 * 1024;
    data = malloc(cap);
    len = data ? fread(data, 1, cap, f) : 0;

    fclose(f);

    return (qoe_span_t) { data, len };
}


static void
cli_log(void *ctx, qoe_log_level_t level, const char *text, size_t len)
{
    (void) ctx;

    printf("log=%d %.*s\n", (int) level, (int) len, text);
    fflush(stdout);
}
