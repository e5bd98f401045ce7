/** Whatever a client says, it harms only itself. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { INT_MAX, INT_MIN } from "../../../core/int.ts";
import { commandFrame, until } from "../../end-to-end/harness.ts";
import { mutate, Random } from "../../support/mutations.ts";
import { add, ask, remove, StatsRig, samples, subscribe } from "./rig.ts";

describe("a hostile client", () => {
  it("sends damaged commands, whole or cut, and everybody else is served on", () =>
    StatsRig.with(async (rig) => {
      const witness = await rig.subscriber("witness");
      await rig.add("witness", process.pid);
      const random = new Random(20_261_125);
      const tap = { device: fromText("service"), tap: fromText("lo") };
      const originals = [
        commandFrame("foo:bar", add(process.pid, [tap])),
        commandFrame("foo:bar:", subscribe),
        commandFrame("foo", remove),
        commandFrame(":", { kind: "statistics-initial" }),
      ];
      for (let round = 0; round < 300; round++) {
        const wire = await rig.client();
        for (let count = 0; count < 5; count++) {
          const original = originals[random.below(originals.length)] ?? assert.fail();
          const content = mutate(original.slice(4), random);
          const length = Buffer.alloc(4);
          length.writeUInt32BE(content.length);
          wire.send(Buffer.concat([length, content]));
        }
        if (round % 50 === 0) rig.tick();
        wire.close();
      }
      await until("they are gone", () => rig.server.counts.active <= 2);
      // Damage may have hit the witness's name; it is said again.
      await rig.add("witness", process.pid);
      const before = witness.frames.length;
      rig.tick();
      await until("the witness is served", () => witness.frames.length > before);
      assert.ok(!rig.lines.some((line) => line.includes("an interval went without statistics")), rig.lines.join(""));
    }));

  it("names processes that cannot be, and interfaces that are none", () =>
    StatsRig.with(async (rig) => {
      const wire = await rig.client();
      const strange = ["", "..", "a/b", "x".repeat(16), "\0", "%s"].map((name) => ({
        device: fromText(name),
        tap: fromText(name),
      }));
      for (const pid of [0, -1, 2 ** 31, INT_MAX, INT_MIN]) {
        const command = { kind: "statistics-add", device: fromText("/../.."), pid, networks: strange } as const;
        assert.equal(await ask(wire, `p${String(pid).replace("-", "m")}`, command), "added");
      }
      assert.equal(await ask(wire, "good", add(process.pid, strange)), "added");
      assert.equal(await ask(wire, ":", subscribe), "subscribed");
      rig.tick();
      rig.tick();
      const got = await samples(wire, 2);
      assert.deepEqual(
        got.map(({ name, statistics }) => [name.text, statistics.interfaces.length]),
        [
          [":good", 0],
          [":good", 0],
        ],
      );
    }));

  it("subscribes, never reads and goes: nothing stays", () =>
    StatsRig.with(async (rig) => {
      for (let at = 0; at < 50; at++) await rig.add(`u${at}`, process.pid);
      const wires = await Promise.all(Array.from({ length: 20 }, () => rig.subscriber(":")));
      for (const wire of wires) wire.pause();
      for (let at = 0; at < 40; at++) rig.tick();
      for (const wire of wires) wire.close();
      await until("they are gone", () => {
        rig.tick();
        return rig.server.counts.active === 0 && rig.service.subscriptions.count === 0;
      });
    }));
});
