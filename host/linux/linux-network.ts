/**
 * Bridges and taps on Linux.
 *
 * @module
 */
import { closeSync } from "node:fs";
import { type ByteString, fromText, toDisplay } from "../../core/byte-string.ts";
import {
  asHostNetworkError,
  attempt,
  failureAfter,
  type HostNetwork,
  HostNetworkError,
  missingInterface,
  type TapOptions,
  type TapSelection,
} from "../host-network.ts";
import { isInterfaceName } from "../interface-name.ts";
import { attachAndBringUp, findLink, type Link, listLinks } from "./links.ts";
import { closeTunDevice, holdTap, makeTap, openTunDevice, setOwner, setPersistent } from "./tap.ts";

/** How many taps of ours a host can have; the longest name is then `vmmtap16383`. A bridge takes 1023 of them. */
export const TAP_LIMIT = 16_384;

/**
 * How many taps are destroyed at once. Each takes a thread of the runtime's pool for some 20 ms; the kernel's waits for
 * two overlap, those for more do not.
 */
const DESTROYER_LIMIT = 2;

const TAP_PREFIX = "vmmtap";
const TAP_NAME = /^vmmtap(0|[1-9][0-9]{0,4})$/;

/** A tap being made: it lasts only as long as the descriptor, until it is kept. */
interface MadeTap {
  readonly name: string;
  readonly descriptor: number;
}

/** The host's network by ioctl and netlink. */
export class LinuxNetwork implements HostNetwork {
  readonly #destructions: (() => Promise<void>)[] = [];
  #destroyers = 0;

  bridgeExists(bridge: ByteString): boolean {
    return this.#find(bridge)?.kind === "bridge";
  }

  checkBridge(bridge: ByteString): void {
    this.#bridge(bridge);
  }

  listBridges(): readonly ByteString[] {
    return attempt(() =>
      listLinks("bridge")
        .map((link) => link.name)
        .sort((a, b) => (a < b ? -1 : 1)),
    );
  }

  listTaps(options: TapSelection = {}): readonly string[] {
    return attempt(() =>
      listLinks("tun")
        .filter((link) => options.alias === undefined || link.alias === options.alias)
        .flatMap((link) => TAP_NAME.exec(link.name)?.[1] ?? [])
        .map(Number)
        .sort((a, b) => a - b)
        .map((number) => `${TAP_PREFIX}${number}`),
    );
  }

  async createTap(bridge: ByteString, options: TapOptions = {}): Promise<string> {
    const [tap] = await this.createTaps([bridge], options);
    if (tap === undefined) throw new HostNetworkError("Cannot create a tap: none was made. Report this defect");
    return tap;
  }

  async createTaps(bridges: readonly ByteString[], options: TapOptions = {}): Promise<readonly string[]> {
    const made: MadeTap[] = [];
    try {
      const links = bridges.map((bridge) => this.#bridge(bridge)); // all are checked before anything is made
      let number = 0;
      for (const link of links) {
        const descriptor = openTunDevice();
        try {
          while (!makeTap(descriptor, `${TAP_PREFIX}${number}`)) {
            number++;
            if (number >= TAP_LIMIT) {
              throw new HostNetworkError(`Cannot create a tap: ${TAP_LIMIT} exist. Destroy unikernels, or remove taps`);
            }
          }
        } catch (error) {
          closeSync(descriptor); // no tap is bound to it, so this is quick
          throw error;
        }
        const name = `${TAP_PREFIX}${number}`;
        made.push({ name, descriptor });
        if (options.owner !== undefined) setOwner(descriptor, options.owner);
        this.#attach(name, link, options.alias);
      }
      for (const { descriptor } of made) setPersistent(descriptor, true);
    } catch (error) {
      const remove = ({ descriptor }: MadeTap) =>
        this.#destroy(
          () => descriptor,
          () => setPersistent(descriptor, false),
        );
      throw await failureAfter(error, made.map(remove));
    }
    for (const { descriptor } of made) closeSync(descriptor); // they are persistent, so this is quick
    return made.map(({ name }) => name);
  }

  async destroyTap(tap: string): Promise<boolean> {
    if (!TAP_NAME.test(tap)) {
      throw new HostNetworkError(`Cannot destroy ${JSON.stringify(tap)}: it is no tap of ours, ${TAP_PREFIX}<n>`);
    }
    return await this.#destroy(
      () => (this.#find(fromText(tap)) === undefined ? undefined : openTunDevice()),
      (descriptor) => {
        holdTap(descriptor, tap);
        setPersistent(descriptor, false);
      },
    );
  }

  #find(name: ByteString): Link | undefined {
    return isInterfaceName(name) ? attempt(() => findLink(name)) : undefined;
  }

  #bridge(name: ByteString): Link {
    const link = this.#find(name);
    if (link === undefined) throw missingInterface(name);
    if (link.kind === "bridge") return link;
    throw new HostNetworkError(`interface ${toDisplay(name)} is not a bridge`);
  }

  #attach(tap: string, bridge: Link, alias: string | undefined): void {
    const link = this.#find(fromText(tap));
    if (link === undefined) throw new HostNetworkError(`Cannot attach ${tap}: another program removed it. Try again`);
    try {
      attachAndBringUp(link.index, bridge.index, alias);
    } catch (error) {
      // The bridge may have been removed since it was checked; its index is not used again.
      throw this.#find(bridge.name)?.index === bridge.index ? asHostNetworkError(error) : missingInterface(bridge.name);
    }
  }

  /**
   * Opens, prepares and closes a descriptor, and with it its tap, when earlier destructions are done.
   *
   * @returns `false` if there was nothing to open
   */
  #destroy(open: () => number | undefined, prepare: (descriptor: number) => void): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#destructions.push(async () => {
        try {
          const descriptor = open();
          if (descriptor === undefined) return resolve(false);
          try {
            prepare(descriptor);
          } finally {
            await closeTunDevice(descriptor);
          }
          resolve(true);
        } catch (error) {
          reject(asHostNetworkError(error));
        }
      });
      if (this.#destroyers < DESTROYER_LIMIT) void this.#destroyAll();
    });
  }

  async #destroyAll(): Promise<void> {
    this.#destroyers++;
    for (let next = this.#destructions.shift(); next !== undefined; next = this.#destructions.shift()) await next();
    this.#destroyers--;
  }
}
