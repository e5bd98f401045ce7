/**
 * `albatross-client`: the entry, and the fence around everything else.
 *
 * @module
 */
import { EXIT_OUTPUT_CLOSED, OutputClosedError, writeText } from "./output.ts";
import { showVersion } from "./version.ts";

/** Exit status of an error in this program (client.md 6). */
const EXIT_INTERNAL = 125;

/**
 * Runs the client with the arguments of a command line.
 *
 * Everything printed is written when this resolves.
 *
 * @param programName the base name the program was called by, as shown in messages
 * @returns the exit status
 */
export async function run(args: readonly string[], programName: string): Promise<number> {
  const started = Date.now();
  try {
    if (args.length === 1 && args[0] === "--version") {
      showVersion(args); // without loading anything for it
      return 0;
    }
    const { dispatch } = await import("./dispatch.ts");
    return await dispatch(args, programName, process.env, started);
  } catch (error) {
    if (error instanceof OutputClosedError) return EXIT_OUTPUT_CLOSED;
    return reportInternal(error, programName);
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function reportInternal(error: unknown, programName: string): number {
  // The system's refusals, such as a full disk behind standard output, are no mistake of this program to be traced.
  const fromSystem = error instanceof Error && "code" in error && /^E[A-Z0-9]+$/.test(String(error.code));
  const text = error instanceof Error && !fromSystem ? (error.stack ?? error.message) : describe(error);
  const indent = " ".repeat(programName.length + 2);
  try {
    writeText(2, `${programName}: internal error, uncaught exception:\n${text.replaceAll(/^/gm, indent)}\n`);
  } catch {
    // Standard error is closed: the status has to tell.
  }
  return EXIT_INTERNAL;
}
