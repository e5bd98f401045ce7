/** Log lines to a reader that takes them, is slow, or has gone; each in a process of its own. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";

const LINES = 2000;
const LINE = `${"x".repeat(998)}ä\n`;

/** Writes many lines, then says on standard error how many bytes wait, now and when the reader has had time. */
const program = `
  import { StandardOutput } from ${JSON.stringify(join(import.meta.dirname, "../../runtime/standard-output.ts"))};
  const output = new StandardOutput();
  for (let line = 0; line < ${LINES}; line++) output.write(${JSON.stringify(LINE)});
  const say = () => process.stderr.write(output.writableLength + "," + output.isTerminal + "\\n");
  say();
  process.stdin.on("data", say);
  process.stdin.on("end", () => process.exit(0));
`;

function start(): { readonly child: ChildProcess; readonly said: (count: number) => Promise<readonly string[]> } {
  const child = spawn(process.execPath, ["-e", program], { stdio: ["pipe", "pipe", "pipe"] });
  let text = "";
  const said = async (count: number) => {
    while (text.split("\n").length <= count) {
      await new Promise((resolve, reject) => {
        child.stderr?.once("data", (chunk) => {
          text += chunk;
          resolve(undefined);
        });
        child.once("exit", () => reject(new Error(`it ended after it said ${text}`)));
      });
    }
    return text.trim().split("\n");
  };
  return { child, said };
}

const waiting = (line: string | undefined) => Number(line?.split(",")[0]);

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once("close", resolve));
  child.stdin?.end();
  await ended;
}

describe("standard output of a daemon", { skip: process.versions.bun === undefined }, () => {
  it("counts what a reader does not take, does not wait for it, and gives it everything in the end", async () => {
    const { child, said } = start();
    try {
      const [first = ""] = await said(1); // all was written, though nobody reads
      assert.ok(waiting(first) > (LINES / 2) * Buffer.byteLength(LINE), first);
      assert.match(first, /,false$/);
      let read = 0;
      for await (const chunk of child.stdout ?? []) {
        read += (chunk as Uint8Array).length;
        if (read >= LINES * Buffer.byteLength(LINE)) break;
      }
      assert.equal(read, LINES * Buffer.byteLength(LINE));
      let count = 1;
      do child.stdin?.write("?");
      while (waiting((await said(++count)).at(-1)) > 0);
    } finally {
      await end(child);
    }
  });

  it("drops lines when its reader has gone", async () => {
    const { child, said } = start();
    try {
      await said(1);
      child.stdout?.destroy();
      let count = 1;
      do child.stdin?.write("?");
      while (waiting((await said(++count)).at(-1)) > 0);
    } finally {
      await end(child);
    }
    assert.equal(child.exitCode, 0);
  });
});
