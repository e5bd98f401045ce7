/**
 * revoke with a destination: a real endpoint takes the list, and refuses who is on it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { type Finished, runClient } from "./run-client.ts";

const main = fileURLToPath(new URL("../../main.ts", import.meta.url));

/** Daemons run on Bun, whatever runs this test. */
const bun = fileURLToPath(new URL("../../node_modules/.bin/bun", import.meta.url));

let directory = "";
let endpoint: ChildProcess | undefined;
let destination = "";

async function run(...words: readonly string[]): Promise<Finished> {
  return await runClient(words, { cwd: directory });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  assert.ok(address !== null && typeof address === "object");
  return address.port;
}

const asTenant = () => [
  "--ca=tenant.pem",
  "--ca-key=tenant.key",
  "--server-ca=cacert.pem",
  `--destination=${destination}`,
];
const authority = ["cacert.pem", "db", "ca.key", "ca.crl"] as const;

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "albatross-revoke-"));
  for (const words of [
    ["generate", "ca", "db"],
    ["add-policy", "tenant", "1", "--mem=64", "--csr"],
    ["sign", "cacert.pem", "db", "ca.key", "tenant.req"],
  ]) {
    assert.equal((await run(...words)).status, 0);
  }
  const port = await freePort();
  destination = `127.0.0.1:${port}`;
  // No daemon runs: whoever is let in is told so, which is all that matters here.
  const words = [
    `--port=${port}`,
    "--ip=127.0.0.1",
    "--crl-directory=lists",
    "--tmpdir=.",
    "cacert.pem",
    "server.pem",
    "server.key",
  ];
  mkdirSync(join(directory, "lists"));
  endpoint = spawn(bun, [main, "albatross-tls-endpoint", ...words], {
    cwd: directory,
    stdio: "ignore",
  });
  for (let tries = 0; tries < 30; tries++) {
    if ((await run("info", ...asTenant())).status !== 122) return;
  }
  assert.fail("the endpoint does not listen");
});

after(async () => {
  if (endpoint !== undefined && endpoint.exitCode === null) {
    const ended = new Promise((resolve) => endpoint?.once("exit", resolve));
    endpoint.kill();
    await ended;
  }
  rmSync(directory, { recursive: true });
});

describe("revoke with a destination", () => {
  it("needs one for --destroy, and shows the certificate for -", async () => {
    const without = await run("revoke", ...authority, "--serial=11", "--destroy");
    assert.deepEqual([without.status, without.stderr], [124, "albatross-client: --destroy needs --destination\n"]);
    const shown = await run("revoke", "cacert.pem", "db", "ca.key", "shown.pem", "--serial=11", "--destination=-");
    assert.equal(shown.status, 121);
    assert.match(shown.stdout, /^wrote shown\.pem: list 0 .*\nintermediate:\n-----BEGIN[\s\S]*\nleaf:\n-----BEGIN/);
    rmSync(join(directory, "shown.pem"));
  });

  it("brings the list to the endpoint, which refuses the tenant from then on", async () => {
    const before = await run("info", ...asTenant());
    assert.match(before.stdout, /command failed couldn't reach service\n$/);
    const revoked = await run("revoke", ...authority, "--certificate=tenant.pem", `--destination=${destination}`);
    assert.deepEqual(revoked, {
      status: 0,
      stdout:
        "wrote ca.crl: list 0 with 1 revoked certificates\nhost [unikernel: :]: success: updated revocation list\n",
      stderr: "",
    });
    const later = await run("info", ...asTenant());
    assert.equal(later.status, 119);
    assert.match(later.stdout, /certificate revoked/);
  });

  it("sends the list as it is without a new entry, and is refused one that is not newer", async () => {
    const again = await run("revoke", ...authority, `--destination=${destination}`, "--json");
    assert.equal(again.status, 117);
    const { serials, ...reply } = JSON.parse(again.stdout) as { readonly serials: readonly string[] };
    assert.equal(serials.length, 1);
    assert.deepEqual(reply, {
      kind: "failure",
      host: ":",
      text: "CRL number not increased",
      file: "ca.crl",
      number: "0",
    });
    const missing = await run("revoke", "cacert.pem", "db", "ca.key", "none.crl", `--destination=${destination}`);
    assert.deepEqual(
      [missing.status, missing.stdout],
      [124, "albatross-client: [ERROR] error while revoking: none.crl: No such file or directory\n"],
    );
  });

  it("is refused to the tenant, who is revoked", async () => {
    const words = ["revoke", "tenant.pem", "db", "tenant.key", "tenant.crl.own", "--serial=11"];
    assert.equal((await run(...words, `--destination=${destination}`)).status, 119);
  });
});
