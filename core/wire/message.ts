/**
 * The messages of the protocol, version 5 (wire.md 4–7).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import type { Cursor, LogEvent } from "../log/event.ts";
import type { Name } from "../name.ts";
import type { Policy } from "../policy.ts";
import type { Statistics } from "../statistics.ts";
import type { UnikernelArguments, UnikernelConfig, UnikernelInfo } from "../unikernel.ts";

/** The only version spoken. */
export const PROTOCOL_VERSION = 5;

export interface Header {
  /** 64 bit, as unsigned. Clients send 0; daemons among themselves count. */
  readonly sequence: bigint;
  readonly name: Name;
}

export interface Message {
  readonly header: Header;
  readonly payload: Payload;
}

export type Payload =
  | { readonly kind: "command"; readonly command: Command }
  | { readonly kind: "success"; readonly success: Success }
  | { readonly kind: "failure"; readonly text: ByteString }
  | { readonly kind: "data"; readonly data: Data };

export type Command = ConsoleCommand | StatisticsCommand | LogCommand | UnikernelCommand | PolicyCommand | BlockCommand;

export type ConsoleCommand =
  /** `limit`: how many unikernels may have a console on this path. */
  | { readonly kind: "console-add"; readonly limit: Int }
  | { readonly kind: "console-subscribe"; readonly from: History }
  | { readonly kind: "console-inactive" };

/** Where a subscription starts: an instant (milliseconds since 1970), or a count of past entries. */
export type History = { readonly since: number } | { readonly count: Int };

export type StatisticsCommand =
  | {
      readonly kind: "statistics-add";
      /** The hypervisor's device name, empty if there is none. */
      readonly device: ByteString;
      readonly pid: Int;
      /** `device` is the unikernel's device name (stats.md 3). */
      readonly networks: readonly { readonly device: ByteString; readonly tap: ByteString }[];
    }
  | { readonly kind: "statistics-remove" }
  | { readonly kind: "statistics-subscribe" }
  | { readonly kind: "statistics-initial" };

/** An extension of ours, which no other peer is sent. */
export type LogCommand = { readonly kind: "log-subscribe"; readonly from: LogHistory };

/** Where a subscription to the event log starts: as for a console, or behind the event that was seen last. */
export type LogHistory = History | { readonly cursor: Cursor };

export type UnikernelCommand =
  | { readonly kind: "unikernel-info" }
  /** Answered with the reply of the same generation. */
  | { readonly kind: "unikernel-info-old"; readonly generation: 4 | 5 }
  /** Old variants decode to the current configuration. */
  | { readonly kind: "unikernel-create"; readonly config: UnikernelConfig }
  | { readonly kind: "unikernel-force-create"; readonly config: UnikernelConfig }
  | { readonly kind: "unikernel-restart"; readonly arguments: UnikernelArguments | undefined }
  | { readonly kind: "unikernel-destroy" }
  /** `level`: zlib compression wanted, 0–9 (not checked by the codec). */
  | { readonly kind: "unikernel-get"; readonly level: Int }
  /** Ours: the newest `count` revisions, as JSON in a success string. Other peers close the connection. */
  | { readonly kind: "unikernel-revisions"; readonly count: Int }
  /** Ours: back to a revision; 0 is the one before the newest. Other peers close the connection. */
  | { readonly kind: "unikernel-rollback"; readonly revision: Int };

export type PolicyCommand =
  | { readonly kind: "policy-info" }
  | { readonly kind: "policy-add"; readonly policy: Policy }
  | { readonly kind: "policy-remove" };

export type BlockCommand =
  | { readonly kind: "block-info" }
  /** `size` in MiB. */
  | { readonly kind: "block-add"; readonly size: Int }
  | {
      readonly kind: "block-add-old";
      readonly size: Int;
      readonly compressed: boolean;
      readonly data: Uint8Array | undefined;
    }
  | { readonly kind: "block-remove" }
  | { readonly kind: "block-set"; readonly compressed: boolean }
  | { readonly kind: "block-set-old"; readonly compressed: boolean; readonly data: Uint8Array }
  | { readonly kind: "block-dump"; readonly level: Int }
  | { readonly kind: "block-dump-old"; readonly level: Int }
  /**
   * Ours: a copy on the same path under the label `target`. A `snapshot` may be taken of a device in use, where the file
   * system can take it at one instant.
   */
  | { readonly kind: "block-copy"; readonly target: ByteString; readonly snapshot: boolean }
  /** Ours: `size` in MiB. Only with `shrink` may it be smaller than before, which loses what is stored beyond. */
  | { readonly kind: "block-resize"; readonly size: Int; readonly shrink: boolean };

export type Success =
  | { readonly kind: "empty" }
  | { readonly kind: "string"; readonly text: ByteString }
  | { readonly kind: "policies"; readonly policies: readonly Named<{ readonly policy: Policy }>[] }
  | {
      readonly kind: "block-devices";
      /** `size` in MiB. */
      readonly devices: readonly Named<{ readonly size: Int; readonly active: boolean }>[];
    }
  | { readonly kind: "unikernel-image"; readonly compressed: boolean; readonly image: Uint8Array }
  | { readonly kind: "old-block-device-image"; readonly compressed: boolean; readonly image: Uint8Array }
  /** Followed by block data messages. */
  | { readonly kind: "block-device-image"; readonly compressed: boolean }
  | { readonly kind: "consoles"; readonly names: readonly Name[] }
  | { readonly kind: "unikernels"; readonly unikernels: readonly Named<{ readonly info: UnikernelInfo }>[] }
  | {
      readonly kind: "unikernels-old";
      readonly generation: 4 | 5;
      readonly unikernels: readonly Named<{ readonly info: UnikernelInfo }>[];
    };

/** An element of a list reply. Its name is relative to the path that was asked for (wire.md 6). */
export type Named<T> = { readonly name: Name } & T;

export type Data =
  | { readonly kind: "statistics"; readonly statistics: Statistics }
  /** `timestamp` in milliseconds since 1970; `line` is raw bytes. */
  | { readonly kind: "console"; readonly timestamp: number; readonly line: Uint8Array }
  /** An event of the log. The header's sequence is its number there. */
  | { readonly kind: "log"; readonly timestamp: number; readonly event: LogEvent }
  /** `bytes` undefined: the end of the dump. */
  | { readonly kind: "block"; readonly bytes: Uint8Array | undefined };
