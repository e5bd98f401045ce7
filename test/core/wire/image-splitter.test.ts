/**
 * Create commands received without their image.
 *
 * @module
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { DecodeError } from "../../../core/wire/decode-error.ts";
import { ImageSplitter, REST_LIMIT } from "../../../core/wire/image-splitter.ts";
import type { Message } from "../../../core/wire/message.ts";
import { decodeMessage, encodeMessage } from "../../../core/wire/message-codec.ts";
import { mutate, Random } from "../../support/mutations.ts";
import { hex, unhex, vectorList } from "../../support/vectors.ts";

/** What a message is after its image was taken away: both parts as hex, or that it is none. */
type Outcome = "rejected" | { readonly message: string; readonly image: string | undefined };

function config(message: Message) {
  const { payload } = message;
  return payload.kind === "command" && "config" in payload.command
    ? { command: payload.command, config: payload.command.config }
    : undefined;
}

function outcomeOfWhole(bytes: Uint8Array): Outcome {
  let message: Message;
  try {
    message = decodeMessage(bytes);
  } catch (error) {
    assert.ok(error instanceof DecodeError);
    return "rejected";
  }
  const found = config(message);
  if (found === undefined) return { message: hex(encodeMessage(message)), image: undefined };
  const command = { ...found.command, config: { ...found.config, image: new Uint8Array() } };
  return {
    message: hex(encodeMessage({ ...message, payload: { kind: "command", command } })),
    image: hex(found.config.image),
  };
}

function outcomeOfParts(bytes: Uint8Array, size: () => number): Outcome {
  const image: Uint8Array[] = [];
  try {
    const splitter = new ImageSplitter(bytes.length, {
      limit: 1_000_000,
      onImage: (part) => image.push(part.slice()),
    });
    for (let at = 0; at < bytes.length; ) {
      const count = size();
      splitter.push(bytes.slice(at, at + count));
      at += count;
    }
    const { message, imageLength } = splitter.finish();
    const whole = Buffer.concat(image);
    assert.equal(whole.length, imageLength ?? 0);
    return { message: hex(encodeMessage(message)), image: imageLength === undefined ? undefined : hex(whole) };
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return "rejected";
  }
}

const inputs = ["wire.json", "wire_old.json", "wire_malformed.json"].flatMap((file) =>
  vectorList(file).flatMap(({ hex: digits }) => (digits === undefined ? [] : [unhex(digits)])),
);
const creates = inputs.filter((bytes) => {
  const outcome = outcomeOfWhole(bytes);
  return outcome !== "rejected" && outcome.image !== undefined;
});

/** A create command with an image and one argument of the given lengths. */
function create(imageLength: number, argumentLength: number): Uint8Array {
  const [sample = new Uint8Array()] = creates;
  const message = decodeMessage(sample);
  const found = config(message);
  assert.ok(found !== undefined);
  const image = new Uint8Array(imageLength).fill(1);
  const command = {
    ...found.command,
    config: { ...found.config, image, arguments: [fromText("x".repeat(argumentLength))] },
  };
  return encodeMessage({ ...message, payload: { kind: "command", command } });
}

describe("a message that arrives in parts", () => {
  it("is the same as the whole, for every recorded message and chunk size", () => {
    assert.ok(creates.length >= 30);
    for (const bytes of inputs) {
      const whole = outcomeOfWhole(bytes);
      for (const size of [1, 2, 3, 5, 16, 100, 100_000])
        assert.deepEqual(
          outcomeOfParts(bytes, () => size),
          whole,
        );
    }
  });

  it("is accepted exactly if the whole is, whatever was damaged", () => {
    const random = new Random(4);
    let accepted = 0;
    for (let round = 0; round < 30_000; round++) {
      const source = random.below(4) === 0 ? inputs : creates;
      const bytes = mutate(source[random.below(source.length)] ?? new Uint8Array(), random);
      const whole = outcomeOfWhole(bytes);
      const most = 1 + random.below(60);
      const parts = outcomeOfParts(bytes, () => 1 + random.below(most));
      assert.deepEqual(parts, whole, hex(bytes));
      if (whole !== "rejected") accepted++;
    }
    assert.ok(accepted > 1000, `${accepted}`);
  });

  it("keeps little of a large image", () => {
    const bytes = create(5_000_000, 10);
    let taken = 0;
    const splitter = new ImageSplitter(bytes.length, {
      limit: 1000,
      onImage: (part) => {
        taken += part.length;
      },
    });
    for (let at = 0; at < bytes.length; at += 65_536) {
      splitter.push(bytes.subarray(at, at + 65_536));
      assert.ok(splitter.held < 200_000);
      assert.equal(splitter.imageLength, 5_000_000);
    }
    const { message, imageLength } = splitter.finish();
    assert.equal(imageLength, 5_000_000);
    assert.equal(taken, 5_000_000);
    assert.equal(config(message)?.config.image.length, 0);
    assert.equal(config(message)?.config.arguments?.[0]?.length, 10);
  });

  it("may hold so much besides the image, and not one byte more", () => {
    const header = create(1000, 200_000).length - 1000 - 200_000;
    // One more length byte may be needed for the longer argument: found by trying.
    let argument = REST_LIMIT - header;
    while (create(1000, argument).length - 1000 > REST_LIMIT) argument--;
    const receive = (bytes: Uint8Array) => {
      const splitter = new ImageSplitter(bytes.length, { limit: 10, onImage: () => undefined });
      splitter.push(bytes);
      return splitter.finish();
    };
    assert.equal(create(1000, argument).length - 1000, REST_LIMIT);
    assert.equal(receive(create(1000, argument)).imageLength, 1000);
    assert.throws(() => receive(create(1000, argument + 1)), { name: "DecodeError", message: /besides its image/ });
  });

  it("of another kind is allowed up to the limit, and refused at once beyond", () => {
    const [other = new Uint8Array()] = inputs;
    const splitter = (limit: number) => new ImageSplitter(other.length, { limit, onImage: () => undefined });
    const fits = splitter(other.length);
    fits.push(other);
    assert.equal(fits.finish().imageLength, undefined);
    assert.throws(() => splitter(other.length - 1).push(other.subarray(0, other.length - 1)), DecodeError);
  });

  it("must be complete, and no longer than announced", () => {
    const bytes = create(100, 10);
    const short = new ImageSplitter(bytes.length, { limit: 1000, onImage: () => undefined });
    short.push(bytes.subarray(0, -1));
    assert.throws(() => short.finish(), DecodeError);
    assert.throws(() => short.push(Uint8Array.of(0, 0)), DecodeError);
  });
});
