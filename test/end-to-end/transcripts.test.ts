/** The recorded conversations of the original with its albatrossd, held again with this one. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { inflateSync } from "node:zlib";
import type { ByteString } from "../../core/byte-string.ts";
import { fromText } from "../../core/byte-string.ts";
import { FrameReader } from "../../core/wire/framing.ts";
import type { Message, Payload } from "../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { type Listener, listenUnix } from "../../runtime/unix-socket.ts";
import { hex, readVectors, unhex } from "../support/vectors.ts";
import { commandFrame, create, forceCreate, images, Machine, network, until, type Wire } from "./harness.ts";

interface Frame {
  readonly dir: "c2s" | "s2c" | null;
  readonly hex?: string;
  readonly length?: number;
  readonly event?: string;
}

/** The recorded messages in one direction, as hex. */
function recorded(label: string, direction: "c2s" | "s2c"): readonly string[] {
  const { frames } = readVectors(`transcripts/${label}.json`) as { frames: readonly Frame[] };
  return frames.flatMap((frame) => (frame.dir === direction && frame.hex !== undefined ? [frame.hex] : []));
}

const encode = (message: Message) => hex(encodeFrame(message).subarray(4));

/** A message without what differs between any two hosts and moments. */
function comparable(digits: string): string {
  const { header, payload } = decodeMessage(unhex(digits));
  return encode({ header, payload: withoutChance(payload) });
}

function withoutChance(payload: Payload): Payload {
  if (payload.kind === "command" && payload.command.kind === "statistics-add") {
    const networks = payload.command.networks.map(({ device }) => ({ device, tap: fromText("tap") }));
    return { kind: "command", command: { ...payload.command, pid: 1, networks } };
  }
  if (payload.kind !== "success") return payload;
  const { success } = payload;
  if (success.kind === "unikernels") {
    const unikernels = success.unikernels.map(({ name, info }) => ({
      name,
      info: { ...info, digest: new Uint8Array(), started: 0 },
    }));
    return { kind: "success", success: { kind: "unikernels", unikernels } };
  }
  if (success.kind === "policies") {
    const policies = success.policies.map(({ name, policy }) => ({
      name,
      policy: name.isPath && name.path.length === 0 ? { ...policy, cpuIds: [], memory: 0, block: 0 } : policy,
    }));
    return { kind: "success", success: { kind: "policies", policies } };
  }
  return payload;
}

/** The echo unikernel with its network device named as in the recordings. */
function renamed(image: Uint8Array): Uint8Array {
  const copy = Buffer.from(image);
  const entry = Buffer.alloc(69);
  entry.write("service");
  entry[68] = 2; // a network device
  const at = copy.indexOf(entry);
  assert.ok(at > 0 && copy.indexOf(entry, at + 1) < 0, "the image has no such manifest");
  copy.write("service0", at);
  return copy;
}

/** Stands where the original's console daemon stood: answers as that did, and keeps what it was asked. */
class RecordingConsole {
  readonly asked: string[] = [];
  readonly #listener: Listener;

  constructor(path: string) {
    this.#listener = listenUnix({ path }, (connection) => {
      const reader = new FrameReader(100_000);
      return {
        data: (chunk) => {
          for (const frame of reader.push(chunk)) {
            this.asked.push(hex(frame));
            const { header } = decodeMessage(frame);
            connection.send(encodeFrame({ header, payload: { kind: "success", success: { kind: "empty" } } }));
          }
        },
        close: () => undefined,
      };
    });
  }

  close(): void {
    this.#listener.close();
  }
}

describe("the recorded conversations", () => {
  const machine = new Machine();
  // The recorded bridge is called `service`: in a network of its own it disturbs nobody.
  const namespace = `xe${process.pid.toString(36)}ns`;
  let console: RecordingConsole;
  let statistics: Wire;
  const toldStatistics: string[] = [];
  let echo: Uint8Array;
  let hello: Uint8Array;

  before(async () => {
    const kernels = await images();
    echo = renamed(kernels["net-echo"]);
    hello = kernels["hello"];
    execFileSync("ip", ["netns", "add", namespace]);
    execFileSync("ip", ["-n", namespace, "link", "add", "service", "type", "bridge"]);
    mkdirSync(join(machine.tmpdir, "util"));
    console = new RecordingConsole(machine.consoleSocket);
    await machine.startDaemon({ wrapper: ["ip", "netns", "exec", namespace] });
    statistics = await machine.connect();
  });
  after(async () => {
    console.close();
    await machine.close();
    execFileSync("ip", ["netns", "del", namespace]);
  });

  /** Sends recorded bytes; gives the answers, and checks who closes the connection. */
  async function hold(request: Uint8Array, keepsOpen: boolean): Promise<readonly string[]> {
    const wire = await machine.connect();
    wire.send(request);
    await wire.frame(0);
    if (keepsOpen) {
      assert.equal(wire.closed, false);
      wire.close();
    }
    await wire.gone();
    return wire.frames.map(hex);
  }

  async function same(label: string, request?: Uint8Array): Promise<void> {
    const [asked, ...more] = recorded(label, "c2s");
    assert.ok(request !== undefined || (asked !== undefined && more.length === 0), label);
    const bytes = request ?? framed(unhex(asked ?? ""));
    const answers = await hold(bytes, label === "policy-add");
    assert.deepEqual(answers.map(comparable), recorded(label, "s2c").map(comparable), label);
  }

  function framed(content: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(4 + content.length);
    new DataView(bytes.buffer).setUint32(0, content.length);
    bytes.set(content, 4);
    return bytes;
  }

  const all = (contents: readonly string[]) => Buffer.concat(contents.map((content) => framed(unhex(content))));

  /** The data in the answers to a dump, but for the first and the last. */
  function dataOf(answers: readonly string[]): Buffer {
    const pieces = answers.slice(1, -1).map((answer) => {
      const { payload } = decodeMessage(unhex(answer));
      assert.ok(payload.kind === "data" && payload.data.kind === "block" && payload.data.bytes !== undefined);
      return payload.data.bytes;
    });
    return Buffer.concat(pieces);
  }

  const networks = [network("service0", "service" as ByteString)];

  it("give the same answers, byte for byte but for digests, times and the size of the host", async () => {
    statistics.send(framed(unhex(recorded("stats--albatrossd", "c2s")[0] ?? "")));
    await statistics.frame(0);
    const answering = (async () => {
      for (let at = 1; !statistics.closed; at++) {
        const frame = await until(
          "statistics are told",
          () => statistics.frames[at] ?? (statistics.closed ? new Uint8Array() : false),
        );
        if (frame.length === 0) return;
        toldStatistics.push(hex(frame));
        const { header } = decodeMessage(frame);
        statistics.send(encodeFrame({ header, payload: { kind: "success", success: { kind: "empty" } } }));
      }
    })();
    await same("info-empty");
    await same("policy-info");
    await same("policy-add");
    await same("policy-add-nested-too-big");
    await same("create-hello", commandFrame("hello", create(hello, { words: ["Hello_Solo5"] })));
    await machine.vanishes("hello");
    await same("create-net", commandFrame("foo:net1", create(echo, { networks })));
    await same("info");
    await same("info-name");
    await same("create-exists", commandFrame("foo:net1", create(echo, { networks })));
    await same("create-bad-cpu", commandFrame("foo:net2", create(echo, { networks, cpuIds: [1], addName: true })));
    await same("force-create", commandFrame("foo:net1", forceCreate(echo, { networks, memory: 17 })));
    await same("restart");
    await same("restart-args");
    await same("block-create");
    const [inner = "", ...content] = recorded("block-create-data", "c2s");
    const [added, isSet] = recorded("block-create-data", "s2c");
    assert.deepEqual(await hold(framed(unhex(inner)), false), [added]);
    assert.deepEqual(await hold(all(content), false), [isSet]);
    assert.deepEqual(
      await hold(all(recorded("block-set-compressed", "c2s")), false),
      recorded("block-set-compressed", "s2c"),
    );
    const [wanted = ""] = recorded("block-dump-compressed", "c2s");
    const dumped = await hold(framed(unhex(wanted)), false);
    const original = recorded("block-dump-compressed", "s2c");
    assert.deepEqual([dumped[0], dumped.at(-1)], [original[0], original.at(-1)]);
    assert.ok(inflateSync(dataOf(dumped)).equals(inflateSync(dataOf(original))), "the contents differ");
    await same("block-info");
    await same("block-destroy");
    await same("block-destroy-missing");
    await same("destroy");
    await same("destroy-missing");
    await same("policy-remove");
    statistics.close();
    await answering;
  });

  it("ask the console daemon the same", () => {
    assert.deepEqual(console.asked, recorded("albatrossd--console", "c2s"));
  });

  it("tell the statistics daemon the same", () => {
    const [greeting, ...told] = recorded("stats--albatrossd", "s2c");
    assert.equal(hex(statistics.frames[0] ?? new Uint8Array()), greeting);
    assert.deepEqual(toldStatistics.map(comparable), told.map(comparable));
  });
});
