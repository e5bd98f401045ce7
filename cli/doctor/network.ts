/**
 * `doctor`: bridges, and whether packets get further than them.
 *
 * @module
 */
import { existsSync, readFileSync } from "node:fs";
import { toDisplay } from "../../core/byte-string.ts";
import { listLinks } from "../../host/linux/links.ts";
import { type Check, codeOf, ok, warning } from "./check.ts";

/** Bridges, and forwarding of both protocols. */
export function checkNetwork(): readonly Check[] {
  return [
    ...checkBridges(),
    checkForwarding("forwarding-ipv4", "IPv4", "net.ipv4.ip_forward"),
    checkForwarding("forwarding-ipv6", "IPv6", "net.ipv6.conf.all.forwarding"),
  ];
}

function checkBridges(): readonly Check[] {
  let bridges: ReturnType<typeof listLinks>;
  try {
    bridges = listLinks("bridge");
  } catch (error) {
    return [
      warning(
        "bridges",
        `the kernel does not tell its bridges (${codeOf(error)})`,
        "List them: ip link show type bridge",
      ),
    ];
  }
  if (bridges.length === 0) {
    const make = "Make one: ip link add service type bridge && ip link set service up";
    return [warning("bridges", "there is no bridge: unikernels with a network cannot be started", make)];
  }
  const down = bridges.filter(({ up }) => !up).map(({ name }) => toDisplay(name));
  const all = `bridges: ${bridges.map(({ name }) => toDisplay(name)).join(", ")}`;
  if (down.length === 0) return [ok("bridges", all)];
  const commands = down.map((name) => `ip link set ${name} up`).join(" && ");
  return [warning("bridges", `${all}; down: ${down.join(", ")}`, `Bring them up: ${commands}`)];
}

function checkForwarding(id: string, protocol: string, key: string): Check {
  const file = `/proc/sys/${key.replaceAll(".", "/")}`;
  if (!existsSync(file)) return ok(id, `this host has no ${protocol}`);
  if (readFileSync(file, "latin1").trim() !== "0") return ok(id, `${protocol} packets are forwarded`);
  return warning(
    id,
    `${protocol} packets are not forwarded: unikernels reach only their bridge, unless a network card is attached to it`,
    `If they shall reach more: sysctl -w ${key}=1, and for good a line ${key}=1 in /etc/sysctl.d/albatross.conf`,
  );
}
