import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { identify, isAlive } from "../../runtime/process-identity.ts";
import { signalProcess, WATCH_INTERVAL, watchProcess } from "../../runtime/process-watch.ts";
import { openDescriptors } from "./open-descriptors.ts";

/** Starts a process that is not our child, as after a restart of a daemon. */
async function startStranger(script: string): Promise<number> {
  const shell = spawn("/bin/sh", ["-c", `(${script}) >/dev/null 2>&1 & echo $!`], {
    stdio: ["ignore", "pipe", "ignore"],
    detached: true,
  });
  let text = "";
  for await (const chunk of shell.stdout) text += chunk;
  assert.match(text, /^[1-9][0-9]*\n$/);
  return Number(text);
}

function identityOf(pid: number) {
  const identity = identify(pid);
  assert(identity !== undefined);
  return identity;
}

const ended = (child: ChildProcess) => new Promise((resolve) => child.once("exit", resolve));

describe("identity of a process", () => {
  test("is stable, and distinguishes processes", async () => {
    const own = identityOf(process.pid);
    assert.deepEqual(own, identify(process.pid));
    assert(isAlive(own));
    assert(!isAlive({ ...own, startTime: own.startTime + 1 }));
    assert(!isAlive({ ...own, bootId: "00000000-0000-0000-0000-000000000000" }));
    assert.equal(identify(0), undefined);
    assert.equal(identify(-1), undefined);
    assert.equal(identify(2 ** 31 - 1), undefined);
  });

  test("survives strange program names", async () => {
    const pid = await startStranger('printf "a) Z (b c" > /proc/self/comm; sleep 20');
    await sleep(50);
    try {
      assert(isAlive(identityOf(pid)));
    } finally {
      process.kill(pid, "SIGKILL");
    }
  });

  test("counts a zombie as dead", async () => {
    // The shell replaces itself by a program that never waits for the child it inherits.
    const parent = spawn("/bin/sh", ["-c", "sleep 0.2 & echo $!; exec sleep 20"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    try {
      const pid = Number(await new Promise((resolve) => parent.stdout.once("data", resolve)));
      const identity = identityOf(pid);
      assert(isAlive(identity));
      for (let round = 0; round < 100 && isAlive(identity); round++) await sleep(20);
      assert.match(readFileSync(`/proc/${pid}/stat`, "latin1"), /\) Z /);
      assert(!isAlive(identity));
      assert.equal(identify(pid), undefined);
      // A process descriptor agrees.
      assert.deepEqual(await watchProcess(identity).exited, { kind: "unknown" });
    } finally {
      parent.kill("SIGKILL");
      await ended(parent);
    }
  });
});

describe("watching a process", () => {
  test("sees the end of a stranger within the interval, and frees everything", async () => {
    const before = await openDescriptors();
    const watch = watchProcess(identityOf(await startStranger("sleep 20")));
    let early = false;
    watch.exited.then(() => {
      early = true;
    });
    await sleep(2 * WATCH_INTERVAL);
    assert(!early);
    const begin = performance.now();
    assert(watch.signal(15));
    assert.deepEqual(await watch.exited, { kind: "unknown" });
    assert(performance.now() - begin < WATCH_INTERVAL + 400, "reported too late");
    assert(!watch.signal(15));
    watch.close();
    assert.equal(await openDescriptors(), before);
  });

  test("reports 150 ends of one moment", async () => {
    const before = await openDescriptors();
    const pids: number[] = [];
    for (let at = 0; at < 150; at++) pids.push(await startStranger("exec sleep 20"));
    const watches = pids.map((pid) => watchProcess(identityOf(pid)));
    for (const watch of watches) watch.signal(9);
    await Promise.all(watches.map((watch) => watch.exited));
    assert.equal(await openDescriptors(), before);
  });

  test("can be given up", async () => {
    const before = await openDescriptors();
    const identity = identityOf(await startStranger("exec sleep 20"));
    const [first, second] = [watchProcess(identity), watchProcess(identity)];
    first.close();
    first.close();
    assert(!first.signal(0));
    assert(second.signal(9));
    await second.exited;
    assert.equal(await openDescriptors(), before);
  });

  test("of a process that is gone resolves at once", async () => {
    const pid = await startStranger("exit 0");
    for (let round = 0; round < 100 && identify(pid) !== undefined; round++) await sleep(10);
    const watch = watchProcess({ ...identityOf(process.pid), pid });
    assert.deepEqual(await watch.exited, { kind: "unknown" });
    assert(!watch.signal(0));
  });

  test("takes the status of a child that the runtime does not know", async () => {
    // A program that starts a child, and replaces itself by this runtime, as at an upgrade without outage.
    const script = `
      import { bootId, identify } from ${JSON.stringify(new URL("../../runtime/process-identity.ts", import.meta.url).href)};
      import { watchProcess } from ${JSON.stringify(new URL("../../runtime/process-watch.ts", import.meta.url).href)};
      const fields = process.env.ENDED.split(" ");
      const ended = { pid: Number(fields[0]), startTime: Number(fields[21]), bootId: bootId() };
      const running = process.env.RUNNING.split(" ").map((pid) => identify(Number(pid)));
      while (identify(ended.pid) !== undefined) await new Promise((done) => setTimeout(done, 10));
      for (const identity of [ended, ...running]) {
        console.log(JSON.stringify(await watchProcess(identity, { reap: true }).exited));
      }
      console.log(await watchProcess(ended, { reap: true }).exited.then((status) => status.kind));`;
    const run = typeof Bun === "undefined" ? ["eval", script] : ["-e", script];
    const shell = `
      (sleep 1; exit 77) & a=$!
      sleep 20 & b=$!
      (sleep 1.2; kill -7 $b) &
      (sleep 0.3; exit 5) & c=$!
      read -r ENDED < /proc/$c/stat
      export ENDED RUNNING="$a $b"
      exec "$@"`;
    const child = spawn("/bin/sh", ["-c", shell, "sh", process.execPath, ...run], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let text = "";
    for await (const chunk of child.stdout) text += chunk;
    assert.deepEqual(text.trim().split("\n"), [
      '{"kind":"exit","code":5}',
      '{"kind":"exit","code":77}',
      '{"kind":"signal","signal":7}',
      "unknown",
    ]);
  });
});

describe("signalling a process", () => {
  test("never reaches another process that has the same id", async () => {
    const pid = await startStranger("exec sleep 20");
    const identity = identityOf(pid);
    try {
      assert(!signalProcess({ ...identity, startTime: identity.startTime - 1 }, 9));
      assert(!signalProcess({ ...identity, bootId: "00000000-0000-0000-0000-000000000000" }, 9));
      await sleep(50);
      assert(isAlive(identity));
      assert(signalProcess(identity, 0));
    } finally {
      assert(signalProcess(identity, 9));
    }
    for (let round = 0; round < 100 && isAlive(identity); round++) await sleep(10);
    assert(!signalProcess(identity, 9));
  });

  test("says why it failed", async () => {
    const before = await openDescriptors();
    assert.throws(
      () => signalProcess(identityOf(process.pid), 65),
      /Cannot send signal 65 to a process: Invalid argument \(EINVAL\)/,
    );
    assert.equal(await openDescriptors(), before);
  });
});
