/**
 * Shows a manual in one of the formats of `--help`.
 *
 * @module
 */
import { writeText } from "../output.ts";
import { ansiStyle, plainStyle, wantsStyle } from "../style.ts";
import type { HelpFormat } from "../values.ts";
import type { Manual } from "./manual.ts";
import { renderText } from "./render-text.ts";

/** Columns of the text. */
const WIDTH = 79;

/** Prints the manual; with `pager` through `$PAGER` or `less`, where there is one and a terminal. */
export async function showManual(
  manual: Manual,
  format: HelpFormat,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  if (format === "groff") {
    const { renderRoff } = await import("./render-roff.ts");
    writeText(1, renderRoff(manual));
    return;
  }
  const styled = format !== "plain" && wantsStyle(1, "auto", environment);
  const text = renderText(manual, styled ? ansiStyle : plainStyle, WIDTH);
  if (format === "pager" && styled && (await page(text, environment))) return;
  writeText(1, text);
}

/** Whether a pager showed the text. */
async function page(text: string, environment: Readonly<Record<string, string | undefined>>): Promise<boolean> {
  const { spawnSync } = await import("node:child_process");
  const [program = "less", ...options] = (environment["PAGER"] ?? "less -R").split(" ").filter((word) => word !== "");
  const done = spawnSync(program, options, { input: text, stdio: ["pipe", "inherit", "inherit"] });
  return done.error === undefined && done.status === 0;
}
