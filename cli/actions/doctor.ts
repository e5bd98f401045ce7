/**
 * `albatross-client doctor`.
 *
 * @module
 */
import { defaultDirectories } from "../../client/directories.ts";
import { fromText } from "../../core/byte-string.ts";
import type { Values } from "../command.ts";
import type { doctor as definition } from "../commands/doctor.ts";
import type { Context } from "../context.ts";
import type { Check, CheckStatus, Place } from "../doctor/check.ts";
import { checkDaemons } from "../doctor/daemons.ts";
import { checkDevices } from "../doctor/devices.ts";
import { checkFiles } from "../doctor/files.ts";
import { checkNetwork } from "../doctor/network.ts";
import { checkPlugins } from "../doctor/plugins.ts";
import { checkSystem } from "../doctor/system.ts";
import { checkTenders } from "../doctor/tenders.ts";
import { fill } from "../fill.ts";
import { wantsStyle } from "../style.ts";
import { UsageError } from "../usage-error.ts";

/** Exit status if there is a problem. */
export const EXIT_PROBLEM = 1;

/** Checks this host. */
export async function doctor(values: Values<typeof definition>, context: Context): Promise<number> {
  if (process.platform !== "linux") {
    throw new UsageError(`Cannot check a host with ${process.platform}: doctor knows Linux only`);
  }
  const usual = defaultDirectories(process.platform);
  const place: Place = {
    temporaryDirectory: values.temporaryDirectory ?? usual.temporary,
    databaseDirectory: values.databaseDirectory ?? usual.database,
    environment: context.environment,
  };
  const checks = [
    ...checkDevices(),
    ...checkNetwork(),
    ...(await checkTenders(place)),
    ...(await checkDaemons(place)),
    ...checkFiles(place),
    ...checkPlugins(),
    ...checkSystem(place),
  ];
  const healthy = checks.every(({ status }) => status !== "problem");
  if (context.json) {
    const list = checks.map(({ id, status, found, advice }) => ({ id, status, found, advice: advice ?? null }));
    context.object({ kind: "doctor", healthy, checks: list });
  } else {
    const paint = wantsStyle(1, values.color, context.environment) ? colored : (text: string) => text;
    for (const check of checks) context.log.reply(fromText(describe(check, paint)));
    context.log.reply(fromText(summary(checks)));
  }
  return healthy ? 0 : EXIT_PROBLEM;
}

const colors: Readonly<Record<CheckStatus, string>> = { ok: "32", warning: "33", problem: "31" };

function colored(text: string, status: CheckStatus): string {
  return `\x1b[${colors[status]}m${text}\x1b[0m`;
}

/** The width of the statuses, and a blank. */
const MARGIN = 9;

function describe({ id, status, found, advice }: Check, paint: (text: string, status: CheckStatus) => string): string {
  const first = `${paint(status, status)}${" ".repeat(MARGIN - status.length)}`;
  const text = fill(`${id}: ${found}`, first, MARGIN);
  // Not filled: a command that is broken into lines cannot be copied.
  return advice === undefined ? text : `${text}\n${" ".repeat(MARGIN)}${advice}`;
}

function summary(checks: readonly Check[]): string {
  const count = (wanted: CheckStatus) => checks.filter(({ status }) => status === wanted).length;
  const [problems, warnings] = [count("problem"), count("warning")];
  return `${problems} problem${problems === 1 ? "" : "s"}, ${warnings} warning${warnings === 1 ? "" : "s"}`;
}
