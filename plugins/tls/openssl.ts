/**
 * The part of OpenSSL 3 that the TLS server uses, called in the system's libraries.
 *
 * The libraries are opened at first use. Nothing here owns anything: who calls a function that makes an object frees it.
 *
 * @module
 */
import { addressOf as addressOfBytes, type Functions, openLibrary, type Signature } from "../../runtime/ffi.ts";

const pointer0 = { args: [], returns: "pointer" } as const;
const pointerToPointer = { args: ["pointer"], returns: "pointer" } as const;
const pointerToInt = { args: ["pointer"], returns: "i32" } as const;
const release = { args: ["pointer"], returns: "void" } as const;
const pair = { args: ["pointer", "pointer"], returns: "i32" } as const;

const sslSymbols = {
  TLS_server_method: pointer0,
  SSL_CTX_new: pointerToPointer,
  SSL_CTX_free: release,
  SSL_CTX_ctrl: { args: ["pointer", "i32", "i64", "pointer"], returns: "i64" },
  SSL_CTX_set_options: { args: ["pointer", "u64"], returns: "u64" },
  SSL_CTX_set_num_tickets: { args: ["pointer", "u64"], returns: "i32" },
  SSL_CTX_set_security_level: { args: ["pointer", "i32"], returns: "void" },
  SSL_CTX_set_verify: { args: ["pointer", "i32", "pointer"], returns: "void" },
  SSL_CTX_set_verify_depth: { args: ["pointer", "i32"], returns: "void" },
  SSL_CTX_set_alpn_select_cb: { args: ["pointer", "pointer", "pointer"], returns: "void" },
  SSL_CTX_set_msg_callback: { args: ["pointer", "pointer"], returns: "void" },
  SSL_CTX_get_cert_store: pointerToPointer,
  SSL_CTX_use_certificate: pair,
  SSL_CTX_use_PrivateKey: pair,
  SSL_CTX_check_private_key: pointerToInt,
  SSL_new: pointerToPointer,
  SSL_free: release,
  SSL_ctrl: { args: ["pointer", "i32", "i64", "pointer"], returns: "i64" },
  SSL_set_bio: { args: ["pointer", "pointer", "pointer"], returns: "void" },
  SSL_set_accept_state: release,
  SSL_set_msg_callback: { args: ["pointer", "pointer"], returns: "void" },
  SSL_do_handshake: pointerToInt,
  SSL_read: { args: ["pointer", "buffer", "i32"], returns: "i32" },
  SSL_write: { args: ["pointer", "buffer", "i32"], returns: "i32" },
  SSL_shutdown: pointerToInt,
  SSL_get_error: { args: ["pointer", "i32"], returns: "i32" },
  SSL_get_verify_result: { args: ["pointer"], returns: "i64" },
  SSL_get0_verified_chain: pointerToPointer,
  SSL_get0_alpn_selected: { args: ["pointer", "buffer", "buffer"], returns: "void" },
} satisfies Record<string, Signature>;

const cryptoSymbols = {
  BIO_s_mem: pointer0,
  BIO_new: pointerToPointer,
  BIO_new_mem_buf: { args: ["buffer", "i32"], returns: "pointer" },
  BIO_free: pointerToInt,
  BIO_read: { args: ["pointer", "buffer", "i32"], returns: "i32" },
  BIO_write: { args: ["pointer", "buffer", "i32"], returns: "i32" },
  BIO_ctrl_pending: { args: ["pointer"], returns: "u64" },
  PEM_read_bio_X509: { args: ["pointer", "pointer", "pointer", "buffer"], returns: "pointer" },
  PEM_read_bio_PrivateKey: { args: ["pointer", "pointer", "pointer", "buffer"], returns: "pointer" },
  PEM_read_bio_X509_CRL: { args: ["pointer", "pointer", "pointer", "buffer"], returns: "pointer" },
  d2i_X509_CRL: { args: ["pointer", "buffer", "i64"], returns: "pointer" },
  d2i_ASN1_INTEGER: { args: ["pointer", "buffer", "i64"], returns: "pointer" },
  EVP_PKEY_free: release,
  X509_free: release,
  X509_up_ref: pointerToInt,
  X509_CRL_free: release,
  ASN1_INTEGER_free: release,
  i2d_X509: { args: ["pointer", "buffer"], returns: "i32" },
  i2d_X509_CRL: { args: ["pointer", "buffer"], returns: "i32" },
  i2d_X509_NAME: { args: ["pointer", "buffer"], returns: "i32" },
  X509_get_issuer_name: pointerToPointer,
  X509_get_subject_name: pointerToPointer,
  X509_get0_pubkey: pointerToPointer,
  X509_get_key_usage: { args: ["pointer"], returns: "u32" },
  X509_get_version: { args: ["pointer"], returns: "i64" },
  X509_check_ca: pointerToInt,
  X509_pubkey_digest: { args: ["pointer", "pointer", "buffer", "buffer"], returns: "i32" },
  EVP_sha256: pointer0,
  X509_CRL_get_issuer: pointerToPointer,
  X509_CRL_verify: pair,
  X509_CRL_get_REVOKED: pointerToPointer,
  X509_CRL_get0_lastUpdate: pointerToPointer,
  X509_CRL_get0_nextUpdate: pointerToPointer,
  X509_cmp_current_time: pointerToInt,
  X509_CRL_get0_by_cert: { args: ["pointer", "buffer", "pointer"], returns: "i32" },
  X509_CRL_get0_by_serial: { args: ["pointer", "buffer", "pointer"], returns: "i32" },
  X509_CRL_get_ext_by_critical: { args: ["pointer", "i32", "i32"], returns: "i32" },
  X509_CRL_get_ext_by_NID: { args: ["pointer", "i32", "i32"], returns: "i32" },
  X509_CRL_get_ext_d2i: { args: ["pointer", "i32", "buffer", "buffer"], returns: "pointer" },
  i2d_ASN1_INTEGER: { args: ["pointer", "buffer"], returns: "i32" },
  X509_STORE_add_cert: pair,
  X509_STORE_CTX_get_current_cert: pointerToPointer,
  X509_STORE_CTX_get0_current_issuer: pointerToPointer,
  X509_STORE_CTX_get_error_depth: pointerToInt,
  X509_STORE_CTX_set_error: { args: ["pointer", "i32"], returns: "void" },
  X509_verify_cert_error_string: { args: ["i64"], returns: "pointer" },
  OPENSSL_sk_num: pointerToInt,
  OPENSSL_sk_value: { args: ["pointer", "i32"], returns: "pointer" },
  ERR_get_error: { args: [], returns: "u64" },
  ERR_clear_error: { args: [], returns: "void" },
  ERR_error_string_n: { args: ["u64", "buffer", "u64"], returns: "void" },
} satisfies Record<string, Signature>;

/** The functions, under their own names. */
export type OpenSsl = Functions<typeof sslSymbols> & Functions<typeof cryptoSymbols>;

/** Where the libraries are looked for: Linux distributions, then FreeBSD's base system. */
const libraryNames = {
  ssl: ["libssl.so.3", "libssl.so.30", "libssl.so.35"],
  crypto: ["libcrypto.so.3", "libcrypto.so.30", "libcrypto.so.35"],
} as const;

let loaded: OpenSsl | undefined;

/**
 * OpenSSL.
 *
 * @throws {LibraryError} if it is not installed, or is too old
 */
export function openssl(): OpenSsl {
  // libcrypto first: it is what libssl then finds loaded.
  loaded ??= Object.assign(
    {},
    openLibrary(libraryNames.crypto, cryptoSymbols),
    openLibrary(libraryNames.ssl, sslSymbols),
  ) as OpenSsl;
  return loaded;
}

/** Numbers of OpenSSL's headers that its functions take and give. */
export const SSL_CTRL_MODE = 33;
export const SSL_CTRL_SET_SESS_CACHE_MODE = 44;
export const SSL_CTRL_SET_MAX_CERT_LIST = 51;
export const SSL_CTRL_EXTRA_CHAIN_CERT = 14;
export const SSL_CTRL_SET_MIN_PROTO_VERSION = 123;
export const TLS1_3_VERSION = 0x0304;
export const SSL_MODE_RELEASE_BUFFERS = 0x10;
export const SSL_OP_NO_TICKET: number = 1 << 14;
/** Of OpenSSL 3.2; others take no notice. */
export const SSL_OP_NO_RX_CERTIFICATE_COMPRESSION: number = 2 ** 33;
export const SSL_VERIFY_PEER = 1;
export const SSL_VERIFY_FAIL_IF_NO_PEER_CERT = 2;
export const SSL_ERROR_WANT_READ = 2;
export const SSL_ERROR_ZERO_RETURN = 6;
export const SSL_TLSEXT_ERR_OK = 0;
export const SSL_TLSEXT_ERR_NOACK = 3;
export const X509_V_ERR_CERT_REVOKED = 23;
export const X509_V_ERR_KEYUSAGE_NO_CERTSIGN = 32;
export const X509_V_ERR_INVALID_NON_CA = 37;
export const KU_KEY_CERT_SIGN = 0x0004;
export const KU_CRL_SIGN = 0x0002;
export const NID_CRL_NUMBER = 88;
export const NID_DELTA_CRL = 140;
export const NID_ISSUING_DISTRIBUTION_POINT = 770;

/**
 * The empty password, for all that is read as PEM: without one OpenSSL would ask for it on the terminal, or on standard
 * input, and wait, as soon as somebody brings it something that calls itself encrypted.
 */
export const NO_PASSWORD: Uint8Array = new Uint8Array(1);

/** What {@link takeErrors} gives where a PEM file has no further block. */
export const END_OF_PEM = "no start line";

/** OpenSSL refused something. */
export class OpenSslError extends Error {
  override readonly name = "OpenSslError";
}

/** The longest text of one error, bytes. */
const ERROR_TEXT_MAX = 256;

/** The reasons in OpenSSL's queue of errors, the first one first; the queue is empty then. */
export function takeErrors(): string {
  const library = openssl();
  const reasons: string[] = [];
  for (let code = library.ERR_get_error(); Number(code) !== 0; code = library.ERR_get_error()) {
    const text = new Uint8Array(ERROR_TEXT_MAX);
    library.ERR_error_string_n(code, text, text.length);
    const end = text.indexOf(0);
    // error:0A0000C7:SSL routines::peer did not return a certificate
    const reason =
      new TextDecoder()
        .decode(text.subarray(0, end < 0 ? text.length : end))
        .split(":")
        .at(-1) ?? "";
    if (!reasons.includes(reason)) reasons.push(reason);
  }
  return reasons.join(", ");
}

/**
 * The DER of an object, by its `i2d` function.
 *
 * @throws {OpenSslError} if it cannot be encoded
 */
export function toDer(encode: (object: number, into: Uint8Array | BigUint64Array | null) => number, object: number) {
  const length = encode(object, null);
  if (length <= 0) throw new OpenSslError(`Cannot encode an object: ${takeErrors()}`);
  const der = new Uint8Array(length);
  // i2d takes the address of a pointer, which it moves behind what it wrote.
  encode(object, BigUint64Array.of(BigInt(addressOfBytes(der))));
  return der;
}
