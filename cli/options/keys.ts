/**
 * Options about keys and requests (client.md 2).
 *
 * @module
 */
import type { Options } from "../command.ts";

/** For every command that makes a key. */
export const keyTypeOption = {
  keyType: {
    flags: ["--key-type"],
    kind: "key-type",
    fallback: "ed25519",
    docv: "TYPE",
    doc: "The kind of key that is made: ed25519, p256, p384, p521, rsa2048 or rsa4096.",
    section: "CRYPTOGRAPHIC KEY OPTIONS",
  },
} as const satisfies Options;

/** For every command that can be put into a certificate. */
export const keyOptions = {
  csr: {
    flags: ["--csr"],
    kind: "flag",
    doc: "Send nothing: write a request for a certificate with this command into the current directory, to be signed with sign. The files are NAME.req and, unless it exists, NAME.key; without a name they are called after the command.",
    section: "NETWORKING OPTIONS",
  },
  ...keyTypeOption,
} as const satisfies Options;
