/**
 * Conversations recorded between the original's programs: framing, codec and printing of every message in them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it } from "node:test";
import { toDisplay } from "../../../core/byte-string.ts";
import { printMessage } from "../../../core/print/message.ts";
import { FrameReader } from "../../../core/wire/framing.ts";
import { decodeMessage, encodeFrame } from "../../../core/wire/message-codec.ts";
import { headerToJson } from "../../../daemon/wire-tool/message-to-json.ts";
import { hex, readVectors, unhex } from "../../support/vectors.ts";

interface Transcript {
  readonly label: string;
  /** Messages have a header; raw chunks and events have none. */
  readonly frames: readonly { readonly hex?: string; readonly header?: unknown; readonly pretty?: string }[];
}

const files = readdirSync(new URL("../../vectors/transcripts/", import.meta.url));

describe("recorded conversations", () => {
  for (const file of files) {
    const { label, frames } = readVectors(`transcripts/${file}`) as Transcript;
    it(`are understood: ${label}`, () => {
      for (const { hex: digits, header, pretty } of frames) {
        if (digits === undefined || header === undefined) continue;
        const message = decodeMessage(unhex(digits));
        assert.deepEqual(headerToJson(message.header), header);
        const [frame] = new FrameReader(100_000).push(encodeFrame(message));
        assert.equal(hex(frame ?? new Uint8Array()), digits);
        assert.equal(toDisplay(printMessage(message, { verbose: true, columns: 80, boxed: false })), pretty);
      }
    });
  }
});
