/**
 * Order and selection in the tree of names (wire.md 6, 12 and 15).
 *
 * @module
 */
import type { Name } from "./name.ts";

function compareLabels(a: readonly string[], b: readonly string[], direction: 1 | -1): number {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at++) {
    const left = a[at] ?? "";
    const right = b[at] ?? "";
    if (left !== right) return left < right ? -direction : direction;
  }
  return a.length - b.length; // a node comes before its children, in either direction
}

/** The order of state files and of starting: ascending labels, a node before its children. */
export function compareTreeOrder(a: Name, b: Name): number {
  return compareLabels(a.labels, b.labels, 1);
}

/** The order of list replies: descending labels, a node before its children. */
export function compareReplyOrder(a: Name, b: Name): number {
  return compareLabels(a.labels, b.labels, -1);
}

/** Whether a thing is at or below a path: `:foo` is not below `foo:`, though they share a slot. */
function isAtOrBelow(name: Name, path: Name): boolean {
  return (name.isPath ? name : name.parentPath).isWithin(path);
}

/**
 * What a query for `query` selects: for a path all at or below it with that path removed from the names, for a label
 * at most that one thing with its full name.
 */
export function select<T extends { readonly name: Name }>(
  entries: ReadonlyMap<string, T>,
  query: Name,
): readonly { readonly name: Name; readonly entry: T }[] {
  if (!query.isPath) {
    const entry = entries.get(query.key);
    return entry !== undefined && entry.name.text === query.text ? [{ name: entry.name, entry }] : [];
  }
  const found: T[] = [];
  for (const entry of entries.values()) if (isAtOrBelow(entry.name, query)) found.push(entry);
  found.sort((a, b) => compareReplyOrder(a.name, b.name));
  return found.map((entry) => ({ name: entry.name.dropPrefix(query), entry }));
}
