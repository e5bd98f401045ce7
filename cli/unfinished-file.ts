/**
 * Files that are not complete yet: a signal that ends the program takes them with it.
 *
 * @module
 */
import { rmSync } from "node:fs";
import process from "node:process";

/** The signals that end a program, with the exit status that a shell reports then. */
const endings = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;

/** Until it is disposed, a signal that nobody else handles removes the file and ends the program. */
export function removedBySignals(path: string): Disposable {
  const handlers = Object.entries(endings).flatMap(([signal, status]) => {
    // Whoever handles it gives up in an orderly way.
    if (process.listenerCount(signal) > 0) return [];
    const end = (): never => {
      rmSync(path, { force: true });
      process.exit(status);
    };
    process.on(signal, end);
    return [() => void process.off(signal, end)];
  });
  return {
    [Symbol.dispose]() {
      for (const release of handlers) release();
    },
  };
}
