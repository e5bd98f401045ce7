/**
 * What a Solo5 tender would only find out after its start, when nobody can be told any more.
 *
 * The original starts such unikernels, reports success, and they end at once with status 1.
 *
 * @module
 */
import { type ByteString, toDisplay, toText } from "../core/byte-string.ts";
import type { UnikernelArguments } from "../core/unikernel.ts";
import { BackendRefusal, type CheckRequest } from "./backend.ts";
import type { ImageDescription } from "./image.ts";
import { matchDevices } from "./image-match.ts";

/** Longest command line of a unikernel, bytes: its arguments joined by blanks (solo5-abi.md 5.1). */
export const COMMAND_LINE_LIMIT = 8_191;

/** Most memory of an hvt unikernel, MiB (solo5-abi.md 7.1). */
export const HVT_MEMORY_LIMIT = 4_096;

const machines: ReadonlyMap<number, { readonly name: string; readonly architecture: string }> = new Map([
  [62, { name: "x86_64", architecture: "x64" }],
  [183, { name: "aarch64", architecture: "arm64" }],
]);

/**
 * Checks everything about a Solo5 unikernel that does not depend on the host's tender.
 *
 * @throws {BackendRefusal} where the devices do not match in the original's words, else in our own
 */
export function checkSolo5(request: CheckRequest, image: ImageDescription): void {
  const mismatch = matchDevices(image, request.arguments);
  if (mismatch !== undefined) throw new BackendRefusal(mismatch);
  checkMachine(image);
  checkMemory(request.arguments, image);
  checkDevices(request.arguments);
  guestArguments(request.nameArgument, request.arguments.arguments);
}

function checkMachine({ machine }: ImageDescription): void {
  const made = machines.get(machine);
  if (made === undefined || made.architecture === process.arch) return;
  throw new BackendRefusal(
    `Cannot run the image: it is made for ${made.name} and this host is ${process.arch}. Build it for this host`,
  );
}

function checkMemory({ memory }: UnikernelArguments, { target }: ImageDescription): void {
  if (memory <= 0) {
    throw new BackendRefusal(`Cannot run a unikernel with ${memory} MB of memory. Give it at least 1 MB`);
  }
  if (target === "hvt" && memory > HVT_MEMORY_LIMIT) {
    throw new BackendRefusal(
      `Cannot run an hvt unikernel with ${memory} MB of memory: the most is ${HVT_MEMORY_LIMIT} MB. Give it less`,
    );
  }
}

function hasRepetition(devices: readonly { readonly name: ByteString }[]): boolean {
  return new Set(devices.map(({ name }) => name)).size < devices.length;
}

function checkDevices({ blockDevices, networks }: UnikernelArguments): void {
  // A tender attaches the last of several, but each would cost the host a tap: in the words of the client's own check.
  if (hasRepetition(networks)) throw new BackendRefusal("Bridge names must be a set");
  if (hasRepetition(blockDevices)) throw new BackendRefusal("Block devices must be a set");
  for (const { name } of [...blockDevices, ...networks]) {
    if (/^[a-zA-Z0-9]{1,67}$/.test(name)) continue;
    throw new BackendRefusal(
      `Cannot attach the device "${toDisplay(name)}": a tender takes names of 1 to 67 letters and digits only. Rename it in the image's manifest`,
    );
  }
  for (const { name, sectorSize } of blockDevices) {
    if (sectorSize === undefined || isSectorSize(Number(sectorSize))) continue;
    throw new BackendRefusal(
      `Cannot attach the block device "${toDisplay(name)}" with sectors of ${sectorSize} bytes: a tender takes powers of two from 512 to 32768 only. Give another size`,
    );
  }
}

function isSectorSize(size: number): boolean {
  return size >= 512 && size < 65_536 && Number.isInteger(Math.log2(size));
}

/**
 * The words after the image: `--name=` if it is to be added, then the unikernel's arguments.
 *
 * @throws {BackendRefusal} if one cannot be passed unchanged, or all together are too long
 */
export function guestArguments(name: string | undefined, given: readonly ByteString[] | undefined): string[] {
  const words = name === undefined ? [] : [`--name=${name}`];
  for (const argument of given ?? []) {
    const text = toText(argument);
    if (text === undefined || text.includes("\0")) {
      const reason = text === undefined ? "it is not UTF-8" : "it contains a zero byte";
      throw new BackendRefusal(
        `Cannot pass the argument "${toDisplay(argument).replaceAll("\0", "\\000")}" to the unikernel: ${reason}. Encode it otherwise`,
      );
    }
    words.push(text);
  }
  const size = Buffer.byteLength(words.join(" "));
  if (size > COMMAND_LINE_LIMIT) {
    throw new BackendRefusal(
      `Cannot pass ${size} bytes of arguments to the unikernel: the most is ${COMMAND_LINE_LIMIT} bytes, blanks between them included. Shorten them`,
    );
  }
  return words;
}
