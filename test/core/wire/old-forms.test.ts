/**
 * Commands and state files of earlier releases, put together by hand: for forms of which few recordings exist.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DecodeError } from "../../../core/wire/decode-error.ts";
import { ImageSplitter } from "../../../core/wire/image-splitter.ts";
import { decodeMessage, encodeMessage } from "../../../core/wire/message-codec.ts";
import { decodeState, encodeState } from "../../../core/wire/state.ts";
import { commandToJson } from "../../../daemon/wire-tool/command-to-json.ts";
import { configToJson } from "../../../daemon/wire-tool/unikernel-to-json.ts";
import { unhex } from "../../support/vectors.ts";

/** An element: identifier and content, all in hex; the length is put between. */
function tlv(identifier: string, ...content: readonly string[]): string {
  const inner = content.join("").replaceAll(" ", "");
  const length = inner.length / 2;
  const digits = length.toString(16).padStart(length < 256 ? 2 : 4, "0");
  const header = length < 128 ? digits : `${length < 256 ? "81" : "82"}${digits}`;
  return identifier + header + inner;
}

function str(value: string): string {
  return tlv("0c", Buffer.from(value).toString("hex"));
}

const header = tlv("30", "020105", "04080000000000000007", str("foo:hello"));

function command(...wrapped: readonly string[]): string {
  return tlv("30", header, tlv("a0", ...wrapped));
}

const solo5 = "a0020500";
const quit = "a0020500";
const notCompressed = "010100";
const image = tlv("04", "7f454c46");
const restartTwo = tlv("a1", tlv("31", "020102"));

const v3 = tlv(
  "30",
  solo5,
  notCompressed,
  image,
  restartTwo,
  "020103",
  "020140",
  tlv("a0", tlv("31", tlv("30", str("storage"), str("data"), "02020200"))),
  tlv("a1", tlv("31", tlv("30", str("service"), str("br0"), "0406008041010203"))),
  tlv("a2", tlv("30", str("-l"), str("*:debug"))),
);

const fromV3 = {
  typ: "solo5",
  compressed: false,
  image: "7f454c46",
  fail_behaviour: { restart: [2] },
  startup: null,
  add_name: true,
  cpuids: [3],
  memory: 64,
  block_devices: [["storage", "data", 512]],
  bridges: [["service", "br0", "00:80:41:01:02:03"]],
  argv: ["-l", "*:debug"],
  numcpus: 1,
  linux_boot_partition: null,
};

function commandOf(digits: string) {
  const { payload } = decodeMessage(unhex(digits));
  assert.ok(payload.kind === "command");
  return payload.command;
}

describe("commands of earlier releases", () => {
  it("create with the third form of configurations", () => {
    assert.deepEqual(commandToJson(commandOf(command(tlv("a3", tlv("a9", v3))))), { unikernel: { create: fromV3 } });
    assert.deepEqual(commandToJson(commandOf(command(tlv("a3", tlv("aa", v3))))), {
      unikernel: { force_create: fromV3 },
    });
  });

  it("create without ever holding the image", () => {
    for (const tag of ["a9", "aa"]) {
      const bytes = unhex(command(tlv("a3", tlv(tag, v3))));
      for (const size of [1, 7, 1000]) {
        const taken: number[] = [];
        const splitter = new ImageSplitter(bytes.length, { limit: 10, onImage: (part) => taken.push(...part) });
        for (let at = 0; at < bytes.length; at += size) splitter.push(bytes.subarray(at, at + size));
        const { message, imageLength } = splitter.finish();
        assert.equal(imageLength, 4);
        assert.deepEqual(taken, [0x7f, 0x45, 0x4c, 0x46]);
        assert.ok(message.payload.kind === "command");
        const { unikernel } = { unikernel: undefined, ...Object(commandToJson(message.payload.command)) };
        assert.deepEqual(Object.values(unikernel), [{ ...fromV3, image: "" }]);
      }
    }
  });

  it("restart with arguments of both old forms", () => {
    const devices = tlv("a0", tlv("31", tlv("30", str("b"))));
    const v0 = tlv("30", quit, "020100", "020120", devices);
    const v1 = tlv("30", quit, "020107", "010100", "020100", "020120", devices);
    const expected = {
      fail_behaviour: "quit",
      startup: null,
      add_name: true,
      cpuids: [0],
      memory: 32,
      block_devices: [["b", null, null]],
      bridges: [],
      argv: null,
      numcpus: 1,
      linux_boot_partition: null,
    };
    assert.deepEqual(commandToJson(commandOf(command(tlv("a3", tlv("ae", tlv("a1", v0)))))), {
      unikernel: { restart: expected },
    });
    assert.deepEqual(commandToJson(commandOf(command(tlv("a3", tlv("ae", tlv("a2", v1)))))), {
      unikernel: { restart: { ...expected, startup: 7, add_name: false } },
    });
    assert.throws(() => commandOf(command(tlv("a3", tlv("ae", tlv("a1", v1))))), DecodeError);
  });

  it("are rejected if their tags were dropped", () => {
    for (const tag of ["a0", "a1", "a2", "a4", "a5", "a6", "a7", "a8", "ac", "ad", "b6"]) {
      assert.throws(() => commandOf(command(tlv("a3", tlv(tag, "0500")))), DecodeError, tag);
      assert.throws(() => commandOf(command(tlv("a3", tlv(tag, v3)))), DecodeError, tag);
    }
    assert.throws(() => commandOf(command(tlv("a0", tlv("a1", "0500")))), DecodeError);
    assert.throws(() => commandOf(command(tlv("a2", "0500"))), { message: "support for log dropped" });
    for (const tag of ["a3", "a5", "a8"]) {
      assert.throws(() => decodeMessage(unhex(tlv("30", header, tlv("a1", tlv(tag, "3000"))))), DecodeError);
    }
  });

  it("are rejected in the original's words if their tags never were any, whatever ours are", () => {
    const expected = (tag: number, got: number) => ({
      message: `Type mismatch: expected: (Constructed CONTEXT ${tag}) got: (Constructed CONTEXT ${got})`,
    });
    assert.throws(() => commandOf(command(tlv("a6", tlv("a0", "0500")))), expected(5, 6));
    assert.throws(() => commandOf(command(tlv("a3", tlv("b6", "0500")))), expected(21, 22));
    assert.throws(() => commandOf(command(tlv("a5", tlv("a8", "0500")))), expected(7, 8));
    const unknownType = v3.replace(solo5, "a2020500");
    assert.throws(() => commandOf(command(tlv("a3", tlv("a9", unknownType)))), expected(1, 2));
  });

  it("are written in the present form", () => {
    const old = decodeMessage(unhex(command(tlv("a3", tlv("a9", v3)))));
    const present = decodeMessage(encodeMessage(old));
    assert.deepEqual(present, old);
    assert.equal(Buffer.from(encodeMessage(old)).indexOf(Buffer.from("b4", "hex")), header.length / 2 + 7);
  });
});

describe("state files of earlier releases", () => {
  const stateOf = (digits: string) => {
    const state = decodeState(unhex(digits));
    const again = encodeState(state);
    assert.deepEqual(encodeState(decodeState(again)), again);
    return state.unikernels.map(({ name, value }) => [name.text, configToJson(value)]);
  };

  it("with the second form of configurations", () => {
    const v2 = tlv(
      "30",
      solo5,
      notCompressed,
      image,
      restartTwo,
      "020103",
      "020140",
      tlv("a0", tlv("31", str("b"), str("a"))),
      tlv("a1", tlv("30", tlv("30", str("service"), str("br0")), tlv("30", str("net")))),
    );
    assert.deepEqual(stateOf(tlv("a2", tlv("30", tlv("30", str("foo.hello"), v2)))), [
      [
        ":foo.hello",
        {
          ...fromV3,
          block_devices: [
            ["b", null, null],
            ["a", null, null],
          ],
          bridges: [
            ["service", "br0", null],
            ["net", null, null],
          ],
          argv: null,
        },
      ],
    ]);
  });
});
