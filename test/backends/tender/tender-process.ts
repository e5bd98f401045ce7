/**
 * Starts tenders for tests, each with an image of its own.
 *
 * @module
 */
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Longest time for one tender: none may hang. */
export const TENDER_TIMEOUT_MS = 20_000;

const main = fileURLToPath(new URL("../../../backends/tender/main.ts", import.meta.url));

/** The command line prefix of the built-in tender, run by the runtime that runs the test. */
export const builtInTender: readonly string[] =
  "Deno" in globalThis ? [process.execPath, "run", "-A", main] : [process.execPath, main];

/** How a tender ended. */
export interface TenderResult {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: Uint8Array;
  readonly stderr: string;
}

/** A directory for images, and the tender that runs them. */
export class TenderRig {
  readonly directory = mkdtempSync(join(tmpdir(), "albatross-tender-"));
  readonly #command: readonly string[];
  #images = 0;

  /** `command` is the command line in front of the options. */
  constructor(command: readonly string[]) {
    this.#command = command;
  }

  /** Writes an image; gives its path. */
  save(image: Uint8Array): string {
    const path = join(this.directory, `${this.#images++}.hvt`);
    writeFileSync(path, image);
    return path;
  }

  /** Runs a tender to its end with exactly these words. */
  runWords(words: readonly string[]): TenderResult {
    const [program = "", ...first] = this.#command;
    const result = spawnSync(program, [...first, ...words], {
      timeout: TENDER_TIMEOUT_MS,
      killSignal: "SIGKILL",
      stdio: ["ignore", "pipe", "pipe"],
      maxBuffer: 16 << 20,
    });
    return {
      status: result.status,
      signal: result.signal,
      stdout: new Uint8Array(result.stdout),
      stderr: new TextDecoder().decode(result.stderr),
    };
  }

  /** Runs an image to its end. */
  run(image: Uint8Array, options: readonly string[] = [], args: readonly string[] = []): TenderResult {
    return this.runWords(["--mem=16", ...options, "--", this.save(image), ...args]);
  }

  /** Starts an image; the caller ends it. */
  start(image: Uint8Array, options: readonly string[] = [], stdout: "pipe" | number = "pipe"): ChildProcess {
    const [program = "", ...first] = this.#command;
    return spawn(program, [...first, "--mem=16", ...options, "--", this.save(image)], {
      stdio: ["ignore", stdout, "pipe"],
    });
  }

  close(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Waits until a process has ended and all its output has come, and kills it if it takes too long. */
export function ended(child: ChildProcess): Promise<{ status: number | null; signal: string | null }> {
  const timer = setTimeout(() => child.kill("SIGKILL"), TENDER_TIMEOUT_MS);
  for (const stream of [child.stdout, child.stderr]) stream?.resume(); // unread output would hold up the end
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal });
    });
  });
}

/** Waits for the first output of a process. */
export function firstOutput(child: ChildProcess): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    child.stdout?.once("data", (chunk: Uint8Array) => resolve(chunk));
    child.once("exit", (status, signal) => reject(new Error(`The tender ended early: ${status ?? signal}`)));
  });
}
