/**
 * Bridges and taps on FreeBSD.
 *
 * Taps keep the name that the kernel gives them, `tap<n>`, since the device that a tender opens has it, too. Whose they are
 * is told by their description, so that those of others are never touched.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { chownSync, statSync } from "node:fs";
import { join } from "node:path";
import { type ByteString, fromText, toDisplay } from "../../core/byte-string.ts";
import {
  attempt,
  failureAfter,
  type HostNetwork,
  HostNetworkError,
  missingInterface,
  type TapOptions,
  type TapSelection,
} from "../host-network.ts";
import { isInterfaceName } from "../interface-name.ts";
import { Interfaces } from "./interfaces.ts";

/** How long ifconfig may take to destroy a tap, milliseconds: it waits until nobody uses the tap any more. */
export const DESTROY_TIMEOUT_MS = 5_000;

/** The most output of ifconfig that is looked at, bytes. */
export const OUTPUT_LIMIT = 4_096;

/** How the descriptions of our taps begin. */
const OURS = "albatross";

const TAP_NAME = /^tap(0|[1-9][0-9]{0,4})$/;

/** What the network is changed by; a parameter for systems that are not FreeBSD. */
export interface FreebsdNetworkOptions {
  readonly interfaces?: Interfaces;
  /** The path of ifconfig(8). */
  readonly ifconfig?: string;
  /** Milliseconds for {@link DESTROY_TIMEOUT_MS}. */
  readonly destroyTimeout?: number;
  /** Where the devices of taps are. */
  readonly devices?: string;
}

/** The host's network by ioctl; taps are destroyed by ifconfig, as that can wait for those who use them. */
export class FreebsdNetwork implements HostNetwork {
  readonly #interfaces: Interfaces;
  readonly #ifconfig: string;
  readonly #destroyTimeout: number;
  readonly #devices: string;

  constructor(options: FreebsdNetworkOptions = {}) {
    this.#interfaces = options.interfaces ?? new Interfaces();
    this.#ifconfig = options.ifconfig ?? "/sbin/ifconfig";
    this.#destroyTimeout = options.destroyTimeout ?? DESTROY_TIMEOUT_MS;
    this.#devices = options.devices ?? "/dev";
  }

  bridgeExists(bridge: ByteString): boolean {
    return isInterfaceName(bridge) && attempt(() => this.#interfaces.members("bridge")).includes(bridge);
  }

  checkBridge(bridge: ByteString): void {
    if (this.bridgeExists(bridge)) return;
    const exists = isInterfaceName(bridge) && attempt(() => this.#interfaces.description(bridge)) !== undefined;
    throw exists ? new HostNetworkError(`interface ${toDisplay(bridge)} is not a bridge`) : missingInterface(bridge);
  }

  listBridges(): readonly ByteString[] {
    return attempt(() => this.#interfaces.members("bridge").toSorted((a, b) => (a < b ? -1 : 1)));
  }

  listTaps(options: TapSelection = {}): readonly string[] {
    const wanted = (description: string | undefined): boolean =>
      options.alias === undefined ? description?.startsWith(OURS) === true : description === options.alias;
    return attempt(() =>
      this.#interfaces
        .members("tap")
        .flatMap((tap) => {
          const number = TAP_NAME.exec(tap)?.[1];
          return number !== undefined && wanted(this.#interfaces.description(tap)) ? [Number(number)] : [];
        })
        .sort((a, b) => a - b)
        .map((number) => `tap${number}`),
    );
  }

  async createTap(bridge: ByteString, options: TapOptions = {}): Promise<string> {
    const [tap] = await this.createTaps([bridge], options);
    if (tap === undefined) throw new HostNetworkError("Cannot create a tap: none was made. Report this defect");
    return tap;
  }

  async createTaps(bridges: readonly ByteString[], options: TapOptions = {}): Promise<readonly string[]> {
    const made: string[] = [];
    try {
      for (const bridge of bridges) this.checkBridge(bridge); // all are checked before anything is made
      for (const bridge of bridges) {
        const tap = this.#interfaces.create("tap");
        made.push(tap);
        this.#interfaces.describe(tap, options.alias ?? OURS);
        if (options.owner !== undefined) this.#own(tap, options.owner);
        this.#interfaces.bringUp(tap);
        this.#attach(tap, bridge);
      }
      return made;
    } catch (error) {
      throw await failureAfter(
        error,
        made.map((tap) => this.#destroy(tap)),
      );
    }
  }

  async destroyTap(tap: string): Promise<boolean> {
    const description = TAP_NAME.test(tap) ? attempt(() => this.#interfaces.description(fromText(tap))) : "";
    if (description === undefined) return false;
    if (!description.startsWith(OURS)) {
      throw new HostNetworkError(`Cannot destroy ${JSON.stringify(tap)}: it is no tap of ours, described by ${OURS}`);
    }
    return await this.#destroy(tap);
  }

  #own(tap: string, owner: number): void {
    const device = join(this.#devices, tap);
    chownSync(device, owner, statSync(device).gid);
  }

  #attach(tap: string, bridge: ByteString): void {
    try {
      this.#interfaces.attach(bridge, tap);
    } catch (error) {
      this.checkBridge(bridge); // it may have been removed since it was checked
      throw error;
    }
  }

  async #destroy(tap: string): Promise<boolean> {
    const reason = await this.#runIfconfig([tap, "destroy"]);
    if (reason === undefined) return true;
    if (attempt(() => this.#interfaces.description(fromText(tap))) === undefined) return false; // somebody else did it
    throw new HostNetworkError(`Cannot destroy ${tap}: ${reason}. End the process that uses it`);
  }

  /** @returns why it failed, if it did */
  async #runIfconfig(words: readonly string[]): Promise<string | undefined> {
    const { promise, resolve } = Promise.withResolvers<string | undefined>();
    const child = spawn(this.#ifconfig, words, { cwd: "/", env: {}, stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr.on("data", (chunk: Buffer) => {
      output = (output + chunk.toString("latin1")).slice(0, OUTPUT_LIMIT);
    });
    const timer = setTimeout(() => {
      // A process that waits in the kernel may not end by this either, so its end is not waited for.
      child.kill("SIGKILL");
      child.stderr.destroy();
      child.unref();
      resolve(`${this.#ifconfig} did not end within ${this.#destroyTimeout / 1000} s`);
    }, this.#destroyTimeout);
    child.on("error", (error) => resolve(error.message));
    child.on("close", (code) =>
      resolve(code === 0 ? undefined : output.trim() || `${this.#ifconfig} failed (${code})`),
    );
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }
}
