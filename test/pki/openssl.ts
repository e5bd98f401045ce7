/** The program `openssl`, for a second opinion. */
import { spawnSync } from "node:child_process";

/** Runs it; standard output and error together. */
export function openssl(args: readonly string[], directory: string): { readonly ok: boolean; readonly text: string } {
  const result = spawnSync("openssl", args, { cwd: directory, encoding: "utf8", timeout: 60_000 });
  if (result.error !== undefined) throw new Error(`Cannot run openssl: ${result.error.message}. Install it`);
  return { ok: result.status === 0, text: `${result.stdout}${result.stderr}` };
}
