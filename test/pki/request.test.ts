/**
 * Requests: of the original, our own, damaged ones.
 *
 * @module
 */
import "reflect-metadata";
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { Extension, Pkcs10CertificateRequestGenerator } from "@peculiar/x509";
import { issueCommand, issueDelegation } from "../../pki/issue.ts";
import { readIssuer } from "../../pki/issuer.ts";
import { generateKey, importPublicKey, isKeyOf, readPrivateKey } from "../../pki/keys.ts";
import { decodeOnePem, decodePem, encodePem, PemError } from "../../pki/pem.ts";
import { makeRequest, RequestError, readRequest } from "../../pki/request.ts";
import { verifyChainLocally } from "../../pki/validate.ts";
import { unhex } from "../support/vectors.ts";
import { DAY, NOW, POLICY, random } from "./authority.ts";

function read(file: string): string {
  return readFileSync(new URL(`../vectors/chains/${file}`, import.meta.url), "utf8");
}

const types = ["ed25519", "p256", "rsa2048"] as const;

describe("keys and requests of the original", () => {
  for (const type of types) {
    it(`${type}: keys belong to the certificates and requests beside them`, async () => {
      for (const [key, certificate] of [
        ["ca", "cacert"],
        ["tenant", "tenant"],
        ["sub", "sub"],
      ]) {
        const issuer = await readIssuer(read(`${type}/${certificate}.pem`), read(`${type}/${key}.key`));
        assert.ok(isKeyOf(issuer.key, issuer.certificate));
      }
      for (const name of ["tenant", "sub", "hello-info", "hello-console", "hello-destroy", "synth-create"]) {
        const request = await readRequest(read(`${type}/${name}.req`));
        assert.ok(isKeyOf(await readPrivateKey(read(`${type}/${name}.key`)), request), name);
        assert.equal(request.wanted?.version, 5);
        assert.equal(request.subject, `/CN=${request.commonName}`);
      }
    });

    it(`${type}: requests can be signed with its authorities`, async () => {
      const root = await readIssuer(read(`${type}/cacert.pem`), read(`${type}/ca.key`));
      const tenant = await readIssuer(read(`${type}/tenant.pem`), read(`${type}/tenant.key`));
      const anchors = decodePem(read(`${type}/cacert.pem`), "CERTIFICATE");
      const now = NOW + 2 * DAY * 1000;
      const common = { validitySeconds: DAY, now, random };
      const sub = await readRequest(read(`${type}/sub.req`));
      assert.ok(sub.wanted?.command.kind === "policy-add" && sub.commonName !== undefined);
      const { policy } = sub.wanted.command;
      const below = await issueDelegation(
        tenant,
        { ...common, commonName: sub.commonName, publicKeyInfo: sub.publicKeyInfo },
        policy,
      );
      assert.ok(below.der.length > 0);
      for (const name of ["hello-info", "hello-console", "hello-destroy", "synth-create"]) {
        const { wanted, publicKeyInfo, commonName } = await readRequest(read(`${type}/${name}.req`));
        assert.ok(wanted !== undefined && commonName !== undefined);
        for (const issuer of [root, tenant]) {
          const { der } = await issueCommand(issuer, { ...common, commonName, publicKeyInfo }, wanted.command);
          await verifyChainLocally([der, tenant.certificate.der], anchors, now);
        }
      }
    });
  }
});

describe("requests", () => {
  it("are refused if something else was signed, or the signature is another's", async () => {
    for (const type of types) {
      const der = decodeOnePem(read(`${type}/tenant.req`), "CERTIFICATE REQUEST");
      const changed = der.slice();
      const at = changed.indexOf("t".charCodeAt(0)); // of tenant
      changed[at] = "T".charCodeAt(0);
      await assert.rejects(readRequest(encodePem("CERTIFICATE REQUEST", changed)), {
        name: "RequestError",
        message: /signature of the request is wrong/,
      });
    }
  });

  it("are refused if they are none, several, or too many bytes", async () => {
    await assert.rejects(readRequest("nothing"), PemError);
    const one = read("ed25519/tenant.req");
    await assert.rejects(readRequest(one + one), PemError);
    await assert.rejects(readRequest(encodePem("CERTIFICATE REQUEST", new Uint8Array(9))), RequestError);
    await assert.rejects(
      readRequest(encodePem("CERTIFICATE REQUEST", new Uint8Array(0x100_0001))),
      /more than 16777216/,
    );
  });

  it("may be in another version of the protocol, and say things no terminal should see", async () => {
    const key = await generateKey("ed25519");
    const request = await Pkcs10CertificateRequestGenerator.create({
      name: [{ CN: ["a\u001b[2Jb"] }],
      keys: { privateKey: key.key, publicKey: await importPublicKey(key.publicKeyInfo) },
      signingAlgorithm: { name: "Ed25519" },
      extensions: [
        new Extension("1.3.6.1.4.1.49836.42", false, unhex("3009020104a304b3020500")),
        new Extension("2.5.29.19", true, unhex("30030101ff")), // a wish to be a CA, which nobody heeds
      ],
    });
    const read = await readRequest(encodePem("CERTIFICATE REQUEST", new Uint8Array(request.rawData)));
    assert.deepEqual(read.wanted, { version: 4, command: { kind: "unikernel-info" } });
    assert.equal(read.commonName, "a\u001b[2Jb");
    assert.equal(read.subject, "/CN=a\u{fffd}[2Jb");
  });

  it("may hold a large image", { timeout: 60_000 }, async () => {
    const key = await generateKey("ed25519");
    const image = new Uint8Array(10_000_000).fill(7);
    const pem = await makeRequest("big", { kind: "block-set-old", compressed: false, data: image }, key);
    const { wanted } = await readRequest(pem);
    assert.ok(wanted?.command.kind === "block-set-old");
    assert.equal(wanted.command.data.length, image.length);
  });

  it("only ever give their own errors when they are damaged", { timeout: 120_000 }, async () => {
    const key = await generateKey("p256");
    const der = decodeOnePem(
      await makeRequest("x", { kind: "policy-add", policy: POLICY }, key),
      "CERTIFICATE REQUEST",
    );
    let state = 5;
    const next = () => {
      state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
      return state >>> 8;
    };
    let refusals = 0;
    for (let round = 0; round < 3_000; round++) {
      const bytes = der.slice(0, next() % 8 === 0 ? next() % der.length : der.length);
      for (let count = next() % 4; count >= 0 && bytes.length > 0; count--) bytes[next() % bytes.length] = next() & 255;
      try {
        await readRequest(encodePem("CERTIFICATE REQUEST", bytes));
      } catch (error) {
        if (!(error instanceof RequestError)) throw error;
        refusals++;
      }
    }
    assert.ok(refusals > 2_900, `${refusals}`);
  });
});
