/**
 * What the keys of `top` mean.
 *
 * @module
 */
import type { SortKey } from "../values/sort-key.ts";

export type Action =
  | { readonly kind: "quit" }
  | { readonly kind: "back" }
  | { readonly kind: "console" }
  | { readonly kind: "move"; readonly by: number }
  | { readonly kind: "sort"; readonly key: SortKey };

/** Lines that a page key moves by. */
const PAGE = 10;

const actions: Readonly<Record<string, Action>> = {
  q: { kind: "quit" },
  "\x03": { kind: "quit" }, // Control-C: the terminal is in raw mode
  "\x1b": { kind: "back" },
  "\r": { kind: "console" },
  "\n": { kind: "console" },
  "\x1b[A": { kind: "move", by: -1 },
  "\x1bOA": { kind: "move", by: -1 },
  k: { kind: "move", by: -1 },
  "\x1b[B": { kind: "move", by: 1 },
  "\x1bOB": { kind: "move", by: 1 },
  j: { kind: "move", by: 1 },
  "\x1b[5~": { kind: "move", by: -PAGE },
  "\x1b[6~": { kind: "move", by: PAGE },
  "\x1b[H": { kind: "move", by: Number.NEGATIVE_INFINITY },
  "\x1b[F": { kind: "move", by: Number.POSITIVE_INFINITY },
  c: { kind: "sort", key: "cpu" },
  m: { kind: "sort", key: "memory" },
  n: { kind: "sort", key: "network" },
  r: { kind: "sort", key: "restarts" },
  u: { kind: "sort", key: "uptime" },
  a: { kind: "sort", key: "name" },
};

// biome-ignore lint/suspicious/noControlCharactersInRegex: keys send control characters
const one = /\x1b\[[0-9;]*[A-Za-z~]|\x1bO[A-Z]|[\s\S]/gu;

/** The actions of what was typed; keys without a meaning are left out. */
export function actionsOf(typed: string): readonly Action[] {
  return [...typed.matchAll(one)].flatMap(([key]) => actions[key] ?? []);
}
