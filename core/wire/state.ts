/**
 * The original's state file (wire.md 12): every version is read, the present one is written.
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Name } from "../name.ts";
import type { Policy } from "../policy.ts";
import { compareTreeOrder } from "../tree.ts";
import type { UnikernelConfig } from "../unikernel.ts";
import { DecodeError } from "./decode-error.ts";
import {
  alternative,
  type Codec,
  choiceDecoder,
  convert,
  convertDecoder,
  type Decoder,
  explicit,
  explicitDecoder,
  sequence,
  sequenceDecoder,
  sequenceOf,
  sequenceOfDecoder,
} from "./der-codec.ts";
import { nothing, parseNameStrictly, text } from "./der-primitives.ts";
import { Reader } from "./der-reader.ts";
import { elementHeader, spliceAround } from "./der-splice.ts";
import { Writer } from "./der-writer.ts";
import { policyCodec } from "./policy-codec.ts";
import { configCodec } from "./unikernel-codec.ts";
import { configV0, configV1, configV2, configV3, configV4 } from "./unikernel-codec-old.ts";

/** Something below a name. */
export interface Entry<T> {
  readonly name: Name;
  readonly value: T;
}

/** What a state file holds: ascending by labels, a node before its children, every name once. */
export interface StateFile {
  readonly unikernels: readonly Entry<UnikernelConfig>[];
  readonly policies: readonly Entry<Policy>[];
}

interface Pair<T> {
  readonly name: ByteString;
  readonly value: T;
}

function fromPairs<T>(pairs: readonly Pair<T>[]): readonly Entry<T>[] {
  const slots = new Map<string, Entry<T>>();
  for (const pair of pairs) {
    const name = parseNameStrictly(pair.name);
    if (slots.has(name.key)) throw new DecodeError(`State file holds ${name.toDisplay()} twice`);
    slots.set(name.key, { name, value: pair.value });
  }
  return [...slots.values()].sort((a, b) => compareTreeOrder(a.name, b.name));
}

function toPairs<T>(entries: readonly Entry<T>[]): readonly Pair<T>[] {
  return [...entries]
    .sort((a, b) => compareTreeOrder(a.name, b.name))
    .map(({ name, value }) => ({ name: name.text as ByteString, value }));
}

function pair<T>(value: Codec<T>): Codec<Pair<T>> {
  return sequence<Pair<T>>({ name: text, value });
}

function map<T>(value: Codec<T>): Codec<readonly Entry<T>[]> {
  return convert(sequenceOf(pair(value)), fromPairs<T>, toPairs<T>);
}

function mapDecoder<T>(value: Decoder<T>): Decoder<readonly Entry<T>[]> {
  return convertDecoder(sequenceOfDecoder(sequenceDecoder<Pair<T>>({ name: text, value })), fromPairs<T>);
}

const policies = map(policyCodec);

function unikernelsOnly(tag: number, config: Decoder<UnikernelConfig>): Decoder<StateFile> {
  return alternative(explicitDecoder(tag, mapDecoder(config)), (unikernels) => ({ unikernels, policies: [] }));
}

function withPolicies(tag: number, config: Decoder<UnikernelConfig>): Decoder<StateFile> {
  return explicitDecoder(tag, sequenceDecoder<StateFile>({ unikernels: mapDecoder(config), policies }));
}

const PRESENT_TAG = 6;
const PRESENT = 0xa0 | PRESENT_TAG;
const SEQUENCE = 0x30;

const present: Codec<StateFile> = explicit(
  PRESENT_TAG,
  sequence<StateFile>({ unikernels: map(configCodec), policies }),
);

const anyVersion: Decoder<StateFile> = choiceDecoder<StateFile>([
  unikernelsOnly(0, configV1),
  unikernelsOnly(1, configV0),
  unikernelsOnly(2, configV2),
  unikernelsOnly(3, configV3),
  withPolicies(4, configV3),
  withPolicies(5, configV4),
  present,
  alternative(explicit(7, nothing), () => {
    throw new DecodeError("not yet implemented");
  }),
]);

/** Bytes expected per entry, besides images. */
const ENTRY_CAPACITY = 512;

/** The content of a state file in the present version. */
export function encodeState(state: StateFile): Uint8Array<ArrayBuffer> {
  const images = state.unikernels.reduce((sum, { value }) => sum + value.image.length, 0);
  const entries = state.unikernels.length + state.policies.length;
  const writer = new Writer(images + ENTRY_CAPACITY * (1 + entries));
  present.write(writer, state);
  return writer.finish();
}

/** A state file whose images lie elsewhere: of each, only its size in bytes is known. */
export interface StateFrame extends Pick<StateFile, "policies"> {
  readonly unikernels: readonly Entry<UnikernelConfig & { readonly imageSize: number }>[];
}

/** What a state file consists of: bytes, or the image of a unikernel. */
export type StatePart = Uint8Array | { readonly imageOf: Name };

const unikernelPair = pair(configCodec);

/** From a pair down to the image. */
const pathToImage = [1, 2] as const;

function encoded<T>(codec: Codec<T>, value: T): Uint8Array {
  const writer = new Writer(ENTRY_CAPACITY);
  codec.write(writer, value);
  return writer.finish();
}

/** The content of a state file in the present version, in order; `image` of the configurations must be empty. */
export function encodeStateAround({ unikernels, policies: entries }: StateFrame): readonly StatePart[] {
  const pairs: StatePart[] = [];
  let length = 0;
  for (const { name, value } of [...unikernels].sort((a, b) => compareTreeOrder(a.name, b.name))) {
    const { imageSize, ...config } = value;
    const bytes = encoded(unikernelPair, { name: name.text as ByteString, value: config });
    const { prefix, suffix } = spliceAround(bytes, pathToImage, imageSize);
    pairs.push(prefix, { imageOf: name }, suffix);
    length += prefix.length + imageSize + suffix.length;
  }
  const map = elementHeader(SEQUENCE, length);
  const policyMap = encoded(policies, entries);
  const both = map.length + length + policyMap.length;
  const inner = elementHeader(SEQUENCE, both);
  return [elementHeader(PRESENT, inner.length + both), inner, map, ...pairs, policyMap];
}

/**
 * The content of a state file of any version. Images are views on `bytes`.
 *
 * @throws {DecodeError} and nothing else, also where the original aborts: the reserved version, bad or repeated names
 */
export function decodeState(bytes: Uint8Array): StateFile {
  const reader = new Reader(bytes);
  const state = anyVersion.read(reader);
  reader.finish();
  return state;
}
