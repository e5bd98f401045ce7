/**
 * What the event log tells of (old-names.md 4 and 6). Each event is about a name: a unikernel, a block device, a path;
 * what concerns the whole host is about the root.
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import { Name } from "../name.ts";
import type { Policy } from "../policy.ts";
import type { ProcessEnd } from "../restart.ts";

/** Whose connection it is. */
export interface Peer {
  readonly name: Name;
  /** 4 bytes of IPv4 or 16 of IPv6. */
  readonly address: Uint8Array;
  readonly port: number;
}

/** A process that runs a unikernel, with what it uses. */
export interface LoggedProcess {
  readonly name: Name;
  /** SHA-256 of the image, 32 bytes; empty if there is none. */
  readonly digest: Uint8Array;
  readonly pid: Int;
  readonly taps: readonly { readonly device: ByteString; readonly tap: ByteString }[];
  readonly blocks: readonly { readonly device: ByteString; readonly block: Name }[];
}

/** Something that happened. */
export type LogEvent =
  /** The log was started, or opened its files again on a SIGHUP. */
  | { readonly kind: "startup" | "hup" }
  /** A client was let in by the endpoint, and has left. */
  | ({ readonly kind: "login" | "logout" } & Peer)
  /** A client was not let in, or its command was not carried out. */
  | ({ readonly kind: "refused"; readonly reason: ByteString } & Peer)
  /** A client brought a revocation list; `number` is the list's, `destroyed` how many unikernels went with it. */
  | ({ readonly kind: "revoked"; readonly number: Int | undefined; readonly destroyed: Int } & Peer)
  /** A daemon serves, or ends; `detail` is its version, or the signal. */
  | {
      readonly kind: "daemon-started" | "daemon-stopped";
      readonly daemon: ByteString;
      readonly pid: Int;
      readonly detail: ByteString;
    }
  | ({ readonly kind: "unikernel-started" | "unikernel-adopted" } & LoggedProcess)
  | {
      readonly kind: "unikernel-stopped";
      readonly name: Name;
      readonly pid: Int;
      readonly end: ProcessEnd;
      /** Milliseconds that it ran. */
      readonly duration: Int | undefined;
      /** As in {@link LoggedProcess}. */
      readonly digest: Uint8Array | undefined;
    }
  /** It was admitted and holds its resources; `memory` in MiB. */
  | { readonly kind: "unikernel-admitted"; readonly name: Name; readonly digest: Uint8Array; readonly memory: Int }
  /** It is started again at `until` (milliseconds since 1970), since it ended or could not be started. */
  | {
      readonly kind: "unikernel-waiting" | "unikernel-failed";
      readonly name: Name;
      readonly until: number;
      readonly reason: ByteString;
      readonly failures: Int;
    }
  /** It ended by itself and is not started again. */
  | { readonly kind: "unikernel-ended"; readonly name: Name; readonly status: ByteString }
  /** It was destroyed, or could not be created. */
  | { readonly kind: "unikernel-removed"; readonly name: Name }
  | { readonly kind: "policy-added"; readonly name: Name; readonly policy: Policy }
  | { readonly kind: "policy-removed"; readonly name: Name }
  /** `action` as a word: added, removed, set, dumped, …; `size` in MiB. */
  | { readonly kind: "block"; readonly name: Name; readonly action: ByteString; readonly size: Int | undefined }
  /**
   * Events are missing here: a daemon could not deliver them in time, or the log does not have them any more. A `count`
   * of 0: nobody knows how many.
   */
  | { readonly kind: "lost"; readonly source: ByteString; readonly count: Int }
  /** A subscription has been sent everything there is; what follows happens now. Never stored. */
  | { readonly kind: "caught-up" };

/** An event and when it happened, milliseconds since 1970. */
export interface TimedEvent {
  readonly timestamp: number;
  readonly event: LogEvent;
}

/** Whom an event is about. */
export function subjectOf(event: LogEvent): Name {
  return "name" in event ? event.name : Name.root;
}

/** A place in a log: the log's own identity, and the number of the last event that was seen; 0 before the first. */
export interface Cursor {
  /** {@link LOG_ID_BYTES} bytes. */
  readonly log: Uint8Array;
  readonly entry: bigint;
}

/** The longest message of an event, bytes. */
export const EVENT_MAX: number = 64 * 1024;

/** Bytes that tell a log from every other. */
export const LOG_ID_BYTES = 8;
