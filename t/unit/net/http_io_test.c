
/*
 * Copyright (C) OpenQoE
 *
 * What a transfer over HTTP sends, and what becomes of one that fails before
 * its answer.
 */


#include "http_unit.h"


/* A transfer that failed before an answer. */

static void
test_failed(void)
{
    qoe_transfer_t  *r;
    qoe_http_io_t   *io;

    r = request(PROTOBUF);
    io = r->io;
    io->error[0] = '\0';
    qoe_http_io_failed(io, CURLE_COULDNT_CONNECT);
    ok(r->outcome.kind == RETRY
       && strncmp(r->outcome.message, HOST, sizeof(HOST) - 1) == 0
       && strstr(r->outcome.message, "connect") != NULL,
       "a failure names the peer and what curl says of it");

    strcpy(io->error, "reset by the test");
    qoe_http_io_failed(io, CURLE_RECV_ERROR);
    ok(strcmp(r->outcome.message, HOST "reset by the test") == 0,
       "or the words of this very transfer");

    strcpy(io->error, "getpeername() failed with errno 107");
    qoe_http_io_failed(io, CURLE_COULDNT_CONNECT);
    ok(strcmp(r->outcome.message, HOST "the peer closed the connection at once")
       == 0, "a peer that hangs up is said to");

    strcpy(io->error, "getsockname() failed with errno 107");
    qoe_http_io_failed(io, CURLE_COULDNT_CONNECT);
    ok(strcmp(r->outcome.message, HOST "the peer closed the connection at once")
       == 0, "whichever name could not be looked up");

    io->no_memory = true;
    qoe_http_io_failed(io, CURLE_WRITE_ERROR);
    ok(r->outcome.kind == RETRY && strcmp(r->outcome.error_type, "memory") == 0
       && strcmp(r->outcome.message, HOST "no memory for the answer") == 0,
       "an answer for which there was no memory has an error of its own");
    io->no_memory = false;
    io->error[0] = '\0';
    qoe_transport_finish(r);
}


/* What curl reads of a request: its head, which is gRPC's, and its body. */

static void
test_body(void)
{
    char             text[16];
    qoe_transfer_t  *r;
    qoe_http_io_t   *io;

    r = request(GRPC);
    io = r->io;
    memcpy(io->head, "12345", 5);
    io->head_len = 5;
    io->body = qoe_span("abcdef");
    io->sent = 0;

    ok(on_read(text, 1, 3, io) == 3 && memcmp(text, "123", 3) == 0
       && on_read(text, 1, 4, io) == 4 && memcmp(text, "45ab", 4) == 0
       && on_read(text, 2, 8, io) == 4 && memcmp(text, "cdef", 4) == 0
       && on_read(text, 1, 16, io) == 0,
       "the head is read, then the body, then no more");
    ok(on_seek(io, 0, SEEK_SET) == CURL_SEEKFUNC_OK
       && on_read(text, 1, 16, io) == 11
       && memcmp(text, "12345abcdef", 11) == 0,
       "both can be read again from the start");
    ok(on_seek(io, 11, SEEK_SET) == CURL_SEEKFUNC_OK
       && on_read(text, 1, 16, io) == 0
       && on_seek(io, 7, SEEK_SET) == CURL_SEEKFUNC_OK
       && on_read(text, 1, 16, io) == 4 && memcmp(text, "cdef", 4) == 0,
       "or from any place in them");
    ok(on_seek(io, 12, SEEK_SET) == CURL_SEEKFUNC_FAIL
       && on_seek(io, -1, SEEK_SET) == CURL_SEEKFUNC_FAIL
       && on_seek(io, 0, SEEK_END) == CURL_SEEKFUNC_FAIL,
       "but from none outside");

    finish(r, CURLE_OK);
}


int
main(void)
{
    curl_global_init(CURL_GLOBAL_ALL);

    test_failed();
    test_body();

    return tap_end();
}
