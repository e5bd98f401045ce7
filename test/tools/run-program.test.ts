/** The programs of the tests hold nothing up. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type Finished, runProgram } from "../../tools/run-program.ts";

/** Runs a shell script. */
function run(script: string, { timeout = 60_000, leftoverTimeout = 5_000 } = {}): Promise<Finished> {
  const args = ["-c", script];
  return runProgram({ command: "/bin/sh", args, cwd: "/", env: process.env, timeout, leftoverTimeout });
}

/** Whether a process goes on for a moment. */
async function isAlive(pid: string): Promise<boolean> {
  assert.match(pid, /^\d+$/);
  for (let round = 0; round < 50; round++, await sleep(10)) {
    try {
      if (/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "utf8"))) return false;
    } catch {
      return false;
    }
  }
  return true;
}

describe("a program of the tests", () => {
  it("gives what it prints, and its status", async () => {
    assert.deepEqual(await run("echo out; echo error >&2; exit 3"), {
      output: "out\nerror\n",
      status: 3,
      troubles: [],
    });
    assert.deepEqual(await run("printf 'h\\303'; sleep 0.1; printf '\\244'"), {
      output: "hä",
      status: 0,
      troubles: [],
    });
    assert.equal((await run("kill -TERM $$")).status, 1);
  });

  it("is ended with what it started when its time is over", async () => {
    const { output, status, troubles } = await run("sleep 1000 & echo $!; wait", { timeout: 100 });
    assert.equal(status, 1);
    assert.deepEqual(troubles, ["took longer than 0.1 s and was ended"]);
    assert.equal(await isAlive(output.trim()), false);
  });

  it("may leave behind what ends soon, but nothing else, silent or not", async () => {
    assert.deepEqual(await run("(sleep 0.2; echo late) &"), { output: "late\n", status: 0, troubles: [] });
    for (const silent of ["", ">/dev/null 2>&1"]) {
      const { output, status, troubles } = await run(`sleep 1000 ${silent} & echo $!`, { leftoverTimeout: 100 });
      assert.equal(status, 1);
      assert.deepEqual(troubles, ["has left something running, which was ended"]);
      assert.equal(await isAlive(output.trim()), false);
    }
  });

  it("is not waited for if something in another group keeps its output open", async () => {
    const { output, status, troubles } = await run("setsid sh -c 'echo $$; exec sleep 1000' & sleep 0.3", {
      leftoverTimeout: 100,
    });
    assert.equal(status, 1);
    assert.deepEqual(troubles, ["has left something running in a group of its own, which keeps the output open"]);
    assert.equal(await isAlive(output.trim()), true);
    process.kill(Number(output.trim()));
  });

  it("that cannot be started is an error of the system", async () => {
    const limits = { timeout: 1000, leftoverTimeout: 1000 };
    const program = { command: "/nonexistent/program", args: [], cwd: "/", env: {}, ...limits };
    await assert.rejects(runProgram(program), { code: "ENOENT" });
  });
});
