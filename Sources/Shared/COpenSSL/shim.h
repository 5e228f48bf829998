// SPDX-License-Identifier: Apache-2.0
#pragma once
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// What of OpenSSL is a macro, or needs a C callback: Swift imports neither.

// One policy for every context: no compression, no renegotiation and no resumption, so that each
// connection is judged by the certificates and revocations of its own time.
static inline void keelson_tls_harden(SSL_CTX *context) {
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    // As Go orders them. What a handshake derives takes half the time with SHA-256.
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:"
                                      "TLS_CHACHA20_POLY1305_SHA256");
}

// Pauses the first time that it is asked. The mark is the session's own data, which nobody else uses.
static inline int keelson_tls_pause(SSL *session, void *unused) {
    (void)unused;
    if (SSL_get_ex_data(session, 0)) return 1;
    SSL_set_ex_data(session, 0, session);
    return -1;
}

// Makes a server's handshake stop once on its way, after the other side's greeting was read and
// before it is answered: SSL_ERROR_WANT_X509_LOOKUP.
static inline void keelson_tls_pause_once(SSL *session) {
    SSL_set_cert_cb(session, keelson_tls_pause, NULL);
}

// Versions as on the wire: 0x0303 is TLS 1.2, 0x0304 TLS 1.3; 0 is the highest there is.
static inline int keelson_tls_set_versions(SSL_CTX *context, int low, int high) {
    return SSL_CTX_set_min_proto_version(context, low) == 1 &&
           SSL_CTX_set_max_proto_version(context, high) == 1;
}

// Takes over the certificate if it succeeds.
static inline int keelson_tls_add_chain(SSL_CTX *context, X509 *certificate) {
    return (int)SSL_CTX_add0_chain_cert(context, certificate);
}

static inline int keelson_tls_set_server_name(SSL *session, const char *name) {
    return (int)SSL_set_tlsext_host_name(session, name);
}

// `argument` is a list of protocols in wire form that ends with a zero. No common protocol is no
// failure: members of etcd speak to each other without.
static inline int keelson_alpn_select(SSL *session, const unsigned char **chosen,
                                      unsigned char *chosen_count, const unsigned char *offered,
                                      unsigned int offered_count, void *argument) {
    const unsigned char *known = (const unsigned char *)argument;
    unsigned int known_count = 0;
    (void)session;
    while (known[known_count] != 0) known_count += 1u + known[known_count];
    if (SSL_select_next_proto((unsigned char **)chosen, chosen_count, known, known_count, offered,
                              offered_count) != OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_NOACK;
    return SSL_TLSEXT_ERR_OK;
}

// The list must live as long as the context.
static inline void keelson_tls_choose_protocol(SSL_CTX *context, unsigned char *protocols) {
    SSL_CTX_set_alpn_select_cb(context, keelson_alpn_select, protocols);
}

static inline int keelson_error_reason(unsigned long code) { return ERR_GET_REASON(code); }
static inline int keelson_error_library(unsigned long code) { return ERR_GET_LIB(code); }

// A key that wants a passphrase must not ask the terminal for it.
static inline int keelson_no_passphrase(char *buffer, int size, int writing, void *argument) {
    (void)buffer, (void)size, (void)writing, (void)argument;
    return -1;
}

static inline EVP_PKEY *keelson_read_key(BIO *text) {
    return PEM_read_bio_PrivateKey(text, NULL, keelson_no_passphrase, NULL);
}

static inline X509 *keelson_read_certificate(BIO *text) {
    return PEM_read_bio_X509(text, NULL, keelson_no_passphrase, NULL);
}

// Names of a certificate, one by one: 2 is DNS, 7 an IP address. 0 when there is no such name.
static inline int keelson_name_at(const GENERAL_NAMES *names, int index, const unsigned char **bytes,
                                  int *count) {
    GENERAL_NAME *name;
    if (names == NULL || index >= sk_GENERAL_NAME_num(names)) return 0;
    name = sk_GENERAL_NAME_value(names, index);
    *bytes = NULL;
    *count = 0;
    if (name->type == GEN_DNS || name->type == GEN_IPADD) {
        const ASN1_STRING *text = name->type == GEN_DNS ? name->d.dNSName : name->d.iPAddress;
        *bytes = ASN1_STRING_get0_data(text);
        *count = ASN1_STRING_length(text);
    }
    return name->type;
}

static inline int keelson_name_count(const GENERAL_NAMES *names) {
    return names == NULL ? 0 : sk_GENERAL_NAME_num(names);
}

static inline int keelson_revoked_count(X509_CRL *list) {
    return sk_X509_REVOKED_num(X509_CRL_get_REVOKED(list));
}

static inline const ASN1_INTEGER *keelson_revoked_serial(X509_CRL *list, int index) {
    return X509_REVOKED_get0_serialNumber(
        sk_X509_REVOKED_value(X509_CRL_get_REVOKED(list), index));
}

static inline EVP_PKEY *keelson_new_p256_key(void) { return EVP_EC_gen("P-256"); }
static inline EVP_PKEY *keelson_new_p384_key(void) { return EVP_EC_gen("P-384"); }
static inline EVP_PKEY *keelson_new_rsa_key(unsigned int bits) { return EVP_RSA_gen(bits); }

static inline int keelson_add_extension(X509 *certificate, X509 *issuer, int nid,
                                        const char *value) {
    X509V3_CTX context;
    X509_EXTENSION *extension;
    int code;
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    if (extension == NULL) return 0;
    code = X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return code;
}
