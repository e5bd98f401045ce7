/**
 * `albatross-client top`.
 *
 * @module
 */
import { setTimeout as sleep } from "node:timers/promises";
import { AbortedError, ClientError } from "../../client/errors.ts";
import { type Name, parseName } from "../../core/name.ts";
import type { Values } from "../command.ts";
import type { top as definition } from "../commands/top.ts";
import type { Context } from "../context.ts";
import { EXIT_INTERRUPTED, isTooLate, reportError, reportRemoteError, SHOW_ONLY } from "../exchange.ts";
import { jsonTime } from "../json.ts";
import { modeOf } from "../mode.ts";
import { isTerminal, wantsStyle } from "../style.ts";
import { ConsoleView } from "../top/console-view.ts";
import { feed, type Troubles } from "../top/feed.ts";
import type { Action } from "../top/keys.ts";
import { type Row, TopModel } from "../top/model.ts";
import { screenLines, tableLines, type View } from "../top/render.ts";
import { TopSource } from "../top/source.ts";
import { Terminal } from "../top/terminal.ts";
import { UsageError } from "../usage-error.ts";
import type { SortKey } from "../values/sort-key.ts";

type TopValues = Values<typeof definition>;

/** Milliseconds between two drawings at the least: samples of many unikernels come at once. */
const DRAW_INTERVAL_MS = 100;

/** Watches until it is told to end. */
export async function top(values: TopValues, context: Context): Promise<number> {
  const mode = modeOf(values);
  if (mode === "csr") throw new UsageError("top cannot be put into a certificate: it asks more than one question");
  if (values.socket !== undefined) {
    throw new UsageError(
      `top asks two daemons: give --tmpdir instead of --socket${values.socket === SHOW_ONLY ? "" : `=${values.socket}`}`,
    );
  }
  const source = new TopSource(values, values.name);
  const interactive = !(context.json || values.plain) && isTerminal(0) && isTerminal(1);
  try {
    return await (interactive ? watch(source, values, context) : print(source, values, context));
  } catch (error) {
    if (error instanceof AbortedError && !isTooLate(error)) return EXIT_INTERRUPTED;
    if (!(error instanceof ClientError)) throw error;
    return mode === "remote" ? await reportRemoteError(context, error) : reportError(context, error);
  }
}

const troubleOf = ({ list, statistics }: Troubles) => list ?? statistics;

/** Tables or objects, one after the other. */
async function print(source: TopSource, values: TopValues, context: Context): Promise<number> {
  const model = new TopModel();
  const troubles: Troubles = { list: undefined, statistics: undefined };
  const end = new AbortController();
  const interrupt = () => end.abort();
  process.once("SIGINT", interrupt);
  let told: string | undefined;
  const show = () => {
    const trouble = troubleOf(troubles);
    if (trouble !== undefined && trouble !== told) context.hint(trouble);
    told = trouble;
    const rows = model.rows(values.sort);
    if (context.json) return context.object({ kind: "top", time: jsonTime(Date.now()), unikernels: rows.map(jsonRow) });
    const view = viewOf(values.sort, undefined, undefined, { columns: Number.MAX_SAFE_INTEGER, lines: 0 }, "", false);
    context.print(`${tableLines(rows, view).join("\n")}\n\n`);
  };
  const listed = Promise.withResolvers<void>();
  end.signal.addEventListener("abort", () => listed.resolve());
  const feeding = feed(source, model, troubles, listed.resolve, end.signal);
  const printing = (async () => {
    await listed.promise; // before that, nothing to be seen does not mean that there is nothing
    for (let count = 0; count < (values.count ?? Number.POSITIVE_INFINITY); count++) {
      await sleep(values.interval * 1000, undefined, { signal: end.signal });
      show();
    }
  })().catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });
  try {
    await Promise.race([printing, feeding]);
    return end.signal.aborted ? EXIT_INTERRUPTED : 0;
  } finally {
    process.off("SIGINT", interrupt);
    end.abort();
    await Promise.allSettled([feeding, printing]);
  }
}

function jsonRow({ started, ...row }: Row) {
  const or = (value: number | undefined) => value ?? null;
  return {
    name: row.name,
    state: row.state,
    reason: row.reason ?? null,
    cpu: or(row.cpu),
    memory: or(row.memory),
    assigned: or(row.assigned),
    received: or(row.received),
    sent: or(row.sent),
    restarts: or(row.restarts),
    started: started === undefined ? null : jsonTime(started),
  };
}

function viewOf(
  sort: SortKey,
  selected: string | undefined,
  trouble: string | undefined,
  size: { readonly columns: number; readonly lines: number },
  title: string,
  styled: boolean,
): View {
  return { title, sort, selected, trouble, now: Date.now(), styled, ...size };
}

/** The whole terminal, until a key ends it. */
async function watch(source: TopSource, values: TopValues, context: Context): Promise<number> {
  const model = new TopModel();
  const troubles: Troubles = { list: undefined, statistics: undefined };
  const end = new AbortController();
  const styled = wantsStyle(1, values.color, context.environment);
  const title = `${context.programName} top${values.name.text === ":" ? "" : ` ${values.name.text}`}`;
  let sort = values.sort;
  let selected: string | undefined;
  let view: ConsoleView | undefined;
  let drawing: ReturnType<typeof setTimeout> | undefined;
  const draw = () => {
    drawing = undefined;
    const size = terminal.size;
    if (view !== undefined) return terminal.show(view.lines(size.columns, size.lines));
    const rows = model.rows(sort);
    if (!rows.some(({ name }) => name === selected)) selected = rows[0]?.name;
    terminal.show(screenLines(rows, viewOf(sort, selected, troubleOf(troubles), size, title, styled)));
  };
  const changed = () => {
    drawing ??= setTimeout(draw, DRAW_INTERVAL_MS);
  };
  const act = (action: Action) => {
    if (action.kind === "quit") return end.abort();
    if (view !== undefined) {
      if (action.kind !== "back") return;
      view.close();
      view = undefined;
    } else if (action.kind === "sort") {
      sort = action.key;
    } else if (action.kind === "move") {
      selected = moved(model.rows(sort), selected, action.by);
    } else if (action.kind === "console" && selected !== undefined) {
      const name: Name = parseName(selected);
      view = new ConsoleView(source, name, changed);
    }
    draw();
  };
  const terminal = new Terminal(act, draw);
  const ended = new Promise<void>((resolve) => end.signal.addEventListener("abort", () => resolve()));
  const stop = () => end.abort();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
  const feeding = feed(source, model, troubles, changed, end.signal);
  terminal.open();
  try {
    await Promise.race([ended, feeding]);
    return 0;
  } finally {
    end.abort();
    clearTimeout(drawing);
    view?.close();
    terminal.close();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(signal, stop);
    await Promise.allSettled([feeding]);
  }
}

function moved(rows: readonly Row[], selected: string | undefined, by: number): string | undefined {
  const at = rows.findIndex(({ name }) => name === selected);
  return rows[Math.max(0, Math.min(rows.length - 1, at + by))]?.name;
}
