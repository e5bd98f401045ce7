/**
 * A manual as text.
 *
 * @module
 */
import { fill } from "../fill.ts";
import type { Style } from "../style.ts";
import type { Manual } from "./manual.ts";

const INDENT = 7;
const DEEP_INDENT = 15;

/** Complete lines, filled to `width` columns. */
export function renderText(manual: Manual, style: Style, width: number): string {
  const lines = [`${style.bold(manual.title)} - ${manual.summary}`, ""];
  for (const section of manual.sections) {
    lines.push(style.bold(section.heading));
    for (const [at, paragraph] of section.paragraphs.entries()) {
      if ("term" in paragraph) {
        lines.push(" ".repeat(INDENT) + style.bold(paragraph.term));
        lines.push(fill(paragraph.text, " ".repeat(DEEP_INDENT), DEEP_INDENT, width));
      } else {
        if (at > 0) lines.push("");
        lines.push(fill(paragraph.text, " ".repeat(INDENT), INDENT, width));
      }
    }
    lines.push("");
  }
  return lines.join("\n");
}
