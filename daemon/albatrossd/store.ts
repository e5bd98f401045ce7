/**
 * What shall run, and what was started for it, in SQLite: an acknowledged command is on the disk.
 *
 * Configurations and policies are kept in the encoding of the certificate extension, the most stable form there is.
 *
 * @module
 */
import { closeSync, constants, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Event } from "../../core/engine/event.ts";
import type { Run, Settled, State, Unikernel, UnikernelSpec } from "../../core/engine/state.ts";
import { Name, parseName } from "../../core/name.ts";
import type { PolicyEntry } from "../../core/resources.ts";
import type { MacAddress } from "../../core/unikernel.ts";
import { decodeExtension, encodeExtension } from "../../core/wire/extension.ts";

/** The layout of the tables; a newer one is refused. */
export const SCHEMA_VERSION = 1;

/** The database cannot be used. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** A unikernel as it was stored. */
export interface StoredUnikernel {
  readonly name: Name;
  readonly spec: UnikernelSpec;
  readonly restarts: number;
  /** The last process that was started for it, if it was not seen to end. */
  readonly run: Run | undefined;
}

const schema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE policies (name TEXT PRIMARY KEY, policy BLOB NOT NULL) STRICT;
  CREATE TABLE settled (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  CREATE TABLE unikernels (
    name TEXT PRIMARY KEY, config BLOB NOT NULL, image TEXT, image_size INTEGER,
    restarts INTEGER NOT NULL, run TEXT
  ) STRICT;`;

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function encodeSpec(spec: UnikernelSpec): Uint8Array {
  const config = { ...spec.arguments, type: spec.type, compressed: false, image: new Uint8Array() };
  return encodeExtension({ kind: "unikernel-create", config });
}

function decodeSpec(bytes: Uint8Array, sha256: string | null, size: number | null): UnikernelSpec {
  const command = decodeExtension(bytes);
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
  return {
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

/** Makes a new database: whole, or not at all, so that an empty one is known to be damaged. */
function makeDatabase(file: string, id: string): void {
  for (const suffix of ["-wal", "-journal"]) {
    // SQLite would play it back into the new one.
    if (existsSync(file + suffix)) throw new Error(`it is missing, but ${file}${suffix} is there`);
  }
  const draft = `${file}.new`;
  for (const suffix of ["", "-journal"]) rmSync(draft + suffix, { force: true }); // of a crash
  const database = new DatabaseSync(draft);
  try {
    database.exec(`PRAGMA synchronous=FULL; BEGIN IMMEDIATE;${schema}`);
    const put = database.prepare("INSERT INTO meta VALUES (?, ?)");
    put.run("schema", String(SCHEMA_VERSION));
    put.run("id", id);
    put.run("import", "due");
    database.exec("COMMIT");
  } finally {
    database.close();
  }
  renameSync(draft, file);
  const folder = openSync(dirname(file), constants.O_RDONLY);
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

function closeAfterFailure(database: DatabaseSync | undefined): void {
  try {
    database?.close();
  } catch {
    // The failure that is being reported says more than this one.
  }
}

/** The database of one albatrossd. */
export class Store {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** Random, made with the database: marks the processes and taps of this albatrossd. */
  readonly id: string;
  /** Whether it still has to be looked for a state file of the original, whose content is to be imported. */
  #importDue: boolean;

  /**
   * Opens or makes the database.
   *
   * @param newId used for a new database
   * @throws {StoreError} if it cannot be read or is of a newer layout; never repairs or replaces it
   */
  constructor(file: string, newId: string) {
    let database: DatabaseSync | undefined;
    try {
      if (!existsSync(file)) makeDatabase(file, newId);
      database = new DatabaseSync(file);
      this.#database = database;
      const tables = database.prepare("SELECT count(*) AS n FROM sqlite_schema").get() as { n: number };
      if (tables.n === 0) throw new Error("it is empty"); // made whole, so this is a loss
      const damage = database.prepare("PRAGMA quick_check(1)").get() as { quick_check: string };
      if (damage.quick_check !== "ok") throw new Error(damage.quick_check);
      // Not before: it may write, and what is damaged is left as it is.
      database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA busy_timeout=5000;");
      const version = Number(this.#meta("schema"));
      if (version !== SCHEMA_VERSION) {
        throw new Error(`its layout has version ${version}, this program knows ${SCHEMA_VERSION}`);
      }
      this.id = this.#meta("id");
      this.#importDue = this.#meta("import") === "due";
      // May it be written? Better asked now than by the first command.
      database.exec("BEGIN IMMEDIATE; UPDATE meta SET value = value; ROLLBACK");
    } catch (cause) {
      closeAfterFailure(database);
      throw new StoreError(
        `Cannot use the database ${file}: ${message(cause)}. Nothing was started; restore the file from a backup, or move it away to start with nothing`,
        { cause },
      );
    }
  }

  #meta(key: string): string {
    const row = this.#prepare("SELECT value FROM meta WHERE key = ?").get(key) as { value: string } | undefined;
    if (row === undefined) throw new Error(`it has no ${key}`);
    return row.value;
  }

  get importDue(): boolean {
    return this.#importDue;
  }

  /** Records what was imported, or that there was nothing, so that it is never looked for again. */
  recordImport(events: readonly Event[], state: State): void {
    this.#transaction(() => {
      for (const event of events) this.#write(event, state);
      this.#prepare("UPDATE meta SET value = 'done' WHERE key = 'import'").run();
    });
    this.#importDue = false;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Everything that is stored. @throws {StoreError} if a row cannot be understood */
  load(): { readonly policies: readonly PolicyEntry[]; readonly unikernels: readonly StoredUnikernel[] } {
    let at = "its policies";
    try {
      const policies = this.#prepare("SELECT name, policy FROM policies").all() as {
        name: string;
        policy: Uint8Array;
      }[];
      const unikernels = this.#prepare("SELECT * FROM unikernels").all() as {
        name: string;
        config: Uint8Array;
        image: string | null;
        image_size: number | null;
        restarts: number;
        run: string | null;
      }[];
      return {
        policies: policies.map((row) => {
          at = `the policy of ${row.name}`;
          const command = decodeExtension(row.policy);
          if (command.kind !== "policy-add") throw new Error(`a ${command.kind} stands where a policy should`);
          return { name: parseName(row.name), policy: command.policy };
        }),
        unikernels: unikernels.map((row) => {
          at = `the unikernel ${row.name}`;
          return {
            name: parseName(row.name),
            spec: decodeSpec(row.config, row.image, row.image_size),
            restarts: row.restarts,
            run: row.run === null ? undefined : decodeRun(row.run),
          };
        }),
      };
    } catch (cause) {
      throw new StoreError(
        `Cannot read ${at} from the database: ${message(cause)}. Nothing was started; restore the database from a backup`,
        { cause },
      );
    }
  }

  /** When the policies of which paths were settled. @throws {StoreError} if a row cannot be understood */
  loadSettled(): readonly Settled[] {
    try {
      const rows = this.#prepare("SELECT name, at FROM settled").all() as { name: string; at: number }[];
      return rows.map((row) => ({ name: parseName(row.name), at: row.at }));
    } catch (cause) {
      throw new StoreError(
        `Cannot read the times of policies from the database: ${message(cause)}. Nothing was started; restore the database from a backup`,
        { cause },
      );
    }
  }

  /**
   * Writes what `events` changed, all or nothing. On return it is on the disk.
   *
   * @param state after the events
   * @throws {StoreError} if it cannot be written; nothing is changed then
   */
  record(events: readonly Event[], state: State): void {
    this.#transaction(() => {
      for (const event of events) this.#write(event, state);
    });
  }

  #transaction(write: () => void): void {
    try {
      this.#database.exec("BEGIN IMMEDIATE");
      try {
        write();
        this.#database.exec("COMMIT");
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    } catch (cause) {
      throw new StoreError(`cannot write to the database: ${message(cause)}`, { cause });
    }
  }

  #rollBack(): void {
    try {
      this.#database.exec("ROLLBACK");
    } catch {
      // After some failures, such as a full disk, SQLite has done so itself, and says that there is nothing to do.
    }
  }

  #write(event: Event, state: State): void {
    switch (event.kind) {
      case "policy-added": {
        if (event.name.text === Name.root.text) return; // what the host has is discovered at every start
        const policy = encodeExtension({ kind: "policy-add", policy: event.policy });
        this.#prepare("INSERT OR REPLACE INTO policies VALUES (?, ?)").run(event.name.text, policy);
        return;
      }
      case "policy-removed":
        this.#prepare("DELETE FROM policies WHERE name = ?").run(event.name.text);
        return;
      case "policy-settled":
        this.#prepare("INSERT OR REPLACE INTO settled VALUES (?, ?)").run(event.name.text, event.at);
        return;
      case "unikernel-removed":
      case "unikernel-ended":
        this.#prepare("DELETE FROM unikernels WHERE name = ?").run(event.name.text);
        return;
      case "unikernel-started":
      case "unikernel-restored":
      case "unikernel-failed":
      case "unikernel-waiting":
      case "name-option-dropped":
        this.#writeUnikernel(state.unikernels.get(event.name.key));
        return;
      case "unikernel-exited": // followed by one of the above, or by a removal
      case "unikernel-admitted": // becomes an obligation when it has started
      case "unikernel-respecified":
      case "unikernel-adopted": // is there already
      case "block-added": // devices are found on the disk
      case "block-removed":
        return;
    }
  }

  #writeUnikernel(unikernel: Unikernel | undefined): void {
    if (unikernel === undefined) return;
    const { name, spec, phase, restarts } = unikernel;
    const run = phase.kind === "running" ? JSON.stringify(phase.run) : null;
    this.#prepare("INSERT OR REPLACE INTO unikernels VALUES (?, ?, ?, ?, ?, ?)").run(
      name.text,
      encodeSpec(spec),
      spec.image?.sha256 ?? null,
      spec.image?.size ?? null,
      restarts,
      run,
    );
  }

  /** Closes the database. */
  close(): void {
    this.#database.close();
  }
}
