/**
 * Tells the event log who comes and goes.
 *
 * Anybody may knock, any number of times, and each time is an event: beyond a rate they are only counted, so that nobody
 * can wash everything else out of the log.
 *
 * @module
 */
import { fromText } from "../../core/byte-string.ts";
import type { Int } from "../../core/int.ts";
import { parseAddress } from "../../core/ip-address.ts";
import type { LogEvent, Peer } from "../../core/log/event.ts";
import { Name } from "../../core/name.ts";

/** Events about clients that are let in (two each), per minute; half of them may come at once. */
export const LOGIN_EVENTS_PER_MINUTE = 1_200;

/** Events about clients that are not let in, per minute, likewise. */
export const REFUSAL_EVENTS_PER_MINUTE = 120;

/** Bytes of a reason that are kept. */
export const REASON_MAX = 512;

const MINUTE_MS = 60_000;

/** A rate that may be exceeded for a moment. */
export class Rate {
  readonly #perMinute: number;
  readonly #now: () => number;
  #left: number;
  #at: number;

  /** @param now milliseconds, of any clock that goes forward only */
  constructor(perMinute: number, now: () => number) {
    this.#perMinute = perMinute;
    this.#now = now;
    this.#left = perMinute / 2;
    this.#at = now();
  }

  /** Whether one more is within the rate. */
  take(): boolean {
    const now = this.#now();
    this.#left = Math.min(this.#perMinute / 2, this.#left + ((now - this.#at) * this.#perMinute) / MINUTE_MS);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }
}

/** The address of a client and its port. */
export interface ClientAddress {
  readonly address: string;
  readonly port: number;
}

export class AccessLog {
  readonly #note: (event: LogEvent) => void;
  readonly #logins: Rate;
  readonly #refusals: Rate;
  #uncounted = 0;

  /** @param note takes an event; @param now milliseconds, of any clock that goes forward only */
  constructor(note: (event: LogEvent) => void, now: () => number) {
    this.#note = note;
    this.#logins = new Rate(LOGIN_EVENTS_PER_MINUTE, now);
    this.#refusals = new Rate(REFUSAL_EVENTS_PER_MINUTE, now);
  }

  /** A client was let in under this name. @returns what is to be called when it has gone */
  login(name: Name, client: ClientAddress): () => void {
    const peer = peerOf(name, client);
    const noted = this.#within(this.#logins, { kind: "login", ...peer });
    return () => {
      if (noted) this.#within(this.#logins, { kind: "logout", ...peer });
    };
  }

  /** A client was not let in, or nothing was done for it; the root stands for a name that is not known. */
  refused(client: ClientAddress, reason: string, name: Name = Name.root): void {
    const text = fromText(reason).slice(0, REASON_MAX) as ReturnType<typeof fromText>;
    this.#within(this.#refusals, { kind: "refused", ...peerOf(name, client), reason: text });
  }

  /** A client brought a revocation list, for what was delegated by `name`. */
  revoked(name: Name, client: ClientAddress, number: Int | undefined, destroyed: number): void {
    this.#note({ kind: "revoked", ...peerOf(name, client), number, destroyed });
  }

  #within(rate: Rate, event: LogEvent): boolean {
    if (!rate.take()) {
      this.#uncounted++;
      return false;
    }
    if (this.#uncounted > 0) {
      this.#note({
        kind: "lost",
        source: fromText("albatross-tls-endpoint, too many clients"),
        count: this.#uncounted,
      });
      this.#uncounted = 0;
    }
    this.#note(event);
    return true;
  }
}

function peerOf(name: Name, { address, port }: ClientAddress): Peer {
  return { name, address: parseAddress(address) ?? new Uint8Array(4), port };
}
