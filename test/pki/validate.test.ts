/**
 * Chains that clients check before they use them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { buildCertificate, type NewExtension } from "../../pki/build-certificate.ts";
import { type Certificate, readCertificate } from "../../pki/certificate.ts";
import { CHAIN_MAX } from "../../pki/chain.ts";
import { issue, issueCommand } from "../../pki/issue.ts";
import type { Issuer } from "../../pki/issuer.ts";
import { generateKey } from "../../pki/keys.ts";
import { decodePem } from "../../pki/pem.ts";
import { ChainValidationError, verifyChainLocally } from "../../pki/validate.ts";
import { chainOf, DAY, delegate, makeRoot, NOW, random } from "./authority.ts";

async function leafOf(issuer: Issuer, own: readonly NewExtension[] = []): Promise<Uint8Array> {
  const { publicKeyInfo } = await generateKey("ed25519");
  const subject = { commonName: "x", publicKeyInfo, validitySeconds: DAY, now: NOW, random };
  return own.length === 0
    ? (await issueCommand(issuer, subject, { kind: "unikernel-info" })).der
    : (await issue(issuer, subject, "client", own)).der;
}

/** A CA below another with extensions of one's choice. */
async function oddAuthority(above: Issuer, commonName: string, extensions: readonly NewExtension[]): Promise<Issuer> {
  const key = await generateKey("ed25519");
  const der = await buildCertificate(
    {
      serial: Uint8Array.of(5),
      issuer: above.certificate.subject,
      commonName,
      notBefore: NOW - 1000,
      notAfter: NOW + DAY * 1000,
      publicKeyInfo: key.publicKeyInfo,
      extensions,
    },
    above.key,
  );
  return { certificate: readCertificate(der), above: [above.certificate, ...above.above], key };
}

const caConstraints = (...more: readonly number[]): NewExtension => ({
  oid: "2.5.29.19",
  critical: true,
  value: Uint8Array.of(0x30, 3 + more.length, 1, 1, 0xff, ...more),
});
const usage = (bits: number): NewExtension => ({
  oid: "2.5.29.15",
  critical: true,
  value: Uint8Array.of(3, 2, 0, bits),
});
const CERT_SIGN = usage(0x04);

async function refused(
  chain: readonly Uint8Array[],
  anchors: readonly Certificate[],
  detail: RegExp,
  now = NOW,
): Promise<void> {
  await assert.rejects(
    verifyChainLocally(
      chain,
      anchors.map(({ der }) => der),
      now,
    ),
    (error) => {
      assert.ok(error instanceof ChainValidationError, String(error));
      assert.equal(error.message, "TLS validation error of provided certificate chain: invalid certificate chain");
      assert.match(error.detail, detail);
      return true;
    },
  );
}

describe("a chain is valid", () => {
  it("with several levels in any order, with and without the root, beside unrelated certificates", async () => {
    const root = await makeRoot();
    const sub = await delegate(await delegate(root, "tenant"), "sub");
    const leaf = await leafOf(sub);
    const [first, second] = chainOf(sub);
    assert.ok(first && second);
    const stranger = (await makeRoot("tenant")).certificate.der;
    for (const chain of [
      [leaf, first, second],
      [leaf, second, stranger, first],
      [leaf, ...chainOf(sub)],
    ]) {
      const path = await verifyChainLocally(chain, [stranger, root.certificate.der], NOW);
      assert.deepEqual(
        path.map(({ subjectCommonName }) => subjectCommonName),
        ["x", "sub", "tenant"],
      );
    }
  });

  it("if the original made it, whatever the key", async () => {
    for (const type of ["ed25519", "p256", "rsa2048"]) {
      const read = (file: string) =>
        decodePem(readFileSync(new URL(`../vectors/chains/${type}/${file}`, import.meta.url), "utf8"), "CERTIFICATE");
      const now = Date.UTC(2026, 10, 22);
      for (const leaf of ["leaf-info-by-ca.pem", "leaf-console-by-tenant.pem", "leaf-create-synthetic-by-tenant.pem"]) {
        await verifyChainLocally(read(leaf), read("cacert.pem"), now);
      }
    }
  });
});

describe("a chain is not valid", () => {
  it("without certificates, without a trusted CA, or below another CA of the same name", async () => {
    const root = await makeRoot();
    const leaf = await leafOf(root);
    await refused([], [root.certificate], /no certificate/);
    await refused([leaf], [], /does not lead to a trusted CA/);
    await refused([leaf], [(await makeRoot("other")).certificate], /does not lead to a trusted CA/);
    await refused([leaf], [(await makeRoot()).certificate], /not signed by the key of ca/);
    await refused([leaf.slice(0, -1)], [root.certificate], /Cannot read the certificate/);
  });

  it("outside the validity of any of its certificates", async () => {
    const root = await makeRoot("ca", "ed25519", 3 * DAY);
    const tenant = await delegate(root, "tenant");
    const chain = [await leafOf(tenant), ...chainOf(tenant)];
    await refused(chain, [root.certificate], /of x is not valid before 2026-11-21T11:59:50/, NOW - 10_000);
    await verifyChainLocally(chain, [root.certificate.der], NOW - 9_999);
    await verifyChainLocally(chain, [root.certificate.der], NOW + DAY * 1000 - 1);
    await refused(chain, [root.certificate], /of x expired at 2026-11-22T12:00:00/, NOW + DAY * 1000);
    const old = await makeRoot("ca", "ed25519", 60);
    await refused([await leafOf(old)], [old.certificate], /expired/, NOW + 61_000);
  });

  it("below what is no CA, may not sign certificates, or has an unknown critical extension", async () => {
    const root = await makeRoot();
    const below = async (extensions: readonly NewExtension[]) => {
      const authority = await oddAuthority(root, "odd", extensions);
      const fake = { ...authority, certificate: { ...authority.certificate, extensions: root.certificate.extensions } };
      return [await leafOf(fake), authority.certificate.der];
    };
    await verifyChainLocally(await below([CERT_SIGN, caConstraints()]), [root.certificate.der], NOW);
    await refused(await below([]), [root.certificate], /not that of a CA/);
    await refused(await below([caConstraints()]), [root.certificate], /may not sign certificates/);
    await refused(await below([usage(0x80), caConstraints()]), [root.certificate], /may not sign certificates/);
    const unknown = { oid: "1.2.3", critical: true, value: new Uint8Array() };
    await refused(await below([CERT_SIGN, caConstraints(), unknown]), [root.certificate], /unknown critical.* 1\.2\.3/);
    const purpose = (last: number): NewExtension => ({
      oid: "2.5.29.37",
      critical: true,
      value: Uint8Array.of(0x30, 10, 6, 8, 0x2b, 6, 1, 5, 5, 7, 3, last),
    });
    await refused(await below([CERT_SIGN, caConstraints(), purpose(2)]), [root.certificate], /other purposes/);
    await verifyChainLocally(await below([CERT_SIGN, caConstraints(), purpose(1)]), [root.certificate.der], NOW);
  });

  it("if it is longer than an issuer allows", async () => {
    const root = await makeRoot();
    const limited = await oddAuthority(root, "odd", [CERT_SIGN, caConstraints(2, 1, 0)]);
    await verifyChainLocally([await leafOf(limited), limited.certificate.der], [root.certificate.der], NOW);
    const below = await delegate(limited, "sub");
    await refused([await leafOf(below), ...chainOf(below)], [root.certificate], /allows 0 certificates .*, here are 1/);
  });

  it(`with more than ${CHAIN_MAX} certificates`, async () => {
    const root = await makeRoot();
    let issuer = root;
    for (let level = 1; level < CHAIN_MAX; level++) issuer = await delegate(issuer, `l${level}`);
    await verifyChainLocally([await leafOf(issuer), ...chainOf(issuer)], [root.certificate.der], NOW);
    issuer = await delegate(issuer, "last");
    await refused([await leafOf(issuer), ...chainOf(issuer)], [root.certificate], /does not lead/);
  });

  it("if the leaf is a CA, for something else, or has an unknown critical extension", async () => {
    const root = await makeRoot();
    const tenant = await delegate(root, "tenant");
    await refused(chainOf(tenant), [root.certificate], /that of a CA, not of a client/);
    const unknown = { oid: "1.2.3", critical: true, value: new Uint8Array() };
    await refused([await leafOf(root, [unknown])], [root.certificate], /unknown critical extension 1\.2\.3/);
    const { publicKeyInfo } = await generateKey("ed25519");
    const subject = { commonName: "s", publicKeyInfo, validitySeconds: DAY, now: NOW, random };
    const server = (await issue(root, subject, "server", [])).der;
    await refused([server], [root.certificate], /not for clients/);
  });

  it("and is not searched for ever among certificates of the same name", async () => {
    const root = await makeRoot();
    const twins = await Promise.all(Array.from({ length: 80 }, () => makeRoot()));
    const chain = [await leafOf(root), ...twins.map(({ certificate }) => certificate.der)];
    const begin = performance.now();
    await refused([...chain], [], /was not signed by|does not lead/);
    assert.ok(performance.now() - begin < 2_000);
  });
});
