/**
 * Damages encodings in ways that reach deep into a decoder: bits, lengths, cuts, repeated and swapped parts.
 *
 * @module
 */

/** A small generator of pseudo-random numbers, so that a failure can be repeated. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  /** A whole number from 0 to `limit` − 1. */
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
}

const telling = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x82, 0x84, 0xff, 0x30, 0x31, 0xa0, 0xa1, 0x02, 0x04, 0x05, 0x0c, 0x18];

/** A damaged copy of `bytes`. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  let result = bytes.slice();
  for (let times = 1 + random.below(3); times > 0; times--) {
    const at = random.below(Math.max(1, result.length));
    switch (random.below(7)) {
      case 0:
        result[at] = (result[at] ?? 0) ^ (1 << random.below(8));
        break;
      case 1:
        result[at] = telling[random.below(telling.length)] ?? 0;
        break;
      case 2:
        result[at] = ((result[at] ?? 0) + (random.below(2) === 0 ? 1 : 255)) & 255;
        break;
      case 3:
        result = result.slice(0, at);
        break;
      case 4:
        result = Uint8Array.of(...result.subarray(0, at), random.below(256), ...result.subarray(at));
        break;
      case 5:
        result = Uint8Array.of(...result.subarray(0, at), ...result.subarray(at + 1 + random.below(3)));
        break;
      default: {
        const part = result.subarray(at, at + 1 + random.below(20));
        result = Uint8Array.of(...result.subarray(0, at), ...part, ...result.subarray(at));
      }
    }
  }
  return result;
}
