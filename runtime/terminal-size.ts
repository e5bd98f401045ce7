/**
 * The size of a terminal, without the streams of `node:tty`, which take longer to load than most programs run.
 *
 * @module
 */
import { libcNames, openLibrary } from "./ffi.ts";

const TIOCGWINSZ = process.platform === "linux" ? 0x5413 : 0x40087468;

/** How many columns a terminal has; `undefined` if the descriptor is none, or the terminal does not tell. */
export function terminalColumns(descriptor: number): number | undefined {
  const { ioctl } = openLibrary(libcNames, { ioctl: { args: ["i32", "u64", "buffer"], returns: "i32" } });
  const size = new Uint16Array(4); // struct winsize: rows, columns, pixels
  if (ioctl(descriptor, TIOCGWINSZ, size) !== 0) return undefined;
  return size[1] || undefined;
}
