/**
 * What all TLS connections of a server share: its certificate, whom it trusts, and the rules of pki.md 6.
 *
 * @module
 */
import { protocolCallback } from "./application-protocol.ts";
import { gateCallback } from "./certificate-gate.ts";
import {
  END_OF_PEM,
  NO_PASSWORD,
  OpenSslError,
  openssl,
  SSL_CTRL_EXTRA_CHAIN_CERT,
  SSL_CTRL_MODE,
  SSL_CTRL_SET_MAX_CERT_LIST,
  SSL_CTRL_SET_MIN_PROTO_VERSION,
  SSL_CTRL_SET_SESS_CACHE_MODE,
  SSL_MODE_RELEASE_BUFFERS,
  SSL_OP_NO_RX_CERTIFICATE_COMPRESSION,
  SSL_OP_NO_TICKET,
  SSL_VERIFY_FAIL_IF_NO_PEER_CERT,
  SSL_VERIFY_PEER,
  TLS1_3_VERSION,
  takeErrors,
} from "./openssl.ts";
import type { RevocationIndex } from "./revocation-index.ts";
import { verifyCallback } from "./verify.ts";

/** The most certificates between a leaf and its trust anchor; the endpoint's own rule (pki.md 4) is stricter. */
export const VERIFY_DEPTH_MAX = 16;

/** The most certificates in one file. */
export const FILE_CERTIFICATES_MAX = 64;

/** SHA-2 and keys of at least 112 bits. */
const SECURITY_LEVEL = 2;

/** The texts of the server's files, PEM. */
export interface ServerIdentity {
  /** One certificate each: whom clients' chains may lead to. Several while a CA is being replaced. */
  readonly authorities: readonly Uint8Array[];
  /** The server's certificate, followed by its issuers. */
  readonly certificate: Uint8Array;
  readonly key: Uint8Array;
}

/** A server's settings, as an object of OpenSSL. Sessions keep what they need of it, so it may be freed before them. */
export class ServerContext {
  #context: number;
  /** The lists that clients' certificates are checked against. */
  readonly revocations: RevocationIndex;

  /**
   * @param protocol the application protocol that is chosen if a client offers it
   * @throws {OpenSslError} if the files are not what they should be; {@link LibraryError} without OpenSSL
   */
  constructor(identity: ServerIdentity, revocations: RevocationIndex, protocol: string) {
    const library = openssl();
    library.ERR_clear_error();
    this.revocations = revocations;
    this.#context = library.SSL_CTX_new(library.TLS_server_method());
    if (this.#context === 0) throw new OpenSslError(`Cannot set up TLS: ${takeErrors()}`);
    try {
      this.#setRules(protocol);
      for (const authority of identity.authorities) this.#trust(authority);
      this.#present(identity);
    } catch (error) {
      this.free();
      throw error;
    }
  }

  #setRules(protocol: string): void {
    const library = openssl();
    const context = this.#context;
    library.SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, TLS1_3_VERSION, 0);
    // Every session needs a fresh client certificate: nothing can be resumed.
    library.SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, 0, 0);
    // What is compressed could not be looked at before OpenSSL does, nor bounded by what was received.
    library.SSL_CTX_set_options(context, SSL_OP_NO_TICKET + SSL_OP_NO_RX_CERTIFICATE_COMPRESSION);
    library.SSL_CTX_set_num_tickets(context, 0);
    library.SSL_CTX_ctrl(context, SSL_CTRL_MODE, SSL_MODE_RELEASE_BUFFERS, 0);
    library.SSL_CTX_set_security_level(context, SECURITY_LEVEL);
    library.SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, verifyCallback());
    library.SSL_CTX_set_verify_depth(context, VERIFY_DEPTH_MAX);
    library.SSL_CTX_set_alpn_select_cb(context, protocolCallback(protocol), 0);
    library.SSL_CTX_set_msg_callback(context, gateCallback());
    // Nothing but a small hello is taken until a session is told how large a chain it may receive.
    library.SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_CERT_LIST, 0, 0);
  }

  #trust(file: Uint8Array): void {
    const library = openssl();
    withCertificates(file, (certificates) => {
      const [authority, ...others] = certificates;
      if (authority === undefined || others.length > 0) throw new OpenSslError("expect single ca as cacert");
      const store = library.SSL_CTX_get_cert_store(this.#context);
      if (library.X509_STORE_add_cert(store, authority) !== 1) {
        throw new OpenSslError(`Cannot trust the CA certificate: ${takeErrors()}`);
      }
    });
  }

  #present({ certificate, key }: ServerIdentity): void {
    const library = openssl();
    const context = this.#context;
    withCertificates(certificate, (certificates) => {
      const [own, ...issuers] = certificates;
      if (own === undefined) throw new OpenSslError("Cannot use the server's certificate: the file contains none");
      if (library.SSL_CTX_use_certificate(context, own) !== 1) {
        throw new OpenSslError(`Cannot use the server's certificate: ${takeErrors()}`);
      }
      for (const issuer of issuers) {
        // The context takes what it is given, so it gets an object of its own.
        const copy = takeCopy(issuer);
        if (Number(library.SSL_CTX_ctrl(context, SSL_CTRL_EXTRA_CHAIN_CERT, 0, copy)) === 1) continue;
        library.X509_free(copy);
        throw new OpenSslError(`Cannot use the issuers of the server's certificate: ${takeErrors()}`);
      }
    });
    withBio(key, (bio) => {
      const privateKey = library.PEM_read_bio_PrivateKey(bio, 0, 0, NO_PASSWORD);
      if (privateKey === 0)
        throw new OpenSslError(`Cannot read the server's key: ${takeErrors()}. Give it in PEM, unencrypted`);
      try {
        if (
          library.SSL_CTX_use_PrivateKey(context, privateKey) !== 1 ||
          library.SSL_CTX_check_private_key(context) !== 1
        ) {
          throw new OpenSslError("Public key of certificate doesn't match private key");
        }
      } finally {
        library.EVP_PKEY_free(privateKey);
        library.ERR_clear_error();
      }
    });
  }

  /**
   * A new session, as an SSL of OpenSSL; the caller frees it.
   *
   * @throws {OpenSslError} if there is no memory, or the context was freed
   */
  createSession(): number {
    const session = this.#context === 0 ? 0 : openssl().SSL_new(this.#context);
    if (session === 0) throw new OpenSslError(`Cannot begin a TLS session: ${takeErrors()}`);
    return session;
  }

  free(): void {
    openssl().SSL_CTX_free(this.#context);
    this.#context = 0;
  }
}

function takeCopy(certificate: number): number {
  const library = openssl();
  if (library.X509_up_ref(certificate) !== 1) throw new OpenSslError("Cannot keep a certificate");
  return certificate;
}

function withBio(bytes: Uint8Array, use: (bio: number) => void): void {
  const library = openssl();
  const bio = library.BIO_new_mem_buf(bytes, bytes.length);
  if (bio === 0) throw new OpenSslError(`Cannot read a file: ${takeErrors()}`);
  try {
    use(bio);
  } finally {
    library.BIO_free(bio);
  }
}

/** Reads the certificates of a PEM file; they are freed after `use`. */
function withCertificates(file: Uint8Array, use: (certificates: readonly number[]) => void): void {
  const library = openssl();
  const certificates: number[] = [];
  try {
    withBio(file, (bio) => {
      while (certificates.length <= FILE_CERTIFICATES_MAX) {
        const certificate = library.PEM_read_bio_X509(bio, 0, 0, NO_PASSWORD);
        if (certificate === 0) break;
        certificates.push(certificate);
      }
    });
    const reason = takeErrors(); // the end of the file is reported as an error, too
    if (reason !== "" && reason !== END_OF_PEM) throw new OpenSslError(`Cannot read a certificate: ${reason}`);
    if (certificates.length > FILE_CERTIFICATES_MAX) {
      throw new OpenSslError(`Cannot take more than ${FILE_CERTIFICATES_MAX} certificates from one file`);
    }
    use(certificates);
  } finally {
    for (const certificate of certificates) library.X509_free(certificate);
  }
}
