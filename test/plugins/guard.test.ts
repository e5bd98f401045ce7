import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Backend, BackendHost, Launcher, LaunchRequest } from "../../backends/backend.ts";
import { BackendRefusal } from "../../backends/backend.ts";
import { CollectorError, type CollectorSource } from "../../backends/collector.ts";
import { plainArguments } from "../../conformance/rig.ts";
import { fromText } from "../../core/byte-string.ts";
import type { UnikernelType } from "../../core/unikernel-type.ts";
import { faultOf } from "../../plugins/faults.ts";
import { Guard, PluginFault, pluginInCharge } from "../../plugins/guard.ts";
import { guardBackend } from "../../plugins/guard-backend.ts";
import { guardCollectorSource } from "../../plugins/guard-collector.ts";
import { guardEventSink } from "../../plugins/guard-event-sink.ts";
import { GuardedReporter } from "../../plugins/guard-reporter.ts";
import { guardTransport } from "../../plugins/guard-transport.ts";
import type { Connection } from "../../runtime/connection.ts";
import { LineLog } from "./plugin-files.ts";

const never = new Promise<never>(() => undefined);

function made(): { guard: Guard; log: LineLog } {
  const log = new LineLog();
  return { guard: new Guard("test", log), log };
}

describe("a call into a plugin", () => {
  it("gives its result, and knows meanwhile who is in charge", async () => {
    const { guard } = made();
    assert.equal(
      guard.call("try", () => pluginInCharge()),
      "test",
    );
    assert.equal(
      await guard.settle("try", async () => {
        await null;
        return pluginInCharge();
      }),
      "test",
    );
    assert.equal(pluginInCharge(), undefined);
  });

  it("fails with the plugin's name, whatever it throws or rejects", async () => {
    const { guard } = made();
    for (const [thrown, text] of [
      [new Error("broken"), "broken"],
      ["text", "text"],
      [undefined, "undefined"],
      [null, "null"],
    ] as const) {
      const wanted = { name: "PluginFault", message: `the plugin test failed to try: ${text}`, cause: thrown };
      const fail = () => {
        throw thrown;
      };
      assert.throws(() => guard.call("try", fail), wanted);
      await assert.rejects(guard.settle("try", fail), wanted);
      await assert.rejects(
        guard.settle("try", () => Promise.reject(thrown)),
        wanted,
      );
    }
  });

  it("has failed when its time is over, and not before; a late result is handed over", async () => {
    const { guard } = made();
    assert.equal(await guard.settle("wait", () => sleep(5, "done"), { limit: 10_000 }), "done");
    const { promise, resolve } = Promise.withResolvers<string>();
    const late: string[] = [];
    const call = guard.settle("wait", () => promise, { limit: 20, late: (value) => void late.push(value) });
    await assert.rejects(call, { message: "the plugin test took longer than 20 ms to wait" });
    resolve("at last");
    await sleep(0);
    assert.deepEqual(late, ["at last"]);
  });

  it("has failed for good: a rejection after its time is nobody's", async () => {
    const { guard } = made();
    const { promise, reject } = Promise.withResolvers<string>();
    await assert.rejects(
      guard.settle("wait", () => promise, { limit: 5 }),
      PluginFault,
    );
    reject(new Error("late"));
    await sleep(5); // an unhandled one would fail this test
  });
});

describe("a backend of a plugin", () => {
  const host = {} as BackendHost;
  const request = { arguments: plainArguments([]), image: undefined };
  const launchRequest = { environment: {} } as LaunchRequest;

  /** A process of its own. */
  function sleeper(environment: Readonly<Record<string, string>> = {}): { pid: number; kill(): void } {
    const child = spawn("sleep", ["1000"], { stdio: "ignore", env: { PATH: process.env["PATH"], ...environment } });
    return { pid: child.pid ?? assert.fail(), kill: () => void child.kill("SIGKILL") };
  }

  /** The id of a process that has ended. */
  async function formerPid(): Promise<number> {
    const child = spawn("true", { stdio: "ignore" });
    await new Promise((resolve) => child.on("exit", resolve));
    return child.pid ?? assert.fail();
  }
  const launcher: Launcher = { description: "it", emulated: false, launch: () => never };
  const type = "test" as UnikernelType;

  function backend(changes: Partial<Record<keyof Backend, unknown>>): { backend: Backend; log: LineLog } {
    const { guard, log } = made();
    const whole = { interfaceVersion: 1, name: "test", handles: () => true, check: async () => launcher, ...changes };
    return { backend: guardBackend(guard, whole as Backend), log };
  }

  it("handles what it says, and nothing if it fails to say", () => {
    assert.equal(backend({}).backend.handles(type, undefined), true);
    assert.equal(backend({ handles: () => "yes" }).backend.handles(type, undefined), false);
    const { backend: broken, log } = backend({
      handles() {
        throw new Error("broken");
      },
    });
    assert.equal(broken.handles(type, undefined), false);
    assert.deepEqual(log.lines, ["error the plugin test failed to say what it handles: broken"]);
  });

  it("refuses in its own words, which are nobody else's business", async () => {
    class BackendRefusalOfAnother extends Error {
      override readonly name = "BackendRefusal";
    }
    const { backend: refusing, log } = backend({
      check: async () => {
        throw new BackendRefusalOfAnother("give it more memory");
      },
    });
    await assert.rejects(refusing.check(request, host), (error) => {
      assert.ok(error instanceof BackendRefusal);
      return error.message === "give it more memory";
    });
    assert.deepEqual(log.lines, []);
  });

  it("refuses with its name when it fails, and the administrator is told", async () => {
    for (const check of [
      () => {
        throw new Error("broken");
      },
      () => Promise.reject(new Error("broken")),
    ]) {
      const { backend: broken, log } = backend({ check });
      await assert.rejects(broken.check(request, host), {
        name: "BackendRefusal",
        message: "the plugin test failed to check: broken",
      });
      assert.deepEqual(log.lines, ["error the plugin test failed to check: broken"]);
    }
  });

  it("is refused a launcher that is none", async () => {
    for (const bad of [undefined, null, {}, { description: "x" }, { description: 3, launch() {} }]) {
      await assert.rejects(backend({ check: async () => bad }).backend.check(request, host), BackendRefusal);
    }
  });

  it("launches; a process that is none is refused", async () => {
    const launch = async (launched: unknown) => {
      const { backend: launching } = backend({ check: async () => ({ ...launcher, launch: async () => launched }) });
      return await (await launching.check(request, host)).launch(launchRequest);
    };
    const exited = Promise.resolve({ kind: "exit", code: 3 });
    assert.deepEqual(await (await launch({ pid: 5, exited })).exited, { kind: "exit", code: 3 });
    assert.equal((await launch({ pid: 5, exited, machine: "m" })).machine, "m");
    for (const bad of [
      undefined,
      {},
      { pid: 5 },
      { pid: 0, exited },
      { pid: 1, exited },
      { pid: -5, exited },
      { pid: "5", exited },
    ]) {
      await assert.rejects(launch(bad), /gave no process for a launch: it needs pid and exited/);
    }
  });

  const launchBy = async (launched: unknown, launching = launchRequest) => {
    const { backend: one, log } = backend({ check: async () => ({ ...launcher, launch: async () => launched }) });
    return { ended: (await (await one.check(request, host)).launch(launching)).exited, log };
  };

  it("may say oddly how its process ended: in an unknown way then", async () => {
    const pid = await formerPid();
    const statusOf = async (status: unknown) => await (await launchBy({ pid, exited: Promise.resolve(status) })).ended;
    assert.deepEqual(await statusOf({ kind: "signal", signal: 9 }), { kind: "signal", signal: 9 });
    for (const odd of [undefined, 3, {}, { kind: "exit" }, { kind: "exit", code: "0" }, { kind: "signal" }]) {
      assert.deepEqual(await statusOf(odd), { kind: "unknown" });
    }
  });

  it("may fail to wait for its process, which counts as running until it has ended", async () => {
    const gone = await formerPid();
    const first = await launchBy({ pid: gone, exited: Promise.reject(new Error("lost")) });
    assert.deepEqual(await first.ended, { kind: "unknown" });
    assert.deepEqual(first.log.lines, [`error the wait for process ${gone} failed: lost`]);
    const { pid, kill } = sleeper();
    const second = await launchBy({ pid, exited: Promise.reject(new Error("lost")) });
    assert.equal(await Promise.race([second.ended, sleep(50, "runs")]), "runs");
    kill();
    assert.deepEqual(await second.ended, { kind: "unknown" });
  });

  it("may never say that its process has ended: it is seen all the same, after a moment", async () => {
    const { pid, kill } = sleeper();
    const { ended, log } = await launchBy({ pid, exited: never });
    assert.equal(await Promise.race([ended, sleep(50, "runs")]), "runs");
    kill();
    assert.deepEqual(await ended, { kind: "unknown" });
    assert.deepEqual(log.lines, [`error process ${pid} has ended, and nothing tells how`]);
    const former = await launchBy({ pid: await formerPid(), exited: never });
    assert.deepEqual(await former.ended, { kind: "unknown" });
  });

  it("has to give its process the environment by which the next albatrossd knows it", async () => {
    const launching = { environment: { MARK: "store/1/:web" } } as unknown as LaunchRequest;
    const marked = sleeper({ MARK: "store/1/:web" });
    const other = sleeper({ MARK: "store/2/:web" });
    try {
      await launchBy({ pid: marked.pid, exited: never }, launching);
      const refused = {
        name: "BackendRefusal",
        message: /has not got the environment of the launch: use startProcess/,
      };
      await assert.rejects(launchBy({ pid: other.pid, exited: never }, launching), refused);
      await assert.rejects(launchBy({ pid: process.pid, exited: never }, launching), /gave no process for a launch/);
      await launchBy({ pid: await formerPid(), exited: never }, launching); // it had no time to show any
    } finally {
      marked.kill();
      other.kill();
    }
  });

  it("that launches after its time leaves no process behind", { timeout: 60_000 }, async () => {
    const child = spawn("sleep", ["1000"], { stdio: "ignore" });
    const ended = new Promise<NodeJS.Signals | null>((resolve) => child.on("exit", (_, signal) => resolve(signal)));
    const { promise, resolve } = Promise.withResolvers<unknown>();
    const { backend: slow } = backend({ check: async () => ({ ...launcher, launch: () => promise }) });
    const checked = await slow.check(request, host);
    await assert.rejects(checked.launch(launchRequest), /took longer than 10000 ms to launch/);
    resolve({ pid: child.pid, exited: never });
    assert.equal(await ended, "SIGKILL");
  });

  it("may fail to release: that is logged", async () => {
    const { backend: broken, log } = backend({ release: () => Promise.reject(new Error("stuck")) });
    await broken.release?.("m", host);
    await backend({}).backend.release?.("m", host);
    assert.deepEqual(log.lines, ["error the plugin test failed to release: stuck"]);
  });
});

describe("a source of statistics of a plugin", () => {
  const target = { pid: 1, machine: fromText(""), interfaces: [] };

  function source(open: unknown): CollectorSource {
    return guardCollectorSource(made().guard, { interfaceVersion: 1, name: "test", open } as CollectorSource);
  }

  it("gives what can be said on the wire", () => {
    const hypervisor = [{ key: fromText("exits"), value: 3n }];
    const collector = source(() => ({ sample: () => ({ hypervisor }), close() {} })).open(target);
    assert.deepEqual(collector.sample(), { hypervisor });
    for (const bad of [
      { hypervisor: [{ key: "exits", value: "3" }] },
      { hypervisor: 3 },
      { interfaces: [{}] },
      undefined,
    ]) {
      const broken = source(() => ({ sample: () => bad, close() {} })).open(target);
      assert.throws(() => broken.sample(), { name: "CollectorError", reason: "failed" });
    }
  });

  it("fails as it says, or in an unknown way", () => {
    const own = Object.assign(new Error("not there"), { name: "CollectorError", reason: "gone" });
    for (const [thrown, reason, message] of [
      [own, "gone", "not there"],
      [Object.assign(new Error("odd"), { name: "CollectorError", reason: "odd" }), "failed", /failed to .*: odd/],
      [new Error("broken"), "failed", /the plugin test failed to .*: broken/],
    ] as const) {
      const fail = () => {
        throw thrown;
      };
      for (const call of [
        () => source(fail).open(target),
        () =>
          source(() => ({ sample: fail, close() {} }))
            .open(target)
            .sample(),
      ]) {
        assert.throws(call, (error) => {
          assert.ok(error instanceof CollectorError);
          assert.equal(error.reason, reason);
          if (typeof message === "string") assert.equal(error.message, message);
          else assert.match(error.message, message);
          return true;
        });
      }
      source(() => ({ sample: fail, close: fail }))
        .open(target)
        .close(); // only logged
    }
  });
});

describe("a reporter of a plugin", () => {
  it("is called once at a time, and loses what comes meanwhile", async () => {
    const { guard, log } = made();
    let { promise, resolve } = Promise.withResolvers<void>();
    const seen: number[] = [];
    const reporter = new GuardedReporter(guard, {
      name: "slow",
      report(samples) {
        seen.push(samples.length);
        return promise;
      },
    });
    reporter.report([]);
    reporter.report([]);
    reporter.report([]);
    assert.deepEqual(seen, [0]);
    resolve();
    await sleep(5);
    ({ promise, resolve } = Promise.withResolvers<void>());
    reporter.report([]);
    assert.deepEqual(seen, [0, 0]);
    assert.deepEqual(log.lines, [
      "warning the reporter slow is slow, and loses ticks",
      "warning the reporter slow has caught up after losing 2 ticks",
    ]);
    resolve();
    await reporter.close();
  });

  it("that fails is reported once, until it works again", async () => {
    const { guard, log } = made();
    let broken = true;
    const reporter = new GuardedReporter(guard, {
      name: "broken",
      async report() {
        if (broken) throw new Error("no");
      },
      close() {
        throw new Error("nor this");
      },
    });
    for (const state of [true, true, false, true]) {
      broken = state;
      reporter.report([]);
      await sleep(5);
    }
    await reporter.close();
    const line = "error the plugin test failed to report: no";
    assert.deepEqual(log.lines, [line, line, "error the plugin test failed to close: nor this"]);
  });
});

describe("an event sink of a plugin", () => {
  it("fails with its name, and in time", { timeout: 60_000 }, async () => {
    const sink = (write: () => Promise<void>) =>
      guardEventSink(made().guard, { name: "sink", write, close: () => Promise.reject(new Error("stuck")) });
    await sink(async () => undefined).write([]);
    await sink(async () => undefined).reopen?.();
    await assert.rejects(sink(async () => undefined).close(), /the plugin test failed to close: stuck/);
    await assert.rejects(sink(() => Promise.reject(new Error("full"))).write([]), /failed to write events: full/);
    await assert.rejects(sink(() => never).write([]), /took longer than 10000 ms to write events/);
  });
});

describe("a transport of a plugin", () => {
  it("gives connections whose methods throw nothing", async () => {
    const { guard, log } = made();
    const fail = () => {
      throw new Error("wire cut");
    };
    const broken = {
      send: fail,
      pending: Number.NaN,
      drained: async () => undefined,
      end: fail,
      destroy: fail,
      pause: fail,
      resume: fail,
    };
    const transport = guardTransport(guard, {
      name: "pipe",
      listen(accept) {
        accept(broken as unknown as Connection, "far away");
        return { where: "the pipe", close: fail };
      },
    });
    const listener = await transport.listen((connection, address) => {
      assert.equal(address, "far away");
      assert.equal(connection.send(new Uint8Array(1)), false);
      assert.equal(connection.pending, 0);
      for (const method of ["end", "destroy", "pause", "resume"] as const) connection[method]();
      return { data() {}, close() {} };
    });
    assert.equal(listener.where, "the pipe");
    listener.close();
    assert.equal(log.lines.length, 6);
    assert.match(log.lines[0] ?? "", /^error the plugin test failed to send: wire cut$/);
  });

  it("that does not listen is refused", async () => {
    for (const result of [undefined, {}, { where: "x" }]) {
      const transport = guardTransport(made().guard, { name: "none", listen: () => result as never });
      await assert.rejects(async () => await transport.listen(() => ({ data() {}, close() {} })), PluginFault);
    }
  });
});

describe("a fault that nobody calls for", () => {
  const loaded = [
    { plugin: { apiVersion: 1, name: "one", reporters: [] }, guard: made().guard, path: "/opt/one.js" },
  ] as const;
  const withStack = (stack: string) => Object.assign(new Error("x"), { stack });

  it("is that of the plugin on the stack, of the daemon if only that is there, and else unknown", () => {
    assert.equal(
      faultOf(withStack("Error: x\n    at go (/opt/one.js:3:60)\n    at /$bunfs/root/m:2:302"), loaded),
      "one",
    );
    assert.equal(faultOf(withStack("Error: x\n    at /opt/one.js:3:60"), loaded), "one");
    assert.equal(faultOf(withStack("Error: x\n    at go (/opt/one.js.other:3:60)"), loaded), undefined);
    assert.equal(faultOf(withStack("Error: x\n    at /$bunfs/root/m:2:302\n at native:7:39"), loaded), undefined);
    assert.equal(faultOf(withStack("Error: x\n    at native:7:39"), loaded), "unknown");
    for (const thrown of ["text", undefined, null, Object.assign(new Error("x"), { stack: undefined })]) {
      assert.equal(faultOf(thrown, loaded), "unknown");
    }
    assert.equal(
      made().guard.call("try", () => faultOf("text", loaded)),
      "test",
    );
  });
});
