/**
 * Encoding and decoding of whole messages (wire.md 4).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import type { Name } from "../name.ts";
import { commandCodec } from "./command-codec.ts";
import { alternative, type Codec, choice, convert, explicit, sequence } from "./der-codec.ts";
import { int, int64, nameCodec, text } from "./der-primitives.ts";
import { Reader } from "./der-reader.ts";
import { Writer } from "./der-writer.ts";
import { type Header, type Message, type Payload, PROTOCOL_VERSION } from "./message.ts";
import { dataCodec, successCodec } from "./reply-codec.ts";
import { checkMessageVersion } from "./version-peek.ts";

interface WireHeader {
  readonly version: Int;
  readonly sequence: bigint;
  readonly name: Name;
}

/** `Header`. The version is checked by {@link checkMessageVersion} before, so it is not kept. */
export const headerCodec: Codec<Header> = convert<WireHeader, Header>(
  sequence<WireHeader>({ version: int, sequence: int64, name: nameCodec }),
  ({ sequence: number, name }) => ({ sequence: number, name }),
  ({ sequence: number, name }) => ({ version: PROTOCOL_VERSION, sequence: number, name }),
);

const command = explicit(0, commandCodec);
const reply = explicit(1, successCodec);
const failure = explicit<ByteString>(2, text);
const data = explicit(3, dataCodec);

const payloadCodec: Codec<Payload> = choice<Payload>(
  [
    alternative(command, (value) => ({ kind: "command", command: value })),
    alternative(reply, (value) => ({ kind: "success", success: value })),
    alternative(failure, (value) => ({ kind: "failure", text: value })),
    alternative(data, (value) => ({ kind: "data", data: value })),
  ],
  (writer, payload) => {
    switch (payload.kind) {
      case "command":
        return command.write(writer, payload.command);
      case "success":
        return reply.write(writer, payload.success);
      case "failure":
        return failure.write(writer, payload.text);
      case "data":
        return data.write(writer, payload.data);
    }
  },
);

const SEQUENCE = 0x30;

const messageCodec: Codec<Message> = sequence<Message>({ header: headerCodec, payload: payloadCodec });

/** Bytes expected of everything but the bulky parts. */
const ORDINARY_CAPACITY = 512;

/** How large the encoding will be, roughly; too little costs a copy, so what may be large is counted. */
function expectedCapacity({ payload }: Message): number {
  switch (payload.kind) {
    case "command": {
      const { command: value } = payload;
      if ("config" in value) return ORDINARY_CAPACITY + value.config.image.length;
      if ("data" in value) return ORDINARY_CAPACITY + (value.data?.length ?? 0);
      return ORDINARY_CAPACITY;
    }
    case "success": {
      const { success: value } = payload;
      if ("image" in value) return ORDINARY_CAPACITY + value.image.length;
      if ("unikernels" in value) return ORDINARY_CAPACITY * (1 + value.unikernels.length);
      return ORDINARY_CAPACITY;
    }
    case "failure":
      return ORDINARY_CAPACITY + payload.text.length;
    case "data": {
      const { data: value } = payload;
      if (value.kind === "block") return ORDINARY_CAPACITY + (value.bytes?.length ?? 0);
      if (value.kind === "console") return ORDINARY_CAPACITY + value.line.length;
      return 2 * ORDINARY_CAPACITY;
    }
  }
}

/** The encoding of a message, without the length word: a view on a buffer that may be a little larger. */
export function encodeMessage(message: Message): Uint8Array<ArrayBuffer> {
  const writer = new Writer(expectedCapacity(message));
  messageCodec.write(writer, message);
  return writer.finish();
}

/** The longest frame there can be: its length is a signed 32-bit number. */
const FRAME_LENGTH_MAX = 0x7fff_ffff;

/**
 * The encoding of a message as a frame: four bytes of length before it, in one buffer (wire.md 1).
 *
 * @throws {RangeError} if it is longer than a frame can be
 */
export function encodeFrame(message: Message): Uint8Array<ArrayBuffer> {
  const writer = new Writer(expectedCapacity(message));
  messageCodec.write(writer, message);
  if (writer.size > FRAME_LENGTH_MAX) {
    throw new RangeError(`Cannot send a message of ${writer.size} bytes, since a frame holds ${FRAME_LENGTH_MAX}`);
  }
  writer.uint32(writer.size);
  return writer.finish();
}

/**
 * The header of the message in `bytes`, whatever the rest is.
 *
 * @throws {DecodeError} and nothing else
 */
export function decodeHeader(bytes: Uint8Array): Header {
  checkMessageVersion(bytes);
  const reader = new Reader(bytes);
  reader.enter(SEQUENCE);
  return headerCodec.read(reader);
}

/**
 * The message in `bytes` (without the length word). Images, block data and console lines are views on `bytes`.
 *
 * @throws {DecodeError} and nothing else
 */
export function decodeMessage(bytes: Uint8Array): Message {
  checkMessageVersion(bytes);
  const reader = new Reader(bytes);
  const message = messageCodec.read(reader);
  reader.finish();
  return message;
}
