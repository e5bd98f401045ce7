/**
 * What has gone through network interfaces of Linux.
 *
 * @module
 */
import { SystemError } from "../../runtime/system-error.ts";
import { decodeAttributes, NLM_F_DUMP, type RouteSocket } from "./netlink.ts";

const RTM_GETLINK = 18;
const [IFLA_MTU, IFLA_LINKINFO, IFLA_STATS64, IFLA_INFO_KIND] = [4, 18, 23, 1];
const HEADER_SIZE = 16; // struct ifinfomsg

/** Up to so many interfaces are asked for one by one; for more, all taps are listed by one request. */
export const SINGLE_REQUESTS_MAX = 8;

/** An interface's flags, MTU and counters, as `/sys/class/net/…` shows them. */
export interface LinkCounters {
  readonly flags: number;
  readonly mtu: number;
  readonly rxPackets: bigint;
  readonly txPackets: bigint;
  readonly rxBytes: bigint;
  readonly txBytes: bigint;
  readonly rxErrors: bigint;
  readonly txErrors: bigint;
  readonly rxDropped: bigint;
  readonly txDropped: bigint;
  readonly multicast: bigint;
  readonly collisions: bigint;
}

function header(index: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE);
  new DataView(bytes.buffer).setInt32(4, index, true);
  return bytes;
}

/** The index, and the counters unless the kernel left them out. */
function decode(message: Uint8Array): { readonly index: number; readonly counters: LinkCounters | undefined } {
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const index = view.getInt32(4, true);
  const attributes = decodeAttributes(message.subarray(HEADER_SIZE));
  const statistics = attributes.get(IFLA_STATS64); // struct rtnl_link_stats64
  const mtu = attributes.get(IFLA_MTU);
  if (statistics === undefined || statistics.length < 80 || mtu === undefined) return { index, counters: undefined };
  const values = new DataView(statistics.buffer, statistics.byteOffset, statistics.byteLength);
  const counter = (at: number) => values.getBigUint64(8 * at, true);
  return {
    index,
    counters: {
      flags: view.getUint32(8, true),
      mtu: new DataView(mtu.buffer, mtu.byteOffset, 4).getUint32(0, true),
      rxPackets: counter(0),
      txPackets: counter(1),
      rxBytes: counter(2),
      txBytes: counter(3),
      rxErrors: counter(4),
      txErrors: counter(5),
      rxDropped: counter(6),
      txDropped: counter(7),
      multicast: counter(8),
      collisions: counter(9),
    },
  };
}

/**
 * The counters of the interfaces with these indices, read at one moment; those that do not exist are left out.
 *
 * @throws {SystemError} if the kernel cannot be asked
 */
export function readLinkCounters(socket: RouteSocket, indices: ReadonlySet<number>): ReadonlyMap<number, LinkCounters> {
  const found = new Map<number, LinkCounters>();
  const take = (replies: readonly Uint8Array[]) => {
    for (const reply of replies) {
      const { index, counters } = decode(reply);
      if (counters !== undefined && indices.has(index)) found.set(index, counters);
    }
  };
  if (indices.size > SINGLE_REQUESTS_MAX) {
    const taps = [[IFLA_LINKINFO, [[IFLA_INFO_KIND, new TextEncoder().encode("tun")]]]] as const;
    take(socket.request("Cannot read the counters of taps", RTM_GETLINK, NLM_F_DUMP, header(0), taps));
  }
  for (const index of indices) {
    if (found.has(index)) continue;
    try {
      take(socket.request("Cannot read the counters of an interface", RTM_GETLINK, 0, header(index), []));
    } catch (error) {
      if (!(error instanceof SystemError) || error.code !== "ENODEV") throw error;
    }
  }
  return found;
}
