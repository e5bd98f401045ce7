import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  amount,
  duration,
  PROGRESS_DELAY_MS,
  PROGRESS_INTERVAL_MS,
  progressLine,
  showProgress,
} from "../../cli/progress.ts";
import { addressBytes, hasServerName } from "../../client/server-name.ts";
import { ValueError } from "../../client/value-error.ts";
import { parseDestination } from "../../client/values/destination.ts";
import { parseDigest } from "../../client/values/digest.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { Authority, credentialsOf } from "../support/authority.ts";
import { runClient } from "./run-client.ts";

describe("the progress of an upload", () => {
  it("tells how much, how fast and how long", () => {
    assert.equal(
      progressLine(5_000_000, 10_000_000, 2_000),
      "[============            ] 50% of 10.0 MB, 2.5 MB/s, 0:02 left",
    );
    assert.equal(
      progressLine(10_000_000, 10_000_000, 1_000),
      "[========================]100% of 10.0 MB, 10.0 MB/s, 0:00 left",
    );
    assert.equal(progressLine(0, 10, 0), "[                        ]  0% of 10 B, 0 B/s");
    assert.equal(progressLine(5_000_000, undefined, 2_000), "5.0 MB, 2.5 MB/s");
    assert.equal(progressLine(0, 0, 5), "[========================]100% of 0 B, 0 B/s");
  });

  it("is written in units people read", () => {
    assert.deepEqual([0, 999, 1000, 99_940, 99_951, 999_499, 1e6, 5.55e9, 1e15].map(amount), [
      ...["0 B", "999 B", "1.0 kB", "99.9 kB", "100 kB", "999 kB", "1.0 MB"],
      ...["5.5 GB", "1000 TB"],
    ]);
    assert.deepEqual([0, 0.2, 65, 3_661].map(duration), ["0:00", "0:01", "1:05", "1:01:01"]);
  });

  it("shows nothing of a short upload, is not written too often, and leaves an empty line", () => {
    let time = 0;
    const written: string[] = [];
    const progress = showProgress(
      1000,
      (text) => written.push(text),
      () => time,
    );
    time = PROGRESS_DELAY_MS - 1;
    progress.advance(1);
    assert.deepEqual(written, []);
    time = PROGRESS_DELAY_MS;
    progress.advance(1);
    assert.equal(written.length, 1);
    time += PROGRESS_INTERVAL_MS - 1;
    progress.advance(1);
    assert.equal(written.length, 1);
    time += 1;
    progress.advance(1);
    assert.equal(written.length, 2);
    progress.finish();
    progress.finish();
    assert.match(written.at(-1) ?? "", /^\r +\r$/);
    assert.equal(written.length, 3);
  });
});

describe("a destination", () => {
  const good: readonly (readonly [string, string, number])[] = [
    ["host", "host", 1025],
    ["host.example.org:1", "host.example.org", 1],
    ["10.0.0.1", "10.0.0.1", 1025],
    ["10.0.0.1:65535", "10.0.0.1", 65_535],
    ["::1:1025", "::1", 1025],
    ["[::1]:1025", "::1", 1025],
    ["[fe80::1%eth0]:99", "fe80::1%eth0", 99],
    ["2001:db8::7:8080", "2001:db8::7", 8080],
  ];
  for (const [text, host, port] of good) {
    it(`${text} is ${host}, port ${port}`, () => assert.deepEqual(parseDestination(text), { host, port }));
  }
  it("- only shows", () => assert.equal(parseDestination("-"), "-"));
  for (const text of [
    "",
    "::1",
    "[::1]",
    "host:",
    "host:x",
    "host:0",
    "host:65536",
    "a b",
    "a_b:1",
    "[host]:1",
    ":1",
  ]) {
    it(`${JSON.stringify(text)} is none`, () => assert.throws(() => parseDestination(text), ValueError));
  }
  it("with a port that is none has the recorded text", async () => {
    const { status, stderr } = await runClient(["info", "-d", "host:x"]);
    assert.equal(status, 124);
    assert.match(stderr, /option '-d': failed to parse port/);
  });
});

describe("a pinned key", () => {
  it("is hex, with colons or without", () => {
    assert.equal(parseDigest("AB".repeat(32)), "ab".repeat(32));
    assert.equal(parseDigest(new Array(32).fill("0F").join(":")), "0f".repeat(32));
    for (const text of ["", "ab".repeat(31), "ab".repeat(33), "xy".repeat(32), "ab:cd"]) {
      assert.throws(() => parseDigest(text), ValueError);
    }
  });
});

describe("the name of a server", () => {
  it("may be an address", () => {
    assert.deepEqual([...(addressBytes("127.0.0.1") ?? [])], [127, 0, 0, 1]);
    assert.equal(Buffer.from(addressBytes("2001:DB8::1") ?? []).toString("hex"), "20010db8000000000000000000000001");
    assert.equal(Buffer.from(addressBytes("::ffff:1.2.3.4") ?? []).toString("hex"), "00000000000000000000ffff01020304");
    assert.equal(
      Buffer.from(addressBytes("1:2:3:4:5:6:7:8") ?? []).toString("hex"),
      "00010002000300040005000600070008",
    );
    for (const text of ["256.0.0.1", "1.2.3", "::1::", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "host", "g::"]) {
      assert.equal(addressBytes(text), undefined, text);
    }
  });

  it("may be one of several, with a wildcard for the first label", () => {
    const authority = new Authority();
    try {
      const names = "subjectAltName=email:a@b,DNS:*.alba.example,DNS:*.example,IP:2001:db8::1,URI:x:y";
      const { chainDer } = credentialsOf(authority.server("ignored", names));
      const certificate = readCertificate(chainDer[0] ?? new Uint8Array());
      const is = (name: string) => hasServerName(certificate, name);
      assert.deepEqual(["x.alba.example", "X.ALBA.Example", "2001:DB8:0::1"].map(is), [true, true, true]);
      const not = ["alba.example", "a.b.alba.example", "ignored", "x.example", "2001:db8::2", ".alba.example", ""];
      assert.deepEqual(
        not.map(is),
        not.map(() => false),
      );
    } finally {
      authority.remove();
    }
  });
});
