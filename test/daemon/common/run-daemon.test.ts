import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";

const program = join(import.meta.dirname, "sample-daemon.ts");

interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function start(args: readonly string[]): { pid: number; ready: Promise<void>; outcome: Promise<Outcome> } {
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
  child.stdout.on("data", (chunk) => {
    out += chunk;
    if (out.includes("ready")) isReady();
  });
  child.stderr.on("data", (chunk) => {
    err += chunk;
  });
  const outcome = new Promise<Outcome>((resolve) => child.on("close", (status) => resolve({ status, out, err })));
  assert.ok(child.pid !== undefined);
  return { pid: child.pid, ready, outcome };
}

describe("the frame of a daemon", () => {
  it("tells version and help", async () => {
    assert.deepEqual(await start(["--version"]).outcome, {
      status: 0,
      out: "version 0.1.0 protocol version 5\n",
      err: "",
    });
    const { status, out } = await start(["--help=plain"]).outcome;
    assert.equal(status, 0);
    assert.match(out, /^Usage: sample \[--help\] \[OPTION\]…\n\nA sample\.\n/);
  });

  it("ends with 124 on a wrong command line", async () => {
    assert.deepEqual(await start(["--nonsense"]).outcome, {
      status: 124,
      out: "",
      err: "Usage: sample [--help] [OPTION]…\nsample: unknown option --nonsense\n",
    });
    assert.equal(
      (await start(["extra"]).outcome).err.split("\n")[1],
      "sample: too many arguments, don't know what to do with extra",
    );
  });

  it("ends with 125 and the reasons on an unexpected error", async () => {
    assert.deepEqual(await start(["--fail"]).outcome, {
      status: 125,
      out: "",
      err: "sample: internal error, uncaught exception:\n  Cannot do it\n  because: no reason\n",
    });
  });

  it("ends in order on SIGTERM, SIGINT and SIGHUP", async () => {
    for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
      const { pid, ready, outcome } = start(["-v"]);
      await ready;
      process.kill(pid, signal);
      assert.deepEqual(await outcome, {
        status: 0,
        out: `sample: [INFO] ready\nsample: [INFO] stopped by ${signal}\n`,
        err: "",
      });
    }
  });
});
