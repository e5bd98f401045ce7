import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { FifoError, makeFifo, openConsoleFifo } from "../../host/fifo.ts";
import { openDescriptors } from "../runtime/open-descriptors.ts";

let directory: string;
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-fifo-"));
});
after(() => rmSync(directory, { recursive: true }));

const mode = (path: string) => lstatSync(path).mode & 0o777;

describe("console fifos", () => {
  test("are made readable for the group, as the umask allows", () => {
    const umask = process.umask(0);
    try {
      assert(makeFifo(join(directory, "open")));
      assert.equal(mode(join(directory, "open")), 0o640);
      process.umask(0o077);
      assert(makeFifo(join(directory, "closed")));
      assert.equal(mode(join(directory, "closed")), 0o600);
    } finally {
      process.umask(umask);
    }
  });

  test("are used again as they are", () => {
    const path = join(directory, "again");
    assert(makeFifo(path));
    chmodSync(path, 0o604);
    const { ino } = lstatSync(path);
    assert(!makeFifo(path));
    assert.equal(lstatSync(path).ino, ino);
    assert.equal(mode(path), 0o604);
  });

  test("never replace anything else", async () => {
    const file = join(directory, "file");
    writeFileSync(file, "content");
    assert(makeFifo(join(directory, "target")));
    symlinkSync(join(directory, "target"), join(directory, "link"));
    symlinkSync(join(directory, "nowhere"), join(directory, "dangling"));
    mkdirSync(join(directory, "directory"));
    const before = await openDescriptors();
    for (const name of ["file", "link", "dangling", "directory"]) {
      const path = join(directory, name);
      assert.throws(() => makeFifo(path), new FifoError(`file ${path} exists and is not a fifo`));
      assert.throws(() => openConsoleFifo(path), FifoError);
    }
    assert.throws(() => openConsoleFifo(file), new FifoError(`file ${file} exists and is not a fifo`));
    assert.equal(readFileSync(file, "latin1"), "content");
    assert.equal(await openDescriptors(), before);
  });

  test("that cannot be made are refused in the original's words", () => {
    const path = join(directory, "missing", "fifo");
    assert.throws(() => makeFifo(path), new FifoError(`file ${path} error in mkfifo: No such file or directory`));
    const long = join(directory, "x".repeat(256));
    assert.throws(() => makeFifo(long), new FifoError(`file ${long} error in mkfifo: File name too long`));
    assert.throws(() => makeFifo("/tmp/a\0b"), /error in mkfifo: it contains a zero byte/);
    assert.throws(() => openConsoleFifo(join(directory, "none")), /Cannot open the console fifo .*ENOENT/);
  });

  test("take output while nobody reads, and give it to a later reader", async () => {
    const before = await openDescriptors();
    const path = join(directory, "console");
    makeFifo(path);
    const console = openConsoleFifo(path);
    try {
      // Written by a child, as a tender does: without O_NONBLOCK and without a reader.
      const child = spawn("/bin/sh", ["-c", "echo hello; exit 7"], { stdio: ["ignore", console, "ignore"] });
      assert.equal(await new Promise((resolve) => child.once("exit", resolve)), 7);
      const flags = /flags:\s*([0-7]+)/.exec(readFileSync(`/proc/self/fdinfo/${console}`, "latin1"))?.[1];
      assert.equal(Number.parseInt(flags ?? "", 8) & 0o2004003, 0o2000002, "read-write, blocking, close-on-exec");
      writeSync(console, "again\n");
      const buffer = new Uint8Array(64);
      assert.equal(new TextDecoder().decode(buffer.subarray(0, readSync(console, buffer))), "hello\nagain\n");
    } finally {
      closeSync(console);
    }
    assert.equal(await openDescriptors(), before);
  });
});
