/**
 * Encoding of the event log's messages: an extension of ours, with the structures of version 4 (old-names.md 4 and 6).
 *
 * The original has `NULL` in these places and rejects it while decoding; so do we, in its words.
 *
 * ```
 * LogCmd  ::= CHOICE { since [0] TIME, count [1] INT, cursor [2] SEQUENCE { log BYTES (8), entry INT64 } }
 * LogData ::= SEQUENCE { timestamp TIME, event CHOICE {
 *   startup [0] NULL, login [1] Endpoint, logout [2] Endpoint, unikernel-stop [4], hup [5] NULL, unikernel-start [7],
 *   and those of ours from [8] on, see below } }
 * Endpoint ::= SEQUENCE { name NAME, ip BYTES (4 or 16), port INT }
 * ```
 *
 * Of old events, `[3]` and `[6]` (starts in the form of earlier versions) are not read, since nobody can send them.
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import { isAddressLength } from "../ip-address.ts";
import {
  type Cursor,
  LOG_ID_BYTES,
  type LogEvent,
  type LoggedProcess,
  type Peer,
  type TimedEvent,
} from "../log/event.ts";
import type { Name } from "../name.ts";
import type { Policy } from "../policy.ts";
import type { ProcessEnd } from "../restart.ts";
import { DecodeError } from "./decode-error.ts";
import {
  alternative,
  type Codec,
  choice,
  convert,
  type Decoder,
  explicit,
  lazy,
  optional,
  sequence,
  sequenceOf,
} from "./der-codec.ts";
import { int, int64, nameCodec, nothing, octets, text } from "./der-primitives.ts";
import { time } from "./der-time.ts";
import type { Writer } from "./der-writer.ts";
import type { LogHistory } from "./message.ts";
import { policyCodec } from "./policy-codec.ts";

/** Structures in place of which the original has `NULL`: that is read, and refused with `refusal`. */
export function orDropped<T>(inner: Codec<T>, refusal: string): Codec<T> {
  return {
    get identifiers() {
      return [...inner.identifiers, ...nothing.identifiers];
    },
    read(reader) {
      if (inner.identifiers.includes(reader.peek())) return inner.read(reader);
      nothing.read(reader);
      throw new DecodeError(refusal);
    },
    write: (writer, value) => inner.write(writer, value),
  };
}

/** Bytes of which `isRight` tells whether their number is right. */
function sized(what: string, isRight: (length: number) => boolean): Codec<Uint8Array> {
  return convert<Uint8Array, Uint8Array>(
    octets,
    (bytes) => {
      if (!isRight(bytes.length)) throw new DecodeError(`${what} of ${bytes.length} bytes`);
      return bytes;
    },
    (bytes) => bytes,
  );
}

/** `LogCmd`. */
export const logHistory: Codec<LogHistory> = lazy(() => {
  const since = explicit(0, time);
  const count = explicit(1, int);
  const log = sized("log identity", (length) => length === LOG_ID_BYTES);
  const cursor = explicit(2, sequence<Cursor>({ log, entry: int64 }));
  return choice<LogHistory>(
    [
      alternative(since, (value) => ({ since: value })),
      alternative(count, (value) => ({ count: value })),
      alternative(cursor, (value) => ({ cursor: value })),
    ],
    (writer, value) => {
      if ("since" in value) since.write(writer, value.since);
      else if ("count" in value) count.write(writer, value.count);
      else cursor.write(writer, value.cursor);
    },
  );
});

const PORT_MAX = 65_535;

const port: Codec<number> = convert<Int, number>(
  int,
  (value) => {
    if (typeof value !== "number" || value < 0 || value > PORT_MAX) throw new DecodeError(`port ${value}`);
    return value;
  },
  (value) => value,
);

/** Numbers of statuses and signals, of which the decoder need not know the range. */
const small: Codec<number> = convert<Int, number>(
  int,
  (value) => {
    if (typeof value !== "number") throw new DecodeError(`status ${value}`);
    return value;
  },
  (value) => value,
);

const end: Codec<ProcessEnd> = lazy(() => {
  const exit = explicit(0, small);
  const signal = explicit(1, small);
  const stop = explicit(2, small);
  const unknown = explicit(3, nothing); // an adopted process has no status that we could learn
  return choice<ProcessEnd>(
    [
      alternative(exit, (code) => ({ kind: "exit", code })),
      alternative(signal, (number) => ({ kind: "signal", signal: number })),
      alternative(stop, (number) => ({ kind: "stop", signal: number })),
      alternative(unknown, () => ({ kind: "unknown" })),
    ],
    (writer, value) => {
      if (value.kind === "exit") exit.write(writer, value.code);
      else if (value.kind === "unknown") unknown.write(writer, undefined);
      else (value.kind === "signal" ? signal : stop).write(writer, value.signal);
    },
  );
});

/** How one kind of event is read and written. */
interface Form {
  readonly decoder: Decoder<LogEvent>;
  /** Writes an event of this form's kind: the table below sees to that. */
  readonly write: (writer: Writer, event: never) => void;
}

type Kind = LogEvent["kind"];
/** What an event of a kind has besides that. */
type Body<K extends Kind, E = LogEvent> = E extends { readonly kind: infer Kinds }
  ? K extends Kinds
    ? { readonly [Key in Exclude<keyof E, "kind">]: E[Key] }
    : never
  : never;

function form<K extends Kind>(tag: number, kind: K, body: Codec<Body<K>>): readonly [Kind, Form] {
  const inner = explicit(tag, body);
  const decoder = alternative(inner, (value): LogEvent => ({ kind, ...value }) as unknown as LogEvent);
  return [kind, { decoder, write: (writer, event: Body<K>) => inner.write(writer, event) }];
}

/** The content of events that have none. */
const bare: Codec<Body<"hup">> = convert<undefined, Body<"hup">>(
  nothing,
  () => ({}),
  () => undefined,
);

function forms(): ReadonlyMap<Kind, Form> {
  const address = sized("address", isAddressLength);
  const peer = { name: nameCodec, address, port };
  const endpoint = sequence<Peer>(peer);
  const process = sequence<LoggedProcess>({
    name: nameCodec,
    digest: octets,
    pid: int,
    taps: sequenceOf(sequence<LoggedProcess["taps"][number]>({ device: text, tap: text })),
    blocks: sequenceOf(sequence<LoggedProcess["blocks"][number]>({ device: text, block: nameCodec })),
  });
  const daemon = sequence<Body<"daemon-started">>({ daemon: text, pid: int, detail: text });
  const waiting = sequence<Body<"unikernel-waiting">>({ name: nameCodec, until: time, reason: text, failures: int });
  const named = sequence<{ readonly name: Name }>({ name: nameCodec });
  return new Map<Kind, Form>([
    form(0, "startup", bare),
    form(1, "login", endpoint),
    form(2, "logout", endpoint),
    form(
      4,
      "unikernel-stopped",
      sequence<Body<"unikernel-stopped">>({
        name: nameCodec,
        pid: int,
        end,
        duration: optional(explicit(0, int)),
        digest: optional(explicit(1, octets)),
      }),
    ),
    form(5, "hup", bare),
    form(7, "unikernel-started", process),
    form(8, "unikernel-adopted", process),
    form(
      9,
      "unikernel-admitted",
      sequence<Body<"unikernel-admitted">>({ name: nameCodec, digest: octets, memory: int }),
    ),
    form(10, "unikernel-waiting", waiting),
    form(11, "unikernel-failed", waiting),
    form(
      12,
      "unikernel-ended",
      sequence<{ readonly name: Name; readonly status: ByteString }>({ name: nameCodec, status: text }),
    ),
    form(13, "unikernel-removed", named),
    form(
      14,
      "policy-added",
      sequence<{ readonly name: Name; readonly policy: Policy }>({ name: nameCodec, policy: policyCodec }),
    ),
    form(15, "policy-removed", named),
    form(16, "block", sequence<Body<"block">>({ name: nameCodec, action: text, size: optional(int) })),
    form(17, "daemon-started", daemon),
    form(18, "daemon-stopped", daemon),
    form(19, "refused", sequence<Body<"refused">>({ ...peer, reason: text })),
    form(20, "revoked", sequence<Body<"revoked">>({ ...peer, number: optional(explicit(0, int)), destroyed: int })),
    form(21, "lost", sequence<Body<"lost">>({ source: text, count: int })),
    form(22, "caught-up", bare),
  ]);
}

const event: Codec<LogEvent> = lazy(() => {
  const table = forms();
  return choice<LogEvent>(
    [...table.values()].map(({ decoder }) => decoder),
    (writer, value) => table.get(value.kind)?.write(writer, value as never),
  );
});

/** `LogData`. */
export const logData: Codec<TimedEvent> = lazy(() => sequence<TimedEvent>({ timestamp: time, event }));
