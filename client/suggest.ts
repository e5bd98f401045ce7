/**
 * "Did you mean": known words near to a mistyped one.
 *
 * @module
 */

/** How many letters may differ at most. */
const DISTANCE_MAX = 2;

/** The known words that `word` may be a slip of, nearest first; none for words of one letter. */
export function suggest(word: string, known: Iterable<string>): string[] {
  if (word.replace(/^-+/, "").length < 2) return [];
  const near: { text: string; far: number }[] = [];
  for (const text of known) {
    const far = text.length > 3 && word.length > 2 && text.startsWith(word) ? 0 : distance(word, text);
    if (far <= DISTANCE_MAX && far < word.replace(/^-+/, "").length - 1) near.push({ text, far });
  }
  return near.sort((a, b) => a.far - b.far || (a.text < b.text ? -1 : 1)).map((each) => each.text);
}

/** Insertions, deletions, replacements and swaps of neighbours that turn `a` into `b`. */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (previous[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replaced, (previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      row.push(best);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? 0;
}
