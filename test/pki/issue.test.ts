/**
 * What is issued: fields and extensions, validity, checks; and what openssl makes of it, for every type of key.
 *
 * @module
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { parseName } from "../../core/name.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { interpretChain } from "../../pki/chain.ts";
import { BACKDATE_MS, issueCommand, issueDelegation, issueServer, VALIDITY } from "../../pki/issue.ts";
import { readIssuer } from "../../pki/issuer.ts";
import { KEY_TYPES } from "../../pki/key-type.ts";
import { encodePrivateKey, generateKey, isSignedBy } from "../../pki/keys.ts";
import { encodePem } from "../../pki/pem.ts";
import { makeRequest, readRequest } from "../../pki/request.ts";
import { makeSerial } from "../../pki/serial.ts";
import { verifyChainLocally } from "../../pki/validate.ts";
import { chainOf, DAY, delegate, makeRoot, NOW, POLICY, random } from "./authority.ts";
import { openssl } from "./openssl.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-issue-"));
});
after(() => rmSync(directory, { recursive: true }));

const oidOrder = ["1.3.6.1.4.1.49836.42", "2.5.29.14", "2.5.29.15", "2.5.29.19", "2.5.29.35", "2.5.29.37"];

describe("serial numbers", () => {
  const of = (...bytes: readonly number[]) => [...makeSerial(() => Uint8Array.from(bytes))];
  it("stay positive and in their shortest form", () => {
    assert.deepEqual(of(0x80, 1), [0, 0x80, 1]);
    assert.deepEqual(of(0x7f, 1), [0x7f, 1]);
    assert.deepEqual(of(0, 0x7f), [0x7f, 0, 0x7f]);
    assert.deepEqual(of(0, 0x80), [0, 0x80]);
  });
});

describe("certificates that are issued", () => {
  const subject = async (commonName: string, validitySeconds: number) => ({
    commonName,
    publicKeyInfo: (await generateKey("ed25519")).publicKeyInfo,
    validitySeconds,
    now: NOW,
    random,
  });

  it("have the extensions of their kind, in order, critical where they must be", async () => {
    const root = await makeRoot();
    const delegation = await issueDelegation(root, await subject("t", DAY), POLICY);
    const command = await issueCommand(root, await subject("x", DAY), { kind: "unikernel-info" });
    const server = await issueServer(root, await subject("s", DAY));
    const extensions = (der: Uint8Array) =>
      [...readCertificate(der).extensions].map(([oid, { critical }]) => [oid, critical]);
    const critical = (oid: string) => ["2.5.29.15", "2.5.29.19", "2.5.29.37"].includes(oid);
    const expected = (oids: readonly string[]) => oids.map((oid) => [oid, critical(oid)]);
    assert.deepEqual(extensions(root.certificate.der), expected(["2.5.29.15", "2.5.29.19"]));
    assert.deepEqual(extensions(delegation.der), expected(oidOrder.slice(0, 5)));
    assert.deepEqual(extensions(command.der), expected(oidOrder));
    assert.deepEqual(extensions(server.der), expected(oidOrder.slice(1)));
  });

  it("begin ten seconds ago, and end with their issuer at the latest", async () => {
    const root = await makeRoot("ca", "ed25519", 2 * DAY);
    const short = readCertificate((await issueServer(root, await subject("s", DAY))).der);
    assert.deepEqual([short.notBefore, short.notAfter], [NOW - BACKDATE_MS, NOW + DAY * 1000]);
    const long = readCertificate((await issueServer(root, await subject("s", 3 * DAY))).der);
    assert.equal(long.notAfter, NOW + 2 * DAY * 1000);
  });

  it("are not issued by an authority that expired, or by what is no authority", async () => {
    const root = await makeRoot("ca", "ed25519", DAY);
    const late = { ...(await subject("s", DAY)), now: NOW + DAY * 1000 };
    await assert.rejects(issueServer(root, late), /^IssueError: Cannot sign with the certificate of ca: it expired at/);
    const key = await generateKey("ed25519");
    const leaf = await issueServer(root, { ...(await subject("s", DAY)), publicKeyInfo: key.publicKeyInfo });
    const issuer = { certificate: readCertificate(leaf.der), above: [], key };
    await assert.rejects(issueServer(issuer, await subject("t", DAY)), /not the certificate of a CA/);
  });

  it("do not exceed any policy above them, in the original's words", async () => {
    const tenant = await delegate(await makeRoot(), "tenant");
    const sub = await delegate(tenant, "sub", { ...POLICY, memory: 64 });
    const bigger = { ...POLICY, unikernels: 5 };
    await assert.rejects(issueDelegation(tenant, await subject("x", DAY), bigger), {
      name: "IssueError",
      message: "policy above allows 4 unikernels, which is fewer than 5",
    });
    await assert.rejects(issueDelegation(tenant, await subject("x", DAY), { ...POLICY, unikernels: 0 }), {
      message: "Unusable policy with no unikernels",
    });
    const config = {
      type: "solo5",
      compressed: false,
      image: new Uint8Array(1),
      failBehaviour: { kind: "quit" },
      startup: undefined,
      addName: true,
      cpuIds: [0],
      memory: 100,
      blockDevices: [],
      networks: [],
      arguments: undefined,
      cpus: 1,
      linuxBootPartition: undefined,
    } as const;
    await assert.rejects(issueCommand(sub, await subject("x", DAY), { kind: "unikernel-create", config }), {
      message: "100 MB memory assigned to unikernel exceeds policy (64MB)",
    });
    await issueCommand(tenant, await subject("x", DAY), { kind: "unikernel-create", config });
    await assert.rejects(
      issueCommand(tenant, await subject("x", DAY), {
        kind: "unikernel-force-create",
        config: { ...config, cpuIds: [7] },
      }),
      { message: "the CPUids 7 requested by the unikernel are not allowed by policy" },
    );
  });

  it("need the issuer's own key", async () => {
    const root = await makeRoot();
    const other = await encodePrivateKey(await generateKey("ed25519"));
    await assert.rejects(readIssuer(chainOf(root), other), {
      name: "IssueError",
      message: "Public key of certificate doesn't match private key",
    });
  });
});

describe("openssl agrees", () => {
  for (const type of KEY_TYPES) {
    it(`on keys, requests and certificates of the type ${type}`, { timeout: 60_000 }, async () => {
      const root = await makeRoot("ca", type);
      const key = await generateKey(type);
      const subject = { publicKeyInfo: key.publicKeyInfo, now: NOW, random };
      const request = await makeRequest("tenant", { kind: "policy-add", policy: POLICY }, key);
      const { publicKeyInfo, wanted, commonName } = await readRequest(request);
      assert.deepEqual(publicKeyInfo, key.publicKeyInfo);
      assert.equal(commonName, "tenant");
      assert.equal(wanted?.command.kind, "policy-add");

      const tenant = await issueDelegation(
        root,
        { ...subject, commonName: "tenant", validitySeconds: VALIDITY.delegation },
        POLICY,
      );
      const issuer = { certificate: readCertificate(tenant.der), above: [], key };
      const leaf = await issueCommand(
        issuer,
        { ...subject, commonName: "x", validitySeconds: VALIDITY.command },
        { kind: "unikernel-info" },
      );
      const server = await issueServer(root, { ...subject, commonName: "server", validitySeconds: VALIDITY.server });
      const put = (name: string, pem: string) => writeFileSync(join(directory, name), pem);
      put("ca.pem", encodePem("CERTIFICATE", root.certificate.der));
      put("tenant.pem", encodePem("CERTIFICATE", tenant.der));
      put("leaf.pem", encodePem("CERTIFICATE", leaf.der));
      put("server.pem", encodePem("CERTIFICATE", server.der));
      put("tenant.req", request);
      put("tenant.key", await encodePrivateKey(key));

      const at = ["-attime", String(NOW / 1000)];
      const verify = (purpose: string, file: string) =>
        openssl(
          ["verify", ...at, "-purpose", purpose, "-CAfile", "ca.pem", "-untrusted", "tenant.pem", file],
          directory,
        );
      assert.deepEqual(verify("sslclient", "leaf.pem"), { ok: true, text: "leaf.pem: OK\n" });
      assert.deepEqual(verify("sslserver", "server.pem"), { ok: true, text: "server.pem: OK\n" });
      assert.ok(!verify("sslserver", "leaf.pem").ok);
      assert.match(openssl(["req", "-in", "tenant.req", "-verify", "-noout"], directory).text, /verify OK/);
      assert.match(
        openssl(["req", "-in", "tenant.req", "-noout", "-text"], directory).text,
        /1\.3\.6\.1\.4\.1\.49836\.42/,
      );
      assert.match(openssl(["pkey", "-in", "tenant.key", "-check", "-noout"], directory).text, /Key is valid/);
      const text = openssl(["x509", "-in", "leaf.pem", "-noout", "-text"], directory).text;
      assert.match(text, /X509v3 Key Usage: critical\s+Digital Signature, Key Encipherment\n/);
      assert.match(text, /X509v3 Basic Constraints: critical\s+CA:FALSE\n/);
      assert.match(text, /X509v3 Extended Key Usage: critical\s+TLS Web Client Authentication\n/);
      assert.match(text, /Not Before: Nov 21 11:59:50 2026 GMT\s+Not After : Nov 22 12:00:00 2026 GMT/);
      const authority = openssl(["x509", "-in", "tenant.pem", "-noout", "-text"], directory).text;
      assert.match(authority, /Digital Signature, Non Repudiation, Certificate Sign, CRL Sign\n/);
      assert.match(authority, /CA:TRUE\n/);

      await verifyChainLocally([leaf.der, tenant.der], [root.certificate.der], NOW);
      const meaning = interpretChain([leaf.der, tenant.der]);
      assert.equal(meaning.kind === "command" && meaning.name.text, parseName("tenant:x").text);
    });
  }

  it("and its keys and requests can be used here", async () => {
    const kinds: Readonly<Record<string, readonly string[]>> = {
      ed25519: ["-algorithm", "ed25519"],
      p256: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"],
      p384: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
      p521: ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"],
      rsa2048: ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
    };
    for (const [name, words] of Object.entries(kinds)) {
      const run = (args: readonly string[]) => {
        const { ok, text } = openssl(args, directory);
        assert.ok(ok, `${name}: ${text}`);
      };
      run(["genpkey", ...words, "-out", `${name}.key`]);
      run(["req", "-x509", "-new", "-key", `${name}.key`, "-subj", "/O=x/CN=own", "-days", "9", "-out", `${name}.pem`]);
      run(["req", "-new", "-key", `${name}.key`, "-subj", "/O=x/CN=own", "-out", `${name}.req`]);
      const read = (file: string) => readFileSync(join(directory, `${name}.${file}`), "utf8");
      const { certificate } = await readIssuer(read("pem"), read("key"));
      assert.ok(await isSignedBy(certificate, certificate.publicKeyInfo), name);
      const request = await readRequest(read("req"));
      assert.deepEqual([request.commonName, request.subject, request.wanted], ["own", "/O=x/CN=own", undefined]);
    }
  });
});
