/** The whole way to a remote host: authorities, delegations, the endpoint, and albatrossd behind it. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type Finished, runClient } from "../cli/run-client.ts";
import { freePort } from "../client/tls-peer.ts";
import { type Daemon, images, Machine, until } from "./harness.ts";

let kernels: Awaited<ReturnType<typeof images>>;

describe("a remote host", () => {
  const machine = new Machine();
  const cwd = mkdtempSync(join(tmpdir(), "albatross-remote-"));
  let destination = "";
  let endpoint: Daemon;
  let console: Daemon;

  const client = (...words: readonly string[]): Promise<Finished> => runClient(words, { cwd });
  /** In the name of an authority. */
  const as = (authority: string, ...words: readonly string[]) => {
    const ca = authority === "ca" ? "cacert.pem" : `${authority}.pem`;
    return client(...words, `--ca=${ca}`, `--ca-key=${authority}.key`, destination);
  };
  const expect = (got: Finished, stdout: string) => {
    assert.deepEqual(got, { status: 0, stdout, stderr: "" });
  };

  before(async () => {
    kernels = await images();
    for (const name of ["hello", "ticker"] as const) writeFileSync(join(cwd, `${name}.hvt`), kernels[name]);
    console = await machine.startConsole();
    await machine.startDaemon();
    expect(await client("generate", "ca", "db"), "");
    mkdirSync(join(cwd, "crls"));
    const port = await freePort();
    destination = `--destination=127.0.0.1:${port}`;
    const files = ["cacert.pem", "server.pem", "server.key"].map((file) => join(cwd, file));
    const words = [
      `--tmpdir=${machine.tmpdir}`,
      "--ip=127.0.0.1",
      `--port=${port}`,
      `--crl-directory=${join(cwd, "crls")}`,
      ...files,
    ];
    endpoint = machine.launch("albatross-tls-endpoint", words);
    await until(
      () => `the endpoint serves: ${endpoint.log}`,
      async () => (await as("ca", "info")).status === 0,
      10_000,
    );
  });

  after(async () => {
    await machine.close();
    rmSync(cwd, { recursive: true, force: true });
  });

  it("delegates: the request of a tenant, signed, is an authority of its own", async () => {
    const request = await client("add-policy", "tenant", "3", "--mem=96", "--cpu=0", "--csr");
    assert.equal(request.status, 0);
    expect(
      await client("sign", "cacert.pem", "db", "ca.key", "tenant.req"),
      "signing certificate with subject /CN=tenant\nsigning policy add policy: 3 unikernels 0 CPUids 96 MB memory no block\n",
    );
    expect(await as("tenant", "info"), "host [unikernel: tenant:]: no unikernels\n");
  });

  it("carries out a command that the tenant has signed for somebody", async () => {
    expect(await client("create", "signed", "ticker.hvt", "--mem=16", "--arg=interval=20", "--csr"), "");
    assert.equal((await client("sign", "tenant.pem", "db", "tenant.key", "signed.req")).status, 0);
    expect(
      await client("certificate", "signed.pem", "signed.key", destination),
      "host [unikernel: tenant:signed]: success: created unikernel\n",
    );
    expect(await as("tenant", "destroy", "signed"), "host [unikernel: tenant:signed]: success: destroyed unikernel\n");
  });

  it("gets images in a stream, or in the certificate, and the same one only once", async () => {
    const words = ["ticker.hvt", "--mem=16", "--arg=interval=20"];
    expect(await as("tenant", "create", "one", ...words), "host [unikernel: tenant:one]: success: created unikernel\n");
    const again = await as("tenant", "create", "two", ...words, "-v");
    assert.equal(again.stdout, "host [unikernel: tenant:two]: success: created unikernel\n");
    assert.equal(again.stderr, "albatross-client: image already present, 0 bytes sent\n");
    const whole = await as("tenant", "create", "-f", "two", ...words, "--image-in-certificate");
    expect(whole, "host [unikernel: tenant:two]: success: created unikernel\n");
    const exists = await as("tenant", "create", "one", ...words);
    assert.equal(exists.status, 117);
  });

  it("shows consoles", async () => {
    const words = ["console", "one", "--count=5", "--ca=tenant.pem", "--ca-key=tenant.key", destination];
    const lines = (text: string) => text.match(/: tick \d+\n/g)?.length ?? 0;
    const got = await runClient(words, { cwd, onOutput: (text, kill) => lines(text) > 10 && kill("SIGINT") });
    assert.equal(got.status, 130);
    assert.match(got.stdout, /^host \[unikernel: tenant:one\]: success: subscribed\nconsole .*: tick \d+\n/);
  });

  it("keeps a tenant within its policy, at the client and behind it", async () => {
    const large = await as("tenant", "create", "large", "ticker.hvt", "--mem=100");
    assert.equal(large.status, 124);
    assert.match(large.stdout, /couldn't generate certificate chain: 100 MB memory assigned to unikernel exceeds/);
    const third = await as("tenant", "create", "three", "ticker.hvt", "--mem=90");
    assert.equal(third.status, 117);
    assert.match(third.stdout, /\[WARNING\] host \[unikernel: tenant:three\]: command failed /);
  });

  it("has tenants of tenants", async () => {
    assert.equal((await client("add-policy", "sub", "1", "--mem=32", "--cpu=0", "--csr")).status, 0);
    assert.equal((await client("sign", "tenant.pem", "db", "tenant.key", "sub.req")).status, 0);
    const created = await as("sub", "create", "deep", "ticker.hvt", "--mem=16", "--arg=interval=20");
    expect(created, "host [unikernel: tenant:sub:deep]: success: created unikernel\n");
    const policies = await as("ca", "policy", "--json");
    const { policies: list } = JSON.parse(policies.stdout) as { policies: readonly { name: string }[] };
    assert.deepEqual(
      list.map(({ name }) => name).filter((name) => name !== ":"),
      ["tenant:", "tenant:sub:"],
    );
    expect(await as("sub", "destroy", "deep"), "host [unikernel: tenant:sub:deep]: success: destroyed unikernel\n");
  });

  it("says why it refuses what no certificate may command", async () => {
    const got = await as("ca", "remove-policy", "-p", "tenant");
    assert.equal(got.status, 117);
    assert.match(got.stdout, /command failed unexpected command/);
  });

  it("knows revoked tenants no more, nor those below them", async () => {
    // One more is being created meanwhile: its console is late.
    process.kill(console.pid, "SIGSTOP");
    const late = as("tenant", "create", "late", "ticker.hvt", "--mem=16", "--arg=interval=20");
    await until("its process was started", () => machine.processesOf("tenant:late").length > 0);
    const revoke = ["revoke", "cacert.pem", "db", "ca.key", "ca.crl", "--name=tenant", destination, "--destroy"];
    const revoking = client(...revoke);
    assert.notEqual((await late).status, 0);
    process.kill(console.pid, "SIGCONT");
    const revoked = await revoking;
    assert.equal(revoked.status, 0, revoked.stdout + revoked.stderr);
    for (const authority of ["tenant", "sub"]) {
      const got = await as(authority, "info");
      assert.equal(got.status, 119);
      assert.equal(
        got.stdout,
        "albatross-client: [ERROR] local authentication failure TLS alert: certificate revoked\n",
      );
    }
    await until("what ran there is destroyed", async () => (await as("ca", "info")).stdout.includes("no unikernels"));
  });
});
