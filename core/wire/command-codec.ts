/**
 * Encoding of commands (wire.md 5).
 *
 * @module
 */
import type { ByteString } from "../byte-string.ts";
import type { Int } from "../int.ts";
import { alternative, type Codec, choice, explicit, lazy, optional, sequence, sequenceOf } from "./der-codec.ts";
import { bool, int, nothing, octets, text } from "./der-primitives.ts";
import { time } from "./der-time.ts";
import { logHistory, orDropped } from "./log-codec.ts";
import type {
  BlockCommand,
  Command,
  ConsoleCommand,
  History,
  LogHistory,
  PolicyCommand,
  StatisticsCommand,
} from "./message.ts";
import { policyCodec } from "./policy-codec.ts";
import { unikernelCommandCodec } from "./unikernel-command-codec.ts";

const history: Codec<History> = lazy(() => {
  const since = explicit(0, time);
  const count = explicit(1, int);

  return choice<History>(
    [alternative(since, (value) => ({ since: value })), alternative(count, (value) => ({ count: value }))],
    (writer, value) => {
      if ("since" in value) since.write(writer, value.since);
      else count.write(writer, value.count);
    },
  );
});

const consoleCommand: Codec<ConsoleCommand> = lazy(() => {
  const consoleAdd = explicit(0, int);
  const consoleSubscribe = explicit(2, history);
  const consoleInactive = explicit(3, nothing);

  return choice<ConsoleCommand>(
    [
      alternative(consoleAdd, (limit) => ({ kind: "console-add", limit })),
      alternative(consoleSubscribe, (from) => ({ kind: "console-subscribe", from })),
      alternative(consoleInactive, () => ({ kind: "console-inactive" })),
    ],
    (writer, command) => {
      switch (command.kind) {
        case "console-add":
          return consoleAdd.write(writer, command.limit);
        case "console-subscribe":
          return consoleSubscribe.write(writer, command.from);
        case "console-inactive":
          return consoleInactive.write(writer, undefined);
      }
    },
  );
});

interface Tap {
  readonly device: ByteString;
  readonly tap: ByteString;
}

interface StatisticsAdd {
  readonly device: ByteString;
  readonly pid: Int;
  readonly networks: readonly Tap[];
}

const statisticsCommand: Codec<StatisticsCommand> = lazy(() => {
  const statisticsAdd = explicit(
    0,
    sequence<StatisticsAdd>({
      device: text,
      pid: int,
      networks: sequenceOf(sequence<Tap>({ device: text, tap: text })),
    }),
  );
  const statisticsRemove = explicit(1, nothing);
  const statisticsSubscribe = explicit(2, nothing);
  const statisticsInitial = explicit(3, nothing);

  return choice<StatisticsCommand>(
    [
      alternative(statisticsAdd, ({ device, pid, networks }) => ({ kind: "statistics-add", device, pid, networks })),
      alternative(statisticsRemove, () => ({ kind: "statistics-remove" })),
      alternative(statisticsSubscribe, () => ({ kind: "statistics-subscribe" })),
      alternative(statisticsInitial, () => ({ kind: "statistics-initial" })),
    ],
    (writer, command) => {
      switch (command.kind) {
        case "statistics-add":
          return statisticsAdd.write(writer, command);
        case "statistics-remove":
          return statisticsRemove.write(writer, undefined);
        case "statistics-subscribe":
          return statisticsSubscribe.write(writer, undefined);
        case "statistics-initial":
          return statisticsInitial.write(writer, undefined);
      }
    },
  );
});

const policyCommand: Codec<PolicyCommand> = lazy(() => {
  const policyInfo = explicit(0, nothing);
  const policyAdd = explicit(1, policyCodec);
  const policyRemove = explicit(2, nothing);

  return choice<PolicyCommand>(
    [
      alternative(policyInfo, () => ({ kind: "policy-info" })),
      alternative(policyAdd, (policy) => ({ kind: "policy-add", policy })),
      alternative(policyRemove, () => ({ kind: "policy-remove" })),
    ],
    (writer, command) => {
      switch (command.kind) {
        case "policy-info":
          return policyInfo.write(writer, undefined);
        case "policy-add":
          return policyAdd.write(writer, command.policy);
        case "policy-remove":
          return policyRemove.write(writer, undefined);
      }
    },
  );
});

type BlockAddOld = Omit<Extract<BlockCommand, { kind: "block-add-old" }>, "kind">;
type BlockSetOld = Omit<Extract<BlockCommand, { kind: "block-set-old" }>, "kind">;
type BlockCopy = Omit<Extract<BlockCommand, { kind: "block-copy" }>, "kind">;
type BlockResize = Omit<Extract<BlockCommand, { kind: "block-resize" }>, "kind">;

const blockCommand: Codec<BlockCommand> = lazy(() => {
  const blockInfo = explicit(0, nothing);
  const blockAdd = explicit(1, int);
  const blockRemove = explicit(2, nothing);
  const blockAddOld = explicit(3, sequence<BlockAddOld>({ size: int, compressed: bool, data: optional(octets) }));
  const blockSetOld = explicit(4, sequence<BlockSetOld>({ compressed: bool, data: octets }));
  const blockDumpOld = explicit(5, int);
  const blockDump = explicit(6, int);
  const blockSet = explicit(7, bool);
  // Ours. Peers that do not know them close the connection, as on any message that they cannot decode.
  const blockCopy = explicit(24, sequence<BlockCopy>({ target: text, snapshot: bool }));
  const blockResize = explicit(25, sequence<BlockResize>({ size: int, shrink: bool }));

  return choice<BlockCommand>(
    [
      alternative(blockInfo, () => ({ kind: "block-info" })),
      alternative(blockAdd, (size) => ({ kind: "block-add", size })),
      alternative(blockRemove, () => ({ kind: "block-remove" })),
      alternative(blockAddOld, (value) => ({ kind: "block-add-old", ...value })),
      alternative(blockSetOld, (value) => ({ kind: "block-set-old", ...value })),
      alternative(blockDumpOld, (level) => ({ kind: "block-dump-old", level })),
      alternative(blockDump, (level) => ({ kind: "block-dump", level })),
      alternative(blockSet, (compressed) => ({ kind: "block-set", compressed })),
    ],
    (writer, command) => {
      switch (command.kind) {
        case "block-info":
          return blockInfo.write(writer, undefined);
        case "block-add":
          return blockAdd.write(writer, command.size);
        case "block-remove":
          return blockRemove.write(writer, undefined);
        case "block-add-old":
          return blockAddOld.write(writer, command);
        case "block-set-old":
          return blockSetOld.write(writer, command);
        case "block-dump-old":
          return blockDumpOld.write(writer, command.level);
        case "block-dump":
          return blockDump.write(writer, command.level);
        case "block-set":
          return blockSet.write(writer, command.compressed);
        case "block-copy":
          return blockCopy.write(writer, command);
        case "block-resize":
          return blockResize.write(writer, command);
      }
    },
    [
      alternative(blockCopy, (value) => ({ kind: "block-copy", ...value })),
      alternative(blockResize, (value) => ({ kind: "block-resize", ...value })),
    ],
  );
});

const consoles = explicit(0, consoleCommand);
const statistics = explicit(1, statisticsCommand);
const unikernels = explicit(3, unikernelCommandCodec);
const policies = explicit(4, policyCommand);
const blocks = explicit(5, blockCommand);

const log = explicit<LogHistory>(2, orDropped(logHistory, "support for log dropped"));

/** `Command`. */
export const commandCodec: Codec<Command> = choice<Command>(
  [
    consoles,
    statistics,
    alternative(log, (from): Command => ({ kind: "log-subscribe", from })),
    unikernels,
    policies,
    blocks,
  ],
  (writer, command) => {
    switch (command.kind) {
      case "console-add":
      case "console-subscribe":
      case "console-inactive":
        return consoles.write(writer, command);
      case "statistics-add":
      case "statistics-remove":
      case "statistics-subscribe":
      case "statistics-initial":
        return statistics.write(writer, command);
      case "log-subscribe":
        return log.write(writer, command.from);
      case "policy-info":
      case "policy-add":
      case "policy-remove":
        return policies.write(writer, command);
      case "block-info":
      case "block-add":
      case "block-add-old":
      case "block-remove":
      case "block-set":
      case "block-set-old":
      case "block-dump":
      case "block-dump-old":
      case "block-copy":
      case "block-resize":
        return blocks.write(writer, command);
      default:
        return unikernels.write(writer, command);
    }
  },
);
