/**
 * Leaves for one connection.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parseName, parsePath } from "../../core/name.ts";
import type { UnikernelConfig } from "../../core/unikernel.ts";
import type { Command } from "../../core/wire/message.ts";
import { CERTIFICATE_BYTES_MAX, readCertificate } from "../../pki/certificate.ts";
import { interpretChain } from "../../pki/chain.ts";
import type { Issuer } from "../../pki/issuer.ts";
import { encodePrivateKey, isKeyOf, readPrivateKey } from "../../pki/keys.ts";
import { issueLeaf, issueRevocationLeaf, leafCommonName } from "../../pki/leaf.ts";
import { decodePem } from "../../pki/pem.ts";
import { verifyChainLocally } from "../../pki/validate.ts";
import { chainOf, delegate, makeRoot, NOW, POLICY, random } from "./authority.ts";

const info: Command = { kind: "unikernel-info" };

async function optionsOf(issuer: Issuer) {
  return { issuerChain: chainOf(issuer), issuerKey: await encodePrivateKey(issuer.key), now: NOW, random };
}

function create(image: Uint8Array, memory = 32): Command {
  const config: UnikernelConfig = {
    type: "solo5",
    compressed: false,
    image,
    failBehaviour: { kind: "quit" },
    startup: undefined,
    addName: true,
    cpuIds: [0],
    memory,
    blockDevices: [],
    networks: [],
    arguments: undefined,
    cpus: 1,
    linuxBootPartition: undefined,
  };
  return { kind: "unikernel-create", config };
}

describe("the common name of a leaf", () => {
  it("is the label, or the path for policies, or a dot", () => {
    assert.equal(leafCommonName(parseName("hello"), info), "hello");
    assert.equal(leafCommonName(parseName(":"), info), ".");
    assert.equal(leafCommonName(parsePath("foo:bar"), { kind: "policy-info" }), "foo:bar");
    assert.equal(leafCommonName(parsePath(""), { kind: "policy-info" }), ".");
    for (const name of ["a:b", "a:"]) {
      assert.throws(() => leafCommonName(parseName(name), info), { name: "IssueError", message: "non-empty path" });
    }
  });
});

describe("a leaf for one connection", () => {
  it("is valid for five minutes, has its own key, and leads to the root", async () => {
    const root = await makeRoot();
    const tenant = await delegate(root, "tenant");
    const leaf = await issueLeaf({ ...(await optionsOf(tenant)), name: parseName("hello"), command: info });
    const path = await verifyChainLocally(leaf.chainDer, [root.certificate.der], NOW);
    assert.equal(path.length, 2);
    assert.deepEqual(
      decodePem(leaf.chainPem, "CERTIFICATE").map((der) => [...der]),
      leaf.chainDer.map((der) => [...der]),
    );
    assert.equal(decodePem(leaf.issuerPem, "CERTIFICATE").length, 2);
    const [first] = path;
    assert.ok(first);
    assert.equal(first.notAfter, NOW + 300_000);
    assert.ok(isKeyOf(await readPrivateKey(leaf.keyPem), first));
    const meaning = interpretChain(leaf.chainDer);
    assert.ok(meaning.kind === "command");
    assert.equal(meaning.name.text, "tenant:hello");
  });

  it("fits the policy of its issuer, or is not made", async () => {
    const tenant = await delegate(await makeRoot(), "tenant");
    const options = { ...(await optionsOf(tenant)), name: parseName("hello") };
    await assert.rejects(issueLeaf({ ...options, command: create(new Uint8Array(1), 129) }), {
      message: "129 MB memory assigned to unikernel exceeds policy (128MB)",
    });
    const policy = { ...POLICY, unikernels: 10 };
    await assert.rejects(issueLeaf({ ...options, name: parsePath("x"), command: { kind: "policy-add", policy } }), {
      message: "policy above allows 4 unikernels, which is fewer than 10",
    });
  });

  it("may be as large as TLS allows, and no larger", { timeout: 60_000 }, async () => {
    const options = { ...(await optionsOf(await makeRoot())), name: parseName("hello") };
    const small = await issueLeaf({ ...options, command: create(new Uint8Array(CERTIFICATE_BYTES_MAX - 4096)) });
    const size = small.chainDer[0]?.length ?? 0;
    const room = CERTIFICATE_BYTES_MAX - size;
    assert.ok(room > 0 && room < 4096);
    // Serial numbers have ten or eleven bytes, so the size is certain to one byte.
    const largest = await issueLeaf({
      ...options,
      command: create(new Uint8Array(CERTIFICATE_BYTES_MAX - 4096 + room - 1)),
    });
    const [der] = largest.chainDer;
    assert.ok(der && der.length >= CERTIFICATE_BYTES_MAX - 2);
    assert.equal(readCertificate(der).subjectCommonName, "hello");
    await assert.rejects(
      issueLeaf({ ...options, command: create(new Uint8Array(CERTIFICATE_BYTES_MAX - 4096 + room + 2)) }),
      { name: "IssueError", message: "certificate too big for TLS" },
    );
  });

  it("can bring a revocation list instead of a command", async () => {
    const root = await makeRoot();
    const tenant = await delegate(root, "tenant");
    const crl = Uint8Array.of(1, 2, 3);
    for (const destroy of [true, false]) {
      const leaf = await issueRevocationLeaf({ ...(await optionsOf(tenant)), crl, destroy });
      await verifyChainLocally(leaf.chainDer, [root.certificate.der], NOW);
      const meaning = interpretChain(leaf.chainDer);
      assert.ok(meaning.kind === "revocation");
      assert.equal(meaning.path.text, "tenant:");
      assert.deepEqual([[...meaning.crl], meaning.destroy], [[1, 2, 3], destroy]);
    }
  });
});
