/**
 * The table of `top` as lines of text.
 *
 * @module
 */
import { printable } from "../tables/table.ts";
import type { SortKey } from "../values/sort-key.ts";
import type { Row } from "./model.ts";

/** What is shown besides the rows. */
export interface View {
  readonly title: string;
  readonly sort: SortKey;
  /** The name of the chosen row. */
  readonly selected: string | undefined;
  /** What went wrong last, if it still matters. */
  readonly trouble: string | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly columns: number;
  readonly lines: number;
  /** Whether escape sequences may be used. */
  readonly styled: boolean;
}

const bars = "▁▂▃▄▅▆▇█";

/** Curve of loads: a character each, full height for one processor. */
export function sparkline(history: readonly number[]): string {
  return history.map((load) => bars[Math.min(bars.length - 1, Math.floor(load * bars.length))] ?? "").join("");
}

const units = ["", "K", "M", "G", "T", "P"];

/** A number of bytes in four digits at most: `512`, `1.5K`, `32M`. */
export function shortBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)}${units[unit]}`;
}

/** A time span in its two largest units: `3d 4h`, `5m 06s`. */
export function shortSpan(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const two = (value: number) => String(value).padStart(2, "0");
  const days = Math.floor(seconds / 86_400);
  if (days > 0) return `${days}d ${two(Math.floor(seconds / 3600) % 24)}h`;
  const hours = Math.floor(seconds / 3600);
  if (hours > 0) return `${hours}h ${two(Math.floor(seconds / 60) % 60)}m`;
  return `${Math.floor(seconds / 60)}m ${two(seconds % 60)}s`;
}

interface Column {
  readonly head: string;
  readonly right?: true;
  readonly text: (row: Row, now: number) => string;
}

const maybe = <T>(value: T | undefined, show: (value: T) => string) => (value === undefined ? "-" : show(value));

/** In order of their place; where the terminal is narrow, the last ones of {@link dispensable} are left out first. */
const table = {
  state: { head: "STATE", text: ({ state }) => state },
  cpu: { head: "CPU%", right: true, text: ({ cpu }) => maybe(cpu, (load) => (load * 100).toFixed(1)) },
  curve: { head: "", text: ({ history }) => sparkline(history) },
  memory: { head: "MEM", right: true, text: ({ memory }) => maybe(memory, shortBytes) },
  assigned: { head: "OF", right: true, text: ({ assigned }) => maybe(assigned, shortBytes) },
  received: { head: "NET IN/s", right: true, text: ({ received }) => maybe(received, shortBytes) },
  sent: { head: "OUT/s", right: true, text: ({ sent }) => maybe(sent, shortBytes) },
  restarts: { head: "RESTARTS", right: true, text: ({ restarts }) => maybe(restarts, String) },
  uptime: {
    head: "UPTIME",
    right: true,
    text: ({ started }, now) => maybe(started, (at) => shortSpan(now - at)),
  },
} as const satisfies Record<string, Column>;

const dispensable: readonly (keyof typeof table)[] = ["assigned", "curve", "restarts", "uptime", "sent", "received"];

const NAME_HEAD = "UNIKERNEL";
const GAP = 2;
/** Names are cut rather than anything else, but not below this. */
const NAME_LEAST = 12;

/** Cuts in the middle, so that both path and name stay recognisable. */
function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const head = Math.floor((width - 1) / 2);
  return `${text.slice(0, head)}…${text.slice(text.length - (width - 1 - head))}`;
}

interface Layout {
  readonly name: number;
  readonly columns: readonly { readonly column: Column; readonly width: number }[];
}

/** As many columns as there is room for. */
function layoutOf(rows: readonly Row[], now: number, width: number): Layout {
  const measured = Object.entries(table).map(([id, column]) => ({
    id,
    column: column as Column,
    width: Math.max(column.head.length, ...rows.map((row) => column.text(row, now).length)),
  }));
  const wanted = Math.max(NAME_HEAD.length, ...rows.map(({ name }) => name.length));
  let kept = measured.filter(({ width: own }) => own > 0);
  const room = () => width - kept.reduce((sum, { width: own }) => sum + own + GAP, 0);
  for (const id of dispensable) {
    if (room() >= Math.min(wanted, NAME_LEAST)) break;
    kept = kept.filter((each) => each.id !== id);
  }
  return { name: Math.max(1, Math.min(wanted, room())), columns: kept };
}

const REVERSE = "\x1b[7m";
const BOLD = "\x1b[1m";
const DIM = "\x1b[2m";
const RED = "\x1b[31m";
const YELLOW = "\x1b[33m";
const END = "\x1b[m";

function colourOf(row: Row): string | undefined {
  if (row.state === "failed" || row.state === "crash-loop") return RED;
  return row.state === "running" ? undefined : YELLOW;
}

/** The table alone: a heading and a line for each row. */
export function tableLines(rows: readonly Row[], view: View): readonly string[] {
  const { name: nameWidth, columns } = layoutOf(rows, view.now, view.columns);
  const compose = (name: string, texts: readonly string[]) => {
    const cells = columns.map(({ column, width }, at) => {
      const text = texts[at] ?? "";
      return column.right === true ? text.padStart(width) : text.padEnd(width);
    });
    return [cut(name, nameWidth).padEnd(nameWidth), ...cells].join(" ".repeat(GAP)).trimEnd().slice(0, view.columns);
  };
  const style = (code: string | undefined, line: string) =>
    view.styled && code !== undefined ? `${code}${line}${END}` : line;
  const heads = columns.map(({ column: { head } }) => head);
  const lines = rows.map((row) => {
    const line = compose(
      row.name,
      columns.map(({ column }) => column.text(row, view.now)),
    );
    if (row.name === view.selected) return style(REVERSE, line.padEnd(view.columns));
    return style(colourOf(row), line);
  });
  return [style(BOLD, compose(NAME_HEAD, heads)), ...lines];
}

const help = "↑↓ choose  ⏎ console  sort: c cpu  m memory  n network  r restarts  u uptime  a name  q quit";

/** The rows that fit, around the chosen one. */
function visible(rows: readonly Row[], selected: string | undefined, room: number): readonly Row[] {
  const at = Math.max(
    0,
    rows.findIndex(({ name }) => name === selected),
  );
  const first = Math.max(0, Math.min(at - Math.floor(room / 2), rows.length - room));
  return rows.slice(first, first + room);
}

/** The whole screen: a title, the table, and what the keys do. */
export function screenLines(rows: readonly Row[], view: View): readonly string[] {
  const style = (code: string, line: string) => (view.styled ? `${code}${line}${END}` : line);
  const running = rows.filter(({ state }) => state === "running").length;
  const time = new Date(view.now).toTimeString().slice(0, 8);
  const title = `${view.title}: ${rows.length} unikernel${rows.length === 1 ? "" : "s"}, ${running} running  ${time}  by ${view.sort}`;
  const chosen = rows.find(({ name }) => name === view.selected);
  const note = view.trouble ?? (chosen?.reason === undefined ? "" : `${chosen.name}: ${chosen.reason}`);
  const room = Math.max(1, view.lines - 4);
  return [
    title.slice(0, view.columns),
    style(view.trouble === undefined ? DIM : RED, printable(note).slice(0, view.columns)),
    ...tableLines(visible(rows, view.selected, room), view),
    style(DIM, help.slice(0, view.columns)),
  ];
}
