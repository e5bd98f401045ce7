import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { CollectorError, type CollectorSource } from "../../../backends/collector.ts";
import { fromText } from "../../../core/byte-string.ts";
import { parseName } from "../../../core/name.ts";
import { frame } from "../../../core/wire/framing.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { INTERFACES_MAX, Registry, RegistryError, UNIKERNELS_MAX } from "../../../daemon/stats/registry.ts";
import { COMMAND_MAX } from "../../../daemon/stats/stats-handlers.ts";
import { until } from "../../end-to-end/harness.ts";
import { sampleStatistics } from "../../support/statistics.ts";
import { hex, readVectors, unhex } from "../../support/vectors.ts";
import { add, ask, ended, namesOf, remove, StatsRig, samples, samplesOf } from "./rig.ts";

interface Frame {
  readonly dir: "c2s" | "s2c" | null;
  readonly hex?: string;
}

function recorded(label: string): readonly Frame[] {
  return (readVectors(`transcripts/${label}.json`) as { frames: readonly Frame[] }).frames;
}

/** The command names of samples do not differ from the recorded ones, nor do their fields and sizes. */
function shape(bytes: Uint8Array): unknown {
  const { header, payload } = decodeMessage(bytes);
  if (payload.kind !== "data" || payload.data.kind !== "statistics") return hex(bytes);
  const { resourceUsage, memory, hypervisor, interfaces } = payload.data.statistics;
  const { bridge, flags, mtu } = interfaces[0] ?? assert.fail();
  return {
    header,
    usage: Object.keys(resourceUsage),
    memory: Object.keys(memory ?? {}),
    hypervisor,
    interfaces: interfaces.length,
    names: Object.keys(interfaces[0] ?? {}),
    bridge,
    kind: [typeof flags, typeof mtu],
  };
}

describe("the recorded conversations", () => {
  for (const label of ["stats-add", "stats-remove"]) {
    it(`${label}: the same answer, byte for byte`, () =>
      StatsRig.with(async (rig) => {
        const wire = await rig.client();
        for (const { dir, hex: digits } of recorded(label)) {
          if (digits === undefined) continue;
          if (dir === "c2s") wire.send(frame(unhex(digits)));
          else assert.equal(hex(await wire.frame(0)), digits);
        }
        assert.equal(wire.closed, false);
      }));
  }

  it("stats-subscribe: the same answer, and samples of the same form", () =>
    StatsRig.with(async (rig) => {
      const loopback = { device: fromText("service0"), tap: fromText("lo") };
      await rig.add("foo:net1", process.pid, [loopback]);
      const frames = recorded("stats-subscribe").filter(({ hex: digits }) => digits !== undefined);
      const wire = await rig.client();
      wire.send(frame(unhex(frames[0]?.hex ?? "")));
      await wire.frame(0);
      rig.tick();
      rig.tick();
      rig.tick();
      await samples(wire, 3);
      assert.deepEqual(
        wire.frames.map(shape),
        frames.slice(1).map(({ hex: digits = "" }) => shape(unhex(digits))),
      );
    }));
});

describe("a command", () => {
  it("for others is refused, and the connection closed", () =>
    StatsRig.with(async (rig) => {
      for (const [command, text] of [
        [{ kind: "statistics-initial" }, "unexpected message initial"],
        [{ kind: "unikernel-info" }, "unexpected command"],
        [{ kind: "console-inactive" }, "unexpected command"],
      ] as const) {
        const wire = await rig.client();
        assert.equal(await ask(wire, "a", command), `refused: ${text}`);
        await wire.gone();
      }
    }));

  it("is answered with its own header, and others may follow", () =>
    StatsRig.with(async (rig) => {
      const wire = await rig.client();
      assert.equal(await ask(wire, "a", add(process.pid), 7n), "added");
      assert.equal(await ask(wire, "a", remove, 8n), "removed");
      assert.equal(await ask(wire, "a", remove, 9n), "removed");
      assert.deepEqual(
        wire.messages.map(({ header }) => header.sequence),
        [7n, 8n, 9n],
      );
      assert.ok(
        rig.lines.some((line) => line.includes("[WARNING] [unikernel: :a] was to be removed, but is not known")),
      );
    }));

  it("may have the longest size, and not one byte more; garbage closes its own connection only", () =>
    StatsRig.with(async (rig) => {
      const witness = await rig.subscriber(":");
      const length = (value: number) => {
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32BE(value);
        return bytes;
      };
      const longest = await rig.client();
      longest.send(length(COMMAND_MAX));
      for (const bytes of [length(COMMAND_MAX + 1), Uint8Array.of(0, 0, 0, 2, 5, 5), length(0)]) {
        const wire = await rig.client();
        wire.send(bytes);
        await wire.gone();
      }
      assert.equal(longest.closed, false);
      await rig.add("a", process.pid);
      rig.tick();
      await samples(witness, 1);
    }));
});

describe("a unikernel", () => {
  it("that is added again is the new process from then on", () =>
    StatsRig.with(async (rig) => {
      const [first, second] = [rig.process(), rig.process()];
      await rig.add("a", first.pid);
      await ended(first);
      await rig.add("a", second.pid);
      const wire = await rig.subscriber("a");
      rig.tick();
      await samples(wire, 1);
    }));

  it("whose process has ended is not measured, nor forgotten", () =>
    StatsRig.with(async (rig) => {
      const child = rig.process();
      await rig.add("a", child.pid);
      await rig.add("b", process.pid);
      const wire = await rig.subscriber(":");
      rig.tick();
      await samples(wire, 2);
      await ended(child);
      rig.tick();
      rig.tick();
      await samples(wire, 4);
      assert.deepEqual(namesOf(wire), [":a", ":b", ":b", ":b"]);
      assert.equal(rig.service.registry.counts.active, 2);
      const told = rig.lines.filter((line) => line.includes("a reading of [unikernel: :a] failed"));
      assert.equal(told.length, 1, "each failure was logged");
    }));

  it("comes again after a reading that failed, whatever failed", () => {
    let failing = false;
    const source: CollectorSource = {
      interfaceVersion: 1,
      name: "fickle",
      open: () => ({
        sample: () => {
          if (failing) throw new CollectorError("Cannot read: it is a bad day", "failed");
          return sampleStatistics;
        },
        close: () => undefined,
      }),
    };
    return StatsRig.with(
      async (rig) => {
        await rig.add("a", 1);
        const wire = await rig.subscriber("a");
        rig.tick();
        failing = true;
        for (let at = 0; at < 5; at++) rig.tick();
        failing = false;
        rig.tick();
        await samples(wire, 2);
        assert.equal(rig.lines.filter((line) => line.includes("it is a bad day")).length, 1);
      },
      [source],
    );
  });

  it("is not dropped when only a part of it cannot be measured", () => {
    const broken: CollectorSource = {
      interfaceVersion: 1,
      name: "broken",
      open: () => ({
        sample: () => {
          throw new CollectorError("Cannot read the hypervisor", "refused");
        },
        close: () => undefined,
      }),
    };
    const absent: CollectorSource = {
      interfaceVersion: 1,
      name: "absent",
      open: () => {
        throw new CollectorError("There is nothing of that kind here", "unavailable");
      },
    };
    const whole: CollectorSource = {
      interfaceVersion: 1,
      name: "whole",
      open: () => ({ sample: () => ({ ...sampleStatistics, hypervisor: undefined }), close: () => undefined }),
    };
    return StatsRig.with(
      async (rig) => {
        await rig.add("a", 1);
        const wire = await rig.subscriber("a");
        rig.tick();
        const [sample] = await samples(wire, 1);
        assert.equal(sample?.statistics.hypervisor, undefined);
        assert.deepEqual(sample?.statistics.memory, sampleStatistics.memory);
      },
      [broken, absent, whole],
    );
  });

  it("has its interfaces in the original's order: the last one first", () =>
    StatsRig.with(async (rig) => {
      const tap = fromText("lo");
      const devices = ["a", "b", "c"].map(fromText);
      const unknown = { device: fromText("x"), tap: fromText("nonexistent0") };
      await rig.add("a", process.pid, [...devices.map((device) => ({ device, tap })), unknown]);
      const wire = await rig.subscriber("a");
      rig.tick();
      await samples(wire, 1);
      assert.deepEqual(
        samplesOf(wire)[0]?.statistics.interfaces.map(({ bridge }) => bridge),
        devices.toReversed(),
      );
    }));
});

describe("the registry", () => {
  const log = createLog("test", "quiet", { write: () => undefined, writableLength: 0 });
  let open = 0;
  const source: CollectorSource = {
    interfaceVersion: 1,
    name: "counting",
    open: () => {
      open++;
      return { sample: () => sampleStatistics, close: () => void open-- };
    },
  };
  const target = { pid: 1, machine: fromText(""), interfaces: [] };

  it("bounds unikernels and their interfaces, at the limit and one past it", () => {
    const registry = new Registry([source], log);
    for (let at = 0; at < UNIKERNELS_MAX; at++) registry.add(parseName(`u${at}`), "client", target);
    assert.throws(() => registry.add(parseName("more"), "client", target), RegistryError);
    registry.add(parseName("u0"), "client", target); // a known one is no further one
    const device = { device: fromText("a"), tap: fromText("a") };
    const interfaces = Array.from({ length: INTERFACES_MAX }, () => device);
    registry.add(parseName("u1"), "client", { ...target, interfaces });
    assert.throws(
      () => registry.add(parseName("u1"), "client", { ...target, interfaces: [...interfaces, device] }),
      RegistryError,
    );
    assert.equal(open, UNIKERNELS_MAX);
    registry.close();
    assert.equal(open, 0);
  });

  it("forgets what an earlier albatrossd told of, and nothing of others", () => {
    const registry = new Registry([source], log);
    registry.add(parseName("old"), 1, target);
    registry.add(parseName("new"), 2, target);
    registry.add(parseName("manual"), "client", target);
    registry.forgetBefore(2);
    assert.deepEqual(
      registry.names.map(({ text }) => text),
      [":manual", ":new"],
    );
    registry.close();
    assert.equal(open, 0);
  });
});

describe("connections", () => {
  it("leave nothing behind", () =>
    StatsRig.with(async (rig) => {
      await rig.add("a", process.pid);
      for (let round = 0; round < 5; round++) {
        const wires = await Promise.all(Array.from({ length: 40 }, () => rig.subscriber("a")));
        rig.tick();
        for (const wire of wires) wire.close();
        await until("all have gone", () => rig.server.counts.active === 0);
        assert.equal(rig.service.subscriptions.count, 0);
      }
    }));
});
