/**
 * `--persist`: what unikernels said is there after a restart of the console daemon, or its violent end.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { KeptFile } from "../../../daemon/console/kept-file.ts";
import type { KeptPiece } from "../../../daemon/console/kept-records.ts";
import { add, Daemon, inactive, sleep, subscribe, until } from "./harness.ts";

let daemon: Daemon;
let flags: readonly string[];

beforeEach(async () => {
  daemon = await Daemon.start();
  await daemon.stop();
  flags = ["--persist=1", `--persist-directory=${join(daemon.directory, "kept")}`];
  await daemon.launch(...flags);
});

afterEach(async () => await daemon.remove());

/** Whether output is kept: pieces are joined, since a line can be in two. */
function onDisk(text: string): boolean {
  const kept = join(daemon.directory, "kept");
  return readdirSync(kept).some((file) => {
    const pieces: KeptPiece[] = [];
    new KeptFile(join(kept, file)).read(Number.MAX_SAFE_INTEGER, true, pieces);
    return Buffer.concat(pieces.map(({ piece }) => piece)).includes(text);
  });
}

async function kill(): Promise<void> {
  process.kill(daemon.pid, "SIGKILL");
  await until(() => !daemon.alive, "the daemon is dead");
}

/** The lines of a console, once there are `count`. */
async function lines(name: string, count: number, from: Parameters<Daemon["subscription"]>[1] = { count: 1024 }) {
  const { client } = await daemon.subscription(name, from);
  await until(() => client.lines.length >= count, `${count} lines of ${name}, there are ${client.lines.length}`);
  await sleep(20); // would show what is too much
  client.connection.destroy();
  return client.lines;
}

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `line ${from + at}`);

describe("a console daemon that keeps output", () => {
  it("has it after kill -9, and goes on within the line where it stopped", async () => {
    const writer = await daemon.console(":a");
    writer.write("one\ntwo\nthr");
    assert.deepEqual(await lines(":a", 2), ["one", "two"]);
    await until(() => onDisk("thr"), "the rest is on the disk, too");
    await kill();
    writer.write("ee\nfour\n"); // nobody reads it meanwhile
    await daemon.launch(...flags);
    const albatrossd = await daemon.client();
    assert.equal(await albatrossd.ask(":a", add(100)), "empty");
    assert.deepEqual(await lines(":a", 4), ["one", "two", "three", "four"]);
    writer.write("five\n");
    assert.deepEqual(await lines(":a", 5), ["one", "two", "three", "four", "five"]);
    writer.close();
  });

  it("shows the last words of a unikernel that died before, also if they are no whole line", async () => {
    const writer = await daemon.console("foo:dead");
    writer.write("fine\nOut of mem");
    assert.deepEqual(await lines("foo:dead", 1), ["fine"]);
    await until(() => onDisk("Out of mem"), "the last words are on the disk");
    await kill();
    writer.close();
    await daemon.launch(...flags);
    const client = await daemon.client();
    assert.equal(await client.ask(":", inactive), "consoles: foo:dead");
    assert.deepEqual(await lines("foo:dead", 2), ["fine", "Out of mem"]);
    assert.deepEqual(await lines("foo:dead", 2), ["fine", "Out of mem"]);
    await daemon.stop();
    await daemon.launch(...flags);
    assert.deepEqual(await lines("foo:dead", 2), ["fine", "Out of mem"]);
  });

  it("has everything that was on the disk, once and in order, whenever it is killed", async () => {
    let written = 0;
    let safe = 0;
    // One for all rounds: a unikernel lives on when the console daemon dies.
    const writer = await daemon.console(":a");
    for (let round = 0; round < 4; round++) {
      for (let part = 0; part < 20; part++) {
        writer.write(
          range(written, written + 50)
            .map((line) => `${line}\n`)
            .join(""),
        );
        written += 50;
        if (part === 10) {
          const last = written - 1;
          await until(() => onDisk(`line ${last}\n`), "a line is on the disk");
          safe = last;
        }
      }
      await sleep(round * 3);
      await kill();
      await daemon.launch(...flags);
      assert.equal(await (await daemon.client()).ask(":a", add(100)), "empty");
      const numbers = (await lines(":a", safe + 1, { count: 1_000_000 })).map((line) => Number(line.slice(5)));
      assert.deepEqual(
        numbers.slice(0, 550),
        Array.from({ length: 550 }, (_, at) => at),
      );
      assert.ok(numbers.includes(safe));
      assert.ok(numbers.every((number, at) => at === 0 || number > (numbers[at - 1] ?? 0)));
    }
    writer.close();
  });

  it("has more lines than memory, in one with those that come", async () => {
    const writer = await daemon.console(":a");
    const total = 5000;
    for (let at = 0; at < total; at += 500) {
      writer.write(
        range(at, at + 500)
          .map((line) => `${line}\n`)
          .join(""),
      );
    }
    const all = await lines(":a", total, { count: 100_000 });
    assert.deepEqual(all, range(0, total));
    assert.deepEqual(await lines(":a", 3000, { count: 3000 }), range(total - 3000, total));
    assert.deepEqual(await lines(":a", 10, { count: 10 }), range(total - 10, total));
    assert.deepEqual(await lines(":a", total, { since: 0 }), range(0, total));
    assert.deepEqual(await lines(":a", 0, { since: Date.now() + 100_000 }), []);
    const { client } = await daemon.subscription(":a", { count: 100_000 });
    writer.write("the end\n");
    await until(() => client.lines.at(-1) === "the end", "the next line");
    assert.deepEqual(client.lines, [...range(0, total), "the end"]);
    await daemon.stop();
    await daemon.launch(...flags);
    assert.deepEqual((await lines(":a", total + 1, { count: 100_000 })).length, total + 1);
    assert.deepEqual(await lines(":a", 1024, { count: 1024 }), [...range(total - 1023, total), "the end"]);
    writer.close();
  });

  it("loses no line between a long history and those that come", async () => {
    await daemon.stop();
    await daemon.launch("--persist=16", `--persist-directory=${join(daemon.directory, "kept")}`);
    const writer = await daemon.console(":a");
    const total = 50_000; // with their frames far more than waits for a subscriber otherwise
    const { client: other } = await daemon.subscription(":a", { count: 0 });
    for (let at = 0; at < total; at += 500) {
      writer.write(
        range(at, at + 500)
          .map((line) => `${line}\n`)
          .join(""),
      );
      await until(() => other.lines.length === at + 500, "they have been read");
    }
    const client = await daemon.client();
    client.command(":a", subscribe({ count: 100_000 }));
    client.connection.pause();
    await until(() => daemon.output.includes(", now 2"), `it has subscribed: ${daemon.output}`);
    writer.write(`line ${total}\n`);
    await until(() => other.lines.length === total + 1, "the next line has been read");
    client.connection.resume();
    await until(() => client.lines.length > total, "the history has come");
    assert.deepEqual(client.lines, range(0, total + 1));
    writer.close();
  });

  it("shows what only memory has, if the disk did not take it", async () => {
    const writer = await daemon.console(":a");
    const { client: other } = await daemon.subscription(":a", { count: 0 });
    const total = 10_000;
    for (let at = 0; at < total; at += 500) {
      writer.write(
        range(at, at + 500)
          .map((line) => `${line}${" ".repeat(100)}\n`)
          .join(""),
      );
      await until(() => other.lines.length === at + 500, "they have been read");
      if (at > 0) continue;
      await until(() => onDisk("line 499 "), "the first are on the disk");
      mkdirSync(join(daemon.directory, "kept", ":a.0")); // so that the second file cannot be begun
    }
    await until(() => daemon.output.includes("not kept on disk at present"), "the disk takes no more");
    const last = (await lines(":a", 1000, { count: 100_000 })).at(-1);
    assert.equal(last?.trim(), `line ${total - 1}`);
    writer.close();
  });

  it("removes what is kept of a console whose history makes room", async () => {
    const first = await daemon.console("foo:a", 1);
    first.write("a\n");
    await lines("foo:a", 1);
    first.close();
    await until(() => daemon.output.includes("has ended"), "the end of the first");
    const second = await daemon.console("foo:b", 1);
    second.write("b\n");
    await lines("foo:b", 1);
    await until(
      () => !readdirSync(join(daemon.directory, "kept")).some((file) => file.startsWith("foo:a")),
      "the files are removed",
    );
    second.close();
  });

  it("loses nothing by an add that fails, and keeps its room for others", async () => {
    await daemon.stop();
    flags = [...flags, "--persist-total=1"]; // room for one console
    await daemon.launch(...flags);
    const first = await daemon.console(":a");
    first.write("one\n");
    await lines(":a", 1);
    first.close();
    await until(() => daemon.output.includes("has ended"), "the end of the first");
    const albatrossd = await daemon.client();
    assert.equal(await albatrossd.ask(":absent", add(100)), "failure: opening");
    await daemon.stop();
    await daemon.launch(...flags);
    assert.deepEqual(await lines(":a", 1), ["one"]);
    assert.equal(await (await daemon.client()).ask(":absent", add(100)), "failure: opening");
    const second = await daemon.console(":b");
    second.write("two\n");
    await until(() => onDisk("two"), "the output of the second is kept");
    second.close();
  });

  it("goes on in memory if its directory is taken away", async () => {
    const writer = await daemon.console(":a");
    writer.write("one\n");
    await lines(":a", 1);
    rmSync(join(daemon.directory, "kept"), { recursive: true });
    writer.write("two\n");
    assert.deepEqual(await lines(":a", 2), ["one", "two"]);
    const other = await daemon.console(":b");
    other.write("three\n");
    assert.deepEqual(await lines(":b", 1), ["three"]);
    await until(() => daemon.output.includes("not kept on disk at present"), "a complaint");
    writer.close();
    other.close();
  });

  it("refuses sizes that cannot be", () => {
    const root = join(import.meta.dirname, "../../..");
    for (const flag of ["--persist=0", "--persist=65", "--persist-total=0", "--persist-total=1048577"]) {
      const words = [join(root, "main.ts"), "albatross-console", flag];
      assert.equal(spawnSync(process.execPath, words, { timeout: 60_000 }).status, 124, flag);
    }
  });
});
