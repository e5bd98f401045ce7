/**
 * Looks at a client's certificates before OpenSSL does.
 *
 * OpenSSL takes any number of certificates and of parts in them, as long as they fit into the size that is allowed: 16 MiB
 * of tiny ones would keep everybody waiting for seconds, whoever sent them. Our own reader is strict and fast, and what it
 * does not take would be refused after the handshake anyway.
 *
 * @module
 */
import { CertificateError, readCertificate } from "../../pki/certificate.ts";
import { makeCallback, memoryAt } from "../../runtime/ffi.ts";

/** The most certificates that a client may send; more than nine are of no use to it (pki.md 4). */
export const SENT_CERTIFICATES_MAX = 64;

/** What OpenSSL calls the content of records, and the messages within: RFC 8446, 4 and 5.1. */
const HANDSHAKE = 22;
const CERTIFICATE = 11;

/** Where the length of the context of a message Certificate is: behind its type and length (RFC 8446, 4.4.2). */
const CONTEXT_LENGTH = 4;

const LENGTH_BYTES = 3;

function numberAt(bytes: Uint8Array, at: number, width: number): number {
  let value = 0;
  for (let index = at; index < at + width; index++) value = value * 256 + (bytes[index] ?? 0);
  return value;
}

/** Why a message Certificate is not to be looked at; `undefined` also for one that is broken, which OpenSSL finds out. */
export function objectionTo(message: Uint8Array): string | undefined {
  let at = CONTEXT_LENGTH + 1 + numberAt(message, CONTEXT_LENGTH, 1) + LENGTH_BYTES;
  for (let count = 0; at < message.length; count++) {
    if (count === SENT_CERTIFICATES_MAX) return `more than ${SENT_CERTIFICATES_MAX} certificates`;
    const from = at + LENGTH_BYTES;
    const until = from + numberAt(message, at, LENGTH_BYTES);
    try {
      readCertificate(message.subarray(from, until));
    } catch (error) {
      if (error instanceof CertificateError) return error.message;
      throw error;
    }
    at = until + 2 + numberAt(message, until, 2); // behind its extensions
  }
  return undefined;
}

/** The objection to the handshake that is being worked on: handshakes are worked on one at a time. */
let objection: string | undefined;

/** The objection that made OpenSSL refuse, once. */
export function takeObjection(): string | undefined {
  const taken = objection;
  objection = undefined;
  return taken;
}

let callback: number | undefined;

/**
 * The address of the function for `SSL_CTX_set_msg_callback`, which OpenSSL calls with every message before it reads it. It
 * is made once and stays. The function cannot refuse, so it makes a message that is to be refused an invalid one.
 */
export function gateCallback(): number {
  callback ??= makeCallback(
    { args: ["i32", "i32", "i32", "pointer", "u64", "pointer", "pointer"], returns: "void" },
    (written, _version, content, bytes, length) => {
      if (Number(written) !== 0 || Number(content) !== HANDSHAKE || Number(length) <= CONTEXT_LENGTH) return;
      const message = memoryAt(Number(bytes), Number(length));
      if (message[0] !== CERTIFICATE) return;
      try {
        objection = objectionTo(message);
      } catch (error) {
        objection = String(error); // an exception must not pass through C
      }
      if (objection !== undefined) message[CONTEXT_LENGTH] = 0xff; // which has to be 0 in a handshake
    },
  ).pointer;
  return callback;
}
