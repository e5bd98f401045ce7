/**
 * A manual as source of a manual page, for `man` and for packages.
 *
 * @module
 */
import type { Manual } from "./manual.ts";

/** Complete lines in roff with the man macros. */
export function renderRoff(manual: Manual): string {
  const lines = [
    `.TH "${manual.title.toUpperCase()}" 1 "" "Albatross ${manual.version}" "Albatross Manual"`,
    ".SH NAME",
  ];
  lines.push(`${escapeRoff(manual.title)} \\- ${escapeRoff(manual.summary)}`);
  for (const section of manual.sections) {
    lines.push(`.SH ${section.heading}`);
    for (const paragraph of section.paragraphs) {
      if ("term" in paragraph) lines.push(".TP", `\\fB${escapeRoff(paragraph.term)}\\fR`, escapeLine(paragraph.text));
      else lines.push(".PP", escapeLine(paragraph.text));
    }
  }
  return `${lines.join("\n")}\n`;
}

function escapeRoff(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
}

/** A dot or an apostrophe at the start of a line would be a request. */
function escapeLine(text: string): string {
  return escapeRoff(text).replace(/^[.']/, "\\&$&");
}
