import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { FRAME_LENGTH_MAX, frameAroundImage, ImageTooLargeError } from "../../client/image-frame.ts";
import { commandMessage } from "../../client/request.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { UnikernelConfig } from "../../core/unikernel.ts";
import type { Message } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";

function createMessage(image: Uint8Array, kind: "unikernel-create" | "unikernel-force-create"): Message {
  const config: UnikernelConfig = {
    type: "solo5",
    compressed: false,
    image,
    startup: 10,
    addName: true,
    failBehaviour: { kind: "restart", exitCodes: [2, 3] },
    cpuIds: [0, 1],
    memory: 64,
    blockDevices: [{ name: fromText("storage"), device: fromText("data"), sectorSize: 4096 }],
    networks: [{ name: fromText("service"), bridge: fromText("br0"), mac: undefined }],
    arguments: [fromText("--hello=Hi")],
    cpus: 1,
    linuxBootPartition: undefined,
  };
  return commandMessage(parseName("foo:hello"), { kind, config });
}

const nothing = new Uint8Array(0);

describe("the frame around an image", () => {
  // Around every length at which some header grows.
  const edges = [
    0, 1, 20, 30, 40, 127, 128, 200, 255, 256, 60_000, 65_300, 65_535, 65_536, 1_000_000, 0xff_ffff, 0x100_0000,
  ];
  for (const length of edges) {
    it(`is what the encoder makes of ${length} bytes`, () => {
      for (const kind of ["unikernel-create", "unikernel-force-create"] as const) {
        const image = new Uint8Array(length).fill(0xa5);
        const { prefix, suffix } = frameAroundImage(createMessage(nothing, kind), length);
        const whole = Buffer.concat([prefix, image, suffix]);
        assert.ok(whole.equals(encodeFrame(createMessage(image, kind))));
      }
    });
  }

  it("is right for every length of a thousand", () => {
    for (let length = 0; length < 1000; length++) {
      const image = new Uint8Array(length).fill(1);
      const { prefix, suffix } = frameAroundImage(createMessage(nothing, "unikernel-create"), length);
      assert.ok(Buffer.concat([prefix, image, suffix]).equals(encodeFrame(createMessage(image, "unikernel-create"))));
    }
  });

  it("goes up to what the length word can say, and not one byte further", () => {
    const message = createMessage(nothing, "unikernel-create");
    const { prefix, suffix } = frameAroundImage(message, 1_900_000_000);
    const around = prefix.length - 4 + suffix.length;
    const most = FRAME_LENGTH_MAX - around;
    const frame = frameAroundImage(message, most);
    assert.deepEqual([...frame.prefix.subarray(0, 4)], [0x7f, 0xff, 0xff, 0xff]);
    assert.throws(() => frameAroundImage(message, most + 1), ImageTooLargeError);
  });

  it("is only for create commands without an image", () => {
    assert.throws(() => frameAroundImage(createMessage(Uint8Array.of(1), "unikernel-create"), 5), TypeError);
    const destroy = commandMessage(parseName("hello"), { kind: "unikernel-destroy" });
    assert.throws(() => frameAroundImage(destroy, 5), TypeError);
  });
});
