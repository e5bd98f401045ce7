/** What every sub-command prints with `--json`, from real daemons, against the schema that is published. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { findCommand } from "../../cli/find-command.ts";
import { registry } from "../../cli/registry.ts";
import { runClient } from "../cli/run-client.ts";
import { freePort } from "../client/tls-peer.ts";
import { checkObject, kinds, printersOf } from "../support/output-schema.ts";
import { images, Machine, until } from "./harness.ts";

describe("--json", () => {
  const machine = new Machine();
  const cwd = mkdtempSync(join(tmpdir(), "albatross-json-"));
  const covered = new Set<string>();
  const printed = new Set<string>();
  let port = 0;

  before(async () => {
    const kernels = await images();
    for (const name of ["hello", "ticker"] as const) writeFileSync(join(cwd, `${name}.hvt`), kernels[name]);
    writeFileSync(join(cwd, "data"), "x".repeat(1000));
    mkdirSync(join(cwd, "crls"));
    const log = machine.launch("albatross-log", [`--tmpdir=${machine.tmpdir}`, `--logfile=${join(cwd, "log")}`]);
    await machine.startConsole();
    const stats = machine.launch("albatross-stats", [`--tmpdir=${machine.tmpdir}`, "--interval=1"]);
    await machine.startDaemon();
    for (const [role, daemon] of [
      ["log", log],
      ["stat", stats],
    ] as const) {
      const path = join(machine.tmpdir, `util/${role}.sock`);
      await until(
        () => `${role} is served: ${daemon.log}`,
        async () => {
          try {
            (await machine.connect(path)).close();
            return true;
          } catch {
            return false;
          }
        },
      );
    }
  });

  after(async () => {
    await machine.close();
    rmSync(cwd, { recursive: true, force: true });
  });

  const env = () => ({ HOME: cwd, TMPDIR: cwd });

  /** Runs a command; checks all it prints; ends it after the first object of the kind `until`, if that is given. */
  async function check(line: string, expected: string, last?: string): Promise<void> {
    const words = line.split(" ").map((word) => word.replaceAll("PORT", String(port)).replaceAll("CWD", cwd));
    const found = findCommand(words);
    assert.ok("entry" in found);
    const { name, options } = await found.entry.definition();
    const local = "temporaryDirectory" in options && !/--(?:csr|destination|remote)/.test(line);
    const database = "databaseDirectory" in options;
    const more = [...(local ? [`--tmpdir=${machine.tmpdir}`] : []), ...(database ? [`--dbdir=${machine.dbdir}`] : [])];
    const onOutput = (text: string, kill: (signal: NodeJS.Signals) => void) => {
      if (last !== undefined && text.includes(`"kind":"${last}"`)) kill("SIGINT");
    };
    const got = await runClient([...words, ...more, "--json"], { cwd, env: env(), onOutput });
    const objects = got.stdout.trimEnd().split("\n");
    const seen = objects.map((each) => checkObject(JSON.parse(each)));
    assert.deepEqual([...new Set(seen)], expected.split(" "), `${line}: ${got.stdout}${got.stderr}`);
    for (const kind of seen) {
      const by = printersOf(kind);
      assert.ok(by.includes(name) || by.some((each) => each.startsWith("every command")), `${kind} by ${name}`);
      printed.add(kind);
    }
    covered.add(name);
  }

  const lines: readonly (readonly [string, string, string?])[] = [
    ["inspect hello.hvt", "image-report"],
    ["inspect data", "error"],
    ["info", "unikernels"],
    ["create ticker ticker.hvt --mem=16", "success"],
    ["create hello hello.hvt --mem=16 --no-wait", "success"],
    ["create ticker ticker.hvt", "failure"],
    ["info", "unikernels"],
    ["console ticker", "success console", "console"],
    ["stats", "success statistics", "statistics"],
    ["top", "top", "top"],
    ["restart ticker", "success"],
    ["revisions ticker", "revisions"],
    ["restart ticker --replace-arguments --mem=17 --no-wait", "success"],
    ["rollback ticker", "success"],
    ["get ticker", "image"],
    ["update ticker --http-host=http://127.0.0.1:1", "error"],
    ["stats-add -n foo:x 1", "success"],
    ["stats-remove -n foo:x", "success"],
    ["add-policy foo 4 --mem=64 --block=100", "success"],
    ["replace-policy foo 4 --mem=128 --block=100", "success"],
    ["policy", "policies"],
    ["create-block foo:data 1 --data=data", "success"],
    ["create-block foo:data 1", "failure"],
    ["set-block foo:data data", "success"],
    ["snapshot-block foo:data snap", "success"],
    ["clone-block foo:data clone", "success"],
    ["resize-block foo:clone 2", "success"],
    ["block", "blocks"],
    ["dump-block foo:data", "block-image"],
    ["destroy-block foo:snap", "success"],
    ["inspect-dump", "dump"],
    ["extract-dump ticker", "dump-image"],
    ["export-state --file=CWD/state", "state"],
    ["destroy ticker", "success"],
    ["inactive-consoles", "consoles"],
    ["log --no-follow --count=1000", "log-event log-caught-up"],
    ["log", "log-event log-caught-up", "log-caught-up"],
    ["remove-policy -p foo", "success"],
    ["destroy nope", "failure"],
    ["info --socket=/nonexistent", "error"],
    ["doctor", "doctor"],
    ["init --dry-run --program=/bin/true", "init"],
    ["completion zsh", "completion"],
    ["generate ca db", "authority"],
    ["add-policy tenant 4 --mem=64 --csr", "request"],
    ["sign cacert.pem db ca.key tenant.req", "certificate"],
    ["remote add prod 127.0.0.1:PORT --ca=cacert.pem --ca-key=ca.key", "remote"],
    ["remote add dead 127.0.0.1:1", "remote"],
    ["remote list", "remotes"],
    ["info --remote=prod", "unikernels"],
    ["info --remote=all", "hosts"],
    ["destroy some --csr", "request"],
    ["sign cacert.pem db ca.key some.req", "certificate"],
    ["certificate some.pem some.key --destination=127.0.0.1:PORT", "failure"],
    ["revoke cacert.pem db ca.key ca.crl --name=tenant", "revocation-list"],
    ["revoke cacert.pem db ca.key ca.crl --remote=prod", "success"],
    ["remote remove dead", "remote"],
  ];
  for (const [line, expected, last] of lines) {
    it(`${line}: ${expected}`, async () => {
      if (line.startsWith("remote add prod")) await startEndpoint();
      await check(line, expected, last);
    });
  }

  async function startEndpoint(): Promise<void> {
    port = await freePort();
    const files = ["cacert.pem", "server.pem", "server.key"].map((file) => join(cwd, file));
    const where = [
      `--tmpdir=${machine.tmpdir}`,
      "--ip=127.0.0.1",
      `--port=${port}`,
      `--crl-directory=${join(cwd, "crls")}`,
    ];
    const endpoint = machine.launch("albatross-tls-endpoint", [...where, "-v", ...files]);
    await endpoint.logged(/listening on/);
  }

  it("is described for every command, and every kind was seen", () => {
    assert.deepEqual(
      [...registry.keys()].filter((name) => !covered.has(name)),
      [],
    );
    const elsewhere = ["update"]; // an image server is needed: see update.test.ts
    assert.deepEqual(
      kinds.filter((kind) => !printed.has(kind) && !elsewhere.includes(kind)),
      [],
    );
  });
});
