import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import {
  closeSync,
  constants,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { libcNames, openLibrary } from "../../runtime/ffi.ts";
import { type FifoHandlers, type FifoReader, readFifo } from "../../runtime/fifo.ts";
import { streamFifo } from "../../runtime/fifo-stream.ts";
import { BUSY_CAPACITY } from "../../runtime/fifo-watch.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-fifo-"));
after(() => rmSync(folder, { recursive: true }));
let counter = 0;

function makeFifo(): string {
  const path = join(folder, `f${counter++}`);
  execFileSync("mkfifo", [path]);
  return path;
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function until(condition: () => boolean, what: string): Promise<void> {
  const limit = Date.now() + 10_000;
  while (!condition()) {
    if (Date.now() > limit) assert.fail(`waited too long: ${what}`);
    await sleep(2);
  }
}

/** What the descriptors of this program lead to. */
function openPaths(): readonly string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return []; // that of the listing itself
    }
  });
}

/** Takes the watch of a fifo away behind its reader's back. @returns whether there was one */
function loseWatch(path: string): boolean {
  const { inotify_rm_watch } = openLibrary(libcNames, { inotify_rm_watch: { args: ["i32", "i32"], returns: "i32" } });
  const inode = statSync(path).ino.toString(16);
  for (const fd of readdirSync("/proc/self/fd")) {
    try {
      if (!readlinkSync(`/proc/self/fd/${fd}`).includes("inotify")) continue;
    } catch {
      continue; // that of the listing itself
    }
    const watch = new RegExp(`^inotify wd:([0-9a-f]+) ino:${inode} `, "m").exec(
      readFileSync(`/proc/self/fdinfo/${fd}`, "utf8"),
    );
    if (watch !== null) return inotify_rm_watch(Number(fd), Number.parseInt(watch[1] ?? "", 16)) === 0;
  }
  return false;
}

const descriptors = () => readdirSync("/proc/self/fd").length;
const openStream = (path: string, handlers: FifoHandlers): FifoReader =>
  streamFifo({ fd: openSync(path, constants.O_RDONLY | constants.O_NONBLOCK), device: 0, inode: counter }, handlers);

for (const [kind, open] of [
  ["watched", readFifo],
  ["streamed", openStream],
] as const) {
  describe(`reading a fifo, ${kind}`, () => {
    it("waits for the first writer, reads everything in order, and ends when the last writer closes", async () => {
      const path = makeFifo();
      let text = "";
      const ends: (Error | undefined)[] = [];
      open(path, {
        data(bytes) {
          text += Buffer.from(bytes).toString();
        },
        end: (error) => void ends.push(error),
      });
      await sleep(30);
      assert.equal(ends.length, 0, "ended before any writer came");
      const first = openSync(path, constants.O_WRONLY);
      const second = openSync(path, constants.O_RDWR);
      writeSync(first, "one ");
      closeSync(first);
      await until(() => text === "one ", "the first text");
      writeSync(second, "two");
      await sleep(20);
      assert.equal(ends.length, 0, "ended while a writer had it open");
      closeSync(second);
      await until(() => ends.length > 0, "the end");
      await sleep(20);
      assert.deepEqual([text, ends], ["one two", [undefined]]);
    });

    it("reads two hundred idle and four busy fifos, and leaks no descriptor", async () => {
      const before = descriptors();
      const idle = Array.from({ length: 200 }, makeFifo).map((path) => {
        const reader = open(path, { data: () => assert.fail("data"), end: () => assert.fail("end") });
        return { reader, writer: openSync(path, constants.O_WRONLY) };
      });
      let ended = 0;
      let got = 0;
      const size = 4_000_000;
      for (let at = 0; at < 4; at++) {
        const path = makeFifo();
        open(path, {
          data(bytes) {
            got += bytes.length;
          },
          end: () => void ended++,
        });
        spawn("sh", ["-c", `head -c ${size} /dev/zero >"$1"`, "sh", path]);
      }
      await until(() => ended === 4, "four ends");
      assert.equal(got, 4 * size);
      for (const { reader, writer } of idle) {
        reader.close();
        reader.close();
        closeSync(writer);
      }
      await until(() => descriptors() <= before + 2, "descriptors to be closed");
    });

    it("holds the writer back while held", async () => {
      const path = makeFifo();
      let got = 0;
      let ended = false;
      const reader = open(path, {
        data(bytes) {
          got += bytes.length;
        },
        end() {
          ended = true;
        },
      });
      reader.hold();
      const size = 8_000_000;
      const writer = spawn("sh", ["-c", `head -c ${size} /dev/zero >"$1"`, "sh", path]);
      await sleep(150);
      assert.equal(got, 0);
      assert.equal(writer.exitCode, null);
      reader.release();
      await until(() => ended, "the end");
      assert.equal(got, size);
    });
  });
}

describe("reading a fifo", () => {
  it("refuses what is absent, no fifo, or a symbolic link", () => {
    const handlers = { data: () => undefined, end: () => undefined };
    assert.throws(() => readFifo(join(folder, "absent"), handlers), { code: "ENOENT" });
    const file = join(folder, "file");
    writeFileSync(file, "");
    assert.throws(() => readFifo(file, handlers), { code: "EINVAL" });
    const fifo = makeFifo();
    symlinkSync(fifo, join(folder, "link"));
    assert.throws(() => readFifo(join(folder, "link"), handlers), { code: "ELOOP" });
    for (const path of [file, fifo]) assert.ok(!openPaths().includes(path), `${path} is still open`);
  });

  it("drains what is there at once, and a second reader of the same fifo takes over without loss", async () => {
    const path = makeFifo();
    let text = "";
    const handlers = {
      data(bytes: Uint8Array) {
        text += Buffer.from(bytes).toString();
      },
      end: () => undefined,
    };
    const first = readFifo(path, handlers);
    const writer = openSync(path, constants.O_RDWR);
    writeSync(writer, "a");
    first.drain();
    assert.equal(text, "a");
    writeSync(writer, "b");
    const second = readFifo(path, handlers);
    assert.equal(second.sameFifo(first), true);
    first.close();
    await until(() => text === "ab", "the rest");
    const other = readFifo(makeFifo(), handlers);
    assert.equal(other.sameFifo(first), false);
    other.close();
    writeSync(writer, "c");
    await until(() => text === "abc", "what was written later");
    closeSync(writer);
    second.close();
  });

  it("shows the end while draining", () => {
    const path = makeFifo();
    const seen: string[] = [];
    const reader = readFifo(path, {
      data: (bytes) => void seen.push(`${bytes.length}`),
      end: () => void seen.push("end"),
    });
    reader.drain();
    assert.deepEqual(seen, [], "no writer yet is no end");
    const writer = openSync(path, constants.O_RDWR);
    writeSync(writer, "abc");
    reader.drain();
    assert.deepEqual(seen, ["3"]);
    closeSync(writer);
    reader.drain();
    reader.drain();
    assert.deepEqual(seen, ["3", "end"]);
  });

  it("drains no more than the capacity of the fifo, so that a writer cannot keep it there", async () => {
    const path = makeFifo();
    let got = 0;
    const reader = readFifo(path, {
      data(bytes) {
        got += bytes.length;
      },
      end: () => undefined,
    });
    reader.hold();
    const writer = spawn("sh", ["-c", `exec cat /dev/zero >"$1"`, "sh", path]);
    await sleep(50);
    reader.drain();
    assert.ok(got > 0 && got < BUSY_CAPACITY + 512 * 1024, `${got} bytes`);
    reader.close();
    await new Promise((resolve) => writer.on("exit", resolve));
  });

  it("goes on though the event of a write was lost", async () => {
    const path = makeFifo();
    let text = "";
    const reader = readFifo(path, {
      data(bytes) {
        text += Buffer.from(bytes).toString();
      },
      end: () => assert.fail("end"),
    });
    const writer = openSync(path, constants.O_RDWR);
    try {
      await until(() => loseWatch(path), "the fifo is watched");
      for (const word of ["first ", "second "]) {
        writeSync(writer, word);
        await until(() => text.endsWith(word), `${word} is read`);
      }
      assert.equal(text, "first second ");
    } finally {
      closeSync(writer);
      reader.close();
    }
  });

  it("costs next to nothing while idle", async () => {
    const readers = Array.from({ length: 200 }, () =>
      readFifo(makeFifo(), { data: () => assert.fail("data"), end: () => assert.fail("end") }),
    );
    await sleep(100);
    let least = Number.POSITIVE_INFINITY; // other work of this process, such as compiling, is not meant
    for (let round = 0; round < 4; round++) {
      const before = process.cpuUsage();
      await sleep(400);
      const { user, system } = process.cpuUsage(before);
      least = Math.min(least, user + system);
    }
    for (const reader of readers) reader.close();
    assert.ok(least < 4000, `${least} us of CPU in 400 ms`);
  });
});
