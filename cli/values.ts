/**
 * The values of options and arguments: each kind's type and parser (client.md 3).
 *
 * Definitions of commands name a kind; the table here turns the text into a value.
 *
 * @module
 */

import { didYouMean, listed } from "../client/alternatives.ts";
import { SIGNABLE, type Signable } from "../client/signable.ts";
import { ValueError } from "../client/value-error.ts";
import { type Destination, parseDestination } from "../client/values/destination.ts";
import { parseDigest } from "../client/values/digest.ts";
import { parseHttpHost } from "../client/values/http-host.ts";
import { parseRemoteName } from "../client/values/remote-name.ts";
import { type ByteString, fromText } from "../core/byte-string.ts";
import type { Int } from "../core/int.ts";
import { parseCursor } from "../core/log/cursor.ts";
import type { Cursor } from "../core/log/event.ts";
import { type Label, type Name, NameError, parseLabel, parseName, parsePath } from "../core/name.ts";
import type { BlockDevice, NetworkDevice } from "../core/unikernel.ts";
import type { UnikernelType } from "../core/unikernel-type.ts";
import { KEY_TYPES, type KeyType } from "../pki/key-type.ts";
import type { ColorChoice } from "./style.ts";
import { type NamedTap, parseBlockDevice, parseNamedTap, parseNetworkDevice } from "./values/devices.ts";
import { existingDirectory, existingFile } from "./values/files.ts";
import { parseInteger, within } from "./values/integer.ts";
import { parseSerial } from "./values/serial.ts";
import { SORT_KEYS, type SortKey } from "./values/sort-key.ts";
import { parseTimestamp } from "./values/timestamp.ts";
import { parseType } from "./values/type.ts";

/** What the parser of each kind gives. */
export interface ValueKinds {
  text: ByteString;
  integer: Int;
  "cpu-id": Int;
  "exit-code": Int;
  megabytes: Int;
  revision: Int;
  "virtual-cpus": Int;
  "compression-level": number;
  name: Name;
  label: Label;
  path: Name;
  network: NetworkDevice;
  block: BlockDevice;
  tap: NamedTap;
  timestamp: number;
  /** A place in an event log. */
  cursor: Cursor;
  type: UnikernelType;
  /** Path of an existing file. */
  file: string;
  /** Path of an existing file, or `-` for standard input. */
  input: string;
  /** Path of an existing directory. */
  directory: string;
  /** A path that is not looked at. */
  "file-name": string;
  destination: Destination;
  /** `http[s]://HOST[:PORT]`, without a slash at the end. */
  "http-host": string;
  /** The name of a remote host. */
  remote: string;
  /** A SHA-256: 64 lower-case hex digits. */
  digest: string;
  "key-type": KeyType;
  days: number;
  signable: Signable;
  serial: string;
  "sort-key": SortKey;
  /** From 1 to an hour. */
  seconds: number;
  /** At least 1. */
  natural: number;
  reason: ReasonWord;
  shell: Shell;
  color: ColorChoice;
  verbosity: Verbosity;
  "help-format": HelpFormat;
}

/** The kind of a value, as definitions of commands name it. */
export type ValueKind = keyof ValueKinds;

/** The values of `--reason`, as RFC 5280 names them. */
const REASON_WORDS = [
  "unspecified",
  "key-compromise",
  "ca-compromise",
  "affiliation-changed",
  "superseded",
  "cessation-of-operation",
  "privilege-withdrawn",
] as const;

/** A value of `--reason`. */
export type ReasonWord = (typeof REASON_WORDS)[number];

/** The shells that have completions. */
const SHELLS = ["bash", "zsh", "fish"] as const;

/** A shell that has completions. */
export type Shell = (typeof SHELLS)[number];

/** The values of `--verbosity`. */
export type Verbosity = "quiet" | "error" | "warning" | "info" | "debug";

/** The values of `--help`. */
export type HelpFormat = "auto" | "pager" | "groff" | "plain";

/** Parsers, by kind. Each throws {@link ValueError}. */
export const parsers: { readonly [Kind in ValueKind]: (text: string) => ValueKinds[Kind] } = {
  text: fromText,
  integer: parseInteger,
  "cpu-id": within(0, 2 ** 31 - 1, "a CPU id (0 or above)"),
  "exit-code": within(0, 255, "an exit code between 0 and 255"),
  megabytes: within(1, undefined, "a size in MB (1 or above)"),
  revision: within(1, undefined, "the number of a revision (1 or above)"),
  "virtual-cpus": within(1, 2 ** 31 - 1, "a number of virtual CPUs (1 or above)"),
  "compression-level": (text) => Number(within(0, 9, "a compression level between 0 and 9")(text)),
  name: (text) => original(() => parseName(text)),
  label: (text) => original(() => parseLabel(text)),
  path: (text) => original(() => parsePath(text === "" ? "::" : text)), // the empty text is no path here
  network: parseNetworkDevice,
  block: parseBlockDevice,
  tap: parseNamedTap,
  timestamp: parseTimestamp,
  cursor: (text) => {
    const cursor = parseCursor(text);
    if (cursor === undefined)
      throw new ValueError("expected 16 hex digits, a point and a number, as log --json prints");
    return cursor;
  },
  type: parseType,
  file: existingFile,
  input: (text) => (text === "-" ? text : existingFile(text)),
  directory: existingDirectory,
  "file-name": (text) => text,
  destination: parseDestination,
  "http-host": parseHttpHost,
  remote: parseRemoteName,
  digest: parseDigest,
  "key-type": oneOf(...KEY_TYPES),
  // Beyond 2^20 days the year has five digits, which no certificate can say.
  days: (text) => Number(within(1, 2 ** 20, "a number of days (1 or above)")(text)),
  signable: oneOf(...SIGNABLE),
  serial: parseSerial,
  "sort-key": oneOf(...SORT_KEYS),
  seconds: (text) => Number(within(1, 3600, "a number of seconds (1 to 3600)")(text)),
  natural: (text) => Number(within(1, Number.MAX_SAFE_INTEGER, "a number (1 or above)")(text)),
  reason: oneOf(...REASON_WORDS),
  shell: oneOf(...SHELLS),
  color: oneOf("auto", "always", "never"),
  verbosity: oneOf("quiet", "error", "warning", "info", "debug"),
  "help-format": oneOf("auto", "pager", "groff", "plain"),
};

/** Words of the kinds that are a choice of words, for completions. */
export const choices: { readonly [Kind in ValueKind]?: readonly string[] } = {
  type: ["solo5", "bhyve"],
  "key-type": KEY_TYPES,
  signable: SIGNABLE,
  "sort-key": SORT_KEYS,
  reason: REASON_WORDS,
  shell: SHELLS,
  color: ["auto", "always", "never"],
  verbosity: ["quiet", "error", "warning", "info", "debug"],
  "help-format": ["auto", "pager", "groff", "plain"],
};

function original<Value>(parse: () => Value): Value {
  try {
    return parse();
  } catch (error) {
    if (error instanceof NameError) throw new ValueError(error.message, { cause: error });
    throw error;
  }
}

function oneOf<Word extends string>(...words: readonly Word[]): (text: string) => Word {
  return (text) => {
    const found = words.find((word) => word === text);
    if (found !== undefined) return found;
    throw new ValueError((style) => {
      const hint = didYouMean(text, words, style);
      const expected = `${words.length === 2 ? "either" : "one of"} ${listed(words, style)}`;
      return `invalid value ${style.quote(text)}, expected ${expected}${hint === undefined ? "" : `. ${hint}`}`;
    });
  };
}
