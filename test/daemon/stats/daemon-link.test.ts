/** The connection to albatrossd, against peers that a test scripts. The real albatrossd is in the end-to-end tests. */
import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { Name } from "../../../core/name.ts";
import { frame } from "../../../core/wire/framing.ts";
import type { Payload } from "../../../core/wire/message.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { DaemonLink, type LinkTimes } from "../../../daemon/stats/daemon-link.ts";
import { listenPeer, onFrames, type ScriptedPeer } from "../../client/scripted-peer.ts";
import { commandFrame, until } from "../../end-to-end/harness.ts";
import { hex, readVectors, unhex } from "../../support/vectors.ts";
import { add, ended, namesOf, remove, StatsRig, samples } from "./rig.ts";

const empty: Payload = { kind: "success", success: { kind: "empty" } };
const quick: LinkTimes = { reconnect: 20, answer: 200, confirm: 50 };

/** One connection that the peer has got. */
interface Call {
  readonly socket: Socket;
  readonly frames: Uint8Array[];
}

class Daemon {
  readonly calls: Call[] = [];
  #peer: ScriptedPeer | undefined;
  /** What the first message of each connection is answered with; nothing if `undefined`. */
  greeting: ((socket: Socket) => void) | undefined = (socket) =>
    socket.write(encodeFrame({ header: { sequence: 0n, name: Name.root }, payload: empty }));

  async listen(path: string): Promise<void> {
    this.#peer = await listenPeer((socket) => {
      const frames: Uint8Array[] = [];
      this.calls.push({ socket, frames });
      onFrames(socket, (payload) => {
        frames.push(payload);
        if (frames.length === 1) this.greeting?.(socket);
      });
      socket.on("end", () => socket.end());
    }, path);
  }

  /** Waits for the connection of that number to be greeted. */
  async call(at: number): Promise<Call> {
    return await until(`connection ${at} comes`, () => (this.calls[at]?.frames.length ? this.calls[at] : undefined));
  }

  async close(): Promise<void> {
    await this.#peer?.close();
  }
}

async function withLink(action: (rig: StatsRig, daemon: Daemon) => Promise<void>, times = quick): Promise<void> {
  const daemon = new Daemon();
  await StatsRig.with(async (rig) => {
    const link = new DaemonLink({ path: rig.vmmd, service: rig.service, log: rig.service.log, times });
    try {
      await action(rig, daemon);
    } finally {
      link.close();
      await daemon.close();
    }
  });
}

const sentBy = async (call: Call, count: number) =>
  await until(`${count} messages come`, () => (call.frames.length >= count ? call.frames : undefined));

describe("the connection to albatrossd", () => {
  it("is tried again and again, which is logged once, and then is as recorded, byte for byte", () =>
    withLink(async (rig, daemon) => {
      await until("it is missed", () => rig.lines.some((line) => line.includes("not connected to albatrossd")));
      await new Promise((resolve) => setTimeout(resolve, 5 * quick.reconnect));
      await daemon.listen(rig.vmmd);
      const call = await daemon.call(0);
      const { frames } = readVectors("transcripts/stats--albatrossd.json") as {
        frames: readonly { dir: string | null; hex?: string }[];
      };
      const [asked, , ...rest] = frames.filter(({ hex: digits }) => digits !== undefined);
      assert.equal(hex(call.frames[0] ?? new Uint8Array()), asked?.hex);
      let count = 1;
      for (const { dir, hex: digits = "" } of rest) {
        if (dir === "s2c") call.socket.write(frame(unhex(digits)));
        else assert.equal(hex((await sentBy(call, ++count)).at(-1) ?? new Uint8Array()), digits);
      }
      assert.equal(count, 11);
      assert.equal(rig.lines.filter((line) => line.includes("not connected")).length, 1);
    }));

  it("may be lost: subscriptions go on, unikernels are measured on, and the new one's are told again", () =>
    withLink(async (rig, daemon) => {
      await daemon.listen(rig.vmmd);
      const first = await daemon.call(0);
      const [kept, lost] = [rig.process(), rig.process()];
      first.socket.write(commandFrame("kept", add(kept.pid), 1n));
      first.socket.write(commandFrame("lost", add(lost.pid), 2n));
      await sentBy(first, 3);
      await rig.add("manual", process.pid);
      const wire = await rig.subscriber(":");
      rig.tick();
      await samples(wire, 3);
      first.socket.destroy();
      rig.tick();
      await samples(wire, 6);
      const second = await daemon.call(1);
      second.socket.write(commandFrame("kept", add(kept.pid), 1n));
      await sentBy(second, 2);
      await until("the other one is forgotten", () => rig.service.registry.counts.active === 2);
      rig.tick();
      await samples(wire, 8);
      assert.deepEqual(namesOf(wire).slice(6), [":kept", ":manual"]);
      assert.equal(wire.closed, false);
    }));

  it("takes an add of a known name as a replacement", () =>
    withLink(async (rig, daemon) => {
      await daemon.listen(rig.vmmd);
      const { socket, frames } = await daemon.call(0);
      const [first, second] = [rig.process(), rig.process()];
      socket.write(commandFrame("a", add(first.pid), 1n));
      socket.write(commandFrame("a", add(second.pid), 2n));
      await until("both are answered", () => frames.length === 3);
      assert.deepEqual(
        frames.slice(1).map((bytes) => decodeMessage(bytes).payload),
        [1, 2].map(() => ({ kind: "success", success: { kind: "string", text: fromText("added") } })),
      );
      await ended(first);
      const wire = await rig.subscriber("a");
      rig.tick();
      await samples(wire, 1);
      socket.write(commandFrame("a", remove, 3n));
      await until("it is removed", () => rig.service.registry.counts.active === 0);
    }));

  const answer = (sequence: bigint, payload: Payload) => (socket: Socket) =>
    socket.write(encodeFrame({ header: { sequence, name: Name.root }, payload }));
  for (const [what, greeting, reason] of [
    ["another sequence number", answer(1n, empty), /it answered with something unexpected/],
    ["a failure", answer(0n, { kind: "failure", text: fromText("not you") }), /it answered with a failure: not you/],
    [
      "another success",
      answer(0n, { kind: "success", success: { kind: "string", text: fromText("hi") } }),
      /it answered with something unexpected/,
    ],
    ["garbage", (socket: Socket) => socket.write(Uint8Array.of(0, 0, 0, 2, 5, 5)), /not connected/],
    ["the end", (socket: Socket) => socket.end(), /it closed the connection/],
    ["the marker of the end", (socket: Socket) => socket.write(new Uint8Array(4)), /it ended the conversation/],
    ["nothing at all", undefined, /no answer within 200 ms/],
  ] as const) {
    it(`is made anew after ${what} as the first answer`, () =>
      withLink(async (rig, daemon) => {
        daemon.greeting = greeting;
        await daemon.listen(rig.vmmd);
        await daemon.call(1);
        assert.match(rig.lines.join(""), reason);
        daemon.greeting = new Daemon().greeting;
        await until("it is accepted at last", () => rig.lines.some((line) => line.includes("connected to albatrossd")));
      }));
  }

  it("is made anew after a command that is refused", () =>
    withLink(async (rig, daemon) => {
      await daemon.listen(rig.vmmd);
      const { socket } = await daemon.call(0);
      socket.write(commandFrame("a", { kind: "unikernel-info" }, 1n));
      await daemon.call(1);
    }));
});
