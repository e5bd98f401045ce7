/** The sandbox: what a process in it can still do, and what it cannot. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";

const probe = fileURLToPath(new URL("./seccomp-probe.ts", import.meta.url));
const skip =
  process.platform !== "linux" || process.arch !== "x64" ? "the sandbox is for Linux on x86-64" : (false as const);

function attempt(what: string) {
  const words = "Deno" in globalThis ? ["run", "-A", probe, what] : [probe, what];
  const { status, signal, stderr } = spawnSync(process.execPath, words, { timeout: 30_000, encoding: "utf8" });
  return { status, signal, stderr };
}

describe("the sandbox", { skip }, () => {
  it("lets compiler and garbage collector work", () => {
    assert.deepEqual(attempt("work"), { status: 0, signal: null, stderr: "done\n" });
  });

  for (const what of [
    "open",
    "socket",
    "unlink",
    "kill parent",
    "tgkill parent",
    "tap ioctl",
    "type into the terminal",
  ]) {
    it(`fails with EPERM: ${what}`, () => {
      assert.deepEqual(attempt(what), { status: 0, signal: null, stderr: "errno 1\n" });
    });
  }

  for (const what of ["execve", "fork", "clone without thread", "ptrace", "x32 call"]) {
    it(`kills the process: ${what}`, () => {
      const { status, signal } = attempt(what);
      assert.deepEqual({ status, signal }, { status: null, signal: "SIGSYS" });
    });
  }
});
