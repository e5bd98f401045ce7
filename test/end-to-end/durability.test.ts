/** What albatrossd acknowledged outlives it: killed, stopped, replaced, or with its database lost. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import { encodeState } from "../../core/wire/state.ts";
import { closeTunDevice, holdTap, openTunDevice } from "../../host/linux/tap.ts";
import { closeDescriptor } from "../../runtime/descriptor.ts";
import { bindDatagrams } from "../support/datagrams.ts";
import {
  config,
  create,
  type Daemon,
  destroy,
  forceCreate,
  images,
  Machine,
  network,
  restart,
  restarting,
  until,
} from "./harness.ts";

let kernels: Awaited<ReturnType<typeof images>>;
before(async () => {
  kernels = await images();
});

const endless = { words: ["sleep=1000"] } as const;

describe("albatrossd killed and started again", () => {
  const machine = new Machine();
  after(() => machine.close());

  it("adopts what runs, with its network, and goes on to supervise it", async () => {
    const bridge = machine.bridge();
    const networks = [network("service", bridge)];
    const first = await machine.start();
    await machine.expect("t:net", create(kernels["net-echo"], { networks }), "created unikernel");
    await machine.expect(
      "plain",
      create(kernels["exit-code"], { ...endless, failBehaviour: restarting }),
      "created unikernel",
    );
    const before = machine.traces();
    const told = await machine.info();
    await first.stop("SIGKILL");
    assert.deepEqual(machine.traces(), before, "unikernels go on without albatrossd");
    const second = await machine.startDaemon();
    assert.deepEqual(machine.traces(), before, "nothing was started or removed");
    assert.deepEqual(await machine.info(), told);
    assert.match(second.log, /adopted \[unikernel: :plain\]: pid \d+/);
    const [pid] = machine.processesOf("plain");
    assert.equal((await machine.statusOf("plain"))?.pid, pid);
    // The end of an adopted one is noticed; nobody knows its status, so that it is a failure.
    process.kill(pid ?? 0, "SIGKILL");
    await until("it runs again", () => machine.processesOf("plain").some((other) => other !== pid));
    await machine.reaches("plain", "running");
    await machine.expect("plain", destroy, "destroyed unikernel");
    await machine.expect("t:net", destroy, "destroyed unikernel");
    assert.deepEqual(machine.traces(), []);
    await second.stop();
  });

  it("adopts what has children of its own", async () => {
    await Machine.with(async (other) => {
      const tender = join(other.directory, "parent");
      const version = `if [ "$1" = --version ]; then echo "ABI version 2"; exit 0; fi`;
      const children = Array.from({ length: 5 }, () => "sleep 1000 &").join("\n");
      writeFileSync(tender, `#!/bin/sh\n${version}\n${children}\nwait\n`, { mode: 0o755 });
      const flags = [`--tender=${tender}`];
      const first = await other.start({ flags });
      await other.expect("web", create(kernels["hello"]), "created unikernel");
      const before = other.processesOf("web");
      await first.stop("SIGKILL");
      const second = await other.startDaemon({ flags });
      assert.match(second.log, new RegExp(`adopted .*: pid ${before[0]}`));
      assert.deepEqual(other.processesOf("web"), before);
    });
  });

  it("starts, whatever others have put among the fifos", async () => {
    const first = await machine.startDaemon();
    await machine.expect("plain", create(kernels["exit-code"], endless), "created unikernel");
    await first.stop("SIGKILL");
    const strange = join(machine.tmpdir, "fifo", ":strange");
    mkdirSync(strange);
    const daemon = await machine.startDaemon();
    assert.match(daemon.log, /cannot remove the leftover .*:strange/);
    await machine.reaches("plain", "running");
    await machine.expect("plain", destroy, "destroyed unikernel");
    rmSync(strange, { recursive: true });
    await daemon.stop();
  });

  it("keeps policies, blocks and what waits to be started again", async () => {
    const first = await machine.startDaemon();
    const policy = { unikernels: 3, cpuIds: [0, 1], memory: 100, block: 10, bridges: [fromText("a"), fromText("b")] };
    await machine.expect("foo:", { kind: "policy-add", policy }, "added policy");
    await machine.expect("foo:bar:", { kind: "policy-add", policy: { ...policy, unikernels: 1 } }, "added policy");
    await machine.expect("foo:gone:", { kind: "policy-add", policy: { ...policy, memory: 99 } }, "added policy");
    await machine.expect("foo:gone:", { kind: "policy-remove" }, "removed policy");
    await machine.expect("foo:disk", { kind: "block-add", size: 2 }, "added block device");
    const loop = create(kernels["exit-code"], { words: ["exit=2"], failBehaviour: restarting });
    await machine.expect("foo:loop", loop, "created unikernel");
    await machine.reaches("foo:loop", "crash-loop");
    const tell = async () => [await machine.policies(), await machine.converse(":", { kind: "block-info" })];
    const told = await tell();
    await first.stop("SIGKILL");
    const second = await machine.startDaemon();
    assert.deepEqual(await tell(), told);
    await machine.reaches("foo:loop", "crash-loop");
    assert.match(await machine.ask("foo:loop", destroy), /^destroyed/);
    await machine.expect("foo:disk", { kind: "block-remove" }, "removed block");
    await second.stop();
  });
});

describe("albatrossd asked to end", () => {
  it("ends its unikernels, and the next one starts them by priority", async () => {
    await Machine.with(async (machine) => {
      const first = await machine.start();
      for (const [name, startup] of [
        ["c", 1],
        ["b", 60],
        ["a", undefined],
        ["d", 1],
      ] as const) {
        await machine.expect(name, create(kernels["exit-code"], { ...endless, startup }), "created unikernel");
      }
      const rows = machine.rows();
      assert.equal(await first.stop("SIGTERM"), 0);
      assert.deepEqual(machine.processes(), []);
      assert.deepEqual(machine.rows(), rows);
      assert.deepEqual(
        machine.traces().filter((trace) => /^(run|fifo|tap)/.test(trace)),
        [],
      );
      const second = await machine.startDaemon();
      await until("all run", async () => (await machine.status()).every(({ state }) => state === "running"));
      const order = [...second.log.matchAll(/created \[unikernel: :(\w)\]/g)].map((match) => match[1]);
      assert.deepEqual(order, ["c", "d", "a", "b"]);
      assert.equal(machine.processes().length, 4);
      // SIGINT is an orderly end as well.
      assert.equal(await second.stop("SIGINT"), 0);
      assert.deepEqual(machine.processes(), []);
    });
  });

  it("ends its unikernels also if systemd cannot be told", async () => {
    await Machine.with(async (machine) => {
      const notify = join(machine.directory, "notify");
      const systemd = bindDatagrams(notify);
      try {
        const daemon = await machine.start({ wrapper: ["env", `NOTIFY_SOCKET=${notify}`] });
        await machine.expect("one", create(kernels["exit-code"], endless), "created unikernel");
        rmSync(notify);
        assert.equal(await daemon.stop("SIGTERM"), 0, daemon.log);
        assert.deepEqual(machine.processes(), []);
      } finally {
        closeDescriptor(systemd);
      }
    });
  });

  it("with --on-sigterm keep leaves them to the next one", async () => {
    await Machine.with(async (machine) => {
      const first = await machine.start({ flags: ["--on-sigterm", "keep"] });
      const networks = [network("service", machine.bridge())];
      await machine.expect("kept", create(kernels["net-echo"], { networks }), "created unikernel");
      const traces = machine.traces();
      const started = performance.now();
      assert.equal(await first.stop("SIGTERM"), 0);
      assert.ok(performance.now() - started < 3_000);
      assert.deepEqual(machine.traces(), traces);
      await machine.startDaemon();
      assert.deepEqual(machine.traces(), traces);
      assert.equal((await machine.statusOf("kept"))?.state, "running");
      await machine.expect("kept", destroy, "destroyed unikernel");
    });
  });

  it("while it is starting them leaves none running, and loses none", async () => {
    await Machine.with(async (machine) => {
      await machine.startConsole();
      let daemon = await machine.startDaemon();
      const names = Array.from({ length: 6 }, (_, at) => `s:u${at}`);
      const networks = [network("service", machine.bridge())];
      for (const [at, name] of names.entries()) {
        const command = at % 2 === 0 ? create(kernels["net-echo"], { networks }) : create(kernels["ticker"]);
        await machine.expect(name, command, "created unikernel");
      }
      assert.equal(await daemon.stop("SIGTERM"), 0);
      for (let round = 1; round <= 6; round++) {
        daemon = machine.launch("albatrossd", machine.words);
        await until("it has begun", () => machine.processes().length >= round || !daemon.running);
        assert.equal(await daemon.stop("SIGTERM"), 0, daemon.log);
        assert.deepEqual(machine.processes(), [], `round ${round}`);
        assert.deepEqual(machine.rows(), names);
      }
      await machine.startDaemon();
      await until("all run", async () => (await machine.status()).every(({ state }) => state === "running"));
      assert.equal(machine.processes().length, names.length);
      assert.deepEqual(machine.taps().length, 3);
    });
  });

  it("kills what ignores SIGTERM, within ten seconds, as destroy does", async () => {
    await Machine.with(async (machine) => {
      const tender = join(machine.directory, "stubborn");
      // Ignoring is inherited: the command line stays that of the script until then, the mark stays for good.
      const script = `#!/bin/sh\nif [ "$1" = --version ]; then echo "ABI version 2"; exit 0; fi\ntrap '' TERM\nwhile :; do sleep 0.1; done\n`;
      writeFileSync(tender, script, { mode: 0o755 });
      const daemon = await machine.start({ flags: [`--tender=${tender}`] });
      await machine.expect("one", create(kernels["hello"]), "created unikernel");
      await machine.expect("two", create(kernels["hello"]), "created unikernel");
      assert.equal(machine.processes().length, 2);
      const started = performance.now();
      const ended = machine.ask("one", destroy);
      await machine.expect("three", create(kernels["hello"]), "created unikernel");
      assert.ok(performance.now() - started < 3_000, "others need not wait");
      assert.equal((await machine.statusOf("two"))?.state, "running");
      assert.equal(await ended, "destroyed unikernel");
      const took = performance.now() - started;
      assert.ok(took >= 4_900 && took < 9_000, `it took ${took} ms`);
      assert.match(daemon.log, /ignored SIGTERM for 5000 ms, killing it/);
      const stopping = performance.now();
      assert.equal(await daemon.stop("SIGTERM"), 0);
      assert.ok(performance.now() - stopping < 10_000);
      assert.deepEqual(machine.processes(), []);
    });
  });
});

describe("albatrossd killed while it ends a unikernel that shall run", () => {
  const ends: readonly (readonly [string, (machine: Machine, daemon: Daemon) => Promise<unknown>])[] = [
    ["for a restart", (machine) => machine.ask("web", restart)],
    ["for a force-create", (machine) => machine.ask("web", forceCreate(kernels["hello"]))],
    ["because it was asked to end itself", (_machine, daemon) => daemon.stop("SIGTERM")],
  ];
  for (const [why, end] of ends) {
    it(`${why}: the next one starts it again, and does not take its end for that of the unikernel`, async () => {
      await Machine.with(async (machine) => {
        const tender = join(machine.directory, "slow");
        const asked = join(machine.directory, "asked");
        const version = `if [ "$1" = --version ]; then echo "ABI version 2"; exit 0; fi`;
        const script = `#!/bin/sh\n${version}\ntrap 'touch ${asked}; sleep 1; exit 0' TERM\nwhile :; do sleep 0.1; done\n`;
        writeFileSync(tender, script, { mode: 0o755 });
        const flags = [`--tender=${tender}`];
        const daemon = await machine.start({ flags });
        await machine.expect("web", create(kernels["hello"]), "created unikernel");
        const [former] = machine.processesOf("web");
        const ending = end(machine, daemon).catch(() => undefined); // nobody answers
        await until("its process was asked to end", () => existsSync(asked));
        await daemon.stop("SIGKILL");
        await ending;
        const next = await machine.startDaemon({ flags });
        await until("another one runs", () => machine.processesOf("web").some((pid) => pid !== former));
        await machine.reaches("web", "running");
        assert.ok(!machine.processesOf("web").includes(former ?? 0), next.log);
        assert.deepEqual(machine.rows(), [":web"]);
      });
    });
  }

  it("as nothing, if the database cannot take it: the unikernel runs on", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      await machine.expect("web", create(kernels["exit-code"], endless), "created unikernel");
      const former = machine.processesOf("web");
      const other = new DatabaseSync(join(machine.dbdir, "albatross.sqlite"));
      other.exec("BEGIN IMMEDIATE");
      try {
        assert.match(await machine.ask("web", restart), /cannot write to the database: .*locked/);
      } finally {
        other.close();
      }
      assert.deepEqual(machine.processesOf("web"), former);
      assert.equal((await machine.statusOf("web"))?.state, "running");
    });
  });
});

describe("what a dead albatrossd left", () => {
  it("waits for a tap that a dying process still holds, and leaves none behind", async () => {
    await Machine.with(async (machine) => {
      const first = await machine.start();
      const networks = [network("service", machine.bridge())];
      await machine.expect("held", create(kernels["net-echo"], { networks }), "created unikernel");
      await first.stop("SIGKILL");
      process.kill(machine.processesOf("held")[0] ?? 0, "SIGKILL");
      await until("it has ended", () => machine.processes().length === 0);
      const [tap = ""] = machine.taps();
      const descriptor = openTunDevice();
      try {
        await until("the tap is free", () => {
          try {
            holdTap(descriptor, tap);
            return true;
          } catch {
            return false;
          }
        });
        const starting = machine.startDaemon();
        await sleep(500);
        await closeTunDevice(descriptor);
        const second = await starting;
        await machine.reaches("held", "running");
        assert.equal(machine.taps().length, 1, second.log);
        await machine.expect("held", destroy, "destroyed unikernel");
        await second.stop();
      } catch (error) {
        await closeTunDevice(descriptor).catch(() => undefined);
        throw error;
      }
    });
  });
});

describe("what cannot be restored", () => {
  it("stays listed with its reason, and starts when its bridge is there", async () => {
    await Machine.with(async (machine) => {
      const bridge = machine.bridge();
      const first = await machine.start();
      await machine.expect(
        "net",
        create(kernels["net-echo"], { networks: [network("service", bridge)] }),
        "created unikernel",
      );
      await machine.expect("other", create(kernels["exit-code"], endless), "created unikernel");
      await first.stop("SIGTERM");
      machine.removeBridge(bridge);
      const second = await machine.startDaemon();
      const status = await machine.reaches("net", "failed");
      assert.equal(status.reason, `interface ${bridge} does not exist`);
      assert.equal((await machine.info("net")).length, 1);
      await machine.reaches("other", "running");
      // Also across another crash.
      await second.stop("SIGKILL");
      await machine.startDaemon();
      await machine.reaches("net", "failed");
      machine.makeBridge(bridge);
      await machine.reaches("net", "running");
      assert.equal(machine.taps().length, 1);
      await machine.expect("net", destroy, "destroyed unikernel");
      await machine.expect("other", destroy, "destroyed unikernel");
      assert.deepEqual(machine.traces(), []);
    });
  });

  it("for lack of its image, tender or block device stays listed as well", async () => {
    await Machine.with(async (machine) => {
      const first = await machine.start();
      await machine.expect("disk", { kind: "block-add", size: 1 }, "added block device");
      const blockDevices = [{ name: fromText("storage"), device: fromText("disk"), sectorSize: undefined }];
      await machine.expect("image", create(kernels["exit-code"], endless), "created unikernel");
      const failBehaviour = restarting;
      const command = create(kernels["block-check"], { blockDevices, failBehaviour });
      await machine.expect("block", command, "created unikernel");
      await first.stop("SIGTERM");
      const image = (machine.traces().find((trace) => trace.startsWith("image ")) ?? "").slice(6);
      const disk = join(machine.dbdir, "block", ":disk");
      const content = readFileSync(disk);
      rmSync(disk);
      assert.ok(image !== "");
      const second = await machine.startDaemon();
      const status = await machine.reaches("block", "failed");
      assert.equal(status.reason, "block device [unikernel: :disk] not found");
      writeFileSync(disk, content);
      await until("the unikernel has started", async () => (await machine.statusOf("block"))?.state !== "failed");
      await machine.expect("disk", { kind: "block-remove" }, "refused: remove block: is in use");
      assert.match(await machine.ask("block", destroy), /^destroyed/);
      await second.stop("SIGTERM");
      for (const trace of machine.traces())
        if (trace.startsWith("image ")) rmSync(join(machine.dbdir, "images", trace.slice(6)));
      await machine.startDaemon();
      const lost = await machine.reaches("image", "failed");
      assert.match(lost.reason ?? "", /no such file/);
      await machine.expect("image", forceCreate(kernels["exit-code"], endless), "created unikernel");
    });
  });
});

describe("the database", () => {
  it("that cannot be read is refused aloud, and left as it is", async () => {
    await Machine.with(async (machine) => {
      const first = await machine.start();
      await machine.expect("here", create(kernels["exit-code"], endless), "created unikernel");
      await first.stop("SIGTERM");
      const file = join(machine.dbdir, "albatross.sqlite");
      const good = readFileSync(file);
      const damaged = (at: number, bytes: Uint8Array) => {
        const copy = Uint8Array.from(good);
        copy.set(bytes, at);
        return copy;
      };
      const broken: [string, Uint8Array][] = [
        ["empty", new Uint8Array()],
        ["text", Buffer.from("this is not a database, but long enough to look like something else entirely".repeat(9))],
        ["cut short", good.subarray(0, good.length - 4096)],
        ["a page of zeros", damaged(4096, new Uint8Array(4096))],
        ["a page of noise", damaged(8192, new Uint8Array(4096).fill(0xa5))],
      ];
      for (const [what, bytes] of broken) {
        writeFileSync(file, bytes);
        for (const suffix of ["-wal", "-shm"]) rmSync(file + suffix, { force: true });
        const daemon = machine.launch("albatrossd", machine.words);
        assert.equal(await daemon.ends(), 125, `${what}: ${daemon.log}`);
        assert.match(daemon.log, /Cannot (use|read) .*database.*Nothing was started; restore/s, what);
        assert.deepEqual(machine.processes(), [], what);
        assert.ok(Buffer.from(bytes).equals(readFileSync(file)), `${what}: it was changed`);
      }
      writeFileSync(file, good);
      await machine.startDaemon();
      await machine.reaches("here", "running");
    });
  });

  it("that is full refuses what it cannot keep, and goes on when there is room", async () => {
    await Machine.with(async (machine) => {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", machine.dbdir]);
      try {
        const first = await machine.start();
        const failBehaviour = restarting;
        const wishes = { words: ["sleep=1", "exit=2"], failBehaviour };
        await machine.expect("here", create(kernels["exit-code"], wishes), "created unikernel");
        const early = { unikernels: 1, cpuIds: [], memory: 1, block: undefined, bridges: [] };
        await machine.expect("early:", { kind: "policy-add", policy: early }, "added policy");
        const filler = join(machine.dbdir, "filler");
        const { bavail, bsize } = statfsSync(machine.dbdir);
        writeFileSync(filler, new Uint8Array(bavail * bsize));
        // The first ones may still fit into pages that are there.
        const refused = await until("the database is full", async () => {
          for (let at = 0; ; at++) {
            const policy = { ...early, unikernels: at };
            const text = await machine.ask(`p${at}:`, { kind: "policy-add", policy });
            if (text !== "added policy") return { at, text };
          }
        });
        assert.match(refused.text, /^refused: cannot write to the database: .*full/);
        const policies = await machine.policies();
        assert.ok(!policies.has(`p${refused.at}:`) && policies.has("early:"));
        const another = await machine.ask("other", create(kernels["ticker"]));
        assert.match(another, /^refused: (could not create unikernel: )?cannot (write|store)/);
        // What runs goes on being supervised.
        await until("it ended and is kept", async () => (await machine.statusOf("here"))?.lastExit === "exit 2");
        assert.equal((await machine.info("here")).length, 1);
        rmSync(filler);
        await machine.reaches("here", "running");
        await first.stop("SIGKILL");
        await machine.startDaemon();
        assert.deepEqual(await machine.policies(), policies, "what was acknowledged, and nothing else");
        await machine.reaches("here", "running");
        await machine.expect("other", create(kernels["ticker"]), "created unikernel");
        await machine.expect("other", destroy, "destroyed unikernel");
        assert.match(await machine.ask("here", destroy), /^destroyed/);
      } finally {
        await machine.stopAll();
        execFileSync("umount", [machine.dbdir]);
      }
    });
  });

  it("is not shared by two daemons", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      await machine.expect("here", create(kernels["exit-code"], endless), "created unikernel");
      const other = join(machine.directory, "other");
      mkdirSync(other);
      const daemon = machine.launch("albatrossd", [`--tmpdir=${other}`, `--dbdir=${machine.dbdir}`]);
      assert.equal(await daemon.ends(), 125);
      assert.match(daemon.log, /Another daemon uses this directory; stop it first/);
      assert.equal(machine.processes().length, 1);
      await machine.expect("here", destroy, "destroyed unikernel");
    });
  });

  it("of its own does not let a second daemon clear away the files of the first", async () => {
    await Machine.with(async (machine) => {
      await machine.start();
      await machine.expect("here", create(kernels["exit-code"], endless), "created unikernel");
      const files = () => machine.traces().filter((trace) => /^(run|fifo)/.test(trace));
      const before = files();
      const other = join(machine.directory, "other");
      mkdirSync(other);
      const daemon = machine.launch("albatrossd", [`--tmpdir=${machine.tmpdir}`, `--dbdir=${other}`]);
      assert.equal(await daemon.ends(), 125);
      assert.match(daemon.log, /fifo: .*Another daemon uses this directory; stop it first/);
      assert.deepEqual(files(), before);
      await machine.expect("here", destroy, "destroyed unikernel");
    });
  });

  it("is filled from the state file of the original, once", async () => {
    await Machine.with(async (machine) => {
      const policy = { unikernels: 4, cpuIds: [0], memory: 100, block: undefined, bridges: [] };
      const state = encodeState({
        unikernels: [
          { name: parseName("foo:one"), value: config(kernels["exit-code"], endless) },
          { name: parseName("two"), value: config(kernels["exit-code"], { ...endless, startup: 1 }) },
        ],
        policies: [{ name: parseName("foo:"), value: policy }],
      });
      const file = join(machine.dbdir, "state");
      writeFileSync(file, state.subarray(0, state.length - 1));
      await machine.startConsole();
      const refused = machine.launch("albatrossd", machine.words);
      assert.equal(await refused.ends(), 125);
      assert.match(refused.log, /Cannot import .*\/state: .*Nothing was started; repair the file, or move it away/s);
      writeFileSync(file, state);
      const first = await machine.startDaemon();
      await until("both run", async () => {
        const all = await machine.status();
        return all.length === 2 && all.every((one) => one.state === "running");
      });
      const [payload] = await machine.converse("foo:", { kind: "policy-info" });
      assert.ok(payload?.kind === "success" && payload.success.kind === "policies");
      assert.deepEqual(
        payload.success.policies.map((entry) => entry.policy),
        [policy],
      );
      await machine.expect("two", destroy, "destroyed unikernel");
      await first.stop("SIGTERM");
      assert.ok(existsSync(file), "the file is left for a return to the original");
      await machine.startDaemon();
      await machine.reaches("foo:one", "running");
      assert.deepEqual(
        (await machine.info()).map(({ name }) => name),
        ["foo:one"],
      );
    });
  });
});

describe("albatrossd killed again and again while it works", () => {
  it("loses nothing it acknowledged, runs nothing twice, and leaves no orphan", async () => {
    const machine = new Machine();
    try {
      const bridge = machine.bridge();
      await machine.startConsole();
      const acknowledged = new Map<string, boolean>(); // whether it shall be there, as far as was acknowledged
      let acknowledgements = 0;
      const names = Array.from({ length: 6 }, (_, at) => `k:u${at}`);
      for (let round = 0; round < 20; round++) {
        const daemon = await machine.startDaemon();
        const uncertain = new Set<string>();
        const working = names.map(async (name, at) => {
          for (let step = 0; ; step++) {
            const present = acknowledged.get(name) === true;
            const wishes = at % 2 === 0 ? { networks: [network("service", bridge)] } : endless;
            const image = at % 2 === 0 ? kernels["net-echo"] : kernels["exit-code"];
            const command = present && (step + round) % 3 === 0 ? restart : present ? destroy : create(image, wishes);
            uncertain.add(name);
            let text: string;
            try {
              text = await machine.ask(name, command);
            } catch {
              return; // nobody listens any more
            }
            if (text.startsWith("closed")) return;
            assert.match(text, /^(created|destroyed) unikernel$/, `${name} ${command.kind}`);
            uncertain.delete(name);
            acknowledged.set(name, command.kind !== "unikernel-destroy");
            acknowledgements++;
          }
        });
        // Another moment in each round: after so many acknowledgements, and a bit of the next work.
        const enough = acknowledgements + (round % 10);
        await until("enough is acknowledged", () => acknowledgements >= enough);
        await new Promise((resolve) => setTimeout(resolve, (round * 7) % 23));
        await daemon.stop("SIGKILL");
        await Promise.all(working);
        const after = await machine.startDaemon();
        const present = await until("everything runs that shall", async () => {
          const all = await machine.status();
          // One that was being destroyed may have been taken over on its last legs.
          const settled = all.every(({ name, state }) => state === "running" && machine.processesOf(name).length > 0);
          return settled && new Map(all.map((one) => [one.name, one]));
        });
        for (const name of names) {
          if (!uncertain.has(name)) {
            assert.equal(present.has(name), acknowledged.get(name) === true, `round ${round}: ${name}`);
          }
          acknowledged.set(name, present.has(name));
          assert.equal(machine.processesOf(name).length, present.has(name) ? 1 : 0, `round ${round}: ${name}`);
        }
        assert.equal(machine.processes().length, present.size, `round ${round}: orphans; ${after.log}`);
        const withNetwork = [...present.keys()].filter((name) => names.indexOf(name) % 2 === 0);
        assert.equal(
          machine.taps().length,
          withNetwork.length,
          `round ${round}: ${machine.taps()} for ${withNetwork}; ${after.log}`,
        );
        const files = machine.traces().filter((trace) => /^(run|fifo)/.test(trace));
        assert.equal(files.length, 2 * present.size, `round ${round}: ${files}`);
        assert.equal(machine.rows().length, present.size);
        await after.stop("SIGKILL");
      }
      assert.ok(acknowledgements >= 90, `only ${acknowledgements} commands were acknowledged`);
    } finally {
      await machine.close();
    }
  });
});
