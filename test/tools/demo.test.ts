/** `npm run demo`, interrupted. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

const folder = mkdtempSync(join(tmpdir(), "albatross-interrupted-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The processes that name the folder on their command line. */
function left(): readonly string[] {
  return readdirSync("/proc").filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(folder);
    } catch {
      return false; // it has gone
    }
  });
}

describe("the demo", { skip: process.versions.bun === undefined }, () => {
  it("leaves neither files nor daemons when it is ended while a unikernel runs", async () => {
    const demo = spawn(process.execPath, [join(import.meta.dirname, "../../tools/demo.ts")], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, TMPDIR: folder },
    });
    let output = "";
    demo.stdout.on("data", (chunk: Buffer) => {
      if (output.includes("tick 1")) return;
      output += chunk.toString();
      if (output.includes("tick 1")) demo.kill("SIGTERM");
    });
    const [status] = await once(demo, "exit");
    assert.match(output, /tick 1/);
    assert.equal(status, 143);
    assert.deepEqual(left(), []);
    assert.deepEqual(readdirSync(folder), []);
  });
});
