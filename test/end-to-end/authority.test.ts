/**
 * The way from an authority to a certificate with the program that is shipped: a bundler reorders what it bundles.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { interpretChain } from "../../pki/chain.ts";
import { readCrlFile } from "../../pki/crl.ts";
import { KEY_TYPES } from "../../pki/key-type.ts";
import { decodePem } from "../../pki/pem.ts";
import { program } from "./harness.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-shipped-"));
});
after(() => rmSync(directory, { recursive: true }));

function client(...words: readonly string[]): void {
  const [command, ...first] = program("albatross-client");
  const { status, stdout, stderr } = spawnSync(command, [...first, ...words], {
    cwd: directory,
    encoding: "utf8",
    timeout: 60_000,
  });
  assert.equal(status, 0, `${words.join(" ")}: ${stdout}${stderr}`);
}

describe("the program that is shipped", () => {
  for (const type of KEY_TYPES) {
    it(`makes an authority, requests, certificates and a revocation list with ${type}`, { timeout: 60_000 }, () => {
      const name = `user-${type}`;
      client("generate", `ca-${type}`, "db", `--key-type=${type}`, `--server=server-${type}`);
      client("add-policy", name, "1", "--mem=64", "--csr", `--key-type=${type}`, "-q");
      client("sign", "cacert.pem", "db", `ca-${type}.key`, `${name}.req`);
      client("destroy", "hello", "--csr");
      client("sign", `${name}.pem`, "db", `${name}.key`, "hello.req");
      const meaning = interpretChain(decodePem(readFileSync(join(directory, "hello.pem"), "utf8"), "CERTIFICATE"));
      assert.ok(meaning.kind === "command");
      assert.deepEqual([meaning.name.text, meaning.command], [`${name}:hello`, { kind: "unikernel-destroy" }]);
      client("revoke", "cacert.pem", "db", `ca-${type}.key`, `${type}.crl`, `--certificate=${name}.pem`);
      assert.equal(readCrlFile(readFileSync(join(directory, `${type}.crl`))).revoked.size, 1);
    });
  }
});
