import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { parsers, type ValueKind } from "../../cli/values.ts";

function refusal(kind: ValueKind, text: string): string {
  try {
    parsers[kind](text);
  } catch (error) {
    return (error as Error).message;
  }
  return "accepted";
}

describe("integers", () => {
  const good: readonly (readonly [string, number | bigint])[] = [
    ["0", 0],
    ["42", 42],
    ["-42", -42],
    ["+42", 42],
    ["1_000", 1000],
    ["1__0_", 10],
    ["007", 7],
    ["0x1F", 31],
    ["0Xff_ff", 65_535],
    ["-0x10", -16],
    ["0b101", 5],
    ["0o17", 15],
    ["0u12", 12],
    ["4611686018427387903", 4611686018427387903n],
    ["-4611686018427387904", -4611686018427387904n],
  ];
  for (const [text, value] of good) it(`${text} is read`, () => assert.equal(parsers.integer(text), value));
  for (const text of ["", "x", "1.5", "_1", "0x", "0b2", "0o8", "1e3", " 1", "1 ", "--1", "0x_1", "١"]) {
    it(`${JSON.stringify(text)} is refused`, () =>
      assert.equal(refusal("integer", text), `invalid value '${text}', expected an integer`));
  }
  for (const text of ["4611686018427387904", "-4611686018427387905", "0x7fffffffffffffff"]) {
    it(`${text} does not fit`, () => assert.match(refusal("integer", text), /expected an integer between -46/));
  }
});

describe("limited integers", () => {
  const edges: readonly (readonly [ValueKind, readonly string[], readonly string[]])[] = [
    ["cpu-id", ["0", "2147483647"], ["-1", "2147483648"]],
    ["exit-code", ["0", "255"], ["-1", "256"]],
    ["megabytes", ["1", "4611686018427387903"], ["0", "-1"]],
    ["virtual-cpus", ["1"], ["0"]],
    ["compression-level", ["0", "9"], ["-1", "10"]],
  ];
  for (const [kind, good, bad] of edges) {
    it(`${kind}: the limits, and one past them`, () => {
      for (const text of good) assert.equal(refusal(kind, text), "accepted", text);
      for (const text of bad) assert.match(refusal(kind, text), /^invalid value '.*', expected a/, text);
    });
  }
});

describe("names and paths", () => {
  it("names", () => {
    for (const [text, printed] of [
      ["hello", ":hello"],
      [":hello", ":hello"],
      ["FOO:Bar", "foo:bar"],
      ["foo:", "foo:"],
      [":", ":"],
    ] as const) {
      assert.equal(parsers.name(text).text, printed);
    }
    assert.equal(refusal("name", ""), "empty name");
    assert.equal(refusal("name", "bad_name!"), "invalid name");
    assert.equal(refusal("name", "a::b"), "invalid name");
  });

  it("paths", () => {
    const rule = "invalid path: invalid label (only [a-zA-Z0-9-.] allowed, 1 to 63 chars)";
    assert.equal(parsers.path("foo").text, "foo:");
    assert.equal(parsers.path(":foo:bar").text, "foo:bar:");
    for (const text of ["", ":", "foo:", "f_o", "-f", `${"a".repeat(64)}`])
      assert.equal(refusal("path", text), rule, text);
    assert.equal(parsers.path("a".repeat(63)).text, `${"a".repeat(63)}:`);
  });
});

describe("network devices", () => {
  for (const [text, name, bridge, mac] of [
    ["service", "service", undefined, undefined],
    ["service:br0", "service", "br0", undefined],
    ["service:br0@00:80:41:01:02:0F", "service", "br0", "00:80:41:01:02:0f"],
    ["service@00-80-41-01-02-03", "service", undefined, "00:80:41:01:02:03"],
    ["service:br0@0080.4101.0203", "service", "br0", "00:80:41:01:02:03"],
  ] as const) {
    it(text, () => assert.deepEqual(parsers.network(text), { name, bridge, mac }));
  }
  it("are refused in other forms", () => {
    assert.equal(refusal("network", "a:b:c"), "format is 'name' or 'name:device-name'");
    assert.equal(refusal("network", ""), "format is 'name' or 'name:device-name'");
    assert.equal(refusal("network", "a:"), "format is 'name' or 'name:device-name'");
    assert.equal(refusal("network", "a:b@c@d"), "format is [name:]bridge[@mac]");
    for (const mac of ["", "00:80:41:01:02", "00:80:41:01:02:03:04", "00:80-41:01:02:03", "0g:80:41:01:02:03"]) {
      assert.match(refusal("network", `a@${mac}`), /^Macaddr: /, mac);
    }
  });
});

describe("block devices", () => {
  for (const [text, name, device, sectorSize] of [
    ["storage", "storage", undefined, undefined],
    ["storage:data", "storage", "data", undefined],
    ["storage:data@4096", "storage", "data", 4096],
    ["storage@0x200", "storage", undefined, 512],
  ] as const) {
    it(text, () => assert.deepEqual(parsers.block(text), { name, device, sectorSize }));
  }
  it("are refused in other forms", () => {
    const power = "sector size must be a power of two greater than or equal 512";
    for (const size of ["256", "513", "0", "-512"]) assert.equal(refusal("block", `a@${size}`), power, size);
    for (const size of ["", "x", "1k"])
      assert.equal(refusal("block", `a@${size}`), "sector size must be an integer", size);
    const format = "format is 'name[@sector-size]' or 'name:device-name[@sector-size]'";
    for (const text of ["", ":a", "a:b:c", "a@512@512"]) assert.equal(refusal("block", text), format, text);
  });
});

describe("timestamps", () => {
  for (const [text, iso] of [
    ["2023-03-12T23:42:15Z", "2023-03-12T23:42:15.000Z"],
    ["2023-03-12t23:42:15z", "2023-03-12T23:42:15.000Z"],
    ["2023-03-12 23:42:15.5+01:30", "2023-03-12T22:12:15.500Z"],
    ["2023-03-12T23:42:15.123456-00:00", "2023-03-12T23:42:15.123Z"],
    ["2020-01-01", "2020-01-01T00:00:00.000Z"],
    ["0050-01-01", "0050-01-01T00:00:00.000Z"],
    ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
  ] as const) {
    it(text, () => assert.equal(new Date(parsers.timestamp(text)).toISOString(), iso));
  }
  for (const text of [
    "",
    "now",
    "2023-03-12T23:42:15",
    "2023-02-29",
    "2023-13-01",
    "2023-03-12T24:00:00Z",
    "2023-03-12T23:60:00Z",
    "2023-03-12T23:42Z",
    "2023-03-12T23:42:15+24:00",
  ]) {
    it(`${JSON.stringify(text)} is refused`, () =>
      assert.equal(refusal("timestamp", text), "couldn't parse timestamp"));
  }
});

describe("choices and files", () => {
  it("name the alternatives", () => {
    const types = "either 'solo5' or 'bhyve', or the name of a backend";
    assert.ok(refusal("type", "Xen").startsWith(`invalid value 'Xen', expected ${types}: `));
    assert.equal(parsers.type("xen"), "xen"); // only the daemon knows its backends
    assert.equal(refusal("color", "red"), "invalid value 'red', expected one of 'auto', 'always' or 'never'");
    assert.equal(parsers.type("bhyve"), "bhyve");
  });
  it("must exist", () => {
    assert.equal(refusal("file", "/nonexistent"), "no '/nonexistent' file or directory");
    assert.equal(refusal("directory", "/nonexistent"), "no '/nonexistent' directory");
    assert.equal(refusal("directory", import.meta.filename), `'${import.meta.filename}' is not a directory`);
    assert.equal(parsers.file("/"), "/");
  });
});
