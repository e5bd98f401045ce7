/** Authorities, delegations and times for tests. */
import type { Policy } from "../../core/policy.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { issueDelegation, issueRoot } from "../../pki/issue.ts";
import type { Issuer } from "../../pki/issuer.ts";
import type { KeyType } from "../../pki/key-type.ts";
import { generateKey } from "../../pki/keys.ts";
import type { RandomBytes } from "../../pki/serial.ts";

import { webCrypto } from "../../pki/web-crypto.ts";

export const random: RandomBytes = (length) => webCrypto.getRandomValues(new Uint8Array(length));

/** The clock of these tests: milliseconds since 1970. */
export const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

export const DAY = 86_400;

export const POLICY: Policy = { unikernels: 4, cpuIds: [0, 1], memory: 128, block: 20, bridges: [] };

/** A root. */
export async function makeRoot(
  commonName = "ca",
  type: KeyType = "ed25519",
  validitySeconds = 100 * DAY,
): Promise<Issuer> {
  const key = await generateKey(type);
  const { der } = await issueRoot({ commonName, key, validitySeconds, now: NOW, random });
  return { certificate: readCertificate(der), above: [], key };
}

/** A delegation below an issuer. */
export async function delegate(
  above: Issuer,
  commonName: string,
  policy: Policy = POLICY,
  type: KeyType = "ed25519",
): Promise<Issuer> {
  const key = await generateKey(type);
  const subject = { commonName, publicKeyInfo: key.publicKeyInfo, validitySeconds: DAY, now: NOW, random };
  const { der } = await issueDelegation(above, subject, policy);
  return { certificate: readCertificate(der), above: [above.certificate, ...above.above], key };
}

/** Everything an issuer file holds, the issuer first. */
export function chainOf(issuer: Issuer): readonly Uint8Array[] {
  return [issuer.certificate, ...issuer.above].map(({ der }) => der);
}
