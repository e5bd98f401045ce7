/**
 * Console output on disk: the ring of two files, what a crash leaves of it, and its limits.
 */
import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "node:test";
import fc from "fast-check";
import { parseName } from "../../../core/name.ts";
import { createLog } from "../../../daemon/common/log.ts";
import { splitPieces } from "../../../daemon/console/kept-lines.ts";
import { gapNotice, KEPT_BEHIND_MAX, KEPT_RETRY_MS, KeptOutput } from "../../../daemon/console/kept-output.ts";
import { encodePiece, findPieces, KEPT_HEAD, type KeptPiece, PIECE_MAX } from "../../../daemon/console/kept-records.ts";
import { KeptStore } from "../../../daemon/console/kept-store.ts";
import { openDescriptors } from "../../runtime/open-descriptors.ts";
import { mutate, Random } from "../../support/mutations.ts";

const MIB = 1024 * 1024;
let folder: string;
let path: string;
let failures: string[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "albatross-kept-"));
  path = join(folder, ":a");
  failures = [];
});

afterEach(() => rmSync(folder, { recursive: true }));

function open(maxBytes = MIB): KeptOutput {
  return new KeptOutput({ path, maxBytes, failed: (error) => failures.push(error.message) });
}

function linesOf(pieces: readonly KeptPiece[], finish = false): string[] {
  const lines: string[] = [];
  const take = (_time: number, { count, bytes, starts, ends }: Parameters<Parameters<typeof splitPieces>[2]>[1]) => {
    for (let at = 0; at < count; at++) lines.push(Buffer.from(bytes.subarray(starts[at], ends[at])).toString("latin1"));
  };
  const splitter = splitPieces(pieces, 512, take);
  if (finish) take(0, splitter.finish());
  return lines;
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, "latin1"));
const everything = 1e9;

describe("kept output", () => {
  it("is there at once, and after a restart, with its times", async () => {
    const output = open();
    output.append(5, bytes("one\ntw"));
    output.append(6, bytes("o\n\nthr"));
    const expected = [
      [5, "one\ntw"],
      [6, "o\n\nthr"],
    ];
    const shown = (pieces: readonly KeptPiece[]) =>
      pieces.map(({ time, piece }) => [time, Buffer.from(piece).toString()]);
    assert.deepEqual(shown(output.pieces(everything)), expected);
    await output.close();
    assert.deepEqual(shown(open().pieces(everything)), expected);
    assert.deepEqual(linesOf(open().pieces(everything)), ["one", "two", ""]);
    assert.deepEqual(linesOf(open().pieces(everything), true), ["one", "two", "", "thr"]);
    assert.deepEqual(failures, []);
  });

  it("has the last line of an output that ended within it, apart from the next output", async () => {
    const output = open();
    output.append(1, bytes("first life"));
    output.end(2);
    output.append(3, bytes("second life\n"));
    await output.close();
    assert.deepEqual(linesOf(open().pieces(everything)), ["first life", "second life"]);
  });

  it("has no file open once it has ended", async () => {
    const before = await openDescriptors();
    const output = open();
    output.append(1, bytes("last words"));
    output.end(2);
    assert.equal(await openDescriptors(), before);
    output.append(3, bytes("another life\n"));
    await output.close();
    assert.deepEqual(linesOf(open().pieces(everything)), ["last words", "another life"]);
  });

  it("keeps its size, and in it the newest lines, whole", async () => {
    const maxBytes = 64 * 1024;
    const output = open(maxBytes);
    let written = 0;
    while (written < 20_000) {
      // Pieces end within lines.
      const part = Array.from({ length: 7 }, () => `line ${String(written++).padStart(6, "0")}`).join("\n");
      output.append(written, bytes(`${part}\n`.slice(0, -3)));
      output.append(written, bytes(`${part}\n`.slice(-3)));
      if (written % 700 === 0) await output.close(); // lets it write
    }
    await output.close();
    const size = readdirSync(folder).reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
    assert.ok(size <= maxBytes && size > maxBytes / 2, `${size} bytes`);
    for (const limit of [everything, maxBytes / 4, 1000]) {
      const lines = linesOf(open(maxBytes).pieces(limit));
      assert.ok(lines.length > 5);
      const last = Number(lines.at(-1)?.slice(5));
      assert.equal(last, written - 1);
      assert.deepEqual(
        lines,
        Array.from(
          { length: lines.length },
          (_, at) => `line ${String(last - lines.length + 1 + at).padStart(6, "0")}`,
        ),
      );
    }
  });

  it("gives back whatever lines there were, however they came", async () => {
    const chunks = fc.array(
      fc.uint8Array({ minLength: 1, maxLength: 30 }).map((part) => part.map((byte) => (byte < 100 ? 10 : byte))),
    );
    await fc.assert(
      fc.asyncProperty(chunks, async (parts) => {
        rmSync(`${path}.0`, { force: true });
        rmSync(`${path}.1`, { force: true });
        const output = open();
        for (const part of parts) output.append(1, part);
        output.end(1);
        await output.close();
        const text = Buffer.concat(parts).toString("latin1");
        const expected = text.split("\n");
        if (expected.at(-1) === "") expected.pop();
        assert.deepEqual(linesOf(open().pieces(everything)), expected);
      }),
      { numRuns: 200 },
    );
  });

  it("loses its torn tail only, and goes on behind the rest", async () => {
    const output = open();
    for (let at = 0; at < 5; at++) output.append(at, bytes(`line ${at}\n`));
    await output.close();
    const file = readdirSync(folder).map((name) => join(folder, name))[0] ?? "";
    const whole = readFileSync(file);
    const record = encodePiece(0, bytes("line 0\n")).length;
    for (let cut = 1; cut < record; cut++) {
      writeFileSync(file, whole.subarray(0, whole.length - cut));
      const again = open();
      assert.deepEqual(linesOf(again.pieces(everything)), ["line 0", "line 1", "line 2", "line 3"]);
      again.append(9, bytes("more\n"));
      await again.close();
      assert.deepEqual(linesOf(open().pieces(everything)).slice(-2), ["line 3", "more"]);
    }
  });

  it("has what is before a long tail of zeros, as after a loss of power", async () => {
    const output = open();
    output.append(1, bytes("one\ntwo\n"));
    await output.close();
    appendFileSync(`${path}.1`, new Uint8Array(5 * PIECE_MAX));
    const again = open();
    assert.deepEqual(linesOf(again.pieces(everything)), ["one", "two"]);
    again.append(2, bytes("three\n"));
    await again.close();
    assert.deepEqual(linesOf(open().pieces(everything)), ["one", "two", "three"]);
  });

  it("goes on if its files were taken away", async () => {
    const output = open();
    output.append(1, bytes("one\n"));
    output.end(1);
    await output.close();
    rmSync(`${path}.1`);
    output.append(2, bytes("two\n"));
    await output.close();
    assert.deepEqual(failures, []);
    assert.deepEqual(linesOf(output.pieces(everything)), ["two"]);
    assert.deepEqual(linesOf(open().pieces(everything)), ["two"]);
  });

  it("does not have what was not kept when the disk was full behind what came later", async () => {
    const output = open();
    output.append(1, bytes("one\n"));
    await output.close();
    // What such a write leaves: whole pieces, of which nobody knows.
    for (let at = 0; at < 5; at++) appendFileSync(`${path}.1`, encodePiece(1, bytes("not kept\n")));
    output.end(2);
    await output.close();
    output.append(3, bytes("two\n"));
    await output.close();
    assert.deepEqual(linesOf(open().pieces(everything)), ["one", "two"]);
  });

  it("is read, and goes on, however its files are damaged", async () => {
    const output = open(4096);
    for (let at = 0; at < 100; at++) {
      output.append(at, bytes(`line ${at}\n`));
      if (at % 10 === 0) await output.close();
    }
    await output.close();
    const originals = [0, 1].map((at) => new Uint8Array(readFileSync(`${path}.${at}`)));
    const random = new Random(5);
    for (let round = 0; round < 300; round++) {
      for (const [at, original] of originals.entries()) {
        writeFileSync(`${path}.${at}`, random.below(2) === 0 ? mutate(original, random) : original);
      }
      const again = open(4096);
      for (const line of linesOf(again.pieces(everything))) assert.match(line, /^line \d+$/);
      again.append(1, bytes("\nline 999\n"));
      await again.close();
      assert.equal(linesOf(open(4096).pieces(everything)).at(-1), "line 999");
    }
    assert.deepEqual(failures, []);
  });

  it("leaves out what the disk does not take in time, at the limit and one past it, and says so in its place", async () => {
    const output = open(8 * MIB);
    const overhead = encodePiece(0, bytes("")).length;
    const part = new Uint8Array(PIECE_MAX).fill(120);
    const fits = Math.floor(KEPT_BEHIND_MAX / (PIECE_MAX + overhead));
    for (let at = 0; at < fits; at++) output.append(1, part);
    output.append(1, part.subarray(0, KEPT_BEHIND_MAX - fits * (PIECE_MAX + overhead)));
    assert.equal(output.pieces(everything).length, fits + 1);
    output.append(1, bytes("l"));
    output.append(1, bytes("eft out"));
    assert.equal(output.pieces(everything).length, fits + 1);
    await output.close();
    output.append(2, bytes("after\n"));
    await output.close();
    assert.deepEqual(linesOf(open(8 * MIB).pieces(everything)).slice(-2), [gapNotice(8), "after"]);
  });

  it("goes on when the disk takes something again, and complains once", async () => {
    const output = open();
    mkdirSync(`${path}.1`); // no file can be made there
    output.append(1000, bytes("lost\n"));
    await output.close();
    assert.equal(failures.length, 1);
    output.append(1001, bytes("lost, too\n"));
    await output.close();
    rmdirSync(`${path}.1`);
    output.append(1000 + KEPT_RETRY_MS - 1, bytes("not yet\n"));
    output.append(1000 + KEPT_RETRY_MS, bytes("back\n"));
    await output.close();
    const lines = linesOf(open().pieces(everything));
    assert.equal(lines.at(-1), "back");
    assert.match(lines.at(-2) ?? "", /^\[albatross: \d+ bytes of output were not kept here/);
    assert.equal(failures.length, 1);
  });
});

describe("the rest after a failure", () => {
  it("is over if the clock was set back", async () => {
    const output = open();
    mkdirSync(`${path}.1`);
    output.append(10_000_000, bytes("lost\n"));
    await output.close();
    rmdirSync(`${path}.1`);
    output.append(1_000, bytes("of another time\n"));
    await output.close();
    assert.equal(linesOf(open().pieces(everything)).at(-1), "of another time");
  });
});

describe("records of kept output", () => {
  it("are found again behind damage", () => {
    const records = [
      encodePiece(1, bytes("a\n")),
      Uint8Array.of(0xf6, 0x43, 0x4f, 0x4e, 1, 2),
      encodePiece(2, bytes("b\n")),
    ];
    const found: KeptPiece[] = [];
    const all = new Uint8Array(Buffer.concat(records));
    assert.equal(findPieces(all, 0, false, found), all.length);
    assert.deepEqual(
      found.map(({ time, torn }) => [time, torn]),
      [
        [1, false],
        [2, true],
      ],
    );
    assert.ok(KEPT_HEAD > 0);
  });
});

describe("the store of kept output", () => {
  let complaints = "";
  const log = createLog("test", "debug", {
    write: (text) => {
      complaints += text;
    },
    writableLength: 0,
  });
  const store = (totalBytes: number) => new KeptStore({ directory: folder, maxBytes: MIB, totalBytes, log });

  it("has room for so many consoles, and lets the one that ended longest ago go", async () => {
    complaints = "";
    const kept = store(3 * MIB);
    assert.equal(kept.capacity, 3);
    const [a, b, c, d, e] = ["a", "b", "c", "d", "e"].map((label) => parseName(`:${label}`));
    assert.ok(a && b && c && d && e);
    for (const name of [a, b, c]) kept.activate(name)?.append(1, bytes(`${name.text}\n`));
    assert.equal(kept.activate(d), undefined); // all are active
    assert.match(complaints, /only room for 3/);
    await kept.find(b)?.close(); // has written
    kept.deactivate(b);
    kept.deactivate(a);
    kept.activate(a);
    kept.deactivate(a);
    assert.ok(kept.activate(d));
    assert.equal(kept.find(b), undefined);
    assert.ok(!readdirSync(folder).some((file) => file.startsWith(":b")));
    assert.ok(kept.activate(e));
    assert.equal(kept.find(a), undefined);
    assert.ok(kept.find(c));
    await kept.close();
  });

  it("takes up what it finds, oldest first, within its room, and leaves other files alone", async () => {
    const first = store(100 * MIB);
    const names = ["old", "middle", "young"].map((label) => parseName(`foo:${label}`));
    for (const [at, name] of names.entries()) {
      first.activate(name)?.append(1, bytes(`${name.text}\n`));
      await first.find(name)?.close();
      for (const file of readdirSync(folder).filter((each) => each.startsWith(name.text)))
        utimesSync(join(folder, file), 1000 + at, 1000 + at);
    }
    await first.close();
    writeFileSync(join(folder, "notes.0"), "");
    writeFileSync(join(folder, "foo:x.2"), "");
    writeFileSync(join(folder, "FOO:x.0"), "");
    const second = store(2 * MIB);
    assert.deepEqual(
      second.load().map(({ text }) => text),
      ["foo:middle", "foo:young"],
    );
    assert.deepEqual(linesOf(second.find(parseName("foo:young"))?.pieces(everything) ?? []), ["foo:young"]);
    await second.close();
    assert.ok(["notes.0", "foo:x.2", "FOO:x.0"].every((file) => existsSync(join(folder, file))));
  });

  it("keeps nothing under a name that is too long for a file, and says so", async () => {
    complaints = "";
    const kept = store(100 * MIB);
    const label = "l".repeat(62);
    const long = (last: number) => parseName([label, label, label, label, "x".repeat(last)].join(":"));
    assert.ok(kept.activate(long(1)));
    assert.equal(kept.activate(long(2)), undefined);
    assert.match(complaints, /too long for a file/);
    await kept.close();
  });

  it("is used by one process at a time", async () => {
    const kept = store(MIB);
    assert.throws(() => store(MIB), /Another daemon uses this directory/);
    await kept.close();
    await store(MIB).close();
  });

  it("may have a console again at once that it has just removed", async () => {
    const kept = store(2 * MIB);
    const name = parseName(":a");
    kept.activate(name)?.append(1, bytes("before\n"));
    kept.remove(name);
    kept.activate(name)?.append(1, bytes("after\n"));
    await kept.close();
    const again = store(2 * MIB);
    again.load();
    assert.deepEqual(linesOf(again.find(name)?.pieces(everything) ?? []), ["after"]);
    await again.close();
  });
});
