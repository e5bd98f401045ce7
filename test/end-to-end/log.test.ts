/**
 * The event log of a whole host: what happens to unikernels, who comes to the endpoint, and the client that shows it.
 */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { formatAddress } from "../../core/ip-address.ts";
import type { LogEvent } from "../../core/log/event.ts";
import { socketFile } from "../../core/paths.ts";
import { encodeRevocation } from "../../pki/revocation-extension.ts";
import { type Finished, runClient } from "../cli/run-client.ts";
import { LogClient } from "../daemon/log/log-rig.ts";
import { dial, EndpointRig, leafFor, policyExtension } from "../daemon/tls-endpoint/endpoint-rig.ts";
import { REVOCATION_ID, usual } from "../support/certificates.ts";
import { create, destroy, forceCreate, images, Machine, network, restarting, until } from "./harness.ts";

let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
});

/** A subscription that has seen all that is past, by default everything there is. */
async function watch(machine: Machine, name = ":", count = 10_000): Promise<LogClient> {
  const client = await LogClient.open(socketFile(machine.tmpdir, "log"));
  client.subscribe(name, { count });
  await until("the subscriber catches up", () => client.said.includes("caught-up"));
  return client;
}

/** Waits for events of these kinds, the last ones that came. */
async function lastOf(client: LogClient, ...kinds: readonly LogEvent["kind"][]): Promise<readonly LogEvent[]> {
  return await until(
    () => `${kinds.join()} come, after ${client.events.map(({ event }) => event.kind).join()}`,
    () => {
      const events = client.events.slice(-kinds.length).map(({ event }) => event);
      return events.map(({ kind }) => kind).join() === kinds.join() ? events : undefined;
    },
  );
}

describe("the event log of a host", () => {
  it("has the life of a unikernel in order, with digest, pid, taps, status and duration", async () => {
    await Machine.with(async (machine) => {
      await machine.startLog();
      await machine.start();
      const client = await watch(machine, "foo:");
      const bridge = machine.bridge();
      const networks = [network("service", bridge)];
      await machine.expect("foo:web", create(kernels["net-echo"], { networks }), "created unikernel");
      const [admitted, started] = await lastOf(client, "unikernel-admitted", "unikernel-started");
      assert.ok(admitted?.kind === "unikernel-admitted" && started?.kind === "unikernel-started");
      const [pid] = machine.processesOf("foo:web");
      assert.equal(started.pid, pid);
      assert.equal(started.digest.length, 32);
      assert.deepEqual(started.digest, admitted.digest);
      assert.deepEqual(
        [{ name: "foo:web", digest: started.digest }],
        (await machine.info()).map(({ name, info }) => ({ name, digest: info.digest })),
      );
      assert.deepEqual(
        started.taps,
        machine.taps().map((tap) => ({ device: "service", tap })),
      );
      await machine.expect("foo:web", destroy, "destroyed unikernel");
      const [stopped, removed] = await lastOf(client, "unikernel-stopped", "unikernel-removed");
      assert.ok(stopped?.kind === "unikernel-stopped" && removed?.kind === "unikernel-removed");
      assert.equal(stopped.pid, pid);
      assert.deepEqual(stopped.digest, started.digest);
      assert.ok(stopped.end.kind === "exit" || stopped.end.kind === "signal");
      assert.ok(Number(stopped.duration) >= 0);
      client.close();
    });
  });

  it("has crashes, restarts, ends and what could not be started", async () => {
    await Machine.with(async (machine) => {
      await machine.startLog();
      await machine.start();
      const client = await watch(machine, ":x");
      const words = ["status=3"];
      await machine.expect(
        ":x",
        create(kernels["exit-code"], { words, failBehaviour: restarting }),
        "created unikernel",
      );
      await until(
        "it has been started again",
        () => client.events.filter(({ event }) => event.kind === "unikernel-started").length > 1,
      );
      await machine.expect(":x", destroy, /destroyed/);
      await until("it is removed", () => client.events.at(-1)?.event.kind === "unikernel-removed");
      const kinds = client.events.map(({ event }) => event.kind).filter((kind) => kind !== "caught-up");
      assert.deepEqual(kinds.slice(0, 5), [
        "unikernel-admitted",
        "unikernel-started",
        "unikernel-stopped",
        "unikernel-waiting",
        "unikernel-started",
      ]);
      await machine.expect(":x", create(kernels["exit-code"], { words: ["status=0"] }), "created unikernel");
      await lastOf(client, "unikernel-admitted", "unikernel-started", "unikernel-stopped", "unikernel-ended");
      await machine.expect(":x", create(kernels["hello"], { networks: [network("n", machine.bridge())] }), /.*/);
      await lastOf(client, "unikernel-admitted", "unikernel-removed");
      client.close();
    });
  });

  it("has policies, block devices, and the daemons", async () => {
    await Machine.with(async (machine) => {
      await machine.startLog();
      const daemon = await machine.start();
      const policy = { unikernels: 2, cpuIds: [0], memory: 64, block: 8, bridges: [] };
      await machine.expect("foo:", { kind: "policy-add", policy }, "added policy");
      await machine.expect("foo:disk", { kind: "block-add", size: 4 }, "added block device");
      await machine.converse("foo:disk", { kind: "block-dump", level: 0 });
      await machine.expect("foo:disk", { kind: "block-remove" }, "removed block");
      await machine.expect("foo:", { kind: "policy-remove" }, "removed policy");
      await daemon.stop();
      const client = await watch(machine);
      const { pid } = daemon;
      const [started, added, block, dumped, gone, removed, stopped] = client.events.map(({ event }) => event).slice(1);
      assert.ok(started?.kind === "daemon-started" && started.daemon === "albatrossd" && started.pid === pid);
      assert.ok(added?.kind === "policy-added" && added.policy.memory === 64 && added.name.text === "foo:");
      assert.ok(block?.kind === "block" && block.action === "added" && block.size === 4);
      assert.ok(dumped?.kind === "block" && dumped.action === "dumped" && dumped.size === 4);
      assert.ok(gone?.kind === "block" && gone.action === "removed" && gone.name.text === "foo:disk");
      assert.equal(removed?.kind, "policy-removed");
      assert.ok(stopped?.kind === "daemon-stopped" && stopped.detail === "SIGTERM");
      client.close();
    });
  });

  it("gets everything in order also if it is started late, killed, or restarted in between", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      await machine.expect(":a", create(kernels["ticker"]), "created unikernel"); // with no log at all
      let log = await machine.startLog();
      await machine.expect(":b", create(kernels["ticker"]), "created unikernel");
      await log.stop("SIGKILL");
      await machine.expect(":a", destroy, "destroyed unikernel");
      log = await machine.startLog();
      await machine.expect(":b", destroy, "destroyed unikernel");
      const client = await watch(machine);
      const about = () =>
        client.events.flatMap(({ event }) =>
          "name" in event && event.kind !== "policy-added" ? [`${event.kind} ${event.name.text}`] : [],
        );
      const life = (name: string, kinds: readonly string[]) => kinds.map((kind) => `unikernel-${kind} ${name}`);
      const expected = [
        ...life(":a", ["admitted", "started"]),
        ...life(":b", ["admitted", "started"]),
        ...life(":a", ["stopped", "removed"]),
        ...life(":b", ["stopped", "removed"]),
      ];
      await until(
        () => `all events have come: ${about().join("\n")}`,
        () => about().length >= expected.length,
      );
      assert.deepEqual(about(), expected);
      client.close();
    });
  });

  it("has what albatrossd adopts after a crash, and that nobody knows how such a process ended", async () => {
    await Machine.with(async (machine) => {
      await machine.startLog();
      const daemon = await machine.start();
      await machine.expect(":a", create(kernels["ticker"]), "created unikernel");
      const [pid] = machine.processesOf(":a");
      await daemon.stop("SIGKILL");
      await machine.startDaemon();
      const client = await watch(machine, ":a", 1);
      const [adopted] = await lastOf(client, "unikernel-adopted", "caught-up");
      assert.ok(adopted?.kind === "unikernel-adopted" && adopted.pid === pid && adopted.digest.length === 32);
      await machine.expect(":a", forceCreate(kernels["hello"]), "created unikernel");
      const [stopped] = client.events.flatMap(({ event }) => (event.kind === "unikernel-stopped" ? [event] : []));
      await until("its end is known", () => client.events.some(({ event }) => event.kind === "unikernel-stopped"));
      assert.ok(stopped === undefined || stopped.end.kind === "unknown");
      client.close();
    });
  });

  it("never keeps a unikernel waiting, be the log stopped in its tracks", async () => {
    await Machine.with(async (machine) => {
      const log = await machine.startLog();
      await machine.start();
      process.kill(log.pid, "SIGSTOP");
      try {
        await machine.expect(":a", create(kernels["ticker"]), "created unikernel");
        await machine.expect(":a", destroy, "destroyed unikernel");
      } finally {
        process.kill(log.pid, "SIGCONT");
      }
      const client = await watch(machine, ":a");
      await until("the events come", () => client.events.some(({ event }) => event.kind === "unikernel-removed"));
      client.close();
    });
  });
});

describe("the client", () => {
  const machine = new Machine();
  const client = (...words: readonly string[]): Promise<Finished> =>
    runClient(["log", `--tmpdir=${machine.tmpdir}`, ...words]);

  before(async () => {
    await machine.startLog();
    await machine.start();
    await machine.expect("foo:a", create(kernels["ticker"]), "created unikernel");
    await machine.expect("foo:a", destroy, "destroyed unikernel");
  });
  after(async () => await machine.close());

  it("shows what has happened, in words", async () => {
    const { status, stdout, stderr } = await client("-n", "foo:", "--no-follow");
    const lines = stdout.trimEnd().split("\n");
    assert.deepEqual([status, stderr, lines.length], [0, "", 4]);
    const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d-00:00`;
    assert.match(lines[0] ?? "", new RegExp(`^${time}: foo:a \\(digest: [0-9a-f]{64}\\) admitted, 16 MB$`));
    assert.match(lines[1] ?? "", /: foo:a \(digest: [0-9a-f]{64}\) started \d+ \(taps none, block none\)$/);
    assert.match(lines[2] ?? "", /: foo:a stopped \d+ with (exit|signal) \d+ after \d+\.\d s$/);
    assert.match(lines[3] ?? "", /: foo:a removed$/);
  });

  it("shows it as JSON, and goes on behind a cursor", async () => {
    const { stdout } = await client("-n", "foo:a", "--no-follow", "--json");
    const events = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; event?: string; host?: string; cursor: string; pid?: number });
    assert.deepEqual(
      events.map(({ kind, event }) => event ?? kind),
      ["unikernel-admitted", "unikernel-started", "unikernel-stopped", "unikernel-removed", "log-caught-up"],
    );
    assert.ok(events.every(({ cursor }) => /^[0-9a-f]{16}\.\d+$/.test(cursor)));
    assert.equal(events[1]?.host, "foo:a");
    assert.equal(events[1]?.pid, events[2]?.pid);
    const again = await client("-n", "foo:a", "--no-follow", `--cursor=${events[1]?.cursor}`);
    assert.equal(again.stdout.trimEnd().split("\n").length, 2);
    const since = await client("-n", "foo:a", "--no-follow", "--since=2999-01-01");
    assert.deepEqual([since.status, since.stdout], [0, ""]);
  });

  it("follows until it is interrupted", async () => {
    let asked = false;
    const finished = await runClient(["log", `--tmpdir=${machine.tmpdir}`, "--count=0", "--json"], {
      onOutput: (stdout, kill) => {
        if (!asked && stdout.includes("caught-up")) {
          asked = true;
          void machine.ask("foo:b", create(kernels["hello"]));
        }
        if (stdout.includes("unikernel-ended")) kill("SIGINT");
      },
    });
    assert.equal(finished.status, 130);
    assert.match(finished.stdout, /"event":"unikernel-started"/);
  });

  it("says where to go on when the log goes away", async () => {
    const lone = new Machine();
    try {
      const log = await lone.startLog();
      const { status, stderr } = await runClient(["log", `--tmpdir=${lone.tmpdir}`], {
        onOutput: (stdout) => void (stdout.includes("startup") && log.stop()),
      });
      assert.equal(status, 0);
      assert.match(stderr, /go on with --cursor=[0-9a-f]{16}\.1\n$/);
    } finally {
      await lone.close();
    }
  });

  it("refuses what contradicts itself or is no cursor", async () => {
    assert.equal((await client("--follow", "--no-follow")).status, 124);
    const { status, stderr } = await client("--cursor=12");
    assert.equal(status, 124);
    assert.match(stderr, /expected 16 hex digits, a point/);
  });

  it("says that there is no log, if there is none", async () => {
    const { status } = await runClient(["log", "--tmpdir=/nonexistent-albatross"]);
    assert.ok(status === 122 || status === 124);
  });
});

describe("the log and the endpoint", () => {
  const rig = new EndpointRig();
  const { machine, root } = rig;
  const user = root.delegate("user", policyExtension());
  let log: LogClient;

  before(async () => {
    await machine.startLog();
    await machine.start();
    await rig.start();
    log = await watch(machine);
  });
  after(async () => {
    log.close();
    await rig.close();
  });

  it("has who came and went, by name, address and port", async () => {
    assert.equal(await rig.ask(leafFor(user, "web", { kind: "unikernel-info" })), "unikernels");
    const logout = await until(
      "the logout",
      () => log.events.flatMap(({ event }) => (event.kind === "logout" ? [event] : []))[0],
    );
    const login = log.events.flatMap(({ event }) => (event.kind === "login" ? [event] : []))[0];
    assert.equal(login?.name.text, "user:web");
    assert.equal(formatAddress(login?.address ?? new Uint8Array(4)), "127.0.0.1");
    assert.ok((login?.port ?? 0) > 0);
    assert.deepEqual({ ...logout, kind: "login" }, login);
  });

  it("has who was refused, and why", async () => {
    const refusals = () => log.events.flatMap(({ event }) => (event.kind === "refused" ? [event] : []));
    const other = new EndpointRig();
    try {
      await rig.talk(leafFor(other.root, "x", { kind: "unikernel-info" }), { root });
      const first = await until("a refusal", () => refusals()[0]);
      assert.equal(first.name.text, ":");
      assert.match(first.reason, /certificate/);
    } finally {
      await other.close();
    }
    await rig.talk(user.leaf("plain", undefined));
    const second = await until("another refusal", () => refusals()[1]);
    assert.equal(second.reason, "leaf certificate does not contain an albatross extension");
  });

  it("has revocations, with what was destroyed by them", async () => {
    const tenant = root.delegate("tenant", policyExtension());
    const words = { stream: [kernels["ticker"]] };
    assert.equal(await rig.ask(leafFor(tenant, "web", create(new Uint8Array(0))), words), "created unikernel");
    const value = encodeRevocation({ crl: root.revoke([tenant.serial], 3), destroy: true });
    const extensions = [{ id: REVOCATION_ID, value }, usual.end, usual.endUsage, usual.client];
    assert.equal(await rig.ask(root.leaf("revoke", undefined, { extensions })), "updated revocation list");
    const revoked = await until(
      "the revocation",
      () => log.events.flatMap(({ event }) => (event.kind === "revoked" ? [event] : []))[0],
    );
    assert.deepEqual([revoked.name.text, revoked.number, revoked.destroyed], [":", 3, 1]);
    await rig.talk(leafFor(tenant, "web", { kind: "unikernel-info" }));
    await until("the refusal", () =>
      log.events.some(({ event }) => event.kind === "refused" && event.reason.includes("revoked")),
    );
  });

  it("is served over certificates, restricted to the path of the chain", async () => {
    const subscribe = { kind: "log-subscribe", from: { count: 100 } } as const;
    await machine.expect("other:a", create(kernels["hello"]), "created unikernel");
    const mine = await rig.talk(leafFor(user, ".", subscribe), { enough: 5 });
    const events = mine.messages.flatMap(({ header, payload }) => (payload.kind === "data" ? [header.name.text] : []));
    assert.ok(events.length >= 4 && events.every((name) => name.startsWith("user:")), events.join());
    assert.equal(mine.messages[0]?.payload.kind, "success");
    const all = await rig.talk(leafFor(root, ".", { kind: "log-subscribe", from: { count: 1 } }), { enough: 3 });
    assert.equal(all.messages.length >= 3, true);
  });

  it("is shown by the client from afar, and by a certificate for it", async () => {
    const file = (name: string, content: string) => {
      writeFileSync(rig.file(name), content);
      return rig.file(name);
    };
    const authority = [`--ca=${file("user.pem", user.pem)}`, `--ca-key=${file("user.key", user.keyPem)}`];
    const server = [`--server-ca=${rig.file("cacert.pem")}`, `--destination=127.0.0.1:${rig.port}`];
    const { status, stdout, stderr } = await runClient(["log", "--no-follow", "--json", ...authority, ...server]);
    assert.deepEqual([status, stderr], [0, ""]);
    const hosts = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { kind: string; host?: string });
    assert.equal(hosts.at(-1)?.kind, "log-caught-up");
    assert.ok(hosts.length > 2 && hosts.slice(0, -1).every(({ host }) => host?.startsWith("user:")), stdout);
    const leaf = leafFor(user, "shown", { kind: "log-subscribe", from: { count: 5 } });
    const words = [file("leaf.pem", leaf.chainPem), file("leaf.key", leaf.keyPem)];
    const shown = await runClient(["certificate", ...words, ...server], {
      onOutput: (text, kill) => {
        if (text.includes("login")) kill("SIGINT");
      },
    });
    assert.match(shown.stdout, /: user:shown login 127\.0\.0\.1:\d+\n/);
    const refused = await runClient(["log", "--no-follow", "-n", "a:b", ...authority, ...server]);
    assert.equal(refused.status, 124);
  });

  it("ends a remote subscription with the client that had it", async () => {
    const subscribe = leafFor(user, "gone", { kind: "log-subscribe", from: { count: 0 } });
    const socket = dial(rig.port, root, subscribe);
    await new Promise<void>((resolve) => socket.once("data", () => resolve()));
    socket.destroy();
    await until("the logout", () =>
      log.events.some(({ event }) => event.kind === "logout" && event.name.text === "user:gone"),
    );
  });
});
