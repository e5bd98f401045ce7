/**
 * The log on the disk: durable, whole after a crash, bounded.
 */
import assert from "node:assert/strict";
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fromText } from "../../../core/byte-string.ts";
import { Name } from "../../../core/name.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { type Journal, SEGMENT_AGE_MS, SEGMENTS, WRITE_RETRY_MS } from "../../../daemon/log/journal.ts";
import { encodeRecord, FILE_HEAD, findRecords } from "../../../daemon/log/record.ts";
import { segmentFile } from "../../../daemon/log/segment.ts";
import { mutate, Random } from "../../support/mutations.ts";
import { JournalRig, numbered, numberOf } from "./journal-rig.ts";

let rig: JournalRig;

beforeEach(() => {
  rig = new JournalRig();
});

afterEach(async () => await rig.remove());

/** What is in the log: the number of each event and what it is. */
function contentOf(journal: Journal): readonly string[] {
  return journal.segments.flatMap((segment) => {
    const found: string[] = [];
    for (let at = 0; at < segment.count; ) {
      for (const message of segment.read(at, 1000)) {
        const number = segment.numberAt(at++);
        const payload = message && decodeMessage(message).payload;
        const event =
          payload?.kind === "data" && payload.data.kind === "log" ? numberOf(payload.data.event) : "damaged";
        found.push(`${number}: ${event}`);
      }
    }
    return found;
  });
}

const many = (count: number) => Array.from({ length: count }, (_, at) => numbered(at));

describe("the journal", () => {
  it("numbers events and has them again after a restart, and goes on counting", async () => {
    const identity = rig.open().identity;
    assert.equal(rig.journal.head, 0);
    await rig.write(numbered(1), numbered(2));
    assert.equal(rig.journal.head, 2);
    await rig.again();
    await rig.write(numbered(3));
    assert.deepEqual(contentOf(rig.journal), ["1: 1", "2: 2", "3: 3"]);
    assert.deepEqual(rig.journal.identity, identity);
    assert.equal(rig.files.length, 1);
    assert.equal(statSync(join(rig.directory, rig.files[0] ?? "")).mode & 0o777, 0o640 & ~process.umask());
  });

  it("acknowledges an event only when a crash cannot take it any more", async () => {
    rig.open();
    await rig.write(...many(10));
    const [file = ""] = rig.files;
    // What is in the file now is what a crash leaves.
    assert.equal([...findRecords(readFileSync(join(rig.directory, file)), FILE_HEAD)].length, 10);
  });

  it("writes what comes together as one group, in order", async () => {
    rig.open();
    const groups: number[] = [];
    rig.listener = (entries) => groups.push(entries.length);
    await rig.write(...many(500));
    assert.deepEqual(groups, [500]);
    assert.deepEqual(
      rig.committed.map(({ number }) => number),
      Array.from({ length: 500 }, (_, at) => at + 1),
    );
  });

  it("cuts off the torn tail of a crash, whatever its length, and goes on", async () => {
    rig.open();
    await rig.write(numbered(1), numbered(2));
    const path = join(rig.directory, rig.files[0] ?? "");
    await rig.journal.close();
    const whole = readFileSync(path);
    const [first] = findRecords(whole, FILE_HEAD);
    assert.ok(first !== undefined);
    for (let length = first.end + 1; length < whole.length; length += 7) {
      writeFileSync(path, whole.subarray(0, length));
      rig.complaints = "";
      rig.open();
      assert.deepEqual(contentOf(rig.journal), ["1: 1"]);
      assert.match(rig.complaints, /ends with \d+ bytes that are no whole event: they are cut off/);
      assert.equal(statSync(path).size, first.end);
      await rig.write(numbered(9));
      assert.deepEqual(contentOf(rig.journal), ["1: 1", "2: 9"]);
      await rig.journal.close();
    }
    rig.open();
  });

  it("survives a crash within the first bytes of a file", async () => {
    rig.open();
    await rig.write(numbered(1));
    await rig.journal.close();
    const { identity } = rig.journal;
    for (const length of [0, 1, FILE_HEAD - 1]) {
      writeFileSync(join(rig.directory, segmentFile(2)), new Uint8Array(length));
      rig.open();
      assert.deepEqual(rig.journal.identity, identity);
      await rig.write(numbered(2));
      assert.deepEqual(contentOf(rig.journal), ["1: 1", "2: 2"]);
      await rig.journal.close();
      rmSync(join(rig.directory, segmentFile(2)));
    }
    rig.open();
  });

  it("skips a damaged event in the middle with a warning, and has all others", async () => {
    rig.open();
    await rig.write(...many(5));
    const path = join(rig.directory, rig.files[0] ?? "");
    await rig.journal.close();
    const whole = readFileSync(path);
    const third = [...findRecords(whole, FILE_HEAD)][2];
    assert.ok(third !== undefined);
    for (let at = third.start; at < third.end; at += 3) {
      const damaged = new Uint8Array(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 0x10;
      writeFileSync(path, damaged);
      rig.complaints = "";
      rig.open();
      assert.deepEqual(contentOf(rig.journal), ["1: 0", "2: 1", "4: 3", "5: 4"], `damaged at ${at}`);
      assert.match(rig.complaints, new RegExp(`is damaged: ${third.end - third.start} bytes in it are skipped`));
      await rig.journal.close();
    }
    rig.open();
  });

  it("starts and goes on, however its files are damaged", async () => {
    rig.open();
    await rig.write(...many(20));
    const path = join(rig.directory, rig.files[0] ?? "");
    await rig.journal.close();
    const whole = new Uint8Array(readFileSync(path));
    const random = new Random(3);
    for (let round = 0; round < 150; round++) {
      writeFileSync(path, mutate(whole, random));
      rig.open();
      const content = contentOf(rig.journal);
      assert.ok(
        content.every((line) => /^(\d+): \d+$/.test(line)),
        content.join(),
      );
      const before = rig.journal.head;
      await rig.write(numbered(99));
      assert.equal(contentOf(rig.journal).at(-1), `${before + 1}: 99`);
      await rig.journal.close();
      for (const file of rig.files) rmSync(join(rig.directory, file));
    }
    rig.open();
  });

  it("notices damage that happens while it runs", async () => {
    rig.open();
    await rig.write(...many(3));
    const path = join(rig.directory, rig.files[0] ?? "");
    const bytes = readFileSync(path);
    const second = [...findRecords(bytes, FILE_HEAD)][1];
    assert.ok(second !== undefined);
    bytes.writeUInt8(0xff ^ bytes.readUInt8(second.end - 1), second.end - 1);
    writeFileSync(path, bytes);
    assert.deepEqual(contentOf(rig.journal), ["1: 0", "2: damaged", "3: 2"]);
  });

  it("begins a new file at its part of the size, and removes the oldest beyond the whole", async () => {
    const maxBytes = 8 * 1024 * SEGMENTS;
    rig.open({ maxBytes });
    const size = encodeRecord(0n, 0, rig.journal.identity).length;
    assert.ok(size > 0);
    for (let at = 0; at < 1000; at++) await rig.write(numbered(at));
    const total = rig.files.reduce((sum, file) => sum + statSync(join(rig.directory, file)).size, 0);
    assert.ok(total <= maxBytes && total > maxBytes / 2, `${total} bytes`);
    for (const file of rig.files) assert.ok(statSync(join(rig.directory, file)).size <= maxBytes / SEGMENTS);
    assert.ok(rig.journal.first > 1);
    const content = contentOf(rig.journal);
    assert.equal(content[0], `${rig.journal.first}: ${rig.journal.first - 1}`);
    assert.equal(content.length, 1000 - rig.journal.first + 1);
    await rig.again({ maxBytes });
    assert.deepEqual(contentOf(rig.journal), content);
  });

  it("begins a new file when the oldest event in it is a day old, and removes files beyond the age", async () => {
    const maxAge = 3 * SEGMENT_AGE_MS;
    rig.open({ maxAge });
    await rig.write(numbered(0));
    rig.now += SEGMENT_AGE_MS;
    await rig.write(numbered(1));
    assert.equal(rig.files.length, 1); // exactly a day: not yet
    rig.now += 1;
    await rig.write(numbered(2));
    assert.equal(rig.files.length, 2);
    rig.now += maxAge - 1; // of the newest event in the first file
    rig.journal.tidy();
    assert.equal(rig.files.length, 2);
    rig.now += 1;
    rig.journal.tidy();
    assert.deepEqual(contentOf(rig.journal), ["3: 2"]);
    rig.now += 10 * maxAge;
    rig.journal.tidy();
    assert.deepEqual(contentOf(rig.journal), ["3: 2"]); // the present file stays
  });

  it("begins no file for each group of old events, as of a feeder that has waited for days", async () => {
    rig.open();
    rig.now += 10 * SEGMENT_AGE_MS;
    const wait = (at: number) =>
      new Promise<void>((flush) => {
        const source = { header: { sequence: 0n, name: Name.root }, feeder: { acknowledge: () => undefined, flush } };
        rig.journal.append({ timestamp: rig.now - 3 * SEGMENT_AGE_MS, event: numbered(at) }, source);
      });
    for (let at = 0; at < 5; at++) await wait(at);
    assert.ok(rig.files.length <= 2, rig.files.join());
    assert.equal(rig.journal.head, 5);
  });

  it("counts what feeders send again, too, when it says that it is behind", async () => {
    rig.open();
    const acknowledged = Promise.withResolvers<void>();
    const feeder = { acknowledge: () => undefined, flush: acknowledged.resolve };
    const source = { header: { sequence: (7n << 32n) | 1n, name: Name.root }, feeder };
    let taken = 0;
    while (!rig.journal.isBehind && taken < 100_000) {
      rig.journal.append({ timestamp: 1, event: numbered(1) }, source);
      taken++;
    }
    assert.ok(rig.journal.isBehind, "whoever repeats himself is never held back");
    await acknowledged.promise;
    assert.equal(rig.journal.isBehind, false);
    assert.equal(rig.journal.head, 1);
  });

  it("goes on in a new file when it is told to, and forgets files that were moved away", async () => {
    rig.open();
    await rig.write(numbered(1));
    renameSync(rig.directory, `${rig.directory}.old`);
    rig.journal.reopen();
    await rig.write(numbered(2));
    assert.deepEqual(contentOf(rig.journal), ["2: 2"]);
    assert.deepEqual(rig.files, [segmentFile(2)]);
  });

  it("repeats a write that failed until it succeeds, and loses and repeats nothing", async () => {
    rig.open();
    await rig.write(numbered(1));
    // The next write begins a new file, which cannot be made.
    renameSync(rig.directory, `${rig.directory}.away`);
    writeFileSync(rig.directory, "not a directory");
    rig.journal.reopen();
    let written = false;
    const done = rig.write(numbered(2)).then(() => {
      written = true;
    });
    while (!rig.complaints.includes("cannot write to the log")) await sleep(5);
    await sleep(2 * WRITE_RETRY_MS); // it is tried again meanwhile
    assert.equal(written, false);
    assert.equal(rig.complaints.split("cannot write to the log").length, 2, "told once");
    assert.equal(rig.journal.head, 1);
    rmSync(rig.directory);
    renameSync(`${rig.directory}.away`, rig.directory);
    await done;
    await rig.again();
    assert.deepEqual(contentOf(rig.journal), ["1: 1", "2: 2"]);
  });

  it("takes what was written before a failure only once", async () => {
    rig.open();
    await rig.write(numbered(1));
    await rig.journal.close();
    // As if event 2 had been written to the first file, the sync had failed, and it had been written to a second file.
    const first = join(rig.directory, segmentFile(1));
    const [record] = findRecords(readFileSync(first), FILE_HEAD);
    assert.ok(record !== undefined);
    rig.open();
    await rig.write(numbered(2));
    await rig.journal.close();
    const bytes = readFileSync(first);
    writeFileSync(
      join(rig.directory, segmentFile(2)),
      Buffer.concat([bytes.subarray(0, FILE_HEAD), bytes.subarray(record.end)]),
    );
    rig.open();
    assert.deepEqual(contentOf(rig.journal), ["1: 1", "2: 2"]);
    assert.equal(rig.journal.head, 2);
  });

  it("takes what a feeder sends again only once, also after a restart", async () => {
    rig.open();
    const acknowledged: bigint[] = [];
    const send = async (...sequences: readonly bigint[]) =>
      await new Promise<void>((resolve) => {
        const feeder = {
          acknowledge: ({ sequence }: { sequence: bigint }) => acknowledged.push(sequence),
          flush: resolve,
        };
        for (const sequence of sequences) {
          const header = { sequence, name: Name.root };
          rig.journal.append({ timestamp: 1, event: numbered(Number(sequence & 0xffffn)) }, { header, feeder });
        }
      });
    const feeder = 7n << 32n;
    await send(feeder + 1n, feeder + 2n);
    await send(feeder + 1n, feeder + 2n, feeder + 3n);
    await rig.again();
    await send(feeder + 3n, feeder + 4n);
    assert.deepEqual(contentOf(rig.journal), ["1: 1", "2: 2", "3: 3", "4: 4"]);
    assert.deepEqual(
      acknowledged.map((sequence) => Number(sequence & 0xffffn)),
      [1, 2, 1, 2, 3, 3, 4],
    );
    await send(1n, 1n); // nobody's numbers are no reason to take an event for another
    assert.equal(rig.journal.head, 6);
  });

  it("is used by one process at a time", () => {
    rig.open();
    const other = new JournalRig();
    assert.throws(() => other.open({ directory: rig.directory }), /Another daemon uses this directory/);
    rmSync(other.folder, { recursive: true });
  });

  it("leaves alone what else is in its directory", async () => {
    mkdirSync(rig.directory);
    const foreign = ["events-1.log", "events-0000000000000000.log", "notes.txt"];
    for (const file of foreign) appendFileSync(join(rig.directory, file), "foreign");
    rig.open();
    await rig.write(numbered(1));
    for (const file of foreign) assert.equal(readFileSync(join(rig.directory, file), "utf8"), "foreign");
    assert.deepEqual(contentOf(rig.journal), ["1: 1"]);
  });

  it("has less if a file was cut short from outside, and says so where it is read", async () => {
    rig.open();
    await rig.write(...many(3));
    const path = join(rig.directory, rig.files[0] ?? "");
    truncateSync(path, statSync(path).size - 1);
    assert.deepEqual(contentOf(rig.journal), ["1: 0", "2: 1", "3: damaged"]);
  });

  it("keeps texts as they are", async () => {
    rig.open();
    const status = fromText("exit \u0000\n é");
    await rig.write({ kind: "unikernel-ended", name: Name.root, status });
    const event = rig.committed[0]?.event;
    assert.equal(event?.kind === "unikernel-ended" ? event.status : undefined, status);
  });
});
