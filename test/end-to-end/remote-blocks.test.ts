/** Block devices over TLS: contents both ways, refusals in the middle, and only on the path of the certificate. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { clientCommand, type Finished, runClient } from "../cli/run-client.ts";
import { freePort } from "../client/tls-peer.ts";
import { add, contentOf, leftovers, MIB, noise, same, set, stream } from "./block-rig.ts";
import { type Daemon, Machine, until } from "./harness.ts";

describe("block devices of a remote host", () => {
  const machine = new Machine();
  const cwd = mkdtempSync(join(tmpdir(), "albatross-remote-"));
  let destination = "";
  let endpoint: Daemon;

  const client = (...words: readonly string[]): Promise<Finished> => runClient(words, { cwd, env: { TMPDIR: cwd } });
  const as = (authority: string, ...words: readonly string[]) =>
    client(...words, `--ca=${authority}.pem`, `--ca-key=${authority}.key`, destination);
  const expect = (got: Finished, stdout: string) => assert.deepEqual(got, { status: 0, stdout, stderr: "" });
  const refused = (got: Finished, text: string) => {
    assert.deepEqual([got.status, got.stderr], [117, ""], got.stdout);
    assert.equal(got.stdout, `albatross-client: [WARNING] host ${text}\n`);
  };

  before(async () => {
    await machine.startConsole();
    await machine.startDaemon();
    expect(await client("generate", "ca", "db"), "");
    const port = await freePort();
    destination = `--destination=127.0.0.1:${port}`;
    const files = ["cacert.pem", "server.pem", "server.key"].map((file) => join(cwd, file));
    endpoint = machine.launch("albatross-tls-endpoint", [
      `--tmpdir=${machine.tmpdir}`,
      "--ip=127.0.0.1",
      `--port=${port}`,
      ...files,
    ]);
    const words = ["info", "--ca=cacert.pem", "--ca-key=ca.key", destination];
    await until(
      () => `the endpoint serves: ${endpoint.log}`,
      async () => (await client(...words)).status === 0,
    );
    const request = ["add-policy", "tenant", "3", "--mem=96", "--cpu=0", "--block=12", "--csr"];
    assert.equal((await client(...request)).status, 0);
    assert.equal((await client("sign", "cacert.pem", "db", "ca.key", "tenant.req")).status, 0);
    await machine.expect("private", add(1), "added block device");
  });
  after(async () => {
    await machine.close();
    rmSync(cwd, { recursive: true, force: true });
  });

  const content = noise(3 * MIB, 4);
  const name = "[unikernel: tenant:data]";

  it("are created with data, listed, dumped, copied, resized and destroyed", async () => {
    writeFileSync(join(cwd, "content"), content);
    expect(
      await as("tenant", "create-block", "data", "4", "--data=content"),
      `host ${name}: success: added block device\nhost ${name}: success: set block device\n`,
    );
    same(contentOf(machine, "tenant:data"), Buffer.concat([content], 4 * MIB));
    expect(await as("tenant", "block"), "host [unikernel: tenant:]: block [unikernel: :data] size 4 MB active false\n");
    for (const level of [0, 1, 9]) {
      const words = ["--output=dump", `--compression-level=${level}`];
      expect(
        await as("tenant", "dump-block", "data", ...words),
        `host ${name}: block device compressed ${level > 0}\ndumped to dump\n`,
      );
      same(readFileSync(join(cwd, "dump")), contentOf(machine, "tenant:data"));
    }
    const plain = await as("tenant", "set-block", "data", "content", "--compression-level=0", "--json");
    assert.deepEqual(JSON.parse(plain.stdout), { kind: "success", host: "tenant:data", text: "set block device" });
    for (const word of ["snapshot-block", "clone-block"]) {
      expect(await as("tenant", word, "data", word), `host ${name}: success: added block device\n`);
      same(contentOf(machine, `tenant:${word}`), contentOf(machine, "tenant:data"));
    }
    refused(
      await as("tenant", "clone-block", "data", "third"),
      `${name}: command failed block device policy limit of 12 MB (used 12 MB) would be exceeded by the request (4 MB)`,
    );
    const small = `host [unikernel: tenant:clone-block]: success: resized block device\n`;
    expect(await as("tenant", "resize-block", "clone-block", "1", "--shrink"), small);
    for (const word of ["snapshot-block", "clone-block", "data"]) {
      expect(await as("tenant", "destroy-block", word), `host [unikernel: tenant:${word}]: success: removed block\n`);
    }
    expect(await as("tenant", "block"), "host [unikernel: tenant:]: no block devices\n");
  });

  it("of others are neither seen nor touched", async () => {
    for (const words of [
      ["dump-block", "private"],
      ["set-block", "private", "content"],
      ["destroy-block", "private"],
      ["clone-block", "private", "mine"],
    ]) {
      const got = await as("tenant", ...words);
      assert.equal(got.status, 117);
      assert.match(got.stdout, /\[unikernel: tenant:private\]: command failed .* block: not found/);
    }
    assert.equal((await as("tenant", "destroy-block", "other:private")).status, 124);
  });

  it("refuse in the middle of an upload, and the client sees why", async () => {
    await machine.expect("tenant:data", add(2), "added block device");
    assert.equal(await set(machine, "tenant:data", stream(content.subarray(0, 2 * MIB))), "set block device");
    writeFileSync(join(cwd, "long"), noise(40 * MIB, 6));
    for (const level of [0, 1]) {
      const got = await as("tenant", "set-block", "data", "long", `--compression-level=${level}`);
      refused(got, `${name}: command failed stream exceeds size`);
    }
    refused(
      await as("tenant", "set-block", "missing", "long", "--compression-level=0"),
      "[unikernel: tenant:missing]: command failed set block: not found",
    );
    same(contentOf(machine, "tenant:data"), content.subarray(0, 2 * MIB));
    assert.deepEqual(leftovers(machine), []);
  });

  it("keep their content if the client is gone in the middle of an upload", async () => {
    const words = [
      "set-block",
      "data",
      "-",
      "--ca=tenant.pem",
      "--ca-key=tenant.key",
      destination,
      "--compression-level=0",
    ];
    const [program, args] = clientCommand(words);
    const child = spawn(program, args, { cwd, stdio: ["pipe", "ignore", "ignore"] });
    child.stdin.on("error", () => undefined); // it is killed before it has taken everything
    child.stdin.write(noise(MIB));
    await until("the upload has begun", () => leftovers(machine).length === 1);
    child.kill("SIGKILL");
    await until("it is given up", () => leftovers(machine).length === 0);
    same(contentOf(machine, "tenant:data"), content.subarray(0, 2 * MIB));
    // It is free at once.
    assert.equal(await set(machine, "tenant:data", stream(content.subarray(0, 2 * MIB))), "set block device");
  });

  it("are set by a signed command, to which the data is given", async () => {
    writeFileSync(join(cwd, "two"), content.subarray(0, 2 * MIB));
    const made = await client("set-block", "data", "two", "--csr");
    assert.equal(made.status, 0);
    assert.match(made.stderr, /give it to the sub-command certificate by --data/);
    assert.equal((await client("sign", "tenant.pem", "db", "tenant.key", "data.req", "--allow=set-block")).status, 0);
    const bare = await client("certificate", "data.pem", "data.key", destination);
    assert.equal(bare.status, 124);
    expect(
      await client("certificate", "data.pem", "data.key", "--data=two", destination),
      `host ${name}: success: set block device\n`,
    );
    same(contentOf(machine, "tenant:data"), content.subarray(0, 2 * MIB));
    for (const [words, allow] of [
      [["dump-block", "data"], "dump-block"],
      [["snapshot-block", "data", "copy"], "snapshot-block"],
    ] as const) {
      rmSync(join(cwd, "data.key"), { force: true });
      expect(await client(...words, "--csr"), "");
      assert.equal((await client("sign", "tenant.pem", "db", "tenant.key", "data.req", `--allow=${allow}`)).status, 0);
      assert.equal((await client("certificate", "data.pem", "data.key", destination)).status, 0);
    }
    const dumped = readdirSync(cwd).find((file) => file.startsWith("tenant:data.")) ?? assert.fail("there is no dump");
    same(readFileSync(join(cwd, dumped)), content.subarray(0, 2 * MIB));
    same(contentOf(machine, "tenant:copy"), content.subarray(0, 2 * MIB));
  });
});
