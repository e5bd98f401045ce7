/**
 * The event log's messages: exact bytes, what is refused, and how they are shown.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { fromText } from "../../../core/byte-string.ts";
import { formatAddress, formatEndpoint, parseAddress } from "../../../core/ip-address.ts";
import { formatCursor, parseCursor } from "../../../core/log/cursor.ts";
import type { LogEvent } from "../../../core/log/event.ts";
import { eventToJson } from "../../../core/log/json.ts";
import { parseName } from "../../../core/name.ts";
import { printEvent } from "../../../core/print/log.ts";
import { DecodeError } from "../../../core/wire/decode-error.ts";
import type { LogHistory, Message } from "../../../core/wire/message.ts";
import { decodeMessage, encodeMessage } from "../../../core/wire/message-codec.ts";
import { answerMessage } from "../../../daemon/wire-tool/answers.ts";
import { JsonReader } from "../../../daemon/wire-tool/json-reader.ts";
import { messageFromJson } from "../../../daemon/wire-tool/message-from-json.ts";
import { logEvent } from "../../support/arbitrary-messages.ts";
import { mutate, Random } from "../../support/mutations.ts";
import { hex, unhex } from "../../support/vectors.ts";

const header = "301302010504080000000000000000" + "0c04666f6f3a"; // version 5, sequence 0, foo:
const name = parseName("foo:");

function subscribe(from: LogHistory): Message {
  return { header: { sequence: 0n, name }, payload: { kind: "command", command: { kind: "log-subscribe", from } } };
}

function data(event: LogEvent, timestamp = Date.UTC(2026, 4, 29, 10, 11, 12, 345)): Message {
  return { header: { sequence: 0n, name }, payload: { kind: "data", data: { kind: "log", timestamp, event } } };
}

describe("the event log on the wire", () => {
  const log = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

  it("has the command of old-names.md 6, and a cursor as the third way to begin", () => {
    assert.equal(hex(encodeMessage(subscribe({ count: 20 }))), `301e${header}a007a205a103020114`);
    assert.equal(
      hex(encodeMessage(subscribe({ since: Date.UTC(2026, 4, 29, 10, 11, 12) }))),
      `302c${header}a015a213a011180f${Buffer.from("20260529101112Z").toString("hex")}`,
    );
    assert.equal(
      hex(encodeMessage(subscribe({ cursor: { log, entry: 258n } }))),
      `3031${header}a01aa218a21630140408010203040506070804080000000000000102`,
    );
  });

  it("has the data of version 4, with names and times of version 5", () => {
    const timed = (rest: string) => {
      const inner = `1813${Buffer.from("20260529101112.345Z").toString("hex")}${rest}`;
      const length = (text: string) => (text.length / 2).toString(16).padStart(2, "0");
      const sequence = `30${length(inner)}${inner}`;
      const log = `a2${length(sequence)}${sequence}`;
      const payload = `a3${length(log)}${log}`;
      return `30${length(header + payload)}${header}${payload}`;
    };
    assert.equal(hex(encodeMessage(data({ kind: "startup" }))), timed("a0020500"));
    assert.equal(hex(encodeMessage(data({ kind: "hup" }))), timed("a5020500"));
    const login = { kind: "login", name, address: Uint8Array.of(10, 0, 0, 1), port: 4711 } as const;
    assert.equal(
      hex(encodeMessage(data(login))),
      timed("a112" + "3010" + "0c04666f6f3a" + "04040a000001" + "02021267"),
    );
    const stop = {
      kind: "unikernel-stopped",
      name,
      pid: 5,
      end: { kind: "exit", code: 2 },
      duration: undefined,
      digest: undefined,
    } as const;
    assert.equal(hex(encodeMessage(data(stop))), timed("a410" + "300e" + "0c04666f6f3a" + "020105" + "a003020102"));
  });

  it("refuses NULL, as the original does", () => {
    const command = unhex(`301b${header}a004a2020500`);
    assert.throws(() => decodeMessage(command), { name: "DecodeError", message: "support for log dropped" });
    const event = unhex(`301b${header}a304a2020500`);
    assert.throws(() => decodeMessage(event), { name: "DecodeError", message: "support for log was dropped" });
  });

  it("refuses addresses, identities and ports that cannot be", () => {
    const login = (length: number, port: number): Message =>
      data({ kind: "login", name, address: new Uint8Array(length), port });
    for (const length of [4, 16])
      assert.deepEqual(decodeMessage(encodeMessage(login(length, 65_535))), login(length, 65_535));
    for (const length of [0, 3, 5, 15, 17]) {
      assert.throws(() => decodeMessage(encodeMessage(login(length, 1))), DecodeError);
    }
    for (const port of [-1, 65_536]) assert.throws(() => decodeMessage(encodeMessage(login(4, port))), DecodeError);
    for (const length of [7, 9]) {
      const cursor = { log: new Uint8Array(length), entry: 1n };
      assert.throws(() => decodeMessage(encodeMessage(subscribe({ cursor }))), DecodeError);
    }
  });

  it("refuses the two forms of a start that nobody can send any more", () => {
    for (const tag of ["a3", "a6"]) {
      const message = hex(encodeMessage(data({ kind: "hup" }))).replace("a5020500", `${tag}020500`);
      assert.throws(() => decodeMessage(unhex(message)), DecodeError);
    }
  });

  it("throws DecodeErrors only, however an event is damaged", () => {
    const random = new Random(7);
    const samples = fc.sample(logEvent, { numRuns: 300, seed: 7 }).map((event) => encodeMessage(data(event)));
    let rejected = 0;
    for (let round = 0; round < 30_000; round++) {
      const damaged = mutate(samples[random.below(samples.length)] ?? new Uint8Array(), random);
      try {
        const message = decodeMessage(damaged);
        assert.deepEqual(decodeMessage(encodeMessage(message)), message);
        if (message.payload.kind === "data" && message.payload.data.kind === "log") {
          assert.match(printEvent(message.payload.data), /^[ -~]*$/);
          JSON.stringify(eventToJson(message.payload.data, null));
        }
      } catch (error) {
        if (!(error instanceof DecodeError)) throw new Error(`Round ${round}: ${hex(damaged)}`, { cause: error });
        rejected++;
      }
    }
    assert.ok(rejected > 10_000 && rejected < 30_000, String(rejected));
  });

  it("is shown by the wire tool, and commands are made by it", () => {
    for (const from of [{ count: 20 }, { since: 1_000_000 }, { cursor: { log, entry: 9n } }]) {
      const message = subscribe(from);
      const shown = answerMessage(encodeMessage(message)) as { header: object; value: object; pretty: string };
      assert.deepEqual(messageFromJson(new JsonReader({ header: shown.header, value: shown.value })), message);
      assert.match(shown.pretty, /^host \[unikernel: foo:\]: log subscribe /);
    }
    const shown = answerMessage(encodeMessage(data({ kind: "hup" }))) as { value: unknown; pretty: string };
    assert.equal(shown.pretty, "2026-05-29T10:11:12-00:00: hup");
    assert.match(JSON.stringify(shown.value), /^\{"data":\{"log":\{"kind":"log-event".*"event":"hup"\}\}\}$/);
  });
});

describe("events in print", () => {
  const print = (event: LogEvent) => printEvent({ timestamp: 0, event }).replace("1970-01-01T00:00:00-00:00: ", "");
  const digest = Uint8Array.of(0xab, 0xcd);

  it("read as in the original, where it had them", () => {
    assert.equal(print({ kind: "startup" }), "startup");
    const peer = { name, address: Uint8Array.of(10, 0, 0, 1), port: 4711 };
    assert.equal(print({ kind: "login", ...peer }), "foo: login 10.0.0.1:4711");
    assert.equal(print({ kind: "logout", ...peer }), "foo: logout 10.0.0.1:4711");
    const started = {
      kind: "unikernel-started",
      name: parseName("foo:a"),
      digest,
      pid: 7,
      taps: [
        { device: fromText("service"), tap: fromText("tap0") },
        { device: fromText("b"), tap: fromText("tap1") },
      ],
      blocks: [{ device: fromText("data"), block: parseName("foo:disk") }],
    } as const;
    assert.equal(print(started), "foo:a (digest: abcd) started 7 (taps service=tap0; b=tap1, block data=foo:disk)");
    const stopped = { kind: "unikernel-stopped", name, pid: 7, duration: undefined, digest: undefined } as const;
    assert.equal(print({ ...stopped, end: { kind: "exit", code: 3 } }), "foo: stopped 7 with exit 3");
    assert.equal(print({ ...stopped, end: { kind: "signal", signal: 15 } }), "foo: stopped 7 with signal 15");
    assert.equal(print({ ...stopped, end: { kind: "stop", signal: 19 } }), "foo: stopped 7 with stop 19");
  });

  it("name no digest of a machine without an image", () => {
    const admitted = { kind: "unikernel-admitted", name: parseName("vm"), memory: 32 } as const;
    assert.equal(print({ ...admitted, digest }), ":vm (digest: abcd) admitted, 32 MB");
    assert.equal(print({ ...admitted, digest: new Uint8Array(0) }), ":vm admitted, 32 MB");
  });

  it("cannot drive a terminal, whatever is in them", () => {
    const reason = fromText("\u001b]0;evil\u0007 é\n");
    const refused = { kind: "refused", name, address: new Uint8Array(16), port: 1, reason } as const;
    assert.equal(print(refused), "foo: refused [::]:1: \\027]0;evil\\007 \\195\\169\\n");
  });
});

describe("addresses", () => {
  it("are read and written, IPv4 within IPv6 as its own", () => {
    const cases: readonly (readonly [string, string | undefined])[] = [
      ["127.0.0.1", "127.0.0.1"],
      ["::ffff:10.1.2.3", "10.1.2.3"],
      ["::1", "::1"],
      ["::", "::"],
      ["2001:DB8::1", "2001:db8::1"],
      ["fe80::1%eth0", "fe80::1"],
      ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
      ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
      ["64:ff9b::1.2.3.4", "64:ff9b::102:304"],
      ["", undefined],
      ["256.0.0.1", undefined],
      ["1.2.3", undefined],
      ["1::2::3", undefined],
      ["1:2:3:4:5:6:7", undefined],
      ["1:2:3:4:5:6:7:8:9", undefined],
      ["::12345", undefined],
      ["1.2.3.4::", undefined],
      ["localhost", undefined],
    ];
    for (const [text, expected] of cases) {
      const bytes = parseAddress(text);
      assert.equal(bytes === undefined ? undefined : formatAddress(bytes), expected, text);
    }
    assert.equal(formatEndpoint(Uint8Array.of(1, 2, 3, 4), 5), "1.2.3.4:5");
  });

  it("survive being written and read", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        const again = parseAddress(formatAddress(bytes));
        assert.equal(again === undefined ? undefined : formatAddress(again), formatAddress(bytes));
      }),
    );
  });
});

describe("cursors", () => {
  it("are text and back", () => {
    const cursor = { log: Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 255), entry: 2n ** 64n - 1n };
    assert.equal(formatCursor(cursor), "00010203040506ff.18446744073709551615");
    assert.deepEqual(parseCursor(formatCursor(cursor)), cursor);
    for (const text of [
      "",
      "1",
      "00010203040506ff",
      "00010203040506ff.18446744073709551616",
      "00010203040506FF.1",
      "00010203040506ff.-1",
    ]) {
      assert.equal(parseCursor(text), undefined, text);
    }
  });
});
