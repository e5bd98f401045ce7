/**
 * From a validated certificate chain to a name, policies and a command (pki.md 4 and 5).
 *
 * Whether the chain is genuine is none of this module's business: it must have been verified before.
 *
 * @module
 */
import type { Int } from "../core/int.ts";
import { type Label, Name, NameError, parseLabel } from "../core/name.ts";
import type { Policy } from "../core/policy.ts";
import { printCommand } from "../core/print/command.ts";
import { DecodeError } from "../core/wire/decode-error.ts";
import { type Command, PROTOCOL_VERSION } from "../core/wire/message.ts";
import { type Certificate, CertificateError, readCertificate } from "./certificate.ts";
import { ChainError } from "./chain-error.ts";
import { readCommand } from "./command-extension.ts";
import { ALBATROSS, REVOCATION } from "./oids.ts";
import { decodeRevocation } from "./revocation-extension.ts";

/** The most certificates in a chain, the trust anchor not counted. */
export const CHAIN_MAX = 9;

/** A policy that a delegating certificate of the chain carries. */
export interface ChainPolicy {
  /** The path it is for. */
  readonly name: Name;
  readonly policy: Policy;
  /** When the certificate became valid, milliseconds since 1970: a newer delegation outweighs an older one. */
  readonly notBefore: number;
}

/** A chain with a command in its leaf. */
export interface ChainCommand {
  readonly kind: "command";
  readonly name: Name;
  /** Deepest path first. */
  readonly policies: readonly ChainPolicy[];
  /** An image is a view on the leaf. */
  readonly command: Command;
  /** The protocol version of the client. */
  readonly version: Int;
}

/** A chain whose leaf carries a revocation list, to be verified with the key of the leaf's issuer. */
export interface ChainRevocation {
  readonly kind: "revocation";
  /** The path of the issuer; the root for the trust anchor itself. */
  readonly path: Name;
  /** Deepest path first. */
  readonly policies: readonly ChainPolicy[];
  /** The list, DER: a view on the leaf. */
  readonly crl: Uint8Array;
  /** Whether what runs under a newly revoked delegation shall be destroyed. */
  readonly destroy: boolean;
}

/** What a chain asks for. */
export type ChainMeaning = ChainCommand | ChainRevocation;

/**
 * Interprets a validated chain.
 *
 * @param chain DER certificates, the leaf first, its issuers upwards, the trust anchor not included
 * @throws {ChainError} and nothing else
 */
export function interpretChain(chain: readonly Uint8Array[]): ChainMeaning {
  checkLength(chain);
  return guarded(() => interpretCertificates(chain.map(readCertificate)));
}

/**
 * As {@link interpretChain}, of certificates that were read already.
 *
 * @throws {ChainError} and nothing else
 */
export function interpretCertificates(chain: readonly Certificate[]): ChainMeaning {
  checkLength(chain);
  return guarded(() => {
    const [leaf, ...issuers] = chain;
    if (leaf === undefined) throw new ChainError("empty chain");
    const { path, policies } = delegation(issuers.reverse());
    return interpretLeaf(leaf, path, policies);
  });
}

function checkLength(chain: readonly unknown[]): void {
  if (chain.length > CHAIN_MAX) throw new ChainError("certificate chain too long");
}

/** Turns what the parts throw into the one error. */
function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof CertificateError || error instanceof DecodeError || error instanceof NameError) {
      throw new ChainError(error.message, { cause: error });
    }
    throw error;
  }
}

/** The path and the policies of the intermediates, given from the one closest to the root down. */
function delegation(issuers: readonly Certificate[]): {
  readonly path: Name;
  readonly policies: readonly ChainPolicy[];
} {
  let labels: readonly Label[] = [];
  const policies: ChainPolicy[] = [];
  for (const issuer of issuers) {
    const extension = issuer.extensions.get(ALBATROSS);
    if (extension === undefined) continue;
    const command = readCommand(extension.value);
    if (command.kind !== "policy-add") throw new ChainError(`unexpected wire ${printed(command)}`);
    if (issuer.subjectCommonName === undefined) throw new ChainError(emptyName("policy add"));
    labels = [...labels, parseLabel(issuer.subjectCommonName)];
    policies.unshift({ name: new Name(labels, undefined), policy: command.policy, notBefore: issuer.notBefore });
  }
  return { path: new Name(labels, undefined), policies };
}

function interpretLeaf(leaf: Certificate, path: Name, policies: readonly ChainPolicy[]): ChainMeaning {
  const extension = leaf.extensions.get(ALBATROSS);
  if (extension === undefined) {
    const revocation = leaf.extensions.get(REVOCATION);
    if (revocation !== undefined) return { kind: "revocation", path, policies, ...decodeRevocation(revocation.value) };
    throw new ChainError("leaf certificate does not contain an albatross extension");
  }
  const { subjectCommonName } = leaf;
  if (subjectCommonName === undefined) {
    const command = attempt(() => readCommand(extension.value));
    if (command === undefined) throw new ChainError("couldn't parse albatross extension");
    const title = needsName[command.kind];
    if (title !== undefined) throw new ChainError(emptyName(title));
    return meaning(path, policies, command);
  }
  const bare = subjectCommonName === "." || subjectCommonName === ":";
  const name = bare ? path : path.sibling(parseLabel(subjectCommonName));
  return meaning(name, policies, readCommand(extension.value));
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof DecodeError) return undefined;
    throw error;
  }
}

function meaning(name: Name, policies: readonly ChainPolicy[], command: Command): ChainCommand {
  if (!isAllowed(command)) throw new ChainError("unexpected command");
  return { kind: "command", name, policies, command, version: PROTOCOL_VERSION };
}

function emptyName(title: string): string {
  return `${title} may not have an empty name`;
}

/** Commands for which a leaf must have a common name, as they are called in the refusal. */
const needsName: Readonly<Partial<Record<Command["kind"], string>>> = {
  "policy-add": "policy add",
  "policy-remove": "policy remove",
  "block-add": "block add",
  "block-add-old": "old block add",
  "block-remove": "block remove",
  "block-set": "block set",
  "block-set-old": "old block set",
  "block-dump": "block dump",
  "block-dump-old": "block dump",
  "block-copy": "block copy",
  "block-resize": "block resize",
};

/** Commands that are refused in a leaf. */
const refused: readonly Command["kind"][] = [
  "console-add",
  "statistics-add",
  "statistics-remove",
  "statistics-initial",
  "policy-add",
  "policy-remove",
];

/** Whether a leaf may carry a command (pki.md 5). */
export function isAllowed(command: Command): boolean {
  return !refused.includes(command.kind);
}

function printed(command: Command): string {
  return printCommand(command, { verbose: false, columns: Number.POSITIVE_INFINITY, boxed: true });
}
