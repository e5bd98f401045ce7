/**
 * Network interfaces ("links") of Linux.
 *
 * @module
 */
import { type ByteString, fromBytes, toBytes, toDisplay } from "../../core/byte-string.ts";
import { SystemError } from "../../runtime/system-error.ts";
import {
  type Attribute,
  decodeAttributes,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  request,
  u32,
} from "./netlink.ts";

const [RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK] = [16, 17, 18];
const [IFLA_IFNAME, IFLA_MASTER, IFLA_LINKINFO, IFLA_IFALIAS, IFLA_EXT_MASK, IFLA_INFO_KIND] = [3, 10, 18, 20, 29, 1];
const RTEXT_FILTER_SKIP_STATS = 8;
const IFF_UP = 1;
const HEADER_SIZE = 16; // struct ifinfomsg

/** A network interface. */
export interface Link {
  readonly index: number;
  readonly name: ByteString;
  /** What made it: `bridge`, `tun` (also taps), …; empty for hardware and loopback. */
  readonly kind: string;
  /** Index of the bridge it is attached to; 0 if none. */
  readonly master: number;
  readonly up: boolean;
  /** A text that somebody gave it; empty if none. */
  readonly alias: string;
}

function header(index: number, flags = 0, change = 0): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  const view = new DataView(bytes.buffer);
  view.setInt32(4, index, true);
  view.setUint32(8, flags, true);
  view.setUint32(12, change, true);
  return bytes;
}

const zeroTerminated = (name: ByteString): Uint8Array => Uint8Array.of(...toBytes(name), 0);
const withoutStatistics: Attribute = [IFLA_EXT_MASK, u32(RTEXT_FILTER_SKIP_STATS)];

function text(bytes: Uint8Array | undefined): ByteString {
  const end = bytes?.indexOf(0) ?? -1;
  return fromBytes((end < 0 ? bytes : bytes?.subarray(0, end)) ?? new Uint8Array(0));
}

function decodeLink(message: Uint8Array): Link {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const attributes = decodeAttributes(message.subarray(HEADER_SIZE));
  const information = attributes.get(IFLA_LINKINFO);
  const master = attributes.get(IFLA_MASTER);
  return {
    index: view.getInt32(4, true),
    name: text(attributes.get(IFLA_IFNAME)),
    kind: information === undefined ? "" : text(decodeAttributes(information).get(IFLA_INFO_KIND)),
    master: master === undefined ? 0 : new DataView(master.buffer, master.byteOffset, 4).getUint32(0, true),
    up: (view.getUint32(8, true) & IFF_UP) !== 0,
    alias: text(attributes.get(IFLA_IFALIAS)),
  };
}

/**
 * Finds an interface by its name, which must be a valid one.
 *
 * @returns `undefined` if there is none
 * @throws {SystemError} if the kernel cannot be asked
 */
export function findLink(name: ByteString): Link | undefined {
  try {
    const [reply] = request(`Cannot look for interface ${toDisplay(name)}`, RTM_GETLINK, 0, header(0), [
      [IFLA_IFNAME, zeroTerminated(name)],
      withoutStatistics,
    ]);
    return reply === undefined ? undefined : decodeLink(reply);
  } catch (error) {
    if (error instanceof SystemError && error.code === "ENODEV") return undefined;
    throw error;
  }
}

/**
 * All interfaces of a kind, in the kernel's order.
 *
 * @throws {SystemError} if the kernel cannot be asked
 */
export function listLinks(kind: "bridge" | "tun"): readonly Link[] {
  const replies = request(`Cannot list the interfaces of kind ${kind}`, RTM_GETLINK, NLM_F_DUMP, header(0), [
    [IFLA_LINKINFO, [[IFLA_INFO_KIND, new TextEncoder().encode(kind)]]],
    withoutStatistics,
  ]);
  // A kernel that has never made one of this kind ignores the filter and gives all interfaces.
  return replies.map(decodeLink).filter((link) => link.kind === kind);
}

/**
 * Attaches an interface to a bridge, brings it up, and gives it an alias unless that is empty.
 *
 * @throws {SystemError} with the kernel's refusal
 */
export function attachAndBringUp(link: number, bridge: number, alias = ""): void {
  const attributes: Attribute[] = [[IFLA_MASTER, u32(bridge)]];
  if (alias !== "") attributes.push([IFLA_IFALIAS, new TextEncoder().encode(alias)]);
  request("Cannot attach a tap to its bridge", RTM_NEWLINK, NLM_F_ACK, header(link, IFF_UP, IFF_UP), attributes);
}

/**
 * Creates a bridge, down and without address.
 *
 * @throws {SystemError} with the kernel's refusal, e.g. EEXIST
 */
export function createBridge(name: ByteString): void {
  request(`Cannot create bridge ${toDisplay(name)}`, RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, header(0), [
    [IFLA_IFNAME, zeroTerminated(name)],
    [IFLA_LINKINFO, [[IFLA_INFO_KIND, new TextEncoder().encode("bridge")]]],
  ]);
}

/**
 * Removes an interface. The kernel may take some 20 ms, during which this program is blocked.
 *
 * @throws {SystemError} with the kernel's refusal
 */
export function removeLink(index: number): void {
  request("Cannot remove an interface", RTM_DELLINK, NLM_F_ACK, header(index), []);
}
