/**
 * The connection that albatross-stats opened to us, on which we then ask (stats.md 2): which processes to measure.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { State, Unikernel } from "../../core/engine/state.ts";
import type { Name } from "../../core/name.ts";
import type { Connection } from "../../runtime/unix-socket.ts";
import type { Log } from "../common/log.ts";
import { PeerLink } from "./peer-link.ts";

/** What the hypervisor calls the machine that a Solo5 tender has made (daemon.md 17): Linux has no names for them. */
function hypervisorName(pid: number): string {
  return process.platform === "freebsd" ? `solo5-${pid}` : "";
}

/** Tells albatross-stats of every start and end. Its failures never concern a unikernel. */
export class StatisticsLink {
  readonly #log: Log;
  #current: { readonly link: PeerLink; readonly connection: Connection } | undefined;

  constructor(log: Log) {
    this.#log = log;
  }

  /**
   * Takes over a connection on which albatross-stats asked to be told; an older one is closed.
   *
   * @returns what received bytes and the end of the connection are given to
   */
  attach(connection: Connection, state: State): PeerLink {
    this.#current?.connection.destroy();
    const link = new PeerLink(connection);
    this.#current = { link, connection };
    for (const unikernel of state.unikernels.values()) this.#add(unikernel);
    return link;
  }

  started(unikernel: Unikernel | undefined): void {
    if (unikernel !== undefined) this.#add(unikernel);
  }

  ended(name: Name): void {
    this.#tell(name, (link) => link.request(name, { kind: "statistics-remove" }));
  }

  /** Closes the connection. */
  close(): void {
    this.#current?.connection.destroy();
    this.#current = undefined;
  }

  #add(unikernel: Unikernel): void {
    const { name, phase, arguments: given } = unikernel;
    if (phase.kind !== "running") return;
    const networks = phase.run.taps.map(({ tap }, at) => ({
      device: given.networks[at]?.name ?? fromText(""),
      tap: fromText(tap),
    }));
    const device = fromText(phase.run.machine ?? hypervisorName(phase.run.pid));
    const command = { kind: "statistics-add", device, pid: phase.run.pid, networks } as const;
    this.#tell(name, (link) => link.request(name, command));
  }

  #tell(name: Name, request: (link: PeerLink) => Promise<void>): void {
    const current = this.#current;
    if (current === undefined || !current.link.open) return;
    request(current.link).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#log.warning(`albatross-stats was not told of ${name.toDisplay()}: ${reason}`);
    });
  }
}
