/**
 * Compares the devices an image declares with those it is given.
 *
 * @module
 */
import type { ByteString } from "../core/byte-string.ts";
import type { UnikernelArguments } from "../core/unikernel.ts";
import type { ImageDevice } from "./image-notes.ts";
import { shellWord } from "./shell-word.ts";

/** The part of an image's description that is compared. */
export interface WithDevices {
  readonly devices: readonly ImageDevice[];
}

/** The part of a configuration that is compared. */
export type GivenDevices = Pick<UnikernelArguments, "blockDevices" | "networks">;

/**
 * Why an image cannot be run with these devices, in the original's words (daemon.md 16); `undefined` if it can. Names are
 * compared as sets: order and repetitions do not count.
 */
export function matchDevices(image: WithDevices, given: GivenDevices): string | undefined {
  if (!sameNames(image, "block", given.blockDevices)) {
    return `specified block device(s) does not match with manifest. ${listDevices(image)}`;
  }
  if (!sameNames(image, "network", given.networks)) {
    return `specified bridge(s) does not match with the manifest. ${listDevices(image)}`;
  }
  return undefined;
}

/**
 * The options of `albatross-client create` that give an image exactly the devices it wants, with placeholders for the
 * host's side: `--net=service:BRIDGE --block=storage:DEVICE`. Empty if it wants none.
 */
export function suggestFlags(image: WithDevices): string {
  return flagList(image).join(" ");
}

/** The same, one option each, ready for a shell. */
export function flagList(image: WithDevices): string[] {
  const flags = image.devices.map(({ type, name }) =>
    shellWord((type === "network" ? `--net=${name}:BRIDGE` : `--block=${name}:DEVICE`) as ByteString),
  );
  return [...new Set(flags)];
}

function sameNames(image: WithDevices, type: ImageDevice["type"], given: readonly { name: ByteString }[]): boolean {
  const wanted = new Set(image.devices.filter((device) => device.type === type).map(({ name }) => name));
  const names = new Set(given.map(({ name }) => name));
  return wanted.size === names.size && [...wanted].every((name) => names.has(name));
}

function listDevices({ devices }: WithDevices): string {
  const list = devices.map(({ type, name }) => `${type === "block" ? "block" : "net"} "${escapeName(name)}"`);
  return `Devices present in manifest: ${list.join(", ")}`;
}

/** Names are an image's own bytes: nothing of them may reach a terminal or a log as a control sequence. */
function escapeName(name: ByteString): string {
  const escapes: Readonly<Record<string, string>> = { '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r" };
  return Array.from(name, (byte) => {
    const code = byte.charCodeAt(0);
    return escapes[byte] ?? (code < 0x20 || code > 0x7e ? `\\${String(code).padStart(3, "0")}` : byte);
  }).join("");
}
