/**
 * Filled paragraphs: as many words on a line as fit.
 *
 * @module
 */

/** The widest line in columns: what the original's formatter puts on lines of 80 (client.md 7). */
export const FILL_WIDTH = 77;

// biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what is looked for
const escapes = /\x1b\[[0-9;]*m/g;

/** Columns that `text` takes; escape sequences take none. */
export function columns(text: string): number {
  return text.includes("\x1b") ? text.replace(escapes, "").length : text.length;
}

/**
 * Breaks `text` at blanks so that no line is wider than `width`, unless a single word is.
 *
 * @param first what the first line begins with, e.g. `albatross-client: `
 * @param indent blanks before every further line
 * @returns lines joined by newlines, without one at the end; newlines in `text` are kept
 */
export function fill(text: string, first: string, indent: number, width: number = FILL_WIDTH): string {
  const margin = " ".repeat(indent);
  const lines: string[] = [];
  let line = first;
  let used = columns(first);
  let empty = true; // no word on this line yet
  for (const [at, paragraph] of text.split("\n").entries()) {
    if (at > 0) {
      lines.push(line);
      line = margin;
      used = indent;
      empty = true;
    }
    for (const word of paragraph.split(" ")) {
      const size = columns(word);
      if (!empty && used + 1 + size > width) {
        lines.push(line);
        line = margin + word;
        used = indent + size;
      } else {
        line += empty ? word : ` ${word}`;
        used += empty ? size : size + 1;
      }
      empty = false;
    }
  }
  lines.push(line);
  return lines.join("\n");
}
