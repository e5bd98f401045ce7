/**
 * A certificate revocation list, as an object of OpenSSL.
 *
 * As in the original's certificate library, its dates are not enforced: an entry counts even if the list is old, since
 * nobody is better off when an expired list lets revoked certificates in again.
 *
 * @module
 */
import { addressOf } from "../../runtime/ffi.ts";
import {
  END_OF_PEM,
  KU_CRL_SIGN,
  NID_CRL_NUMBER,
  NID_DELTA_CRL,
  NID_ISSUING_DISTRIBUTION_POINT,
  NO_PASSWORD,
  OpenSslError,
  openssl,
  takeErrors,
  toDer,
} from "./openssl.ts";

/** The largest list, bytes. */
export const REVOCATION_LIST_BYTES_MAX = 1024 * 1024;

/** Issuers whose signature check a list remembers; more are checked again. */
export const REMEMBERED_ISSUERS_MAX = 64;

/** Bytes that are no usable revocation list. */
export class RevocationListError extends Error {
  override readonly name = "RevocationListError";
}

const REVOKED = 1;
const DIGEST_BYTES = 32;

/** The SHA-256 of a certificate's public key, in hex; `certificate` is an X509 of OpenSSL. */
export function keyIdentity(certificate: number): string {
  const library = openssl();
  const digest = new Uint8Array(DIGEST_BYTES);
  if (library.X509_pubkey_digest(certificate, library.EVP_sha256(), digest, new Uint32Array(1)) !== 1) {
    throw new OpenSslError(`Cannot digest a public key: ${takeErrors()}`);
  }
  return digest.toHex();
}

/** The subject of a certificate as a key for maps. */
export function subjectKey(certificate: number): string {
  const library = openssl();
  return toDer(library.i2d_X509_NAME, library.X509_get_subject_name(certificate)).toHex();
}

/** A list. Free it when nothing uses it any more. */
export class RevocationList {
  /** The issuer's name, comparable with {@link subjectKey}. */
  readonly issuer: string;
  /** The list's number; `undefined` if it has none. */
  readonly number: bigint | undefined;
  readonly der: Uint8Array<ArrayBuffer>;
  #list: number;
  readonly #signers = new Map<string, boolean>();

  /**
   * @param bytes DER, or PEM with one list
   * @throws {RevocationListError}
   */
  constructor(bytes: Uint8Array) {
    if (bytes.length > REVOCATION_LIST_BYTES_MAX) {
      throw new RevocationListError(`Cannot take a revocation list of more than ${REVOCATION_LIST_BYTES_MAX} bytes`);
    }
    const library = openssl();
    library.ERR_clear_error();
    const bio = library.BIO_new_mem_buf(bytes, bytes.length);
    const isDer = bytes[0] === 0x30;
    let more = 0;
    try {
      this.#list = isDer
        ? library.d2i_X509_CRL(0, BigUint64Array.of(BigInt(addressOf(bytes))), bytes.length)
        : library.PEM_read_bio_X509_CRL(bio, 0, 0, NO_PASSWORD);
      if (this.#list === 0) throw new RevocationListError(`Cannot read the revocation list: ${takeErrors()}`);
      if (!isDer) more = library.PEM_read_bio_X509_CRL(bio, 0, 0, NO_PASSWORD);
    } finally {
      library.BIO_free(bio);
    }
    try {
      const end = takeErrors();
      // What is not read would revoke nothing, and nobody would know.
      if (more !== 0 || (end !== "" && end !== END_OF_PEM)) {
        throw new RevocationListError("Cannot use the revocation list: another one, or a broken one, follows it");
      }
      this.issuer = toDer(library.i2d_X509_NAME, library.X509_CRL_get_issuer(this.#list)).toHex();
      this.der = toDer(library.i2d_X509_CRL, this.#list);
      if (isDer && this.der.length !== bytes.length) {
        throw new RevocationListError("Cannot use the revocation list: there is something behind it");
      }
      this.number = this.#readNumber();
      this.#checkExtensions();
    } catch (error) {
      this.free();
      throw error;
    } finally {
      library.X509_CRL_free(more);
    }
  }

  /** How many certificates it revokes. */
  get size(): number {
    const library = openssl();
    return Math.max(0, library.OPENSSL_sk_num(library.X509_CRL_get_REVOKED(this.#list))); // -1 where there is no list
  }

  #readNumber(): bigint | undefined {
    const library = openssl();
    const number = library.X509_CRL_get_ext_d2i(this.#list, NID_CRL_NUMBER, null, null);
    if (number === 0) return undefined;
    try {
      const der = toDer(library.i2d_ASN1_INTEGER, number); // 02, one byte of length (a number has at most 20), content
      const content = der.subarray(2);
      return BigInt.asIntN(8 * content.length, BigInt(`0x${content.toHex()}`));
    } finally {
      library.ASN1_INTEGER_free(number);
    }
  }

  /** A list for some certificates only, or one that only makes sense with another, would be misunderstood. */
  #checkExtensions(): void {
    const library = openssl();
    const partial = [NID_DELTA_CRL, NID_ISSUING_DISTRIBUTION_POINT].some(
      (extension) => library.X509_CRL_get_ext_by_NID(this.#list, extension, -1) >= 0,
    );
    if (partial || library.X509_CRL_get_ext_by_critical(this.#list, 1, -1) >= 0) {
      throw new RevocationListError("Cannot use the revocation list: it is not a complete one. Give a full list");
    }
  }

  /** Whether this list comes from an issuer: its name, its signature, and its permission to sign lists. */
  isFrom(issuer: number): boolean {
    return subjectKey(issuer) === this.issuer && this.#isSignedBy(issuer);
  }

  #isSignedBy(issuer: number): boolean {
    const library = openssl();
    // Not remembered with the key: anybody can have certified it once more, without that permission.
    if ((library.X509_get_key_usage(issuer) & KU_CRL_SIGN) === 0) return false;
    const identity = keyIdentity(issuer);
    const known = this.#signers.get(identity);
    if (known !== undefined) return known;
    const key = library.X509_get0_pubkey(issuer);
    const signed = key !== 0 && library.X509_CRL_verify(this.#list, key) === 1;
    library.ERR_clear_error();
    if (this.#signers.size >= REMEMBERED_ISSUERS_MAX) this.#signers.clear();
    this.#signers.set(identity, signed);
    return signed;
  }

  /** Whether a certificate is in this list; that the list is its issuer's is the caller's matter. */
  revokes(certificate: number): boolean {
    return openssl().X509_CRL_get0_by_cert(this.#list, new BigUint64Array(1), certificate) === REVOKED;
  }

  /** As {@link RevocationList.revokes}, by the content of the serial number's encoding. */
  revokesSerial(serial: Uint8Array): boolean {
    const library = openssl();
    const der = Uint8Array.of(0x02, serial.length, ...serial);
    const number =
      serial.length > 127 ? 0 : library.d2i_ASN1_INTEGER(0, BigUint64Array.of(BigInt(addressOf(der))), der.length);
    if (number === 0) {
      library.ERR_clear_error();
      return false;
    }
    try {
      return library.X509_CRL_get0_by_serial(this.#list, new BigUint64Array(1), number) === REVOKED;
    } finally {
      library.ASN1_INTEGER_free(number);
    }
  }

  /** Whether the present moment lies within its dates. */
  get isCurrent(): boolean {
    const library = openssl();
    const from = library.X509_CRL_get0_lastUpdate(this.#list);
    const until = library.X509_CRL_get0_nextUpdate(this.#list);
    return library.X509_cmp_current_time(from) < 0 && (until === 0 || library.X509_cmp_current_time(until) > 0);
  }

  free(): void {
    openssl().X509_CRL_free(this.#list);
    this.#list = 0;
  }
}
