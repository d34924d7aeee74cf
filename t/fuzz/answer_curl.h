
/*
 * Copyright (C) OpenQoE
 *
 * Replaces two functions of libcurl, so that the module's callbacks can be
 * called without a network: what is set on a handle, and what is asked of it.
 * To be included once a program.
 */


#ifndef _ANSWER_CURL_H_INCLUDED_
#define _ANSWER_CURL_H_INCLUDED_


#include "answer_input.h"

#include <curl/curl.h>
#include <stdarg.h>


typedef size_t (*curl_data_pt)(char *src, size_t size, size_t n, void *data);
typedef int (*curl_seek_pt)(void *data, curl_off_t offset, int origin);


CURLcode (curl_easy_setopt)(CURL *easy, CURLoption option, ...);
CURLcode (curl_easy_getinfo)(CURL *easy, CURLINFO info, ...);


static curl_data_pt  on_header, on_body, on_read;
static curl_seek_pt  on_seek;
static long          http_status, http_version;


/* Of all options only the callbacks matter here. */

CURLcode
(curl_easy_setopt)(CURL *easy, CURLoption option, ...)
{
    va_list  args;

    (void) easy;
    va_start(args, option);

    if (option == CURLOPT_HEADERFUNCTION) {
        on_header = va_arg(args, curl_data_pt);

    } else if (option == CURLOPT_WRITEFUNCTION) {
        on_body = va_arg(args, curl_data_pt);

    } else if (option == CURLOPT_READFUNCTION) {
        on_read = va_arg(args, curl_data_pt);

    } else if (option == CURLOPT_SEEKFUNCTION) {
        on_seek = va_arg(args, curl_seek_pt);
    }

    va_end(args);

    return CURLE_OK;
}


CURLcode
(curl_easy_getinfo)(CURL *easy, CURLINFO info, ...)
{
    long     *value;
    va_list   args;

    (void) easy;
    va_start(args, info);
    value = va_arg(args, long *);
    va_end(args);

    check(info == CURLINFO_RESPONSE_CODE || info == CURLINFO_HTTP_VERSION);

    *value = (info == CURLINFO_RESPONSE_CODE) ? http_status : http_version;

    return CURLE_OK;
}


#endif /* _ANSWER_CURL_H_INCLUDED_ */
