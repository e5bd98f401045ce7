import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { socketFile } from "../../../core/paths.ts";
import type { Message, Payload } from "../../../core/wire/message.ts";
import { delegationTime } from "../../../core/wire/peer-extensions.ts";
import { OUTCOME_PATIENCE_MS, REMOVALS_MAX } from "../../../daemon/tls-endpoint/conversation.ts";
import { create, PATIENCE_MS, say, until } from "../../end-to-end/harness.ts";
import { dial, EndpointRig, leafFor, policyExtension } from "./endpoint-rig.ts";
import { ScriptedDaemon } from "./scripted-daemon.ts";

const success = (text: string): Payload => ({ kind: "success", success: { kind: "string", text: fromText(text) } });
const failure = (text: string): Payload => ({ kind: "failure", text: fromText(text) });
const MIB = 1024 * 1024;

describe("streams through the TLS endpoint", () => {
  const rig = new EndpointRig();
  const { root } = rig;
  let daemon: ScriptedDaemon;

  before(async () => {
    daemon = new ScriptedDaemon(socketFile(rig.machine.tmpdir, "vmmd"));
    await rig.start(["--idle-timeout=2"]);
  });
  after(async () => {
    daemon.close();
    await rig.close();
  });

  const memory = () => {
    const status = readFileSync(`/proc/${rig.daemon?.pid ?? 0}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1] ?? 0) * 1024;
  };

  const setLeaf = () => leafFor(root, "disk", { kind: "block-set", compressed: false });

  it("arrive as they were sent, 200 MiB of them, while memory stays flat", async () => {
    const piece = Buffer.alloc(MIB, "a block of a device ");
    const [sent, received] = [createHash("sha256"), createHash("sha256")];
    daemon.script = async ({ line, command, reply }) => {
      const message = await command();
      for (let frame = await line.next(); frame !== undefined; frame = await line.next()) {
        for await (const part of frame.pieces) received.update(part);
      }
      await reply(message, line.sawMarker ? success("set block device") : failure("cut"));
    };
    const before = memory();
    let peak = 0;
    function* stream(): Generator<Uint8Array> {
      for (let count = 0; count < 200; count++) {
        sent.update(piece);
        peak = Math.max(peak, memory());
        yield piece;
      }
    }
    assert.equal(await rig.ask(setLeaf(), { stream: stream() }), "set block device");
    assert.equal(received.digest("hex"), sent.digest("hex"));
    assert.ok(peak - before < 48 * MIB, `memory grew from ${before} to ${peak} bytes`);
  });

  it("are not read from a client faster than a daemon takes them", async () => {
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    daemon.script = async ({ line, command, reply }) => {
      const message = await command();
      await line.next(); // and then reads no more of it for a while
      await held;
      await reply(message, failure("no more"));
    };
    const socket = dial(rig.port, root, setLeaf());
    const before = memory();
    socket.on("error", () => undefined);
    let reply = 0;
    socket.on("data", (data: Uint8Array) => {
      reply += data.length;
    });
    await new Promise((resolve) => socket.on("secureConnect", resolve));
    const word = Buffer.alloc(4);
    word.writeUInt32BE(16 * MIB);
    socket.write(word);
    for (let count = 0; count < 16; count++) socket.write(Buffer.alloc(MIB));
    await until("the client is held back", () => socket.writableLength > 4 * MIB);
    assert.ok(memory() - before < 24 * MIB);
    release();
    await until("the early answer comes", () => reply > 0);
    socket.destroy();
  });

  it("pass a dump on to its end", async () => {
    const blocks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(60_000, index));
    daemon.script = async ({ command, reply }) => {
      const message = await command();
      await reply(message, { kind: "success", success: { kind: "block-device-image", compressed: false } });
      for (const bytes of blocks) await reply(message, { kind: "data", data: { kind: "block", bytes } });
      await reply(message, { kind: "data", data: { kind: "block", bytes: undefined } });
      await reply(message, failure("nothing comes after the end"));
    };
    const { messages, error } = await rig.talk(leafFor(root, "disk", { kind: "block-dump", level: 0 }));
    assert.equal(error, undefined);
    const dumped = messages.flatMap(({ payload }) =>
      payload.kind === "data" && payload.data.kind === "block" ? [payload.data.bytes] : [],
    );
    assert.equal(dumped.pop(), undefined);
    assert.ok(Buffer.concat(dumped.map((bytes) => bytes ?? new Uint8Array(0))).equals(Buffer.concat(blocks)));
    assert.equal(messages.length, 42);
    assert.ok(messages.every(({ header }) => header.sequence === 0n && header.name.text === ":disk"));
  });

  it("of a set of before 2.5 become those of today's: albatrossd would take its empty data for all there is", async () => {
    let asked: Message["payload"] | undefined;
    let received = Buffer.alloc(0);
    daemon.script = async ({ line, command, reply }) => {
      const message = await command();
      asked = message.payload;
      for (let frame = await line.next(); frame !== undefined; frame = await line.next()) {
        for await (const part of frame.pieces) received = Buffer.concat([received, part]);
      }
      await reply(message, success("set block device"));
    };
    const leaf = leafFor(root, "disk", { kind: "block-set-old", compressed: true, data: new Uint8Array() });
    assert.equal(await rig.ask(leaf, { stream: [Buffer.from("some"), Buffer.from("data")] }), "set block device");
    assert.deepEqual(asked, { kind: "command", command: { kind: "block-set", compressed: true } });
    assert.equal(received.toString(), "somedata");
  });

  it("of a new device that albatrossd neither takes nor removes are given up at last", async () => {
    let removals = 0;
    daemon.script = async ({ line, command, reply }) => {
      const message = await command();
      const { payload } = message;
      const kind = payload.kind === "command" ? payload.command.kind : payload.kind;
      if (kind === "block-remove") removals++;
      for (let more = kind === "block-set"; more; more = (await line.next()) !== undefined);
      await reply(message, kind === "block-add" ? success("added block device") : failure(`${kind} is refused`));
    };
    const leaf = leafFor(root, "disk", { kind: "block-add-old", size: 1, compressed: false, data: new Uint8Array() });
    assert.equal(
      await rig.ask(leaf, { stream: [] }),
      "refused: block-set is refused; the device could not be removed again either: destroy it",
    );
    assert.equal(removals, REMOVALS_MAX);
  });

  it("of a new device whose client has gone are cleared up, which an albatrossd that hangs does not hold up for ever", async () => {
    const hanging = Promise.withResolvers<void>();
    const given = Promise.withResolvers<void>();
    daemon.script = async ({ line, command, reply }) => {
      const message = await command();
      const kind = message.payload.kind === "command" ? message.payload.command.kind : "";
      if (kind === "block-add") await reply(message, success("added block device"));
      else if (kind === "block-set") given.resolve();
      else hanging.resolve();
      if (kind !== "block-add") await line.gone;
    };
    const leaf = leafFor(root, "disk", { kind: "block-add-old", size: 1, compressed: false, data: new Uint8Array() });
    const socket = dial(rig.port, root, leaf);
    socket.on("error", () => undefined);
    await given.promise;
    socket.resetAndDestroy();
    await hanging.promise;
    await until("the endpoint has given up", () => daemon.lines.size === 0, OUTCOME_PATIENCE_MS + PATIENCE_MS);
  });

  it("end a refused dump as the original does", async () => {
    daemon.script = async ({ command, reply }) => void (await reply(await command(), failure("not found")));
    const { messages } = await rig.talk(leafFor(root, "disk", { kind: "block-dump", level: 0 }));
    const texts = messages.map(({ payload }) => say(payload));
    assert.deepEqual(texts, ["refused: not found", "refused: exception while reading from fd"]);
  });

  it("are answered at once if albatrossd refuses before their end", async () => {
    daemon.script = async ({ command, reply }) => void (await reply(await command(), failure("no such device")));
    const never = [new Uint8Array(1000)];
    const socket = rig.talk(setLeaf(), { stream: never, enough: 1 });
    assert.equal(say((await socket).messages[0]?.payload), "refused: no such device");
  });

  it("are refused if they are cut short; albatrossd gets no end of the stream then", async () => {
    let sawMarker: boolean | undefined;
    daemon.script = async ({ line, command }) => {
      await command();
      for (let frame = await line.next(); frame !== undefined; frame = await line.next()) {
        for await (const part of frame.pieces) void part;
      }
      ({ sawMarker } = line);
    };
    for (const cut of [true, "within"] as const) {
      sawMarker = undefined;
      const answer = await rig.ask(setLeaf(), { stream: [new Uint8Array(5000)], cut });
      assert.equal(answer, "refused: reading tls chunk");
      await until("the stream has ended", () => sawMarker !== undefined);
      assert.equal(sawMarker, false);
    }
  });

  it("are not waited for longer than the idle time", async () => {
    daemon.script = async ({ line, command }) => {
      await command();
      await line.gone;
    };
    const socket = dial(rig.port, root, setLeaf());
    const begun = performance.now();
    socket.on("error", () => undefined);
    socket.resume();
    await new Promise((resolve) => socket.on("close", resolve));
    const took = performance.now() - begun;
    assert.ok(took > 1500 && took < 6000, `closed after ${took} ms`);
    await until("the daemon's side is closed, too", () => daemon.lines.size === 0);
  });

  describe("and failures of daemons are told in the original's words:", () => {
    const cases: readonly (readonly [string, ScriptedDaemon["script"], () => ReturnType<typeof leafFor>, string])[] = [
      [
        "no answer",
        async ({ command }) => void (await command()),
        () => leafFor(root, "x", { kind: "unikernel-info" }),
        "error reading from fd",
      ],
      [
        "no answer to a policy",
        async ({ command }) => void (await command()),
        () => leafFor(root.delegate("d", policyExtension()), "x", { kind: "unikernel-info" }),
        "read error after writing policy",
      ],
      [
        "a strange answer to a policy",
        async ({ command, reply }) =>
          void (await reply(await command(), { kind: "data", data: { kind: "block", bytes: undefined } })),
        () => leafFor(root.delegate("d", policyExtension()), "x", { kind: "unikernel-info" }),
        "expected success when adding policy, got: ",
      ],
      [
        "nonsense",
        async ({ line, command }) => {
          await command();
          await line.write(Uint8Array.of(0, 0, 0, 5, 1, 2));
        },
        () => leafFor(root.delegate("d", policyExtension()), "x", { kind: "unikernel-info" }),
        "read error after writing policy",
      ],
    ];
    for (const [what, script, make, text] of cases) {
      it(what, async () => {
        daemon.script = script;
        const answer = await rig.ask(make());
        assert.ok(answer.startsWith(`refused: ${text}`), answer);
      });
    }
  });

  it("tell albatrossd when a delegation was made, the deepest policy first", async () => {
    const seen: (readonly [string, number | undefined])[] = [];
    daemon.script = async ({ command, reply }) => {
      for (;;) {
        const message = await command();
        if (message.payload.kind !== "command") return;
        const isPolicy = message.payload.command.kind === "policy-add";
        seen.push([message.header.name.text, delegationTime(message.header.sequence)]);
        await reply(message, success("fine"));
        if (!isPolicy) return;
      }
    };
    const outer = root.delegate("outer", policyExtension(), { from: -3_600_000 });
    const inner = outer.delegate("inner", policyExtension());
    assert.equal(await rig.ask(leafFor(inner, "x", { kind: "unikernel-destroy" })), "fine");
    assert.deepEqual(
      seen.map(([name]) => name),
      ["outer:inner:", "outer:", "outer:inner:x"],
    );
    const [innerTime = 0, outerTime = 0] = seen.map(([, time]) => time);
    assert.ok(Math.abs(innerTime - outerTime - 3_590_000) < 5000);
    assert.equal(seen[2]?.[1], undefined);
  });

  it("never give a digest to an albatrossd that would take it for an image: it would end what a force-create replaces", async () => {
    const sizes: number[] = [];
    daemon.script = async ({ command, reply }) => {
      const message = await command();
      assert.ok(message.payload.kind === "command");
      const asked = message.payload.command;
      if (asked.kind === "unikernel-info") {
        await reply(message, { kind: "success", success: { kind: "unikernels", unikernels: [] } });
      } else if (asked.kind === "unikernel-force-create") {
        sizes.push(asked.config.image.length);
        await reply(message, success("created unikernel"));
      }
    };
    const image = Buffer.alloc(100_000, "image");
    const digest = createHash("sha256").update(image).digest();
    const command = create(new Uint8Array(0));
    assert.ok(command.kind === "unikernel-create");
    const { messages } = await rig.talk(leafFor(root, "x", { ...command, kind: "unikernel-force-create" }), {
      protocols: ["albatross-ts/1"],
      stream: [Buffer.concat([Buffer.from("ALBADIGE"), digest])],
      open: true,
      answer: (_message, count) => (count === 1 ? [image] : undefined),
    });
    assert.deepEqual(
      messages.map(({ payload }) => say(payload)),
      ["image wanted", "created unikernel"],
    );
    assert.deepEqual(sizes, [image.length]);
  });

  it("ask for no image of a guest that has none", async () => {
    daemon.script = async ({ command, reply }) => void (await reply(await command(), success("created unikernel")));
    const command = create(new Uint8Array(0));
    assert.ok("config" in command);
    const leaf = leafFor(root, "x", { ...command, config: { ...command.config, type: "bhyve" } });
    assert.equal(await rig.ask(leaf), "created unikernel");
  });
});
