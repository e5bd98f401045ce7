/**
 * The counters of all measured interfaces, read once for all samples that are taken in one turn of the event loop: the
 * samples of a tick are of one moment, and cost one request.
 *
 * @module
 */
import { type ByteString, toBytes } from "../../core/byte-string.ts";
import { type LinkCounters, readLinkCounters } from "../../host/linux/link-counters.ts";
import { findLink } from "../../host/linux/links.ts";
import { RouteSocket } from "../../host/linux/netlink.ts";

/** The longest name of an interface, bytes. */
const NAME_MAX = 15;

/** Reads counters for all collectors of a daemon. */
export class TapCounters {
  /** How many collectors want an interface. */
  readonly #wanted = new Map<number, number>();
  #socket: RouteSocket | undefined;
  #current: ReadonlyMap<number, LinkCounters> | undefined;

  /**
   * Looks an interface up, whose counters are wanted from now on.
   *
   * @returns its index; `undefined` if there is none of this name
   * @throws {SystemError} if the kernel cannot be asked
   */
  want(tap: ByteString): number | undefined {
    const bytes = toBytes(tap);
    if (bytes.length === 0 || bytes.length > NAME_MAX || bytes.includes(0)) return undefined;
    const index = findLink(tap)?.index;
    if (index === undefined) return undefined;
    this.#wanted.set(index, (this.#wanted.get(index) ?? 0) + 1);
    this.#current = undefined;
    return index;
  }

  /** Undoes {@link want}. The socket is closed when nothing is wanted any more. */
  release(index: number): void {
    const users = (this.#wanted.get(index) ?? 0) - 1;
    if (users > 0) this.#wanted.set(index, users);
    else this.#wanted.delete(index);
    if (this.#wanted.size > 0) return;
    this.#socket?.close();
    this.#socket = undefined;
  }

  /**
   * The counters of a wanted interface, of this turn; `undefined` if it is no longer there.
   *
   * @throws {SystemError} if the kernel cannot be asked
   */
  get(index: number): LinkCounters | undefined {
    if (this.#current === undefined) {
      this.#socket ??= new RouteSocket();
      this.#current = readLinkCounters(this.#socket, new Set(this.#wanted.keys()));
      queueMicrotask(() => {
        this.#current = undefined;
      });
    }
    return this.#current.get(index);
  }
}
