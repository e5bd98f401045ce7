/** Setting and dumping block devices over a raw connection. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { inflateSync } from "node:zlib";
import { parseName } from "../../core/name.ts";
import { blockFile } from "../../core/paths.ts";
import { frame } from "../../core/wire/framing.ts";
import type { Command, Payload } from "../../core/wire/message.ts";
import { commandFrame, type Machine, say, type Wire } from "./harness.ts";

export const MIB: number = 2 ** 20;

/** Chunks of a stream, and its end. */
export function stream(...chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([...chunks.map(frame), frame(new Uint8Array())]);
}

/** Bytes that differ everywhere, by `seed`. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Sends a set command and the bytes of a stream. */
export async function beginSet(machine: Machine, name: string, bytes: Uint8Array, compressed = false): Promise<Wire> {
  const wire = await machine.connect();
  wire.send(commandFrame(name, { kind: "block-set", compressed }));
  wire.send(bytes);
  return wire;
}

/** The answer on a connection that is closed after it. */
export async function answerOf(wire: Wire): Promise<string> {
  await wire.gone();
  const [message, ...more] = wire.messages;
  assert.equal(more.length, 0);
  return say(message?.payload);
}

/** Sets a device; gives the answer. */
export async function set(machine: Machine, name: string, bytes: Uint8Array, compressed = false): Promise<string> {
  return await answerOf(await beginSet(machine, name, bytes, compressed));
}

function dataOf(payload: Payload): Uint8Array | undefined {
  assert.ok(payload.kind === "data" && payload.data.kind === "block", say(payload));
  return payload.data.bytes;
}

/** The content that a dump gives. */
export async function dump(machine: Machine, name: string, level = 0): Promise<Buffer> {
  const [first, ...rest] = await machine.converse(name, { kind: "block-dump", level });
  assert.ok(first?.kind === "success" && first.success.kind === "block-device-image", say(first));
  assert.equal(first.success.compressed, level > 0);
  const end = rest.pop();
  assert.equal(end && dataOf(end), undefined, "the end is missing");
  const content = Buffer.concat(rest.map((payload) => dataOf(payload) ?? assert.fail("an end in the middle")));
  return level === 0 ? content : inflateSync(content);
}

/** The file of a device. */
export const fileOf = (machine: Machine, name: string): string => blockFile(machine.dbdir, parseName(name));

/** What a device holds on the disk. */
export const contentOf = (machine: Machine, name: string): Buffer => readFileSync(fileOf(machine, name));

/** The names of files that belong to no complete device. */
export const leftovers = (machine: Machine): readonly string[] =>
  readdirSync(join(machine.dbdir, "block", ".unfinished"));

/** Fails if two contents differ, without printing them. */
export function same(actual: Uint8Array, expected: Uint8Array): void {
  assert.equal(actual.length, expected.length);
  assert.ok(Buffer.from(actual).equals(expected), "the contents differ");
}

export const add = (size: number): Command => ({ kind: "block-add", size });
