/**
 * What the daemons tell Influx about themselves (daemon.md 19).
 *
 * @module
 */
import { blockUser } from "../../core/engine/decide-block.ts";
import type { State } from "../../core/engine/state.ts";
import type { Int } from "../../core/int.ts";
import { Name } from "../../core/name.ts";
import { blockUsedBelow, usedBelow } from "../../core/resources.ts";
import type { ProcessMemory, ResourceUsage } from "../../core/statistics.ts";
import { type InfluxValue, influxLine } from "./line.ts";
import { memoryFields, usageFields } from "./statistics-lines.ts";

/** What a daemon tells of its own process. */
export interface OwnNumbers {
  /** By kind: `unix`, `tls`. */
  readonly connections: Readonly<Record<string, { readonly active: number; readonly total: number }>>;
  readonly usage: ResourceUsage | undefined;
  readonly memory: ProcessMemory | undefined;
  readonly logs: { readonly warnings: number; readonly errors: number };
}

/** Digits of a float. */
const DIGITS = 6;

/** As C's `%g`. */
export function general(value: number): string {
  const [digits = "0", exponent = "0"] = value.toExponential(DIGITS - 1).split("e");
  const power = Number(exponent);
  if (power < -4 || power >= DIGITS) {
    return `${withoutZeros(digits)}e${power < 0 ? "-" : "+"}${Math.abs(power).toString().padStart(2, "0")}`;
  }
  return withoutZeros(value.toFixed(DIGITS - 1 - power));
}

function withoutZeros(digits: string): string {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}

function shortened([key, value]: readonly [string, InfluxValue]): readonly [string, InfluxValue] {
  return [key, typeof value === "bigint" ? value : { float: general(Number(value.float)) }];
}

/**
 * The lines of a daemon's own process.
 *
 * @param vm the daemon's name there, e.g. `albatross_console`
 * @param now milliseconds since 1970
 */
export function ownLines(vm: string, { connections, usage, memory, logs }: OwnNumbers, now: number): readonly string[] {
  const tag = ["vm", vm] as const;
  const count = (value: number) => BigInt(value);
  return [
    ...Object.entries(connections).map(([kind, { active, total }]) =>
      influxLine(
        "connections",
        [tag, ["kind", kind]],
        [
          ["active", count(active)],
          ["total", count(total)],
        ],
      ),
    ),
    ...(usage === undefined ? [] : [influxLine("resource_usage", [tag], usageFields(usage).map(shortened))]),
    ...(memory === undefined ? [] : [influxLine("kinfo_mem", [tag], memoryFields(memory, now).map(shortened))]),
    influxLine(
      "logs",
      [tag],
      [
        ["warnings", count(logs.warnings)],
        ["errors", count(logs.errors)],
      ],
    ),
  ];
}

/** Paths that are remembered after everything on them is gone. */
export const PATHS_MAX = 10_000;

/** The lines about policies, and about what is used. What was told once is told for ever: as zeros, when it is gone. */
export class StateLines {
  readonly #vm: string;
  readonly #policies = new Map<string, Name>();
  readonly #paths = new Map<string, Name>();

  constructor(vm: string) {
    this.#vm = vm;
  }

  lines(state: State): readonly string[] {
    for (const { name } of state.policies.values()) remember(this.#policies, name);
    const users = [...state.unikernels.values(), ...state.blocks.values()];
    for (const { name } of users) {
      for (let depth = 0; depth <= name.path.length; depth++) {
        remember(this.#paths, new Name(name.path.slice(0, depth), undefined));
      }
    }
    const attached = attachedBlocks(state);
    return [
      ...[...this.#policies.values()].map((path) => this.#policyLine(state, path)),
      ...[...this.#paths.values()].map((path) => this.#usageLine(state, attached, path)),
    ];
  }

  #policyLine(state: State, path: Name): string {
    const policy = state.policies.get(path.key)?.policy;
    return this.#line("albatross-policies", path.key, [
      ["maximum unikernels", policy?.unikernels ?? 0],
      ["maximum memory", policy?.memory ?? 0],
      ["maximum block", policy?.block ?? 0],
    ]);
  }

  #usageLine(state: State, withAttached: State, path: Name): string {
    const used = usedBelow(state, path);
    const attached = BigInt(blockUsedBelow(withAttached, path));
    const total = BigInt(blockUsedBelow(state, path));
    return this.#line("albatross-unikernels", path.key === "" ? ":" : path.key, [
      ["attached used block", attached],
      ["unattached used block", total - attached],
      ["total used block", total],
      ["running unikernels", used.count],
      ["used memory", used.memory],
    ]);
  }

  #line(measurement: string, domain: string, fields: readonly (readonly [string, Int])[]): string {
    const values = fields.map(([key, value]) => [key, BigInt(value)] as const);
    return influxLine(
      measurement,
      [
        ["vm", this.#vm],
        ["domain", domain],
      ],
      values,
    );
  }
}

/** A state with only those block devices that a unikernel has. */
function attachedBlocks(state: State): State {
  const blocks = [...state.blocks].filter(([, { name }]) => blockUser(state, name) !== undefined);
  return { ...state, blocks: new Map(blocks) };
}

function remember(paths: Map<string, Name>, path: Name): void {
  if (paths.size < PATHS_MAX || paths.has(path.key)) paths.set(path.key, path);
}
