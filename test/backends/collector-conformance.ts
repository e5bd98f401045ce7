/**
 * What every source of statistics must do, whatever it measures.
 *
 * @module
 */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import {
  COLLECTOR_INTERFACE_VERSION,
  CollectorError,
  type CollectorSource,
  type CollectorTarget,
  type Sample,
} from "../../backends/collector.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { ResourceUsage, Statistics } from "../../core/statistics.ts";
import { decodeMessage, encodeMessage } from "../../core/wire/message-codec.ts";
import { openDescriptors } from "../runtime/open-descriptors.ts";

/** The parts of a sample. */
export type Part = keyof Statistics;

/** How to run the suite. */
export interface CollectorConformance {
  /** Of which source, for people. */
  readonly title: string;
  /** Why it cannot be run here; `undefined` if it can. */
  readonly skip?: string | undefined;
  source(): CollectorSource;
  /** The parts that it gives. */
  readonly gives: readonly Part[];
  /** Something that can be measured, with two interfaces if it measures these; made once. */
  target(): CollectorTarget | Promise<CollectorTarget>;
  /** Something that cannot be measured, if the source says so at all. */
  readonly gone?: CollectorTarget;
  /** Gives back what `target` made. */
  release?(): void | Promise<void>;
}

/** How many collectors are opened in the tests for leaks. */
const MANY = 100;

const missing = { device: fromText("lost"), tap: fromText("notap-99999") };

/** All statistics that a sample leaves out are zero: it is then a whole one. */
function whole(sample: Sample): Statistics {
  const time = { seconds: 0n, microseconds: 0 };
  const none = { maxrss: 0n, ixrss: 0n, idrss: 0n, isrss: 0n, minflt: 0n, majflt: 0n, nswap: 0n, inblock: 0n };
  const more = { outblock: 0n, msgsnd: 0n, msgrcv: 0n, nsignals: 0n, nvcsw: 0n, nivcsw: 0n };
  const resourceUsage: ResourceUsage = { utime: time, stime: time, ...none, ...more };
  return { resourceUsage, interfaces: [], hypervisor: undefined, memory: undefined, ...sample };
}

/** Runs a source through everything that is promised of it. */
export function collectorConformance(options: CollectorConformance): void {
  describe(options.title, { skip: options.skip ?? false }, () => {
    let source: CollectorSource;
    let target: CollectorTarget;
    before(async () => {
      source = options.source();
      target = await options.target();
    });
    after(async () => await options.release?.());

    const sampled = (wanted: CollectorTarget): Sample => {
      const collector = source.open(wanted);
      try {
        return collector.sample();
      } finally {
        collector.close();
      }
    };

    it("has this interface and a name", () => {
      assert.equal(source.interfaceVersion, COLLECTOR_INTERFACE_VERSION);
      assert.match(source.name, /^[a-z]+$/);
    });

    it(`gives ${options.gives.join(", ")}, and nothing else`, () => {
      const given = Object.entries(sampled(target)).filter(([, value]) => value !== undefined);
      assert.deepEqual(given.map(([key]) => key).sort(), [...options.gives].sort());
    });

    it("gives what the protocol can carry", () => {
      const data: Statistics = whole(sampled(target));
      const header = { sequence: 0n, name: parseName("vm") };
      const bytes = encodeMessage({
        header,
        payload: { kind: "data", data: { kind: "statistics", statistics: data } },
      });
      const back = decodeMessage(bytes);
      assert.ok(back.payload.kind === "data" && back.payload.data.kind === "statistics");
      assert.deepEqual(back.payload.data.statistics, data);
    });

    if (options.gives.includes("interfaces")) {
      it("gives interfaces in the order of the target, without those that are not there", () => {
        const names = (wanted: CollectorTarget) => sampled(wanted).interfaces?.map(({ bridge }) => bridge);
        const devices = target.interfaces.map(({ device }) => device);
        assert.ok(devices.length >= 2);
        assert.deepEqual(names(target), devices);
        assert.deepEqual(names({ ...target, interfaces: target.interfaces.toReversed() }), devices.toReversed());
        const [first, ...rest] = target.interfaces;
        assert.ok(first !== undefined);
        assert.deepEqual(names({ ...target, interfaces: [first, missing, ...rest] }), devices);
        assert.deepEqual(names({ ...target, interfaces: [] }), []);
      });
    }

    it("gives counters that never go back", () => {
      const collector = source.open(target);
      try {
        const [first, second] = [whole(collector.sample()), whole(collector.sample())];
        for (const key of ["minflt", "majflt", "nvcsw", "nivcsw", "inblock"] as const) {
          assert.ok(second.resourceUsage[key] >= first.resourceUsage[key], key);
        }
        for (const [at, { inputBytes, outputBytes }] of first.interfaces.entries()) {
          assert.ok((second.interfaces[at]?.inputBytes ?? -1n) >= inputBytes);
          assert.ok((second.interfaces[at]?.outputBytes ?? -1n) >= outputBytes);
        }
        assert.deepEqual(second.memory?.start, first.memory?.start);
      } finally {
        collector.close();
      }
    });

    if (options.gone !== undefined) {
      const { gone } = options;
      it("opens what is not there, and says so at each sample", () => {
        const collector = source.open(gone);
        for (let round = 0; round < 2; round++) {
          assert.throws(
            () => collector.sample(),
            (error) => error instanceof CollectorError && error.reason === "gone" && error.message !== "",
          );
        }
        collector.close();
      });
    }

    it("can be closed twice, and unsampled", () => {
      const collector = source.open(target);
      collector.close();
      collector.close();
    });

    it(`leaves no descriptor open after ${MANY} collectors, open at once or one after the other`, async () => {
      sampled(target); // what is opened once and kept
      const before = await openDescriptors();
      const collectors = Array.from({ length: MANY }, () => source.open(target));
      for (const collector of collectors) collector.sample();
      for (const collector of collectors) collector.close();
      for (let round = 0; round < MANY; round++) sampled(target);
      assert.equal(await openDescriptors(), before);
    });
  });
}
