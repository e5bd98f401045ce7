/**
 * A command that the endpoint does not carry out: the client gets the text as a failure.
 *
 * @module
 */

/** `message` is what the client is told; the original's texts are in pki.md 9. */
export class Refusal extends Error {
  override readonly name = "Refusal";
}

/** The client is gone, so there is nobody to answer. */
export class ClientGoneError extends Error {
  override readonly name = "ClientGoneError";
}

/** The original's texts (pki.md 9). */
export const texts = {
  noService: "couldn't reach service",
  policyNotWritten: "failed to write policy",
  policyNotAnswered: "read error after writing policy",
  policyRefused: (got: string) => `expected success when adding policy, got: ${got}`,
  commandNotWritten: "couldn't write unikernel to VMMD",
  noReply: "error reading from fd",
  streamNotWritten: "writing block data",
  streamNotRead: "reading tls chunk",
  daemonClosed: "exception while reading from fd",
  imageNotRead: "error retrieving unikernel image",
} as const;
