/**
 * What our programs say to each other beyond the protocol, in places that other peers ignore.
 *
 * A request's sequence number is chosen by the sender and only repeated by the receiver: the original's clients send 0,
 * its endpoint counts up from 0. Numbers that nobody counts to carry what follows; a peer that does not know of it sees
 * an ordinary request.
 *
 * @module
 */

/**
 * Sequence number of a create or force-create whose image is the SHA-256 (32 bytes) of one that albatrossd may have. If
 * it has it, the command is carried out with it; otherwise it is refused with {@link IMAGE_NOT_PRESENT}. A peer that
 * does not know of it takes the 32 bytes for an image, and refuses that as no ELF file.
 */
export const IMAGE_BY_DIGEST_SEQUENCE = 0x414c_4241_4449_4745n; // "ALBADIGE"

/** The refusal of a create by digest. */
export const IMAGE_NOT_PRESENT = "image not present";

/** The upper 24 bits of the sequence number of a policy add that comes from a delegation certificate. */
const DELEGATION_MARK = 0x41_4c42n; // "ALB"

const SECONDS_BITS = 40n;

/**
 * Sequence number of a policy add that a delegation certificate asks for: albatrossd does not let it replace a policy
 * that a newer delegation, or the administrator after it, has set.
 *
 * @param notBefore of the certificate, milliseconds since 1970
 */
export function delegationSequence(notBefore: number): bigint {
  const seconds = BigInt(Math.max(0, Math.floor(notBefore / 1000)));
  return (DELEGATION_MARK << SECONDS_BITS) | (seconds & ((1n << SECONDS_BITS) - 1n));
}

/** The `notBefore` (milliseconds since 1970) in a sequence number of {@link delegationSequence}; else `undefined`. */
export function delegationTime(sequence: bigint): number | undefined {
  if (sequence >> SECONDS_BITS !== DELEGATION_MARK) return undefined;
  return Number(sequence & ((1n << SECONDS_BITS) - 1n)) * 1000;
}

/** The application protocol (ALPN) by which client and endpoint recognise each other; others negotiate none. */
export const TLS_APPLICATION_PROTOCOL = "albatross-ts/1";

/** Answers of our endpoint to a digest that a client offers instead of an image stream: success strings. */
export const IMAGE_WANTED = "image wanted";
