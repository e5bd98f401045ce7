/**
 * Files that are not complete yet: a signal that ends the program takes them with it.
 *
 * @module
 */
import { rmSync } from "node:fs";
import process from "node:process";

/** The signals that end a program, with the exit status that a shell reports then. */
const endings = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

const unfinished = new Set<string>();

let handled = false;

/**
 * Until it is disposed, a signal that nobody else handles removes the file and ends the program.
 *
 * Signals stay handled, since one that comes while a file is written without a wait is seen afterwards.
 */
export function removedBySignals(path: string): Disposable {
  if (!handled) handleSignals();
  handled = true;
  unfinished.add(path);
  return { [Symbol.dispose]: () => void unfinished.delete(path) };
}

function handleSignals(): void {
  for (const [signal, status] of Object.entries(endings)) {
    // Before all others: those who are called only once are still there to be counted.
    process.prependListener(signal, () => {
      if (process.listenerCount(signal) > 1) return; // whoever it is gives up in an orderly way
      for (const path of unfinished) rmSync(path, { force: true });
      process.exit(status);
    });
  }
}
