/**
 * The revisions of all unikernels, in the database.
 *
 * Used by the store within its transactions; reading needs none.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { ENDED_REVISIONS_MAX, oldestKept, type Revision, type RevisionCommand } from "../../core/engine/revisions.ts";
import type { UnikernelSpec } from "../../core/engine/state.ts";
import type { Name } from "../../core/name.ts";
import { decodeSpec, encodeSpec, type SpecRow } from "../../host/database/rows.ts";

type Row = SpecRow & { readonly number: number; readonly at: number; readonly command: string };

/** The table of revisions. */
export class RevisionTable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#database.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  /** Those of a unikernel, the newest first; none if it is not known. @throws {Error} if a row cannot be understood */
  of(name: Name): readonly Revision[] {
    const rows = this.#prepare("SELECT * FROM revisions WHERE name = ? ORDER BY number DESC").all(name.text);
    return (rows as unknown as readonly Row[]).map((row) => ({
      number: row.number,
      at: row.at,
      command: row.command as RevisionCommand, // written by us, and only shown
      spec: decodeSpec(row),
    }));
  }

  /** Adds the next one of a unikernel, and forgets those that are too many. */
  add(name: Name, at: number, command: RevisionCommand, { image, ...spec }: UnikernelSpec): void {
    this.#prepare(
      `INSERT INTO revisions SELECT ?1, coalesce(max(number), 0) + 1, ?2, ?3, ?4, ?5, ?6 FROM revisions WHERE name = ?1`,
    ).run(name.text, at, command, encodeSpec({ ...spec, image }), image?.sha256 ?? null, image?.size ?? null);
    const kept = this.#prepare(
      "SELECT number, image, image_size FROM revisions WHERE name = ? ORDER BY number DESC",
    ).all(name.text) as unknown as readonly Pick<Row, "number" | "image" | "image_size">[];
    const oldest = oldestKept(
      kept.map(({ number, image: sha256, image_size }) => ({
        number,
        spec: { image: sha256 === null ? undefined : { sha256, size: image_size ?? 0 } },
      })),
    );
    this.#prepare("DELETE FROM revisions WHERE name = ? AND number < ?").run(name.text, oldest);
  }

  /** Corrects the newest one of a unikernel, whose configuration has turned out to be another. */
  correct(name: Name, spec: UnikernelSpec): void {
    this.#prepare(
      "UPDATE revisions SET config = ?2 WHERE name = ?1 AND number = (SELECT max(number) FROM revisions WHERE name = ?1)",
    ).run(name.text, encodeSpec(spec));
  }

  /** Forgets those of a unikernel that was destroyed. */
  forget(name: Name): void {
    this.#prepare("DELETE FROM revisions WHERE name = ?").run(name.text);
  }

  /**
   * Keeps those of a unikernel that ended by itself, if there is anything to go back to, and of the last
   * {@link ENDED_REVISIONS_MAX} of the same tenant. It must not be among the unikernels any more.
   */
  retire(name: Name): void {
    const { count } = this.#prepare("SELECT count(*) AS count FROM revisions WHERE name = ?").get(name.text) as {
      count: number;
    };
    if (count < 2) return this.forget(name);
    // Names are `tenant:…`, or `:…` of those that have no path.
    this.#prepare(
      `DELETE FROM revisions WHERE name IN (
        SELECT name FROM revisions WHERE name NOT IN (SELECT name FROM unikernels) AND name GLOB ?
        GROUP BY name ORDER BY max(at) DESC LIMIT -1 OFFSET ${ENDED_REVISIONS_MAX})`,
    ).run(`${name.path[0] ?? ""}:*`);
  }

  /** The digests of all images that a revision needs. */
  images(): readonly string[] {
    const rows = this.#prepare("SELECT DISTINCT image FROM revisions WHERE image IS NOT NULL").all();
    return (rows as unknown as readonly { image: string }[]).map(({ image }) => image);
  }
}
