/**
 * Revocation lists: made, extended, read, verified; with openssl as a second opinion.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { readCertificate } from "../../pki/certificate.ts";
import {
  CRL_BYTES_MAX,
  CRL_ENTRIES_MAX,
  CRL_NUMBER_BYTES_MAX,
  CrlError,
  readCrl,
  readCrlFile,
  verifyCrl,
} from "../../pki/crl.ts";
import { issueCommand, issueServer } from "../../pki/issue.ts";
import { isSerial, issueCrl } from "../../pki/issue-crl.ts";
import { KEY_TYPES } from "../../pki/key-type.ts";
import { generateKey } from "../../pki/keys.ts";
import { encodePem } from "../../pki/pem.ts";
import { DAY, delegate, makeRoot, NOW, random } from "./authority.ts";
import { openssl } from "./openssl.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-crl-"));
});
after(() => rmSync(directory, { recursive: true }));

const usual = { reason: "unspecified", validitySeconds: 30 * DAY, now: NOW } as const;

describe("revocation lists", () => {
  it("grow in number and entries, and keep what they had", async () => {
    const root = await makeRoot();
    const first = readCrl(await issueCrl(root, undefined, { ...usual, serials: ["11"], reason: "superseded" }));
    const second = readCrl(await issueCrl(root, first, { ...usual, serials: ["008000", "11"], now: NOW + 5_000 }));
    assert.equal(first.number, 0n);
    assert.equal(second.number, 1n);
    assert.deepEqual(
      [...second.revoked.values()],
      [
        { serial: "11", date: NOW, reason: 4 },
        { serial: "008000", date: NOW + 5_000, reason: undefined },
      ],
    );
    assert.equal(second.thisUpdate, NOW - 5_000);
    assert.equal(second.nextUpdate, NOW + 5_000 + 30 * DAY * 1000);
    await verifyCrl(first, root.certificate);
    await verifyCrl(second, root.certificate);
  });

  it("have numbers beyond every byte", async () => {
    const root = await makeRoot();
    const made = readCrl(await issueCrl(root, undefined, { ...usual, serials: ["11"] }));
    for (const number of [126n, 127n, 254n, 255n, 65_535n, 2n ** 64n]) {
      const next = readCrl(await issueCrl(root, { ...made, number }, { ...usual, serials: ["12"] }));
      assert.equal(next.number, number + 1n);
    }
  });

  it("are taken from the CA that signed them only", async () => {
    const root = await makeRoot();
    const twin = await makeRoot();
    const tenant = await delegate(root, "tenant");
    const der = await issueCrl(root, undefined, { ...usual, serials: ["11"] });
    const crl = readCrl(der);
    await assert.rejects(verifyCrl(crl, twin.certificate), /CrlError: .*not signed with the CA's key/);
    await assert.rejects(verifyCrl(crl, tenant.certificate), /it is one of ca/);
    const changed = der.slice();
    const at = changed.lastIndexOf(0x11);
    changed[at] = 0x12;
    await assert.rejects(verifyCrl(readCrl(changed), root.certificate), CrlError);
  });

  it("are not made by what is no CA, of what is no serial number, or from a list without number", async () => {
    const root = await makeRoot();
    const { publicKeyInfo, ...key } = await generateKey("ed25519");
    const subject = { commonName: "s", publicKeyInfo, validitySeconds: DAY, now: NOW, random };
    const server = readCertificate((await issueServer(root, subject)).der);
    await assert.rejects(
      issueCrl({ certificate: server, above: [], key: { ...key, publicKeyInfo } }, undefined, {
        ...usual,
        serials: ["11"],
      }),
      /IssueError: Cannot revoke with this certificate/,
    );
    await assert.rejects(issueCrl(root, undefined, { ...usual, serials: ["x"] }), /no serial number/);
    const known = { ...readCrl(await issueCrl(root, undefined, { ...usual, serials: ["11"] })), number: undefined };
    await assert.rejects(issueCrl(root, known, { ...usual, serials: ["11"] }), { message: "CRL number not present" });
    assert.deepEqual(["00", "0080", "80", `00${"ff".repeat(20)}`].map(isSerial), [true, true, true, true]);
    assert.deepEqual(["", "0", "0011", "ff80", `00${"ff".repeat(21)}`].map(isSerial), [
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it("are read as DER and as PEM, up to a size", async () => {
    const der = await issueCrl(await makeRoot(), undefined, { ...usual, serials: ["11"] });
    assert.equal(readCrlFile(der).revoked.size, 1);
    assert.equal(readCrlFile(new TextEncoder().encode(encodePem("X509 CRL", der))).revoked.size, 1);
    assert.throws(() => readCrlFile(new Uint8Array()), { name: "PemError" });
    assert.throws(() => readCrl(new Uint8Array(CRL_BYTES_MAX)), /Cannot read the revocation list:/);
    assert.throws(() => readCrl(new Uint8Array(CRL_BYTES_MAX + 1)), /more than/);
  });

  it(`have ${CRL_ENTRIES_MAX} entries at most, made and read`, { timeout: 60_000 }, async () => {
    const root = await makeRoot();
    const empty = readCrl(await issueCrl(root, undefined, { ...usual, serials: [] }));
    const serials = Array.from({ length: CRL_ENTRIES_MAX }, (_, at) => `11${at.toString(16).padStart(6, "0")}`);
    const full = readCrl(await issueCrl(root, empty, { ...usual, serials }));
    assert.equal(full.revoked.size, CRL_ENTRIES_MAX);
    await verifyCrl(full, root.certificate);
    await assert.rejects(issueCrl(root, full, { ...usual, serials: ["11"] }), /Cannot revoke more than 100000/);
    assert.ok(full.der.length < CRL_BYTES_MAX);
  });

  it(`have numbers of ${CRL_NUMBER_BYTES_MAX} bytes at most`, async () => {
    const root = await makeRoot();
    const made = readCrl(await issueCrl(root, undefined, { ...usual, serials: ["11"] }));
    const after = (number: bigint) => issueCrl(root, { ...made, number }, { ...usual, serials: ["12"] });
    const largest = 2n ** 159n - 1n;
    assert.equal(readCrl(await after(largest - 1n)).number, largest);
    const beyond = await after(largest);
    assert.throws(() => readCrl(beyond), /Number: not between 0 and 2\^159/);
  });

  it("only ever give their own error when they are damaged", async () => {
    const der = await issueCrl(await makeRoot(), undefined, { ...usual, serials: ["11", "12"], reason: "superseded" });
    let state = 7;
    const next = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 8;
    };
    let refusals = 0;
    for (let round = 0; round < 20_000; round++) {
      const bytes = der.slice(0, next() % 8 === 0 ? next() % der.length : der.length);
      for (let count = next() % 4; count >= 0 && bytes.length > 0; count--) bytes[next() % bytes.length] = next() & 255;
      try {
        readCrl(bytes);
      } catch (error) {
        if (!(error instanceof CrlError)) throw error;
        refusals++;
      }
    }
    assert.ok(refusals > 1_000, `${refusals}`);
  });
});

describe("openssl agrees on revocation lists", () => {
  for (const type of KEY_TYPES.filter((each) => each !== "rsa4096")) {
    it(`signed with ${type}`, { timeout: 60_000 }, async () => {
      const root = await makeRoot("ca", type);
      const tenant = await delegate(root, "tenant", undefined, type);
      const { publicKeyInfo } = await generateKey("ed25519");
      const subject = { commonName: "x", publicKeyInfo, validitySeconds: DAY, now: NOW, random };
      const leaf = readCertificate((await issueCommand(tenant, subject, { kind: "unikernel-info" })).der);
      const put = (name: string, ...pems: readonly string[]) => writeFileSync(join(directory, name), pems.join(""));
      put("ca.pem", encodePem("CERTIFICATE", root.certificate.der));
      put("tenant.pem", encodePem("CERTIFICATE", tenant.certificate.der));
      put("leaf.pem", encodePem("CERTIFICATE", leaf.der));
      const verdict = async (byRoot: string, byTenant: string) => {
        const lists = [
          await issueCrl(root, undefined, { ...usual, serials: [byRoot], reason: "key-compromise" }),
          await issueCrl(tenant, undefined, { ...usual, serials: [byTenant] }),
        ];
        put("lists.pem", ...lists.map((der) => encodePem("X509 CRL", der)));
        const at = ["-attime", String(NOW / 1000)];
        const files = ["-CAfile", "ca.pem", "-CRLfile", "lists.pem", "-untrusted", "tenant.pem", "leaf.pem"];
        return openssl(["verify", "-crl_check_all", ...at, ...files], directory).text;
      };
      assert.equal(await verdict("11", "11"), "leaf.pem: OK\n");
      assert.match(await verdict(tenant.certificate.serial.toHex(), "11"), /error 23 at 1 depth.*certificate revoked/);
      assert.match(await verdict("11", leaf.serial.toHex()), /error 23 at 0 depth.*certificate revoked/);
      const shown = openssl(["crl", "-in", "lists.pem", "-text", "-noout", "-CAfile", "ca.pem"], directory);
      assert.match(shown.text, /verify OK/);
      assert.match(shown.text, /Version 2 \(0x1\)/);
      assert.match(shown.text, /X509v3 CRL Number: \s+0\n/);
      assert.match(shown.text, /Key Compromise/);
    });
  }

  it("and gives back the same when it converts one to PEM", async () => {
    const root = await makeRoot("ca", "p256");
    const der = await issueCrl(root, undefined, { ...usual, serials: ["11"] });
    writeFileSync(join(directory, "own.crl"), der);
    const converted = openssl(["crl", "-inform", "DER", "-in", "own.crl", "-out", "own.pem"], directory);
    assert.ok(converted.ok, converted.text);
    assert.deepEqual([...readCrlFile(readFileSync(join(directory, "own.pem"))).der], [...der]);
  });
});
