/**
 * The directory in which the output of consoles is kept.
 *
 * @module
 */
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { type Name, NameError, parseName } from "../../core/name.ts";
import { type HeldLock, takeDirectoryLock } from "../../host/lock-file.ts";
import type { Log } from "../common/log.ts";
import { KeptOutput } from "./kept-output.ts";

/** The longest name of a file, bytes. A console with a longer name is not kept. */
const FILE_NAME_MAX = 255;

const fileForm = /^(.*)\.[01]$/;

export interface KeptStoreOptions {
  readonly directory: string;
  /** Bytes of each console, and of all together. */
  readonly maxBytes: number;
  readonly totalBytes: number;
  readonly log: Log;
}

/** The name whose output a file has; `undefined` if it is none of ours. */
function nameOf(file: string): Name | undefined {
  const text = fileForm.exec(file)?.[1];
  if (text === undefined) return undefined;
  try {
    const name = parseName(text);
    return name.text === text && name.label !== undefined ? name : undefined;
  } catch (error) {
    if (error instanceof NameError) return undefined;
    throw error;
  }
}

export class KeptStore {
  readonly #options: KeptStoreOptions;
  readonly #lock: HeldLock;
  /** By name, the ones that were written to longest ago first. */
  readonly #outputs = new Map<string, KeptOutput>();
  readonly #active = new Set<string>();
  readonly #removing = new Set<Promise<void>>();

  /** @throws if the directory cannot be used, or another process has it */
  constructor(options: KeptStoreOptions) {
    this.#options = options;
    mkdirSync(options.directory, { recursive: true, mode: 0o750 });
    this.#lock = takeDirectoryLock(options.directory);
  }

  /** Consoles that there may be: each may have its full size. */
  get capacity(): number {
    return Math.max(1, Math.floor(this.#options.totalBytes / this.#options.maxBytes));
  }

  /** Takes up what was kept before: the consoles, the ones that were written to longest ago first. */
  load(): readonly Name[] {
    const { directory } = this.#options;
    const found = new Map<string, { readonly name: Name; at: number }>();
    for (const file of readdirSync(directory)) {
      const name = nameOf(file);
      if (name === undefined) continue;
      const at = statSync(join(directory, file)).mtimeMs;
      const known = found.get(name.text);
      if (known === undefined) found.set(name.text, { name, at });
      else known.at = Math.max(known.at, at);
    }
    const oldestFirst = [...found.values()].sort((a, b) => a.at - b.at).map(({ name }) => name);
    for (const name of oldestFirst) this.#open(name);
    this.#makeRoom(0);
    return oldestFirst.filter((name) => this.#outputs.has(name.text));
  }

  /** What is kept of a console; `undefined` if nothing is. */
  find(name: Name): KeptOutput | undefined {
    return this.#outputs.get(name.text);
  }

  /** Keeps the output of a console from now on; gives `undefined`, and says why, if that is not possible. */
  activate(name: Name): KeptOutput | undefined {
    const { log } = this.#options;
    const known = this.#outputs.get(name.text);
    if (known === undefined && !this.#makeRoom(1)) {
      log.warning(`the output of ${name.toDisplay()} is not kept on disk: there is only room for ${this.capacity}`);
      return undefined;
    }
    const output = known ?? this.#open(name);
    if (output === undefined) return undefined;
    this.#outputs.delete(name.text);
    this.#outputs.set(name.text, output); // it is the youngest now
    this.#active.add(name.text);
    return output;
  }

  /** The output of a console has ended, for now: it makes room for others if need be. */
  deactivate(name: Name): void {
    const output = this.#outputs.get(name.text);
    if (!this.#active.delete(name.text) || output === undefined) return;
    this.#outputs.delete(name.text);
    this.#outputs.set(name.text, output);
  }

  /** Removes what is kept of a console. */
  remove(name: Name): void {
    this.#remove(name.text);
  }

  /** Writes what waits, and gives the directory back. */
  async close(): Promise<void> {
    await Promise.all([...this.#removing, ...[...this.#outputs.values()].map((output) => output.close())]);
    this.#lock.release();
  }

  #open(name: Name): KeptOutput | undefined {
    const { directory, maxBytes, log } = this.#options;
    const file = name.text;
    if (file.length + 2 > FILE_NAME_MAX) {
      log.warning(`the output of ${name.toDisplay()} is not kept on disk: the name is too long for a file`);
      return undefined;
    }
    const failed = (error: Error) => {
      log.error(`the output of ${name.toDisplay()} is not kept on disk at present: ${error.message}`);
    };
    try {
      const output = new KeptOutput({ path: join(directory, file), maxBytes, failed });
      this.#outputs.set(file, output);
      return output;
    } catch (error) {
      failed(error instanceof Error ? error : new Error(String(error)));
      return undefined;
    }
  }

  /** Removes inactive consoles, oldest first, until there is room for `more`; gives whether there is. */
  #makeRoom(more: number): boolean {
    for (const text of [...this.#outputs.keys()]) {
      if (this.#outputs.size + more <= this.capacity) break;
      if (!this.#active.has(text)) this.#remove(text);
    }
    return this.#outputs.size + more <= this.capacity;
  }

  #remove(text: string): void {
    const output = this.#outputs.get(text);
    if (output === undefined) return;
    this.#outputs.delete(text);
    this.#active.delete(text);
    const removal = output.remove().catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      this.#options.log.error(`cannot remove the kept output of ${text}: ${reason}`);
    });
    this.#removing.add(removal);
    void removal.then(() => this.#removing.delete(removal));
  }
}
