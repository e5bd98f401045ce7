/**
 * The values of `--net` and `--block`: devices of a unikernel (client.md 3).
 *
 * @module
 */

import { ValueError } from "../../client/value-error.ts";
import { type ByteString, fromText } from "../../core/byte-string.ts";
import type { Int } from "../../core/int.ts";
import type { BlockDevice, MacAddress, NetworkDevice } from "../../core/unikernel.ts";
import { parseInteger } from "./integer.ts";

/**
 * `[NAME:]BRIDGE[@MAC]`; a single word is the name, with the bridge of the same name.
 *
 * @throws {ValueError}
 */
export function parseNetworkDevice(text: string): NetworkDevice {
  const parts = text.split("@");
  if (parts.length > 2) throw new ValueError("format is [name:]bridge[@mac]");
  const { name, device } = parseNames(parts[0] ?? "", "format is 'name' or 'name:device-name'");
  return { name, bridge: device, mac: parts[1] === undefined ? undefined : parseMac(parts[1]) };
}

/**
 * `NAME[:DEVICE][@SECTORSIZE]`.
 *
 * @throws {ValueError}
 */
export function parseBlockDevice(text: string): BlockDevice {
  const format = "format is 'name[@sector-size]' or 'name:device-name[@sector-size]'";
  const parts = text.split("@");
  if (parts.length > 2) throw new ValueError(format);
  const { name, device } = parseNames(parts[0] ?? "", format);
  return { name, device, sectorSize: parts[1] === undefined ? undefined : parseSectorSize(parts[1]) };
}

/** An interface of the host, and the name of the unikernel's device. */
export interface NamedTap {
  readonly device: ByteString;
  readonly tap: ByteString;
}

/**
 * `BRIDGE:TAP`.
 *
 * @throws {ValueError}
 */
export function parseNamedTap(text: string): NamedTap {
  const [device = "", tap = "", ...rest] = text.split(":");
  if (device === "" || tap === "" || rest.length > 0) throw new ValueError("broken, format is bridge:tap");
  return { device: fromText(device), tap: fromText(tap) };
}

function parseNames(text: string, format: string) {
  const [name, device, ...rest] = text.split(":");
  if (name === undefined || name === "" || device === "" || rest.length > 0) throw new ValueError(format);
  return { name: fromText(name), device: device === undefined ? undefined : fromText(device) };
}

/** The smallest sector, bytes. */
const SECTOR_SIZE_MIN = 512;

function parseSectorSize(text: string): Int {
  let size: Int;
  try {
    size = parseInteger(text);
  } catch (cause) {
    throw new ValueError("sector size must be an integer", { cause });
  }
  const bits = BigInt(size);
  if (size < SECTOR_SIZE_MIN || (bits & (bits - 1n)) !== 0n) {
    throw new ValueError("sector size must be a power of two greater than or equal 512");
  }
  return size;
}

const macForms = [
  /^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/i,
  /^[0-9a-f]{2}(?:-[0-9a-f]{2}){5}$/i,
  /^[0-9a-f]{4}(?:\.[0-9a-f]{4}){2}$/i,
];

/**
 * Six bytes in hex, as `00:80:41:01:02:03`, with `-`, or as Cisco writes them: `0080.4101.0203`.
 *
 * @throws {ValueError} `Macaddr: …`
 */
export function parseMac(text: string): MacAddress {
  if (!macForms.some((form) => form.test(text))) {
    throw new ValueError(`Macaddr: ${text} is not six bytes in hex, like 00:80:41:01:02:03`);
  }
  const bytes = text.toLowerCase().replaceAll(/[^0-9a-f]/g, "");
  return bytes.replaceAll(/..(?=.)/g, "$&:") as MacAddress;
}
