import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";
import { bhyveSource, OPEN_ATTEMPTS } from "../../backends/bhyve-stats/bhyve-source.ts";
import { COUNTERS_MAX, openVmmLibrary } from "../../backends/bhyve-stats/vmm-library.ts";
import { CollectorError, type CollectorSource, type CollectorTarget } from "../../backends/collector.ts";
import { fromText } from "../../core/byte-string.ts";
import { libcNames, openLibrary } from "../../runtime/ffi.ts";
import { openDescriptors } from "../runtime/open-descriptors.ts";
import { compileStub, type StubLibrary, VMMAPI } from "../support/stub-library.ts";
import { collectorConformance } from "./collector-conformance.ts";

const [ENOENT, EACCES] = [2, 13];

const target = (machine = "alba-17"): CollectorTarget => ({ pid: 1, machine: fromText(machine), interfaces: [] });

for (const [release, definitions] of [
  ["FreeBSD 14", ["WITH_CLOSE"]],
  ["FreeBSD 13", ["WITH_CLOSE", "OLDER"]],
  ["FreeBSD 12", ["OLDER"]],
] as const) {
  let library: StubLibrary | undefined;
  const compiled = () => {
    library ??= compileStub(VMMAPI, ...definitions);
    return library;
  };
  const newer = release === "FreeBSD 14";
  const fresh = () => bhyveSource(() => openVmmLibrary([compiled().path], libcNames));

  collectorConformance({
    title: `the source for the hypervisor's counters of ${release}`,
    source: fresh,
    gives: ["hypervisor"],
    target: () => target(),
  });

  describe(`the hypervisor's counters of ${release}`, () => {
    const open = () =>
      openLibrary([compiled().path], {
        stub_vmm_set: { args: ["i32", "i32"], returns: "void" },
        stub_vmm_break: { args: ["i32", "i32"], returns: "void" },
        stub_vmm_open_machines: { args: [], returns: "i32" },
        stub_vmm_open_cpus: { args: [], returns: "i32" },
        stub_vmm_attempts: { args: [], returns: "i32" },
        stub_vmm_swapped: { args: [], returns: "i32" },
      });
    let stub: ReturnType<typeof open>;
    let source: CollectorSource;
    before(() => {
      stub = open();
    });
    beforeEach(() => {
      stub.stub_vmm_set(0, 3);
      stub.stub_vmm_break(0, 0);
      source = fresh();
    });
    after(() => compiled().remove());

    const failure = (action: () => unknown): CollectorError => {
      try {
        action();
      } catch (error) {
        assert.ok(error instanceof CollectorError, String(error));
        return error;
      }
      return assert.fail("it was measured");
    };

    it("come with their texts, the last one first, unsigned and at once", () => {
      const collector = source.open(target());
      const expected = [
        { key: "x".repeat(128), value: 1002n },
        { key: "Wired memory", value: 1001n },
        { key: "Resident memory", value: 2n ** 64n - 1n },
      ];
      for (let round = 0; round < 3; round++) assert.deepEqual(collector.sample(), { hypervisor: expected });
      collector.close();
    });

    it("are asked of the first virtual CPU, and their texts of the machine: never swapped (stats.md 10.8)", () => {
      const collector = source.open(target());
      collector.sample();
      collector.close();
      assert.equal(stub.stub_vmm_swapped(), 0);
    });

    it("give back machine, virtual CPU and descriptor", async () => {
      const descriptors = await openDescriptors();
      const machines = stub.stub_vmm_open_machines();
      const collectors = Array.from({ length: 5 }, () => source.open(target()));
      for (const collector of collectors) collector.sample();
      assert.equal(stub.stub_vmm_open_machines(), machines + 5);
      assert.equal(stub.stub_vmm_open_cpus(), newer ? 5 : 0);
      for (const collector of collectors) collector.close();
      assert.equal(await openDescriptors(), descriptors);
      if (definitions.includes("WITH_CLOSE" as never)) assert.equal(stub.stub_vmm_open_machines(), machines);
      assert.equal(stub.stub_vmm_open_cpus(), 0);
    });

    it(`of a machine that cannot be opened are tried for ${OPEN_ATTEMPTS} times, once per sample (stats.md 8)`, () => {
      stub.stub_vmm_set(ENOENT, 3);
      const collector = source.open(target());
      const before = stub.stub_vmm_attempts();
      for (let left = OPEN_ATTEMPTS - 1; left >= 0; left--) {
        const { reason, message } = failure(() => collector.sample());
        assert.equal(reason, "failed");
        const text = `Cannot open the virtual machine alba-17: No such file or directory (ENOENT), ${left} attempts left`;
        assert.equal(message.slice(0, text.length), text);
        assert.equal(message.includes("add path 'vmm/*' mode 0660 group albatross"), left === 0, "advised at the end");
      }
      stub.stub_vmm_set(0, 3);
      assert.deepEqual(collector.sample(), {}, "given up");
      assert.equal(stub.stub_vmm_attempts() - before, OPEN_ATTEMPTS);
    });

    it("advise on devfs once for all machines", () => {
      stub.stub_vmm_set(EACCES, 3);
      const messages = [source.open(target()), source.open(target("alba-18"))].flatMap((collector) =>
        Array.from({ length: OPEN_ATTEMPTS }, () => failure(() => collector.sample())),
      );
      assert.ok(messages.every(({ reason }) => reason === "refused"));
      assert.deepEqual(
        messages.flatMap(({ message }, at) => (message.includes("devfs.rules") ? [at] : [])),
        [OPEN_ATTEMPTS - 1],
      );
    });

    it("of a machine that comes late are there as soon as it is", () => {
      stub.stub_vmm_set(ENOENT, 3);
      const collector = source.open(target());
      for (let round = 1; round < OPEN_ATTEMPTS; round++) failure(() => collector.sample());
      stub.stub_vmm_set(0, 3);
      assert.equal(collector.sample().hypervisor?.length, 3);
      stub.stub_vmm_set(0, -1);
      const { reason, message } = failure(() => collector.sample());
      assert.equal(reason, "failed");
      assert.match(message, /^Cannot read the counters of alba-17: .*\(ENXIO\)$/);
      stub.stub_vmm_set(0, 3);
      assert.equal(collector.sample().hypervisor?.length, 3, "and again after a failed reading (stats.md 10.5)");
      collector.close();
    });

    it("give back a machine whose virtual CPU or texts cannot be had", async () => {
      const descriptors = await openDescriptors();
      stub.stub_vmm_break(1, 0);
      const first = source.open(target());
      if (newer) assert.match(failure(() => first.sample()).message, /ENOMEM\), 3 attempts left$/);
      first.close();
      stub.stub_vmm_break(0, 1);
      const second = source.open(target());
      assert.match(failure(() => second.sample()).message, /^Cannot read the name of counter 0 of alba-17: .*EINVAL/);
      second.close();
      assert.equal(await openDescriptors(), descriptors);
      assert.equal(stub.stub_vmm_open_cpus(), 0);
    });

    it(`are ${COUNTERS_MAX} at most, and may be none`, () => {
      for (const [given, taken] of [
        [0, 0],
        [COUNTERS_MAX, COUNTERS_MAX],
        [COUNTERS_MAX + 1, COUNTERS_MAX],
      ] as const) {
        stub.stub_vmm_set(0, given);
        const collector = source.open(target());
        assert.equal(collector.sample().hypervisor?.length, taken);
        collector.close();
      }
    });

    for (const name of ["", "..", "../null", "a/b", "a b", "x".repeat(128)]) {
      it(`are not looked for under ${JSON.stringify(name.slice(0, 10))}: the library would open any path`, () => {
        const before = stub.stub_vmm_attempts();
        assert.deepEqual(source.open(target(name)).sample(), {});
        assert.equal(stub.stub_vmm_attempts(), before);
      });
    }
  });
}

describe("the library of virtual machines", () => {
  it("is not on Linux, which is said", () => {
    assert.throws(
      () => bhyveSource().open(target()),
      (error) =>
        error instanceof CollectorError &&
        error.reason === "unavailable" &&
        /^Cannot read the hypervisor's counters: Cannot open the library libvmmapi/.test(error.message),
    );
  });
});
