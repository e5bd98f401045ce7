/**
 * What shall run, and what was started for it, in SQLite: an acknowledged command is on the disk.
 *
 * @module
 */
import { closeSync, constants, existsSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Event } from "../../core/engine/event.ts";
import type { Settled, State, Unikernel } from "../../core/engine/state.ts";
import { Name, parseName } from "../../core/name.ts";
import type { PolicyEntry } from "../../core/resources.ts";
import { encodeExtension } from "../../core/wire/extension.ts";
import { encodeSpec, readPolicies, readUnikernels, type StoredUnikernel } from "../../host/database/rows.ts";
import { migrate, readMeta, SCHEMA_VERSION, schema } from "../../host/database/schema.ts";
import { RevisionTable } from "./revision-table.ts";

/** The database cannot be used. */
export class StoreError extends Error {
  override readonly name = "StoreError";
}

/** What of a state is written. */
type Written = Pick<State, "unikernels">;

/** An event, and the state after it, or as much of that as the event is about. */
export interface Recorded {
  readonly event: Event;
  readonly state: Written;
}

function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
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
  readonly revisions: RevisionTable;
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
      migrate(database);
      this.id = readMeta(database, "id");
      this.#importDue = readMeta(database, "import") === "due";
      this.revisions = new RevisionTable(database);
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

  /**
   * Everything that is stored, but for the policy of the root, which is discovered anew.
   *
   * @throws {StoreError} if a row cannot be understood
   */
  load(): { readonly policies: readonly PolicyEntry[]; readonly unikernels: readonly StoredUnikernel[] } {
    try {
      const policies = readPolicies(this.#database).filter(({ name }) => name.text !== Name.root.text);
      return { policies, unikernels: readUnikernels(this.#database) };
    } catch (cause) {
      throw new StoreError(`Cannot read ${message(cause)}. Nothing was started; restore the database from a backup`, {
        cause,
      });
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
   * @param earlier what is written before them
   * @throws {StoreError} if it cannot be written; nothing is changed then
   */
  record(events: readonly Event[], state: State, earlier: readonly Recorded[] = []): void {
    this.#transaction(() => {
      for (const each of earlier) this.#write(each.event, each.state);
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

  #write(event: Event, state: Written): void {
    switch (event.kind) {
      case "policy-added": {
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
        this.#prepare("DELETE FROM unikernels WHERE name = ?").run(event.name.text);
        this.revisions.forget(event.name);
        return;
      case "unikernel-ended":
        this.#prepare("DELETE FROM unikernels WHERE name = ?").run(event.name.text);
        this.revisions.retire(event.name);
        return;
      case "revision-made": {
        const spec = state.unikernels.get(event.name.key)?.spec;
        if (spec !== undefined) this.revisions.add(event.name, event.at, event.command, spec);
        return;
      }
      case "unikernel-stopping":
        this.#prepare("UPDATE unikernels SET run = NULL WHERE name = ?").run(event.name.text);
        return;
      case "unikernel-started":
      case "unikernel-restored":
      case "unikernel-failed":
      case "unikernel-waiting":
        this.#writeUnikernel(state.unikernels.get(event.name.key));
        return;
      case "name-option-dropped": {
        const unikernel = state.unikernels.get(event.name.key);
        this.#writeUnikernel(unikernel);
        if (unikernel !== undefined) this.revisions.correct(event.name, unikernel.spec);
        return;
      }
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
