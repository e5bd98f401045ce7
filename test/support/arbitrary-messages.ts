/**
 * Generators of messages of every kind, for property tests.
 *
 * @module
 */
import fc from "fast-check";
import { type ByteString, fromBytes } from "../../core/byte-string.ts";
import { INT_MAX, INT_MIN, type Int, normalize, sortedSet } from "../../core/int.ts";
import type { LogEvent } from "../../core/log/event.ts";
import { formatMac } from "../../core/mac.ts";
import { type Label, Name } from "../../core/name.ts";
import type { Policy } from "../../core/policy.ts";
import type { ProcessEnd } from "../../core/restart.ts";
import type { InterfaceData, ProcessMemory, ResourceUsage, Statistics } from "../../core/statistics.ts";
import type { FailBehaviour, UnikernelArguments, UnikernelConfig, UnikernelInfo } from "../../core/unikernel.ts";
import type { BackendType } from "../../core/unikernel-type.ts";
import { TIME_MAX, TIME_MIN } from "../../core/wire/der-time.ts";
import type { Command, Data, LogHistory, Message, Payload, Success } from "../../core/wire/message.ts";

/** Plain objects, as the decoder makes them. */
function record<T>(shape: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record<T>({ ...shape }, { noNullPrototype: true });
}

/** 63-bit integers, the extremes included. */
export const int: fc.Arbitrary<Int> = fc.oneof(
  fc.integer({ min: -300, max: 300 }),
  fc.maxSafeInteger(),
  fc.bigInt({ min: INT_MIN, max: INT_MAX }).map(normalize),
  fc.constantFrom<Int>(INT_MIN, INT_MAX),
);

const int64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

/** Byte strings, mostly short, of any bytes. */
export const text: fc.Arbitrary<ByteString> = fc.uint8Array({ maxLength: 20 }).map(fromBytes);

const bytes = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 100, maxLength: 300 }));
const time = fc.integer({ min: TIME_MIN, max: TIME_MAX });

const label = fc.stringMatching(/^[a-z0-9.][a-z0-9.-]{0,10}$/).map((value) => value as Label);

/** Names and paths. */
export const name: fc.Arbitrary<Name> = fc
  .tuple(fc.array(label, { maxLength: 4 }), fc.option(label, { nil: undefined }))
  .map(([path, last]) => new Name(path, last));

function optional<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

const intSet = fc.array(int, { maxLength: 5 }).map(sortedSet);
const texts = fc.array(text, { maxLength: 4 });

/** Policies. */
export const policy: fc.Arbitrary<Policy> = record({
  unikernels: int,
  cpuIds: intSet,
  memory: int,
  block: optional(int),
  bridges: texts.map((values) => [...new Set(values)].sort((a, b) => (a < b ? -1 : 1))),
});

const failBehaviour: fc.Arbitrary<FailBehaviour> = fc.oneof(
  fc.constant<FailBehaviour>({ kind: "quit" }),
  intSet.map<FailBehaviour>((exitCodes) => ({ kind: "restart", exitCodes })),
);

const mac = fc.uint8Array({ minLength: 6, maxLength: 6 }).map(formatMac);
const type = fc.constantFrom("solo5" as const, "bhyve" as const, "qemu" as BackendType);

// One device only: the order of several is not kept, which has tests of its own.
const argumentsShape = {
  failBehaviour,
  startup: optional(int),
  addName: fc.boolean(),
  cpuIds: intSet,
  memory: int,
  blockDevices: fc.array(record({ name: text, device: optional(text), sectorSize: optional(int) }), {
    maxLength: 1,
  }),
  networks: fc.array(record({ name: text, bridge: optional(text), mac: optional(mac) }), { maxLength: 1 }),
  arguments: optional(texts),
  cpus: int,
  linuxBootPartition: optional(text),
};

const unikernelArguments: fc.Arbitrary<UnikernelArguments> = record(argumentsShape);

/** Configurations. */
export const config: fc.Arbitrary<UnikernelConfig> = record({
  type,
  compressed: fc.boolean(),
  image: bytes,
  ...argumentsShape,
});

const info: fc.Arbitrary<UnikernelInfo> = record({
  type,
  startup: optional(int),
  failBehaviour,
  cpuIds: intSet,
  memory: int,
  digest: bytes,
  blockDevices: fc.array(record({ name: text, device: text, sectorSize: int, size: int }), { maxLength: 1 }),
  networks: fc.array(record({ name: text, bridge: text, mac }), { maxLength: 1 }),
  arguments: optional(texts),
  started: time,
  cpus: int,
  linuxBootPartition: optional(text),
});

/** What an old info reply can carry. */
const oldInfo5 = fc
  .tuple(info, int)
  .map(([value, id]): UnikernelInfo => ({ ...value, cpuIds: [id], cpus: 1, linuxBootPartition: undefined }));
const oldInfo4 = oldInfo5.map((value): UnikernelInfo => ({ ...value, startup: undefined }));

const logHistory: fc.Arbitrary<LogHistory> = fc.oneof(
  record({ since: time }),
  record({ count: int }),
  record({ cursor: record({ log: fc.uint8Array({ minLength: 8, maxLength: 8 }), entry: int64 }) }),
);

const peer = {
  name,
  address: fc.oneof(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ minLength: 16, maxLength: 16 })),
  port: fc.integer({ min: 0, max: 65_535 }),
};

const number = fc.maxSafeInteger();
const processEnd: fc.Arbitrary<ProcessEnd> = fc.oneof(
  record({ kind: fc.constant("exit" as const), code: number }),
  record({ kind: fc.constantFrom("signal" as const, "stop" as const), signal: number }),
  record({ kind: fc.constant("unknown" as const) }),
);

/** Events of the log of every kind. */
export const logEvent: fc.Arbitrary<LogEvent> = fc.oneof(
  record({ kind: fc.constantFrom("startup" as const, "hup" as const, "caught-up" as const) }),
  record({ kind: fc.constantFrom("login" as const, "logout" as const), ...peer }),
  record({ kind: fc.constant("refused" as const), ...peer, reason: text }),
  record({ kind: fc.constant("revoked" as const), ...peer, number: optional(int), destroyed: int }),
  record({
    kind: fc.constantFrom("daemon-started" as const, "daemon-stopped" as const),
    daemon: text,
    pid: int,
    detail: text,
  }),
  record({
    kind: fc.constantFrom("unikernel-started" as const, "unikernel-adopted" as const),
    name,
    digest: bytes,
    pid: int,
    taps: fc.array(record({ device: text, tap: text }), { maxLength: 3 }),
    blocks: fc.array(record({ device: text, block: name }), { maxLength: 3 }),
  }),
  record({
    kind: fc.constant("unikernel-stopped" as const),
    name,
    pid: int,
    end: processEnd,
    duration: optional(int),
    digest: optional(bytes),
  }),
  record({ kind: fc.constant("unikernel-admitted" as const), name, digest: bytes, memory: int }),
  record({
    kind: fc.constantFrom("unikernel-waiting" as const, "unikernel-failed" as const),
    name,
    until: time,
    reason: text,
    failures: int,
  }),
  record({ kind: fc.constant("unikernel-ended" as const), name, status: text }),
  record({ kind: fc.constantFrom("unikernel-removed" as const, "policy-removed" as const), name }),
  record({ kind: fc.constant("policy-added" as const), name, policy }),
  record({ kind: fc.constant("block" as const), name, action: text, size: optional(int) }),
  record({ kind: fc.constant("lost" as const), source: text, count: int }),
);

/** Commands of every kind. */
export const command: fc.Arbitrary<Command> = fc.oneof(
  record({ kind: fc.constant("console-add" as const), limit: int }),
  record({
    kind: fc.constant("console-subscribe" as const),
    from: fc.oneof(record({ since: time }), record({ count: int })),
  }),
  record({ kind: fc.constant("log-subscribe" as const), from: logHistory }),
  fc.constantFrom<Command>(
    { kind: "console-inactive" },
    { kind: "statistics-remove" },
    { kind: "statistics-subscribe" },
    { kind: "statistics-initial" },
    { kind: "unikernel-info" },
    { kind: "unikernel-info-old", generation: 4 },
    { kind: "unikernel-info-old", generation: 5 },
    { kind: "unikernel-destroy" },
    { kind: "policy-info" },
    { kind: "policy-remove" },
    { kind: "block-info" },
    { kind: "block-remove" },
    { kind: "block-set", compressed: true },
    { kind: "block-set", compressed: false },
  ),
  record({
    kind: fc.constant("statistics-add" as const),
    device: text,
    pid: int,
    networks: fc.array(record({ device: text, tap: text }), { maxLength: 3 }),
  }),
  record({ kind: fc.constantFrom("unikernel-create" as const, "unikernel-force-create" as const), config }),
  record({ kind: fc.constant("unikernel-restart" as const), arguments: optional(unikernelArguments) }),
  record({ kind: fc.constant("unikernel-get" as const), level: int }),
  record({ kind: fc.constant("unikernel-revisions" as const), count: int }),
  record({ kind: fc.constant("unikernel-rollback" as const), revision: int }),
  record({ kind: fc.constant("policy-add" as const), policy }),
  record({ kind: fc.constant("block-add" as const), size: int }),
  record({
    kind: fc.constant("block-add-old" as const),
    size: int,
    compressed: fc.boolean(),
    data: optional(bytes),
  }),
  record({ kind: fc.constant("block-set-old" as const), compressed: fc.boolean(), data: bytes }),
  record({ kind: fc.constantFrom("block-dump" as const, "block-dump-old" as const), level: int }),
  record({ kind: fc.constant("block-copy" as const), target: text, snapshot: fc.boolean() }),
  record({ kind: fc.constant("block-resize" as const), size: int, shrink: fc.boolean() }),
);

function list<T extends object>(shape: fc.Arbitrary<T>): fc.Arbitrary<({ readonly name: Name } & T)[]> {
  return fc.array(
    fc.tuple(name, shape).map(([key, value]) => ({ name: key, ...value })),
    { maxLength: 3 },
  );
}

const success: fc.Arbitrary<Success> = fc.oneof(
  fc.constant<Success>({ kind: "empty" }),
  record({ kind: fc.constant("string" as const), text }),
  record({ kind: fc.constant("policies" as const), policies: list(record({ policy })) }),
  record({
    kind: fc.constant("block-devices" as const),
    devices: list(record({ size: int, active: fc.boolean() })),
  }),
  record({
    kind: fc.constantFrom("unikernel-image" as const, "old-block-device-image" as const),
    compressed: fc.boolean(),
    image: bytes,
  }),
  record({ kind: fc.constant("block-device-image" as const), compressed: fc.boolean() }),
  record({ kind: fc.constant("consoles" as const), names: fc.array(name, { maxLength: 4 }) }),
  record({ kind: fc.constant("unikernels" as const), unikernels: list(record({ info })) }),
  record({
    kind: fc.constant("unikernels-old" as const),
    generation: fc.constant(4 as const),
    unikernels: list(record({ info: oldInfo4 })),
  }),
  record({
    kind: fc.constant("unikernels-old" as const),
    generation: fc.constant(5 as const),
    unikernels: list(record({ info: oldInfo5 })),
  }),
);

const timeValue = record({ seconds: int64, microseconds: int });

const resourceUsage: fc.Arbitrary<ResourceUsage> = record({
  utime: timeValue,
  stime: timeValue,
  maxrss: int64,
  ixrss: int64,
  idrss: int64,
  isrss: int64,
  minflt: int64,
  majflt: int64,
  nswap: int64,
  inblock: int64,
  outblock: int64,
  msgsnd: int64,
  msgrcv: int64,
  nsignals: int64,
  nvcsw: int64,
  nivcsw: int64,
});

const interfaceData: fc.Arbitrary<InterfaceData> = record({
  bridge: text,
  flags: int32,
  sendLength: int32,
  maxSendLength: int32,
  sendDrops: int32,
  mtu: int32,
  baudrate: int64,
  inputPackets: int64,
  inputErrors: int64,
  outputPackets: int64,
  outputErrors: int64,
  collisions: int64,
  inputBytes: int64,
  outputBytes: int64,
  inputMcast: int64,
  outputMcast: int64,
  inputDropped: int64,
  outputDropped: int64,
});

const processMemory: fc.Arbitrary<ProcessMemory> = record({
  vsize: int64,
  rss: int64,
  tsize: int64,
  dsize: int64,
  ssize: int64,
  runtime: int64,
  cow: int,
  start: timeValue,
});

const statistics: fc.Arbitrary<Statistics> = record({
  resourceUsage,
  interfaces: fc.array(interfaceData, { maxLength: 2 }),
  hypervisor: optional(fc.array(record({ key: text, value: int64 }), { maxLength: 3 })),
  memory: optional(processMemory),
});

const data: fc.Arbitrary<Data> = fc.oneof(
  record({ kind: fc.constant("statistics" as const), statistics }),
  record({ kind: fc.constant("console" as const), timestamp: time, line: bytes }),
  record({ kind: fc.constant("log" as const), timestamp: time, event: logEvent }),
  record({ kind: fc.constant("block" as const), bytes: optional(bytes) }),
);

const payload: fc.Arbitrary<Payload> = fc.oneof(
  record({ kind: fc.constant("command" as const), command }),
  record({ kind: fc.constant("success" as const), success }),
  record({ kind: fc.constant("failure" as const), text }),
  record({ kind: fc.constant("data" as const), data }),
);

/** Messages of every kind. */
export const message: fc.Arbitrary<Message> = record({
  header: record({ sequence: int64, name }),
  payload,
});
