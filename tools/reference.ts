/**
 * `npm run reference`: writes `docs/reference.md`, every command and flag, from the definitions.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Manual, Section } from "../cli/help/manual.ts";
import { allManuals } from "./manuals.ts";

/** Options that every command has: told once, not with each. */
const sharedHeadings = [
  "NETWORKING OPTIONS",
  "CRYPTOGRAPHIC KEY OPTIONS",
  "DIRECTORY OPTIONS",
  "OUTPUT OPTIONS",
  "LOGGING OPTIONS",
  "COMMON OPTIONS",
];

const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

function sectionText({ heading, paragraphs }: Section, level: string): string {
  const terms = paragraphs.filter((paragraph) => "term" in paragraph);
  const texts = paragraphs.filter((paragraph) => !("term" in paragraph)).map(({ text }) => text);
  const title = `${heading.slice(0, 1)}${heading.slice(1).toLowerCase()}`;
  const rows = terms.map(
    (paragraph) =>
      `| \`${"term" in paragraph ? paragraph.term.replaceAll("|", "\\|") : ""}\` | ${cell(paragraph.text)} |`,
  );
  const table = rows.length === 0 ? "" : `| | |\n|---|---|\n${rows.join("\n")}\n\n`;
  const body =
    texts.length === 0
      ? ""
      : `${texts.map((text) => (heading === "SYNOPSIS" ? `    ${text}` : cell(text))).join("\n\n")}\n\n`;
  return `${level} ${title}\n\n${body}${table}`;
}

function manualText({ title, summary, sections }: Manual, leaveOut: readonly string[]): string {
  const shown = sections.filter(({ heading }) => !leaveOut.includes(heading));
  return `## ${title}\n\n${cell(summary)}\n\n${shown.map((section) => sectionText(section, "###")).join("")}`;
}

/** The text of the reference. */
export async function reference(): Promise<string> {
  const manuals = await allManuals();
  const common = new Map<string, Section>();
  for (const { title, sections } of manuals) {
    if (!title.startsWith("albatross-client-")) continue;
    for (const section of sections) {
      if (sharedHeadings.includes(section.heading) && !common.has(section.heading))
        common.set(section.heading, section);
    }
  }
  const head =
    "# Reference\n\nEvery program, command and flag. Made from the definitions by which command lines are parsed (`npm run reference`); the same text is in the manual pages and in `--help`.\n\n";
  const shared = `## Options of the client's commands\n\nOf all commands that talk to a daemon.\n\n${[...common.values()].map((section) => sectionText(section, "###")).join("")}`;
  const texts = manuals.map((manual) =>
    manualText(manual, manual.title.startsWith("albatross-client-") ? sharedHeadings : []),
  );
  return `${head}${shared}${texts.join("")}`.trimEnd().concat("\n");
}

/** Where it is. */
export const referenceFile: string = join(import.meta.dirname, "..", "docs", "reference.md");

if (import.meta.main) writeFileSync(referenceFile, await reference());
