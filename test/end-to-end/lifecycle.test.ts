/** What becomes of a unikernel: created, ended, started again, replaced, destroyed. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { deflateSync, inflateSync } from "node:zlib";
import { fromText } from "../../core/byte-string.ts";
import type { Command } from "../../core/wire/message.ts";
import { decodeMessage } from "../../core/wire/message-codec.ts";
import { Store } from "../../daemon/albatrossd/store.ts";
import { TENANT_STREAMS_MAX } from "../../daemon/albatrossd/streams.ts";
import { type Connection, connectUnix } from "../../runtime/unix-socket.ts";
import { leftovers, MIB, noise } from "./block-rig.ts";
import {
  commandFrame,
  create,
  destroy,
  forceCreate,
  images,
  Machine,
  network,
  plain,
  restart,
  restarting,
  until,
} from "./harness.ts";

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;

before(async () => {
  kernels = await images();
  await machine.start();
});
after(() => machine.close());

const endless = { words: ["sleep=1000"] } as const;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** Waits until this many processes of `name` were started, seen by the ticks on its console. */
async function startedTimes(name: string, count: number): Promise<void> {
  await until(`${name} was started ${count} times`, async () => {
    const status = await machine.statusOf(name);
    return status !== undefined && status.restarts >= count - 1 ? true : undefined;
  });
}

describe("a unikernel", () => {
  it("is created, seen, and destroyed without a trace", async () => {
    const clean = machine.traces();
    const image = kernels["ticker"];
    await machine.expect("foo:hello", create(image, { addName: true, words: ["interval=10"] }), "created unikernel");
    const console = await machine.console("foo:hello");
    await console.line("tick 3");
    const [entry] = await machine.info("foo:");
    assert.equal(entry?.name, ":hello");
    assert.equal(entry?.info.memory, 16);
    assert.deepEqual(entry?.info.arguments, ["interval=10"]);
    assert.equal(Buffer.from(entry?.info.digest ?? []).toString("hex"), sha256(image));
    assert.ok(Math.abs((entry?.info.started ?? 0) - Date.now()) < 30_000);
    const traces = machine.traces().filter((trace) => !trace.startsWith("process"));
    assert.deepEqual(traces, ["fifo foo:hello", `image ${sha256(image)}`, "row foo:hello", "run foo:hello.img"]);
    assert.deepEqual(machine.processes()[0]?.words.slice(-3), ["--name=hello", "interval=10", ""]);
    await machine.expect("foo:hello", destroy, "destroyed unikernel");
    assert.deepEqual(machine.traces(), clean);
    assert.deepEqual(await machine.info(), []);
    await machine.expect("foo:hello", destroy, "refused: destroy: not found");
  });

  it("that ends by itself is gone without a trace, whatever its exit code", async () => {
    const clean = machine.traces();
    for (const code of [0, 1, 2, 64, 255]) {
      await machine.expect("quit", create(kernels["exit-code"], { words: [`exit=${code}`] }), "created unikernel");
      await machine.vanishes("quit");
    }
    assert.deepEqual(machine.traces(), clean);
    await machine.expect("quit", create(kernels["crash"]), "created unikernel");
    await machine.vanishes("quit");
    assert.deepEqual(machine.traces(), clean);
  });

  it("is started again by its exit code only where it asks for that", async () => {
    const only3 = { kind: "restart", exitCodes: [3] } as const;
    const gone = [
      { words: ["exit=2"], failBehaviour: only3 },
      { words: ["exit=1"], failBehaviour: restarting },
      { words: ["exit=60"], failBehaviour: restarting },
      { words: ["exit=64"], failBehaviour: restarting },
      { words: ["exit=1"], failBehaviour: { kind: "restart", exitCodes: [1] } },
    ] as const;
    for (const wishes of gone) {
      await machine.expect("rules", create(kernels["exit-code"], wishes), "created unikernel");
      await machine.vanishes("rules");
    }
    for (const wishes of [
      { words: ["exit=3"], failBehaviour: only3 },
      { words: ["exit=0"], failBehaviour: restarting },
      { words: ["exit=255"], failBehaviour: restarting },
    ]) {
      await machine.expect("rules", create(kernels["exit-code"], wishes), "created unikernel");
      await startedTimes("rules", 2);
      const status = await machine.statusOf("rules");
      assert.equal(status?.lastExit, wishes.words[0]?.replace("=", " "));
      assert.match(await machine.ask("rules", destroy), /^destroyed/);
    }
  });

  it("is not started again when it was killed", async () => {
    await machine.expect("killed", create(kernels["ticker"], { failBehaviour: restarting }), "created unikernel");
    process.kill(machine.processesOf("killed")[0] ?? assert.fail("it does not run"), "SIGKILL");
    await machine.vanishes("killed");
  });

  it("in a crash loop is started ever more slowly, shows as such, and can be destroyed", async () => {
    const clean = machine.traces();
    const started = performance.now();
    const wishes = { words: ["exit=2"], failBehaviour: restarting };
    await machine.expect("loop", create(kernels["exit-code"], wishes), "created unikernel");
    const waiting = await machine.reaches("loop", "waiting");
    assert.equal(waiting.reason, "exit 2");
    assert.ok((waiting.next ?? 0) > Date.now() - 1000);
    await startedTimes("loop", 4); // after 100, 200 and 400 ms
    assert.ok(performance.now() - started >= 700, "the pauses are too short");
    const status = await machine.reaches("loop", "crash-loop");
    assert.ok((status.next ?? 0) - Date.now() <= 800);
    assert.equal((await machine.info("loop")).length, 1, "it stays listed");
    await machine.expect("loop", create(kernels["hello"]), "refused: unikernel with same name already exists");
    await machine.expect("loop", destroy, "destroyed: removed waiter");
    assert.deepEqual(machine.traces(), clean);
    await machine.expect("loop", destroy, "refused: destroy: not found");
  });

  it("that does not know --name is started without it, once and for all", async () => {
    const wishes = { words: ["strict", "sleep=1000"], addName: true };
    await machine.expect("strict", create(kernels["exit-code"], wishes), "created unikernel");
    const words = await until("it runs without the option", () =>
      machine.processes().find(({ words }) => words.includes("strict") && !words.some((word) => /^--name/.test(word))),
    );
    assert.ok(words.pid > 0);
    await machine.reaches("strict", "running");
    const store = new Store(`${machine.dbdir}/albatross.sqlite`, "unused");
    try {
      const stored = store.load().unikernels.find(({ name }) => name.text === ":strict");
      assert.equal(stored?.spec.arguments.addName, false);
      assert.equal(stored?.run?.pid, words.pid);
    } finally {
      store.close();
    }
    await machine.expect("strict", destroy, "destroyed unikernel");
  });

  it("is pinned to its CPUs, and only to them", async () => {
    for (const cpuIds of [[0], [1], [0, 1]]) {
      await machine.expect("pinned", create(kernels["exit-code"], { ...endless, cpuIds }), "created unikernel");
      const [pid] = machine.processesOf("pinned");
      const status = readFileSync(`/proc/${pid}/status`, "latin1");
      assert.equal(/^Cpus_allowed_list:\t(.*)$/m.exec(status)?.[1], cpuIds.join("-"));
      await machine.expect("pinned", destroy, "destroyed unikernel");
    }
  });

  it("on several CPUs is told of to clients that know of one only", async () => {
    const wishes = { ...endless, cpuIds: [0, 1], startup: 7 };
    await machine.expect("old", create(kernels["exit-code"], wishes), "created unikernel");
    for (const generation of [4, 5] as const) {
      const [payload] = await machine.converse("old", { kind: "unikernel-info-old", generation });
      assert.ok(payload?.kind === "success" && payload.success.kind === "unikernels-old");
      assert.equal(payload.success.generation, generation);
      assert.deepEqual(payload.success.unikernels[0]?.info.cpuIds, [0]);
      assert.equal(payload.success.unikernels[0]?.info.startup, generation === 4 ? undefined : 7);
    }
    assert.deepEqual((await machine.info("old"))[0]?.info.cpuIds, [0, 1]);
    await machine.expect("old", destroy, "destroyed unikernel");
  });

  it("gives its compressed image to so many that take their time, and keeps it on the disk for them", async () => {
    const image = Buffer.concat([kernels["exit-code"], noise(2 * MIB)]);
    await machine.expect("slow:got", create(image, endless), "created unikernel");
    const get: Command = { kind: "unikernel-get", level: 1 };
    const held: Connection[] = [];
    for (let at = 0; at < TENANT_STREAMS_MAX; at++) {
      const connection = await connectUnix(machine.socket, () => ({ data: () => undefined, close: () => undefined }));
      connection.pause();
      connection.send(commandFrame("slow:got", get));
      held.push(connection);
    }
    await until("all are waited for", () => leftovers(machine).length === TENANT_STREAMS_MAX);
    await machine.expect("slow:got", get, "refused: 8 images are being compressed already; try again later");
    for (const connection of held) connection.destroy();
    await until("nothing is left", () => leftovers(machine).length === 0);
    const [payload] = await machine.converse("slow:got", get);
    assert.ok(payload?.kind === "success" && payload.success.kind === "unikernel-image");
    assert.equal(sha256(inflateSync(payload.success.image)), sha256(image));
    await machine.expect("slow:got", destroy, "destroyed unikernel");
  });

  it("gives its image back, as it was or compressed", async () => {
    const image = kernels["exit-code"];
    await machine.expect("got", create(image, endless), "created unikernel");
    for (const level of [0, 1, 9]) {
      const [payload] = await machine.converse("got", { kind: "unikernel-get", level });
      assert.ok(payload?.kind === "success" && payload.success.kind === "unikernel-image");
      assert.equal(payload.success.compressed, level > 0);
      const plainImage = level > 0 ? inflateSync(payload.success.image) : payload.success.image;
      assert.equal(sha256(plainImage), sha256(image));
    }
    const bad = await machine.ask("got", { kind: "unikernel-get", level: 10 });
    assert.equal(bad, "refused: get: compression level 10 is not between 0 and 9");
    rmSync(join(machine.dbdir, "images", sha256(image)));
    for (const level of [0, 9]) {
      await machine.expect("got", { kind: "unikernel-get", level }, /^refused: get: the image is not in the database/);
    }
    await machine.expect("got", destroy, "destroyed unikernel");
    await machine.expect("got", { kind: "unikernel-get", level: 0 }, "refused: get: no unikernel found");
  });

  it("can be created from a compressed image", async () => {
    const given = create(deflateSync(kernels["exit-code"]), endless);
    assert.ok(given.kind === "unikernel-create");
    const command = { ...given, config: { ...given.config, compressed: true } };
    await machine.expect("packed", command, "created unikernel");
    const [entry] = await machine.info("packed");
    assert.equal(Buffer.from(entry?.info.digest ?? []).toString("hex"), sha256(kernels["exit-code"]));
    await machine.expect("packed", destroy, "destroyed unikernel");
  });
});

describe("replacing a unikernel", () => {
  it("by force ends the old one first, and creates where there was none", async () => {
    await machine.expect("new", forceCreate(kernels["exit-code"], endless), "created unikernel");
    const [first] = machine.processesOf("new");
    const taken = "refused: Unikernel with same name is already running";
    await machine.expect("new", create(kernels["exit-code"], endless), taken);
    await machine.expect("new", forceCreate(kernels["ticker"], { memory: 20 }), "created unikernel");
    const [second, ...more] = machine.processesOf("new");
    assert.deepEqual(more, []);
    assert.notEqual(second, first);
    const [entry] = await machine.info("new");
    assert.equal(entry?.info.memory, 20);
    assert.equal(Buffer.from(entry?.info.digest ?? []).toString("hex"), sha256(kernels["ticker"]));
    const stored = () => machine.traces().filter((trace) => trace.startsWith("image"));
    const both = [kernels["exit-code"], kernels["ticker"]].map((image) => `image ${sha256(image)}`).sort();
    assert.deepEqual(stored(), both, "the former image is kept, for a rollback");
    await machine.expect("new", destroy, "destroyed unikernel");
    assert.deepEqual(stored(), []);
  });

  it("that cannot succeed leaves the old one running", async () => {
    await machine.expect("kept", create(kernels["exit-code"], endless), "created unikernel");
    const before = machine.processesOf("kept");
    const refused: [Parameters<Machine["ask"]>[1], RegExp][] = [
      [forceCreate(new Uint8Array(100)), /^refused: error during ELF parsing$/],
      [forceCreate(kernels["net-echo"]), /^refused: specified bridge\(s\) does not match with the manifest/],
      [forceCreate(kernels["hello"], { cpuIds: [77] }), /^refused: CPUids 77 are not allowed by policy$/],
      [forceCreate(kernels["hello"], { memory: 2 ** 40 }), /^refused: maximum allowed memory/],
      [forceCreate(kernels["hello"], { memory: 0 }), /^refused: .*at least 1 MB/],
      [
        {
          kind: "unikernel-restart",
          arguments: plain({ networks: [{ name: fromText("service"), bridge: fromText("nobridge"), mac: undefined }] }),
        },
        /^refused: bridges nobridge not allowed by policy$/,
      ],
      [{ kind: "unikernel-restart", arguments: plain({ memory: 5000 }) }, /^refused: .*the most is 4096 MB/],
    ];
    const clean = machine.traces();
    for (const [command, text] of refused) {
      assert.match(await machine.ask("kept", command), text);
      assert.deepEqual(machine.processesOf("kept"), before);
    }
    assert.deepEqual(machine.traces(), clean);
    assert.equal((await machine.statusOf("kept"))?.state, "running");
    assert.equal((await machine.info("kept"))[0]?.info.memory, 16);
    await machine.expect("kept", destroy, "destroyed unikernel");
  });

  it("that fails after the old one has ended brings that back", async () => {
    await Machine.with(async (other) => {
      await other.start();
      // A root policy with a CPU that the host does not have: found out only when the process is started.
      const [payload] = await other.converse(":", { kind: "policy-info" });
      assert.ok(payload?.kind === "success" && payload.success.kind === "policies");
      const policy = payload.success.policies[0]?.policy ?? assert.fail("there is no root policy");
      const wider = { ...policy, cpuIds: [...policy.cpuIds, 1023] };
      await other.expect(":", { kind: "policy-add", policy: wider }, "added policy");
      const bridge = other.bridge();
      await other.expect(":", { kind: "policy-add", policy: { ...wider, bridges: [bridge] } }, "added policy");
      const networks = [network("service", bridge)];
      await other.expect("back", create(kernels["net-echo"], { networks }), "created unikernel");
      const [old] = other.processesOf("back");
      // Meanwhile somebody else may have taken the number of its tap.
      const traces = () => other.traces().map((trace) => trace.replace(/vmmtap\d+/, "vmmtap"));
      const clean = traces();
      const failing = forceCreate(kernels["net-echo"], { networks, cpuIds: [1023] });
      const text = await other.ask("back", failing);
      assert.match(text, /^refused: .*1023.*; the former unikernel was started again$/);
      const [again, ...more] = other.processesOf("back");
      assert.notEqual(again, old);
      assert.deepEqual(more, []);
      assert.deepEqual(traces(), clean);
      assert.deepEqual((await other.info("back"))[0]?.info.cpuIds, [0]);
      await other.expect("back", destroy, "destroyed unikernel");
    });
  });

  it("by a restart keeps the configuration, or takes the new one whole", async () => {
    await machine.expect("again", create(kernels["exit-code"], { ...endless, startup: 3 }), "created unikernel");
    const [first] = machine.processesOf("again");
    await machine.expect("again", restart, "created unikernel");
    const [second, ...more] = machine.processesOf("again");
    assert.notEqual(second, first);
    assert.deepEqual(more, []);
    assert.equal((await machine.info("again"))[0]?.info.startup, 3);
    const changed = plain({ memory: 24, cpuIds: [1], words: ["sleep=2000"], failBehaviour: restarting, cpus: 2 });
    await machine.expect("again", { kind: "unikernel-restart", arguments: changed }, "created unikernel");
    const after = (await machine.info("again"))[0]?.info;
    assert.deepEqual(
      [after?.memory, after?.cpuIds, after?.arguments, after?.startup, after?.cpus, after?.failBehaviour],
      [24, [1], ["sleep=2000"], undefined, 2, restarting],
    );
    await machine.expect("again", destroy, "destroyed unikernel");
    await machine.expect("again", restart, "refused: destroy: not found");
  });

  it("in a crash loop starts the new one at once", async () => {
    const wishes = { words: ["exit=2"], failBehaviour: restarting };
    await machine.expect("fixed", create(kernels["exit-code"], wishes), "created unikernel");
    await machine.reaches("fixed", "crash-loop");
    await machine.expect("fixed", forceCreate(kernels["exit-code"], endless), "created unikernel");
    assert.equal((await machine.statusOf("fixed"))?.state, "running");
    await machine.expect("fixed", destroy, "destroyed unikernel");
  });
});

describe("albatrossd", () => {
  it("keeps no file open for unikernels that are gone", async () => {
    await Machine.with(async (other) => {
      const daemon = await other.start();
      const openFiles = () => readdirSync(`/proc/${daemon.pid}/fd`).length;
      const networks = [network("service", other.bridge())];
      const round = async (at: number) => {
        const name = `files${at % 3}`;
        await other.expect(name, create(kernels["net-echo"], { networks }), "created unikernel");
        await other.expect(name, forceCreate(kernels["net-echo"], { networks }), "created unikernel");
        await other.expect(name, destroy, "destroyed unikernel");
        await other.expect(name, create(kernels["hello"]), "created unikernel");
        await other.vanishes(name);
        await other.expect(name, create(kernels["net-echo"]), /^refused: specified bridge/);
      };
      for (let at = 0; at < 5; at++) await round(at); // what is opened once and kept
      const before = openFiles();
      for (let at = 0; at < 15; at++) await round(at);
      await until(
        () => `${openFiles()} files are open, ${before} were`,
        () => openFiles() <= before,
      );
    });
  });
});

describe("commands on one unikernel", () => {
  it("happen one after the other, those on others meanwhile", async () => {
    const results = await Promise.all(
      Array.from({ length: 10 }, () => machine.ask("race", create(kernels["exit-code"], endless))),
    );
    assert.equal(results.filter((text) => text === "created unikernel").length, 1, results.join("\n"));
    assert.equal(machine.processesOf("race").length, 1);
    const gone = await Promise.all(Array.from({ length: 10 }, () => machine.ask("race", destroy)));
    assert.equal(gone.filter((text) => text === "destroyed unikernel").length, 1, gone.join("\n"));
    assert.deepEqual(machine.processesOf("race"), []);
  });

  it("are refused beyond 32 that wait, and none is lost", async () => {
    const wires = await Promise.all(Array.from({ length: 40 }, () => machine.connect()));
    const frame = commandFrame("queue", forceCreate(kernels["exit-code"], endless));
    for (const wire of wires) wire.send(frame);
    const replies = await Promise.all(
      wires.map(async (wire) => {
        const { payload } = decodeMessage(await wire.frame(0));
        return payload.kind === "failure" ? payload.text : "created";
      }),
    );
    assert.ok(replies.includes("created" as never));
    for (const text of replies) assert.match(text, /^created$|^32 commands are waiting/);
    assert.equal(machine.processesOf("queue").length, 1);
    await machine.expect("queue", destroy, "destroyed unikernel");
  });
});
