/**
 * Statistics of a network interface of FreeBSD: `struct ifmibdata` of net/if_mib.h and `struct if_data` of net/if.h, the
 * same on 64-bit machines since FreeBSD 11 (stats.md 7).
 *
 * @module
 */
import type { ByteString } from "../../core/byte-string.ts";
import type { InterfaceData } from "../../core/statistics.ts";
import type { Sysctl } from "../../runtime/sysctl.ts";

/** `sizeof(struct ifmibdata)`, bytes. */
export const IFMIBDATA_SIZE = 208;

const NAME_SIZE = 16;
const [FLAGS, SEND_LENGTH, MAX_SEND_LENGTH, SEND_DROPS, DATA] = [20, 24, 28, 32, 56];
const [MTU, BAUDRATE] = [8, 16];

const [CTL_NET, PF_LINK, NETLINK_GENERIC, IFMIB_IFDATA, IFDATA_GENERAL] = [4, 18, 0, 2, 1];

/** The counters of `struct if_data` after the rate, in its order. */
const counters = [
  "inputPackets",
  "inputErrors",
  "outputPackets",
  "outputErrors",
  "collisions",
  "inputBytes",
  "outputBytes",
  "inputMcast",
  "outputMcast",
  "inputDropped",
  "outputDropped",
] as const;

/**
 * What the kernel tells of the interface with an index.
 *
 * @param tap its name: another interface may have got its index
 * @param device the unikernel's name for it
 * @returns `undefined` if it is another one's index now, or the structure is not the known one
 * @throws {SystemError} with the kernel's refusal, e.g. if there is no such index
 */
export function interfaceDataOf(
  sysctl: Sysctl,
  index: number,
  tap: ByteString,
  device: ByteString,
): InterfaceData | undefined {
  const bytes = sysctl.read(
    `Cannot look at interface ${tap}`,
    [CTL_NET, PF_LINK, NETLINK_GENERIC, IFMIB_IFDATA, index, IFDATA_GENERAL],
    IFMIBDATA_SIZE,
  );
  const name = new TextDecoder("latin1").decode(bytes.subarray(0, NAME_SIZE)).replace(/\0.*$/s, "");
  if (bytes.length !== IFMIBDATA_SIZE || name !== tap) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const values = Object.fromEntries(
    counters.map((counter, at) => [counter, view.getBigUint64(DATA + BAUDRATE + 8 + 8 * at, true)]),
  );
  return {
    ...(values as Record<(typeof counters)[number], bigint>),
    bridge: device,
    flags: view.getInt32(FLAGS, true),
    sendLength: view.getInt32(SEND_LENGTH, true),
    maxSendLength: view.getInt32(MAX_SEND_LENGTH, true),
    sendDrops: view.getInt32(SEND_DROPS, true),
    mtu: view.getUint32(DATA + MTU, true),
    baudrate: view.getBigUint64(DATA + BAUDRATE, true),
  };
}
