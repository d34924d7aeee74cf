
/*
 * Copyright (C) OpenQoE
 *
 * PEM files of an exporter.  They are read with the configuration, because a
 * worker runs as another user and could not read them; and so a bad file stops
 * "nginx -t".
 */


#include "ngx_http_openqoe.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>


#define NGX_HTTP_OPENQOE_PEM_MAX     (4 * 1024 * 1024)


static X509 *ngx_http_openqoe_x509(ngx_str_t *pem);
static EVP_PKEY *ngx_http_openqoe_key(ngx_str_t *pem);
static int ngx_http_openqoe_no_password(char *buf, int size, int rwflag,
    void *data);


ngx_int_t
ngx_http_openqoe_pem(ngx_conf_t *cf, const char *name, ngx_str_t *path,
    ngx_http_openqoe_pem_e kind, ngx_str_t *out)
{
    X509        *cert;
    EVP_PKEY    *key;
    ngx_uint_t   ok;

    if (path->len == 0) {
        ngx_http_openqoe_bad_value(cf, name, path, "a file name");
        return NGX_ERROR;
    }

    if (ngx_http_openqoe_read_file(cf, name, path, NGX_HTTP_OPENQOE_PEM_MAX,
                                   out)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (kind == NGX_HTTP_OPENQOE_PEM_KEY) {
        key = ngx_http_openqoe_key(out);
        ok = (key != NULL);
        EVP_PKEY_free(key);

    } else {
        cert = ngx_http_openqoe_x509(out);
        ok = (cert != NULL);
        X509_free(cert);
    }

    ERR_clear_error();

    if (!ok) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no usable %s in PEM file \"%V\" of \"%s\"",
                           kind == NGX_HTTP_OPENQOE_PEM_KEY
                           ? "unencrypted private key" : "certificate",
                           path, name);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Checks that files that need each other are both given. */

ngx_int_t
ngx_http_openqoe_tls_check(ngx_conf_t *cf, ngx_http_openqoe_exporter_t *e)
{
    X509        *cert;
    EVP_PKEY    *key;
    ngx_uint_t   ok, any;

    any = e->ca_pem.len || e->certificate_pem.len || e->key_pem.len
          || !e->ssl_verify;

    if (any && ngx_strncmp(e->endpoint[QOE_SIGNAL_LOGS].url.data, "https://", 8)
               != 0)
    {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "TLS settings of the openqoe exporter have no "
                           "effect with endpoint \"%V\"",
                           &e->endpoint[QOE_SIGNAL_LOGS].url);
    }

    if (!e->certificate_pem.len != !e->key_pem.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" of the openqoe exporter needs \"%s\"",
                           e->key_pem.len ? "certificate_key" : "certificate",
                           e->key_pem.len ? "certificate"
                                          : "certificate_key");
        return NGX_ERROR;
    }

    if (e->key_pem.len == 0) {
        return NGX_OK;
    }

    cert = ngx_http_openqoe_x509(&e->certificate_pem);
    key = ngx_http_openqoe_key(&e->key_pem);

    ok = cert != NULL && key != NULL && X509_check_private_key(cert, key) == 1;

    X509_free(cert);
    EVP_PKEY_free(key);
    ERR_clear_error();

    if (!ok) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"certificate_key\" of the openqoe exporter does "
                           "not belong to its \"certificate\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


static X509 *
ngx_http_openqoe_x509(ngx_str_t *pem)
{
    BIO   *bio;
    X509  *cert;

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return NULL;
    }

    cert = PEM_read_bio_X509(bio, NULL, ngx_http_openqoe_no_password, NULL);

    BIO_free(bio);

    return cert;
}


static EVP_PKEY *
ngx_http_openqoe_key(ngx_str_t *pem)
{
    BIO       *bio;
    EVP_PKEY  *key;

    bio = BIO_new_mem_buf(pem->data, (int) pem->len);
    if (bio == NULL) {
        return NULL;
    }

    key = PEM_read_bio_PrivateKey(bio, NULL, ngx_http_openqoe_no_password,
                                  NULL);

    BIO_free(bio);

    return key;
}


/* Refuses, because a daemon cannot ask for a password. */

static int
ngx_http_openqoe_no_password(char *buf, int size, int rwflag, void *data)
{
    (void) buf;
    (void) size;
    (void) rwflag;
    (void) data;

    return -1;
}
