/**
 * Printed messages against what the original's client printed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { toDisplay } from "../../../core/byte-string.ts";
import { parseName } from "../../../core/name.ts";
import { escapeLine } from "../../../core/print/console-line.ts";
import { printMessage } from "../../../core/print/message.ts";
import { printStatistics } from "../../../core/print/statistics.ts";
import { CLIENT_STYLE, fill, type PrintStyle } from "../../../core/print/style.ts";
import { printTime } from "../../../core/print/time.ts";
import type { UnikernelInfo } from "../../../core/unikernel.ts";
import type { Message } from "../../../core/wire/message.ts";
import { decodeMessage } from "../../../core/wire/message-codec.ts";
import { JsonReader } from "../../../daemon/wire-tool/json-reader.ts";
import { messageFromJson } from "../../../daemon/wire-tool/message-from-json.ts";
import { unhex, vectorList } from "../../support/vectors.ts";

const plain: PrintStyle = { verbose: false, columns: 80, boxed: false };
const verbose: PrintStyle = { ...plain, verbose: true };
const unwrapped: PrintStyle = { ...verbose, columns: Number.POSITIVE_INFINITY };

function print(message: Message, style: PrintStyle): string {
  return toDisplay(printMessage(message, style));
}

/** The protocol cannot carry an empty list of exit codes, and so neither can our values. */
function hasEmptyExitCodes(vector: object): boolean {
  return JSON.stringify(vector).includes('"restart":[]');
}

describe("messages", () => {
  for (const vector of vectorList("wire.json")) {
    if (vector["pretty"] === undefined || hasEmptyExitCodes(vector)) continue;
    it(`are printed as the original does: ${vector.id}, ${vector.description}`, () => {
      const message = messageFromJson(new JsonReader(vector));
      assert.equal(print(message, plain), vector["pretty"]);
      assert.equal(print(message, verbose), vector["pretty_verbose"]);
      assert.equal(print(message, unwrapped), vector["pretty_nowrap"]);
    });
  }

  for (const file of ["wire_old.json", "wire_malformed.json"]) {
    for (const { id, description, hex, pretty } of vectorList(file)) {
      if (hex === undefined || pretty === undefined) continue;
      it(`are printed as the original does: ${id}, ${description}`, () => {
        assert.equal(print(decodeMessage(unhex(hex)), verbose), pretty);
      });
    }
  }
});

const info: UnikernelInfo = {
  type: "solo5",
  startup: undefined,
  failBehaviour: { kind: "quit" },
  cpuIds: [0],
  memory: 16,
  digest: unhex("6f40ec4f122a6e152e7476c3a2d71d10efbb13f22edb1c8f3728d40912a6d411"),
  blockDevices: [],
  networks: [],
  arguments: undefined,
  started: Date.UTC(2026, 10, 21, 21, 20, 44),
  cpus: 1,
  linuxBootPartition: undefined,
};

describe("lists of unikernels in the client", () => {
  it("end the first description softly, all others with a line break before the last part", () => {
    const unikernels = ["net2", "bar:net1", "c"].map((text) => ({ name: parseName(text), info }));
    const text = print(
      {
        header: { sequence: 0n, name: parseName("foo:") },
        payload: { kind: "success", success: { kind: "unikernels", unikernels } },
      },
      CLIENT_STYLE,
    );
    const ends = text.split("\n").filter((line) => line.includes("#cpus") || line.startsWith("linux"));
    assert.deepEqual(ends, [
      "#cpus 1 linux_boot_partition not specified",
      "#cpus 1",
      "linux_boot_partition not specified",
      "#cpus 1",
      "linux_boot_partition not specified",
    ]);
    assert.ok(
      text.startsWith("host [unikernel: foo:]: [unikernel: :net2]: typ solo5\nstarted 2026-11-21T21:20:44-00:00"),
    );
    assert.ok(text.includes("\n[unikernel: bar:net1]: typ solo5 started 2026-11-21T21:20:44-00:00\n"));
  });
});

describe("filled paragraphs", () => {
  it("use 77 of 80 columns and not one more", () => {
    assert.equal(fill("a", ["b".repeat(75)], 80, false), `a ${"b".repeat(75)}`);
    assert.equal(fill("a", ["b".repeat(76)], 80, false), `a\n${"b".repeat(76)}`);
    assert.equal(fill("a", ["b", "c"], 80, true), "a b\nc");
    assert.equal(fill("a", ["b".repeat(100), "c"], Number.POSITIVE_INFINITY, false), `a ${"b".repeat(100)} c`);
  });
});

describe("times", () => {
  it("have seconds, and are cut off", () => {
    assert.equal(printTime(Date.UTC(2026, 4, 29, 12, 34, 56) + 999), "2026-05-29T12:34:56-00:00");
    assert.equal(printTime(-1), "1969-12-31T23:59:59-00:00");
    assert.equal(printTime(Number.MAX_SAFE_INTEGER), "9999-12-31T23:59:59-00:00");
  });
});

describe("console lines", () => {
  it("are printable ASCII whatever they hold, and can be told apart", () => {
    const all = Uint8Array.from({ length: 256 }, (_, at) => at);
    const text = escapeLine(all);
    assert.match(text, /^[ -~]*$/);
    const pieces = [...all].map((byte) => escapeLine(Uint8Array.of(byte)));
    assert.equal(new Set(pieces).size, 256);
    assert.equal(pieces.join(""), text);
    assert.equal(
      escapeLine(new TextEncoder().encode('\x1b[0m"\\\t\n\r\b\x7fé')),
      '\\027[0m\\"\\\\\\t\\n\\r\\b\\127\\195\\169',
    );
  });
});

describe("statistics", () => {
  it("separate interfaces by an empty line and tell counters one per line", () => {
    const vector = vectorList("wire.json").find(({ description }) => description === "stats data kinfo only");
    const { payload } = messageFromJson(new JsonReader(vector));
    assert.ok(payload.kind === "data" && payload.data.kind === "statistics");
    const { statistics } = payload.data;
    const [one] = statistics.interfaces;
    assert.ok(one !== undefined);
    const lines = printStatistics({
      ...statistics,
      interfaces: [one, one],
      hypervisor: [
        { key: "exits" as never, value: 2n ** 64n - 1n },
        { key: "halts" as never, value: 0n },
      ],
    }).split("\n");
    assert.deepEqual(lines.slice(2, 4), ["exits: 18446744073709551615", "halts: 0"]);
    assert.equal(lines.length, 7);
    assert.equal(lines[5], "");
    assert.equal(lines[4], lines[6]);
  });
});
