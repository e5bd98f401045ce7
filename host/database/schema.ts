/**
 * The layout of albatrossd's database, and how it came to be.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";

/** The layout of the tables; a newer one is refused. */
export const SCHEMA_VERSION = 2;

const revisions = `
  CREATE TABLE revisions (
    name TEXT NOT NULL, number INTEGER NOT NULL, at INTEGER NOT NULL, command TEXT NOT NULL,
    config BLOB NOT NULL, image TEXT, image_size INTEGER, PRIMARY KEY (name, number)
  ) STRICT;
  CREATE INDEX revision_images ON revisions (image);`;

/** The tables of a new database. */
export const schema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE policies (name TEXT PRIMARY KEY, policy BLOB NOT NULL) STRICT;
  CREATE TABLE settled (name TEXT PRIMARY KEY, at INTEGER NOT NULL) STRICT;
  CREATE TABLE unikernels (
    name TEXT PRIMARY KEY, config BLOB NOT NULL, image TEXT, image_size INTEGER,
    restarts INTEGER NOT NULL, run TEXT
  ) STRICT;${revisions}`;

/** From each older layout to the one after it. */
const migrations: ReadonlyMap<number, string> = new Map([
  // What runs becomes the first revision, to which an update can be rolled back.
  [
    1,
    `${revisions}
    INSERT INTO revisions SELECT name, 1, unixepoch() * 1000, 'imported', config, image, image_size FROM unikernels;`,
  ],
]);

/** A value that every database has. @throws {Error} if this one has not */
export function readMeta(database: DatabaseSync, key: string): string {
  const row = database.prepare("SELECT value FROM meta WHERE key = ?").get(key) as { value: string } | undefined;
  if (row === undefined) throw new Error(`it has no ${key}`);
  return row.value;
}

/** The version of a layout that is known here. @throws {Error} for any other */
export function knownVersion(database: DatabaseSync): number {
  const version = Number(readMeta(database, "schema"));
  if (version === SCHEMA_VERSION || migrations.has(version)) return version;
  throw new Error(`its layout has version ${version}, this program knows ${SCHEMA_VERSION}`);
}

/** Brings an older database to the present layout: all of it, or nothing. @throws {Error} if it cannot be */
export function migrate(database: DatabaseSync): void {
  for (let version = knownVersion(database); version < SCHEMA_VERSION; version++) {
    database.exec(
      `BEGIN IMMEDIATE;${migrations.get(version) ?? ""}
      UPDATE meta SET value = '${version + 1}' WHERE key = 'schema';
      COMMIT`,
    );
  }
}
