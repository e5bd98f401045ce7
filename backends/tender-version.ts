/**
 * Asks a Solo5 tender which version of the ABI it speaks.
 *
 * The answer is kept for as long as the file stays the same, since asking costs a process.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { stat } from "node:fs/promises";
import { BackendRefusal } from "./backend.ts";

/** How long a tender may take to print its version, milliseconds. */
export const VERSION_TIMEOUT_MS = 5_000;

/** Most bytes that a tender may print as its version. */
export const VERSION_OUTPUT_LIMIT = 4_096;

/** Most tenders whose answers are kept. */
export const VERSION_CACHE_LIMIT = 32;

/** Most characters of an unexpected answer that are shown. */
const SHOWN_CHARACTERS = 400;

interface Answer {
  /** Path, device, inode, time of change and size: another file has another one. */
  readonly file: string;
  readonly output: Promise<string>;
}

const answers = new Map<string, Answer>();

/**
 * Makes sure that a tender speaks this version of the ABI.
 *
 * @param searchPath `PATH` of the tender, which may be a script
 * @param timeout milliseconds
 * @throws {BackendRefusal} in the original's words if it answers otherwise (daemon.md 16), or if it does not answer
 */
export async function requireAbiVersion(
  tender: string,
  abiVersion: number,
  searchPath: string,
  timeout: number = VERSION_TIMEOUT_MS,
): Promise<void> {
  const wanted = `ABI version ${abiVersion}`;
  const output = await versionOutput(tender, searchPath, timeout);
  if (output.split("\n").includes(wanted)) return;
  const shown = output.length > SHOWN_CHARACTERS ? `${output.slice(0, SHOWN_CHARACTERS)}…` : output;
  throw new BackendRefusal(
    `unexpected solo5 tender --version output, expected one line with '${wanted}', got ${printable(shown)}`,
  );
}

async function versionOutput(tender: string, searchPath: string, timeout: number): Promise<string> {
  const status = await stat(tender, { bigint: true }).catch((error: unknown) => {
    throw new BackendRefusal(`Cannot look at the tender ${tender}: ${reasonOf(error)}. Install it again`, {
      cause: error,
    });
  });
  const file = [tender, status.dev, status.ino, status.mtimeNs, status.size].join(" ");
  const known = answers.get(tender);
  if (known?.file === file) return await known.output;
  const answer = { file, output: run(tender, searchPath, timeout) };
  answers.delete(tender);
  const oldest = answers.keys().next();
  if (answers.size >= VERSION_CACHE_LIMIT && oldest.done !== true) answers.delete(oldest.value);
  answers.set(tender, answer);
  try {
    return await answer.output;
  } catch (error) {
    if (answers.get(tender) === answer) answers.delete(tender); // what went wrong once may go well later
    throw error;
  }
}

/** Standard output followed by standard error, at most {@link VERSION_OUTPUT_LIMIT} bytes of them. */
async function run(tender: string, searchPath: string, timeout: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const child = spawn(tender, ["--version"], {
    cwd: "/",
    env: { PATH: searchPath },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true, // a process group of its own, so that what it starts ends with it
  });
  const streams = [child.stdout, child.stderr];
  const chunks: Buffer[][] = streams.map(() => []);
  let size = 0;
  const refuse = (reason: string, cause?: unknown) =>
    reject(
      new BackendRefusal(
        `Cannot ask the tender ${tender} for its version: ${reason}. Check that it is a Solo5 tender`,
        cause === undefined ? undefined : { cause },
      ),
    );
  const timer = setTimeout(() => refuse(`it did not answer --version within ${timeout / 1000} s`), timeout);
  child.on("error", (error) => refuse(reasonOf(error), error));
  for (const [at, stream] of streams.entries()) {
    stream.on("data", (chunk: Buffer) => {
      size += chunk.length;
      if (size > VERSION_OUTPUT_LIMIT) refuse(`it printed more than ${VERSION_OUTPUT_LIMIT} bytes`);
      else chunks[at]?.push(chunk);
    });
  }
  child.on("close", () => resolve(Buffer.concat(chunks.flat()).toString()));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    for (const stream of streams) stream.destroy();
    endGroup(child.pid);
  }
}

function endGroup(leader: number | undefined): void {
  if (leader === undefined) return;
  try {
    process.kill(-leader, "SIGKILL");
  } catch (error) {
    if (codeOf(error) !== "ESRCH") throw error; // no such group: all of it has ended
  }
}

function codeOf(error: unknown): string | undefined {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

function reasonOf(error: unknown): string {
  return codeOf(error) ?? String(error);
}

/** The answer goes into replies and logs: control characters stay out, line feeds become blanks. */
function printable(text: string): string {
  return Array.from(text.trim(), (character) => (character < " " || character === "\u007f" ? " " : character)).join("");
}
