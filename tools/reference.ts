/**
 * `npm run reference`: writes `docs/reference.md`, every command and flag, from the definitions.
 *
 * What many manuals have in common, such as `--json`, is told once; each names the groups of options that it shares.
 *
 * @module
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Manual, Paragraph, Section } from "../cli/help/manual.ts";
import { allManuals } from "./manuals.ts";

/** In how many manuals an option or a status stands alike before it is told once for all. */
const SHARED_MIN = 6;

const client = "albatross-client";
const anchor = (title: string) => title.toLowerCase().replaceAll(" ", "-");
const cell = (text: string) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");
const code = (text: string) => `\`${text.replaceAll("|", "\\|")}\``;
const keyOf = (paragraph: Paragraph) => JSON.stringify(paragraph);
const termOf = (paragraph: Paragraph) => ("term" in paragraph ? paragraph.term : "");
const upperFirst = (text: string) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
const sentence = (text: string) => `${upperFirst(text).replace(/\.$/, "")}.`;

/** Paragraphs that stand alike in many manuals, by the headings that they have there. */
interface Shared {
  /** Whose they are, behind their headings. */
  readonly owners: string;
  readonly sections: ReadonlyMap<string, readonly Paragraph[]>;
}

const isShareable = (heading: string) => / OPTIONS$|^EXIT STATUS$/.test(heading);

function sharedBy(manuals: readonly Manual[], owners: string): Shared {
  const found = new Map<string, { readonly heading: string; readonly paragraph: Paragraph; count: number }>();
  for (const { heading, paragraphs } of manuals.flatMap(({ sections }) => sections)) {
    if (!isShareable(heading)) continue;
    for (const paragraph of paragraphs) {
      const known = found.get(keyOf(paragraph));
      if (known === undefined) found.set(keyOf(paragraph), { heading, paragraph, count: 1 });
      else known.count++;
    }
  }
  const common = [...found.values()].filter(({ count }) => count >= SHARED_MIN);
  const byHeading = Map.groupBy(common, ({ heading }) => heading);
  const sections = [...byHeading].map(([heading, list]) => {
    const paragraphs = list.map(({ paragraph }) => paragraph);
    if (heading === "EXIT STATUS") paragraphs.sort((a, b) => Number(termOf(a)) - Number(termOf(b)));
    return [heading, paragraphs] as const;
  });
  return { owners, sections: new Map(sections) };
}

const sharedHeading = (heading: string, { owners }: Shared) => `${upperFirst(heading.toLowerCase())} of ${owners}`;

/** What stands in the first column of the table below a heading. */
function labelOf(heading: string): string {
  const last = heading.toLowerCase().split(" ").at(-1) ?? "";
  return last.endsWith("us") ? last : last.replace(/s$/, "");
}

function body(heading: string, paragraphs: readonly Paragraph[]): string {
  if (heading === "SYNOPSIS") return paragraphs.map(({ text }) => `    ${text}\n\n`).join("");
  if (heading === "EXAMPLES") {
    return paragraphs.map((example) => `${cell(example.text)}\n\n    ${termOf(example)}\n\n`).join("");
  }
  const rows = paragraphs.filter((paragraph) => "term" in paragraph);
  const texts = paragraphs.filter((paragraph) => !("term" in paragraph));
  const lines = rows.map(
    (row) => `| ${code(termOf(row))} | ${cell(heading === "EXIT STATUS" ? upperFirst(row.text) : row.text)} |\n`,
  );
  const table = rows.length === 0 ? "" : `| ${labelOf(heading)} | meaning |\n|---|---|\n${lines.join("")}\n`;
  return `${texts.map(({ text }) => `${cell(text)}\n\n`).join("")}${table}`;
}

/** A section without what is told elsewhere. Empty if nothing is left. */
function ownSection({ heading, paragraphs }: Section, shared: Shared, summary: string): string {
  const known = new Set((shared.sections.get(heading) ?? []).map(keyOf));
  const own = paragraphs.filter((paragraph) => !known.has(keyOf(paragraph)) && paragraph.text !== sentence(summary));
  if (own.length === 0) return "";
  const title =
    heading === "SYNOPSIS" || heading === "DESCRIPTION" ? "" : `**${upperFirst(heading.toLowerCase())}**\n\n`;
  return `${title}${body(heading, own)}`;
}

const readingOrder = ["SYNOPSIS", "DESCRIPTION", "ARGUMENTS", "EXAMPLES"];

function orderOf({ heading }: Section): number {
  const at = readingOrder.indexOf(heading);
  return at < 0 ? readingOrder.length : at;
}

/** `albatross-client remote add`: what is typed, where the manual is called `albatross-client-remote-add`. */
function calledBy({ title, sections }: Manual): string {
  const usage = sections.find(({ heading }) => heading === "SYNOPSIS")?.paragraphs[0]?.text ?? title;
  return usage.replace(/ (\[OPTION\]|COMMAND).*$/, "");
}

function manualText(manual: Manual, shared: Shared): string {
  const { summary, sections } = manual;
  const also = sections.flatMap(({ heading, paragraphs }) => {
    const known = new Set((shared.sections.get(heading) ?? []).map(keyOf));
    if (heading === "EXIT STATUS" || !paragraphs.some((paragraph) => known.has(keyOf(paragraph)))) return [];
    return [`[${heading.toLowerCase()}](#${anchor(sharedHeading(heading, shared))})`];
  });
  const own = sections
    .filter(({ heading }) => heading !== "SEE ALSO")
    .sort((a, b) => orderOf(a) - orderOf(b))
    .map((section) => ownSection(section, shared, summary))
    .join("");
  return `### ${calledBy(manual)}\n\n${cell(sentence(summary))}\n\n${own}Also: ${also.join(", ")}.\n\n`;
}

function sharedText(shared: Shared): string {
  return [...shared.sections]
    .map(([heading, paragraphs]) => `### ${sharedHeading(heading, shared)}\n\n${body(heading, paragraphs)}`)
    .join("");
}

function chapter(title: string, manuals: readonly Manual[], shared: Shared): string {
  const contents = manuals.map(
    (manual) => `- [${calledBy(manual)}](#${anchor(calledBy(manual))}): ${cell(manual.summary)}\n`,
  );
  const texts = manuals.map((manual) => manualText(manual, shared));
  return `## ${title}\n\n${contents.join("")}\n${sharedText(shared)}${texts.join("")}`;
}

const head = `# Reference

Every program, command and flag. Made from the definitions by which command lines are parsed (\`npm run reference\`); the
same text is in the manual pages and in \`--help\`. What many have in common comes first.

- [Commands of the client](#commands-of-the-client)
- [Daemons](#daemons)

`;

/** The text of the reference. */
export async function reference(): Promise<string> {
  const manuals = await allManuals();
  const commands = manuals.filter(({ title }) => title.startsWith(`${client}-`));
  const daemons = manuals.filter(({ title }) => !title.startsWith(client));
  const ofClient = chapter("Commands of the client", commands, sharedBy(commands, "commands"));
  const ofDaemons = chapter("Daemons", daemons, sharedBy(daemons, "daemons"));
  return `${head}${ofClient}${ofDaemons}`.trimEnd().concat("\n");
}

/** Where it is. */
export const referenceFile: string = join(import.meta.dirname, "..", "docs", "reference.md");

if (import.meta.main) writeFileSync(referenceFile, await reference());
