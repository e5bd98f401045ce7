/**
 * The network of this host, whatever its operating system.
 *
 * @module
 */
import { FreebsdNetwork } from "./freebsd/freebsd-network.ts";
import { type HostNetwork, HostNetworkError } from "./host-network.ts";
import { LinuxNetwork } from "./linux/linux-network.ts";

export { type HostNetwork, HostNetworkError, type TapOptions } from "./host-network.ts";

/**
 * The network of this host.
 *
 * @throws {HostNetworkError} on an operating system that is not supported
 */
export function openHostNetwork(): HostNetwork {
  if (process.platform === "linux") return new LinuxNetwork();
  if (process.platform === "freebsd") return new FreebsdNetwork();
  throw new HostNetworkError(
    `Cannot use the network of this host: ${process.platform} is not supported. Run albatrossd on Linux or FreeBSD`,
  );
}
