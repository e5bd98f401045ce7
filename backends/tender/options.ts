/**
 * The command line of the tender, in the grammar of Solo5's tenders (solo5-abi.md 5, 5.1).
 *
 * It is read twice: first only to find the kernel, whose manifest then decides which devices may be attached.
 *
 * @module
 */
import { COMMAND_LINE_LIMIT } from "./boot-info.ts";
import { complain } from "./console.ts";
import { MEMORY_LIMIT, MEMORY_UNIT } from "./memory.ts";
import { TenderError } from "./tender-error.ts";

const DEFAULT_MEGABYTES = 512;
const MEGABYTE = 0x10_0000;

/** A command line that asks to run a guest. */
export interface GuestCommandLine {
  readonly kind: "run";
  readonly options: readonly string[];
  readonly kernel: string;
  /** The guest's arguments. */
  readonly words: readonly string[];
}

/** What the first pass finds. */
export type CommandLine = { readonly kind: "help" } | { readonly kind: "version" } | GuestCommandLine;

/** Which CPU to use. */
export type CpuChoice = "auto" | "kvm" | "unicorn";

/** Attaches devices, as their options are met. Each throws {@link TenderError} if it cannot. */
export interface DeviceOptions {
  network(name: string, tap: string): void;
  mac(name: string, mac: Uint8Array): void;
  block(name: string, path: string): void;
  sectorSize(name: string, size: number): void;
}

/** Options that are not about devices. */
export interface Settings {
  /** Bytes, a multiple of {@link MEMORY_UNIT}. */
  readonly memory: number;
  readonly cpu: CpuChoice;
  readonly allowEmulation: boolean;
}

/**
 * The first pass: finds the kernel behind the leading options.
 *
 * @throws {TenderError} if there is none
 */
export function splitCommandLine(args: readonly string[]): CommandLine {
  let at = 0;
  for (; at < args.length; at++) {
    const word = args[at] ?? "";
    if (!word.startsWith("-")) break;
    if (word === "--help") return { kind: "help" };
    if (word === "--version") return { kind: "version" };
    if (word === "--") break;
  }
  const rest = args[at] === "--" ? args.slice(at + 1) : args.slice(at);
  const [kernel, ...words] = rest;
  if (kernel === undefined) throw new TenderError("Missing KERNEL operand", { usage: true });
  return { kind: "run", options: args.slice(0, at), kernel, words };
}

/**
 * The second pass: applies the options in their order.
 *
 * @throws {TenderError} at the first that is wrong
 */
export function applyOptions(options: readonly string[], devices: DeviceOptions): Settings {
  let memory = DEFAULT_MEGABYTES * MEGABYTE;
  let cpu: CpuChoice = "auto";
  let allowEmulation = false;
  for (const option of options) {
    if (option.startsWith("--mem=")) memory = parseMemory(option.slice("--mem=".length));
    else if (option === "--cpu=auto" || option === "--cpu=kvm" || option === "--cpu=unicorn") {
      cpu = option.slice("--cpu=".length) as CpuChoice;
    } else if (option === "--allow-emulation") allowEmulation = true;
    else applyDeviceOption(option, devices);
  }
  return { memory, cpu, allowEmulation };
}

/** Leading digits are megabytes, and what follows them is ignored; rounded down to whole units. */
function parseMemory(text: string): number {
  const megabytes = Number(/^\s*\+?(\d+)/.exec(text)?.[1] ?? 0);
  if (megabytes === 0) throw new TenderError("Malformed argument to --mem");
  const bytes = megabytes * MEGABYTE;
  const rounded = Math.max(MEMORY_UNIT, Math.floor(bytes / MEMORY_UNIT) * MEMORY_UNIT);
  if (rounded !== bytes) complain(`adjusting memory to ${BigInt(rounded)} bytes`);
  if (rounded > MEMORY_LIMIT) {
    throw new TenderError(`guest memory size ${BigInt(rounded)} bytes exceeds the max size ${MEMORY_LIMIT} bytes`);
  }
  return rounded;
}

const devicePattern = /^--(net|net-mac|block|block-sector-size):([A-Za-z0-9]{1,67})=(.+)$/s;

function applyDeviceOption(option: string, devices: DeviceOptions): void {
  const [, kind, name = "", value = ""] = devicePattern.exec(option) ?? [];
  const mac = kind === "net-mac" ? parseMac(value) : undefined;
  const size = kind === "block-sector-size" ? /^\d+/.exec(value)?.[0] : undefined;
  try {
    if (kind === "net") devices.network(name, value);
    else if (kind === "block") devices.block(name, value);
    else if (mac !== undefined) devices.mac(name, mac);
    else if (size !== undefined) devices.sectorSize(name, Number(size));
    else throw invalidOption(option);
    return;
  } catch (error) {
    if (!(error instanceof TenderError)) throw error;
    if (error.usage) throw error;
    complain(error.message);
  }
  throw invalidOption(option);
}

function invalidOption(option: string): TenderError {
  return new TenderError(`Invalid option: \`${option}'`, { usage: true });
}

/** Six groups of one or two hexadecimal digits. */
function parseMac(text: string): Uint8Array | undefined {
  const groups = /^([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2}):([0-9a-f]{1,2})/i
    .exec(text)
    ?.slice(1);
  return groups && Uint8Array.from(groups, (group) => Number.parseInt(group, 16));
}

/**
 * The guest's command line: all words, with single blanks between them.
 *
 * @throws {TenderError} if it is longer than {@link COMMAND_LINE_LIMIT}
 */
export function joinWords(words: readonly string[]): Uint8Array {
  const bytes = new TextEncoder().encode(words.join(" "));
  if (bytes.length > COMMAND_LINE_LIMIT) {
    throw new TenderError(`Guest command line too long (max=${COMMAND_LINE_LIMIT} characters)`);
  }
  return bytes;
}
