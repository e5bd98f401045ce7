/** FreeBSD's processes: the real foreign function calls, on an acted kernel. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";
import { commandLineOf, environmentVariableOf, findByEnvironment } from "../../host/process-identity.ts";
import { cpuPrefix } from "../../runtime/cpu-affinity.ts";
import { openLibrary } from "../../runtime/ffi.ts";
import { FreebsdProcessTable } from "../../runtime/freebsd-process-table.ts";
import { exitStatusOf, FreebsdProcessWatches } from "../../runtime/freebsd-process-watch.ts";
import { KINFO_PROC, listKinfoProcs } from "../../runtime/kinfo-proc.ts";
import { identify, type ProcessIdentity } from "../../runtime/process-identity.ts";
import { SYSCTL_ATTEMPTS, Sysctl } from "../../runtime/sysctl.ts";
import { compileStub, FREEBSD_LIBC, type StubLibrary } from "../support/stub-library.ts";
import { openDescriptors } from "./open-descriptors.ts";

const [SEE_OTHERS, CLOCK_STEP, RESTARTED, GROWING, OLD_KERNEL, REFUSING] = [0, 1, 2, 3, 4, 5];
const [FULL, REFUSED, ZOMBIE, NOBODY] = [100, 102, 106, 107];
const [EPERM, ESRCH, EMFILE] = [1, 3, 24];

const open = (path: string) =>
  openLibrary([path], {
    stub_set: { args: ["i32", "i32"], returns: "void" },
    stub_watched: { args: [], returns: "i32" },
    stub_queues: { args: [], returns: "i32" },
    stub_end: { args: ["i32", "i32"], returns: "void" },
    stub_signalled: { args: ["i32"], returns: "i32" },
    stub_reaped: { args: [], returns: "i32" },
  });

let library: StubLibrary;
let stub: ReturnType<typeof open>;
before(() => {
  library = compileStub(FREEBSD_LIBC);
  stub = open(library.path);
});
after(() => library.remove());
beforeEach(() => {
  stub.stub_set(SEE_OTHERS, 1);
  for (const key of [CLOCK_STEP, RESTARTED, GROWING, OLD_KERNEL, REFUSING]) stub.stub_set(key, 0);
});

describe("the table of FreeBSD's processes", () => {
  const table = () => new FreebsdProcessTable(new Sysctl([library.path]));

  it("identifies the boot", () => assert.equal(table().bootId(), "0123456789abcdeffedcba9876543210"));

  it("gives the start since the boot, which stays when the clock is set", () => {
    const start = table().startTimeOf(FULL, false);
    assert.equal(start, 60_000_000 + 999_999_999 - 500_000);
    stub.stub_set(CLOCK_STEP, 86_400);
    assert.equal(table().startTimeOf(FULL, false), start);
    stub.stub_set(RESTARTED, 1);
    assert.equal(table().startTimeOf(FULL, false), (start ?? 0) + 1_000_000);
  });

  it("tells zombies, and processes that are not there", () => {
    assert.equal(table().startTimeOf(ZOMBIE, false), undefined);
    assert.notEqual(table().startTimeOf(ZOMBIE, true), undefined);
    assert.equal(table().startTimeOf(NOBODY, true), undefined);
    assert.throws(() => table().startTimeOf(REFUSED, true), { code: "EPERM" });
  });

  it("gives command lines and variables", () => {
    assert.deepEqual(commandLineOf(FULL, table()), ["/usr/sbin/bhyve", "-A", "alba-17"]);
    assert.deepEqual(commandLineOf(ZOMBIE, table()), []);
    assert.equal(commandLineOf(NOBODY, table()), undefined);
    assert.equal(environmentVariableOf(FULL, "ALBATROSS_UNIKERNEL", table()), "id1/abc/:vm");
    assert.equal(environmentVariableOf(FULL, "UNIKERNEL", table()), undefined);
    assert.throws(() => environmentVariableOf(REFUSED, "PATH", table()), { code: "EPERM" });
  });

  it("finds processes by their mark, with their users", () => {
    assert.deepEqual(table().pids(), [FULL, ZOMBIE]);
    assert.equal(table().uidOf(ZOMBIE), 1001);
    assert.equal(table().uidOf(NOBODY), undefined);
    assert.deepEqual(findByEnvironment("ALBATROSS_UNIKERNEL", table()), [{ pid: FULL, value: "id1/abc/:vm", uid: 0 }]);
  });

  it("reads a list that grows meanwhile, and gives up if it grows without end", () => {
    const pids = () => listKinfoProcs(new Sysctl([library.path])).map((view) => view.getInt32(KINFO_PROC.pid, true));
    stub.stub_set(GROWING, 1);
    assert.deepEqual(pids().slice(0, 3), [FULL, ZOMBIE, 202]);
    stub.stub_set(GROWING, 0);
    assert.equal(pids().length, 2);
    stub.stub_set(GROWING, 30);
    assert.throws(pids, /Cannot list the processes: .*ENOMEM/);
    assert.ok(SYSCTL_ATTEMPTS < 20);
  });
});

describe("watching processes on FreeBSD", () => {
  let watches: FreebsdProcessWatches;
  let child: ChildProcess;
  let identity: ProcessIdentity;
  beforeEach(() => {
    watches = new FreebsdProcessWatches([library.path]);
    child = spawn("sleep", ["1000"], { stdio: "ignore" });
    const found = identify(child.pid ?? 0);
    assert.ok(found);
    identity = found;
  });
  afterEach(() => child.kill("SIGKILL"));

  it("tells the end, and how it was", async () => {
    const descriptors = await openDescriptors();
    for (const [status, expected] of [
      [0, { kind: "exit", code: 0 }],
      [64 << 8, { kind: "exit", code: 64 }],
      [9, { kind: "signal", signal: 9 }],
      [11 | 0x80, { kind: "signal", signal: 11 }],
    ] as const) {
      assert.deepEqual(exitStatusOf(status), expected);
      const watch = watches.watch(identity);
      stub.stub_end(identity.pid, status);
      watch.look();
      assert.deepEqual(await watch.exited, expected);
      assert.equal(watch.signal(15), false);
      watch.close();
    }
    assert.equal(await openDescriptors(), descriptors);
  });

  it("notices the end by itself", async () => {
    const watch = watches.watch(identity);
    stub.stub_end(identity.pid, 256);
    assert.deepEqual(await watch.exited, { kind: "exit", code: 1 });
  });

  it("uses one queue for all, as long as something is watched", async () => {
    const descriptors = await openDescriptors();
    const before = stub.stub_queues();
    const other = spawn("sleep", ["1000"], { stdio: "ignore" });
    const second = identify(other.pid ?? 0);
    assert.ok(second);
    const three = [watches.watch(identity), watches.watch(identity), watches.watch(second)];
    assert.deepEqual([stub.stub_queues() - before, stub.stub_watched()], [1, 2]);
    three[0]?.close();
    three[0]?.close();
    assert.equal(stub.stub_watched(), 2, "the other watch of the same process stays");
    stub.stub_end(identity.pid, 0);
    three[1]?.look();
    assert.deepEqual(await three[1]?.exited, { kind: "exit", code: 0 });
    three[2]?.close();
    assert.equal(stub.stub_watched(), 0);
    other.kill("SIGKILL");
    await new Promise((resolve) => other.once("exit", resolve));
    assert.equal(await openDescriptors(), descriptors);
  });

  it("reaps on demand", async () => {
    const watch = watches.watch(identity, { reap: true });
    stub.stub_end(identity.pid, 0);
    watch.look();
    await watch.exited;
    assert.equal(stub.stub_reaped(), identity.pid);
  });

  it("takes a process that is another one, or gone when the kernel is told, for ended", async () => {
    const descriptors = await openDescriptors();
    const another = { ...identity, startTime: identity.startTime + 1 };
    assert.deepEqual(await watches.watch(another).exited, { kind: "unknown" });
    stub.stub_set(REFUSING, ESRCH);
    const watch = watches.watch(identity);
    assert.deepEqual(await watch.exited, { kind: "unknown" });
    watch.close();
    stub.stub_set(REFUSING, EMFILE);
    assert.throws(() => watches.watch(identity), { code: "EMFILE" });
    assert.equal(await openDescriptors(), descriptors);
  });

  it("signals exactly the process that is meant", () => {
    assert.equal(watches.signal(identity, 15), true);
    assert.deepEqual([stub.stub_signalled(0), stub.stub_signalled(1)], [identity.pid, 15]);
    assert.equal(watches.signal({ ...identity, startTime: identity.startTime + 1 }, 9), false);
    assert.equal(stub.stub_signalled(1), 15);
    stub.stub_set(REFUSING, ESRCH);
    assert.equal(watches.signal(identity, 9), false);
    stub.stub_set(REFUSING, EPERM);
    assert.throws(() => watches.signal(identity, 9), /^SystemError: Cannot send signal 9 to a process: .*EPERM/);
  });
});

describe("CPUs on FreeBSD", () => {
  it("are chosen by cpuset, as the original does", () => {
    assert.deepEqual(cpuPrefix([0, 2], "freebsd"), ["/usr/bin/cpuset", "-l", "0,2"]);
    assert.deepEqual(cpuPrefix([], "freebsd"), []);
    assert.deepEqual(cpuPrefix([0, 2], "linux"), []);
  });
});
