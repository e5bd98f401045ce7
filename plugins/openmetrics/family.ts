/**
 * Metrics as data: families of samples, and their text (OpenMetrics 1.0, which Prometheus reads).
 *
 * @module
 */

/** The media type of {@link exposition}. */
export const CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/** Names and values of labels; a value may be any text. */
export type Labels = Readonly<Record<string, string>>;

/** One value. */
export interface MetricSample {
  readonly labels: Labels;
  /** Further labels. Those that many samples share are better in one `labels`, whose text is made once. */
  readonly more?: Labels;
  /** Counters of 64 bits are exact as a bigint. */
  readonly value: number | bigint;
  /** What follows the family's name; `_total` of counters, nothing of gauges unless given. */
  readonly suffix?: string;
}

/** A metric. */
export interface MetricFamily {
  /** Letters, digits and `_`, without the suffix of the type; ends with the unit, if there is one. */
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram" | "info";
  readonly unit?: "seconds" | "bytes";
  /** A sentence. */
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

const suffixes = { counter: "_total", gauge: "", histogram: "", info: "_info" } as const;

/** Within a label's value or a help text (OpenMetrics 1.0, ABNF `normal-char` and escapes). */
function escapeText(text: string): string {
  return /[\\\n"]/.test(text)
    ? text.replace(/[\\\n"]/g, (character) => (character === "\n" ? "\\n" : `\\${character}`))
    : text;
}

function pairs(labels: Labels): string {
  let text = "";
  for (const name in labels) text += `${text === "" ? "" : ","}${name}="${escapeText(labels[name] ?? "")}"`;
  return text;
}

const shared = new WeakMap<Labels, string>();

function labelText(labels: Labels, more: Labels | undefined): string {
  let text = shared.get(labels);
  if (text === undefined) {
    text = pairs(labels);
    shared.set(labels, text);
  }
  if (more !== undefined) text += `${text === "" ? "" : ","}${pairs(more)}`;
  return text === "" ? "" : `{${text}}`;
}

function numberText(value: number | bigint): string {
  if (value === Number.POSITIVE_INFINITY) return "+Inf";
  if (value === Number.NEGATIVE_INFINITY) return "-Inf";
  return String(value);
}

/** The lines of a family; nothing if it has no sample. */
function familyText({ name, type, unit, help, samples }: MetricFamily): string {
  if (samples.length === 0) return "";
  let text = `# TYPE ${name} ${type}\n`;
  if (unit !== undefined) text += `# UNIT ${name} ${unit}\n`;
  text += `# HELP ${name} ${escapeText(help)}\n`;
  for (const { labels, more, value, suffix = suffixes[type] } of samples) {
    text += `${name}${suffix}${labelText(labels, more)} ${numberText(value)}\n`;
  }
  return text;
}

/** The text of all families without the line that ends an exposition, so that several texts can be joined. */
export function familiesText(families: readonly MetricFamily[]): string {
  return families.map(familyText).join("");
}

/** The whole text of an exposition. */
export function exposition(text: string): string {
  return `${text}# EOF\n`;
}

/**
 * One text of several, as an exposition wants it: every family once, its samples together. Samples of a later text that
 * has the same family come behind those of the first.
 */
export function joinTexts(texts: readonly string[]): string {
  const blocks = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const text of texts) {
    let block: { readonly head: string[]; readonly samples: string[] } = { head: [], samples: [] };
    for (const line of text.split("\n")) {
      if (line === "" || line === "# EOF") continue;
      const name = /^# TYPE (\S+) /.exec(line)?.[1];
      if (name !== undefined) {
        const known = blocks.get(name);
        // Of a family that is known, the description is left out.
        block = { head: [], samples: known?.samples ?? [] };
        if (known === undefined) blocks.set(name, block);
      }
      (line.startsWith("#") ? block.head : block.samples).push(line);
    }
  }
  return [...blocks.values()].map(({ head, samples }) => `${[...head, ...samples].join("\n")}\n`).join("");
}
