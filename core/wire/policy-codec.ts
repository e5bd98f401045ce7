/**
 * Encoding of policies (wire.md 9).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import type { Policy } from "../policy.ts";
import { type Codec, convert, optional, sequence, sequenceOf } from "./der-codec.ts";
import { ascending, ascendingTexts, int, text } from "./der-primitives.ts";

/** Both lists become sets: order and duplicates are no errors. */
export const policyCodec: Codec<Policy> = sequence<Policy>({
  cpuIds: convert<readonly Int[], readonly Int[]>(sequenceOf(int), ascending, ascending),
  unikernels: int,
  memory: int,
  block: optional(int),
  bridges: convert<readonly ByteString[], readonly ByteString[]>(sequenceOf(text), ascendingTexts, ascendingTexts),
});
