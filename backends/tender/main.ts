/**
 * The built-in tender: runs one Solo5 unikernel of the hvt interface, version 2, in this process.
 *
 * It takes the command line of `solo5-hvt` and gives its exit statuses (solo5-abi.md 5), on KVM or on an emulated CPU.
 *
 * @module
 */
import { PROGRAM_NAME } from "./tender-error.ts";

/**
 * Runs the tender. A guest that halts ends the whole process with its status; so does every error of a running guest.
 *
 * @param args the words behind `albatross tender`
 * @returns the exit status of everything else: 0 for `--version`, 1 for help and errors, which have been reported
 */
export async function run(args: readonly string[]): Promise<number> {
  if (process.platform !== "linux") {
    process.stderr.write(`${PROGRAM_NAME}: Cannot run guests on ${process.platform}: the tender is made for Linux\n`);
    return 1;
  }
  // Loaded only here, because other systems lack functions it needs of the C library.
  const { runTender } = await import("./run-guest.ts");
  return await runTender(args);
}

if (import.meta.main) process.exit(await run(process.argv.slice(2)));
