/**
 * What the rows of albatrossd's database say.
 *
 * Configurations and policies are kept in the encoding of the certificate extension, the most stable form there is.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import type { Run, UnikernelSpec } from "../../core/engine/state.ts";
import type { Name } from "../../core/name.ts";
import { parseName } from "../../core/name.ts";
import type { PolicyEntry } from "../../core/resources.ts";
import type { MacAddress } from "../../core/unikernel.ts";
import { decodeExtension, encodeExtension } from "../../core/wire/extension.ts";

/** A row that cannot be understood. `message` names it, and says what is wrong. */
export class RowError extends Error {
  override readonly name = "RowError";
}

/** A unikernel as it was stored. */
export interface StoredUnikernel {
  readonly name: Name;
  readonly spec: UnikernelSpec;
  readonly restarts: number;
  /** The last process that was started for it, if it was not seen to end. */
  readonly run: Run | undefined;
}

/** The columns of a configuration. */
export interface SpecRow {
  readonly config: Uint8Array;
  readonly image: string | null;
  readonly image_size: number | null;
}

/** The encoding of a configuration, its image left out. */
export function encodeSpec(spec: UnikernelSpec): Uint8Array {
  const config = { ...spec.arguments, type: spec.type, compressed: false, image: new Uint8Array() };
  return encodeExtension({ kind: "unikernel-create", config });
}

/** The configuration in a row. @throws {Error} if it cannot be understood */
export function decodeSpec({ config, image: sha256, image_size: size }: SpecRow): UnikernelSpec {
  const command = decodeExtension(config);
  if (command.kind !== "unikernel-create") throw new Error(`a ${command.kind} stands where a configuration should`);
  const { type, compressed: _compressed, image: _image, ...given } = command.config;
  const image = sha256 === null || size === null ? undefined : { sha256, size };
  return { type, image, arguments: given };
}

/** A {@link Run} as stored: JSON, checked when it is read. */
function decodeRun(text: string): Run {
  const raw: unknown = JSON.parse(text);
  if (typeof raw !== "object" || raw === null) throw new Error("a stored process is no object");
  const field = (key: string): unknown => (raw as Record<string, unknown>)[key];
  const number = (key: string): number => {
    const value = field(key);
    if (typeof value !== "number" || !Number.isSafeInteger(value)) throw new Error(`a stored process has no ${key}`);
    return value;
  };
  const string = (key: string): string => {
    const value = field(key);
    if (typeof value !== "string") throw new Error(`a stored process has no ${key}`);
    return value;
  };
  const taps = field("taps");
  if (!Array.isArray(taps)) throw new Error("a stored process has no taps");
  const machine = field("machine");
  return {
    ...(typeof machine === "string" ? { machine } : {}),
    instance: string("instance"),
    pid: number("pid"),
    processStart: number("processStart"),
    bootId: string("bootId"),
    startedAt: number("startedAt"),
    launcher: string("launcher"),
    taps: taps.map((tap: unknown) => {
      const { tap: name, mac } = (tap ?? {}) as { tap?: unknown; mac?: unknown };
      if (typeof name !== "string" || typeof mac !== "string") throw new Error("a stored tap is malformed");
      return { tap: name, mac: mac as MacAddress };
    }),
  };
}

/** All rows of a query, each turned into a value. @throws {RowError} for the first that cannot be */
function rowsOf<Row extends { readonly name: string }, T>(
  database: DatabaseSync,
  table: string,
  what: string,
  decode: (row: Row, name: Name) => T,
): readonly T[] {
  let at = `its ${table}`;
  try {
    const rows = database.prepare(`SELECT * FROM ${table}`).all() as unknown as readonly Row[];
    return rows.map((row) => {
      at = `the ${what} ${row.name}`;
      return decode(row, parseName(row.name));
    });
  } catch (cause) {
    throw new RowError(`${at} from the database: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}

/** All policies, that of the root as it was when albatrossd was started last. @throws {RowError} */
export function readPolicies(database: DatabaseSync): readonly PolicyEntry[] {
  return rowsOf<{ name: string; policy: Uint8Array }, PolicyEntry>(database, "policies", "policy of", (row, name) => {
    const command = decodeExtension(row.policy);
    if (command.kind !== "policy-add") throw new Error(`a ${command.kind} stands where a policy should`);
    return { name, policy: command.policy };
  });
}

/** All unikernels. @throws {RowError} */
export function readUnikernels(database: DatabaseSync): readonly StoredUnikernel[] {
  return rowsOf<SpecRow & { name: string; restarts: number; run: string | null }, StoredUnikernel>(
    database,
    "unikernels",
    "unikernel",
    (row, name) => ({
      name,
      spec: decodeSpec(row),
      restarts: row.restarts,
      run: row.run === null ? undefined : decodeRun(row.run),
    }),
  );
}
