/**
 * Two taps in a bridge, for tests.
 *
 * @module
 */
import { execFileSync, spawnSync } from "node:child_process";

let count = 0;

/** Two taps in a bridge, with names of their own for each process. */
export class TapPair {
  readonly #bridge: string;
  readonly names: readonly [string, string];

  constructor() {
    const suffix = `${process.pid.toString(36)}x${count++}`;
    this.#bridge = `tb${suffix}`;
    this.names = [`t0${suffix}`, `t1${suffix}`];
    ip("link", "add", this.#bridge, "type", "bridge");
    try {
      ip("link", "set", this.#bridge, "up");
      for (const tap of this.names) {
        ip("tuntap", "add", tap, "mode", "tap");
        ip("link", "set", tap, "up", "master", this.#bridge);
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Why there can be none here, as a reason to skip a test; `undefined` if there can. */
  static unavailable(): string | undefined {
    if (process.getuid?.() !== 0) return "only root can make network devices";
    return spawnSync("ip", ["-V"]).status === 0 ? undefined : "the program ip is not installed";
  }

  close(): void {
    for (const tap of this.names) spawnSync("ip", ["link", "del", tap]); // also while a tender holds it
    ip("link", "del", this.#bridge);
  }
}

function ip(...words: readonly string[]): void {
  execFileSync("ip", words, { stdio: ["ignore", "ignore", "pipe"] });
}
