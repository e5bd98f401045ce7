/**
 * What to say after a word that is not known: what was probably meant, or all that there is.
 *
 * @module
 */
import type { Style } from "./style.ts";
import { suggest } from "./suggest.ts";

/** `Did you mean 'info'?` or `Must be one of 'a', 'b' or 'c'`. */
export function alternatives(word: string, known: readonly string[], style: Style): string {
  const hint = didYouMean(word, known, style);
  return hint === undefined ? `Must be one of ${listed(known, style)}` : hint;
}

/** `Did you mean 'info'?`; nothing if no known word is near. */
export function didYouMean(word: string, known: Iterable<string>, style: Style): string | undefined {
  const near = suggest(word, known).map((each) => style.quote(each));
  return near.length === 0 ? undefined : `Did you mean ${near.join(" or ")}?`;
}

/** `'a', 'b' or 'c'`. */
export function listed(words: readonly string[], style: Style): string {
  const quoted = words.map((word) => style.quote(word));
  return quoted.length < 2 ? quoted.join("") : `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}`;
}
