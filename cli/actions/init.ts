/**
 * `albatross-client init`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { fromText, toDisplay } from "../../core/byte-string.ts";
import { trustedPath } from "../../host/trusted-file.ts";
import type { Values } from "../command.ts";
import type { init as definition } from "../commands/init.ts";
import type { Context } from "../context.ts";
import { planAccounts } from "../init/accounts.ts";
import { AUTHORITY_DIRECTORY, hasCertificate, planAuthority } from "../init/authority.ts";
import { planDirectories } from "../init/directories.ts";
import { carryOut, type Outcome, type Report, type Step, withOutcomes } from "../init/step.ts";
import { hasPackagedUnits, hasSystemd, planUnits } from "../init/systemd.ts";
import { askText, askYes } from "../questions.ts";
import { isTerminal } from "../style.ts";
import { UsageError } from "../usage-error.ts";

/** Exit status if a step failed. */
const EXIT_FAILED = 1;

type InitValues = Values<typeof definition>;

/** What was chosen by options or answers. */
interface Choices {
  readonly root: string;
  readonly units: boolean;
  readonly authority: { readonly name: string; readonly server: string } | undefined;
}

/** Sets a host up. */
export async function init(values: InitValues, context: Context): Promise<number> {
  if (process.platform !== "linux")
    throw new UsageError(`Cannot set up a host with ${process.platform}: init knows Linux only`);
  if (!values.dryRun && process.geteuid?.() !== 0) {
    throw new UsageError(
      "Only root can set up a host: sudo albatross-client init. With --dry-run it is shown what would be done",
    );
  }
  process.umask(0o022); // certificates and units are read by others than root
  const asks = !values.yes && !values.dryRun;
  if (asks && (context.json || !isTerminal(0) || !isTerminal(1))) {
    throw new UsageError("There is no terminal to ask questions: give --yes, or --dry-run to see what would be done");
  }
  const choices = asks ? askChoices(values) : choicesOf(values);
  const steps = plan(values, choices);
  if (values.dryRun || steps.length === 0)
    return tell(context, choices, { steps: withOutcomes(steps, []), error: undefined });
  if (asks) {
    context.print(steps.map(({ what }) => `${what}\n`).join(""));
    if (!askYes("Go on?", true)) return tell(context, choices, { steps: withOutcomes(steps, []), error: undefined });
  }
  return tell(context, choices, await carryOut(steps));
}

function choicesOf(values: InitValues): Choices {
  const root = resolve(values.root);
  const { authority, server } = values;
  if (server !== undefined && authority === undefined) throw new UsageError("--server needs --authority");
  return {
    root,
    units: !values.noUnits && hasSystemd(root),
    authority: authority && {
      name: toDisplay(authority),
      server: server === undefined ? hostname() : toDisplay(server),
    },
  };
}

function askChoices(values: InitValues): Choices {
  const given = choicesOf(values);
  const units = given.units && askYes("Shall systemd start the daemons?", true);
  if (given.authority !== undefined || hasCertificate(given.root)) return { ...given, units };
  if (!askYes("Shall commands be taken from afar, by TLS? That needs an authority", false)) return { ...given, units };
  const name = askText("The name of the authority?", "albatross-ca");
  const server = askText("The name of this host in its certificate?", hostname());
  return { ...given, units, authority: { name, server } };
}

function plan(values: InitValues, { root, units, authority }: Choices): readonly Step[] {
  const endpoint = authority !== undefined || hasCertificate(root);
  let directories: readonly Step[];
  try {
    directories = planDirectories(root);
  } catch (cause) {
    const advice = process.geteuid?.() === 0 ? "" : ". Look again as root: sudo albatross-client init --dry-run";
    throw new UsageError(`Cannot set this host up: ${(cause as Error).message}${advice}`, { cause });
  }
  return [
    ...planAccounts(root),
    ...directories,
    ...(authority === undefined ? [] : planAuthority(root, authority.name, authority.server)),
    ...(units ? planUnits({ root, executable: hasPackagedUnits(root) ? "" : executable(values, root), endpoint }) : []),
  ];
}

/** Compiled programs run their own code from a virtual file system. */
const COMPILED_ROOT = "/$bunfs/";

/** What the units start, as root. @throws {UsageError} if it is missing, or others could have written it */
function executable(values: InitValues, root: string): string {
  const program = values.program ?? (import.meta.dirname.startsWith(COMPILED_ROOT) ? process.execPath : undefined);
  if (program === undefined) throw new UsageError("Say which executable the units shall start: --program=FILE");
  const path = resolve("/", program);
  const real = join(root, path);
  const install = `install -D -m 0755 ${process.execPath} /usr/local/bin/albatross, and then --program=/usr/local/bin/albatross`;
  if (!existsSync(real))
    throw new UsageError(`The units cannot start ${real}: it is not there. Put it there: ${install}`);
  if (/\s/.test(path))
    throw new UsageError(`The units cannot start ${path}: its path has blanks. Take another place: ${install}`);
  try {
    trustedPath(real);
  } catch (cause) {
    throw new UsageError(
      `The units cannot start ${path} as root: ${(cause as Error).message}. Or take another place: ${install}`,
      { cause },
    );
  }
  return path;
}

const words: Readonly<Record<Outcome, string>> = {
  planned: "to be done",
  done: "done",
  failed: "FAILED",
  undone: "undone",
  left: "done, and left as it is",
};

function tell(context: Context, { root, authority }: Choices, { steps, error }: Report): number {
  const exitStatus = error === undefined ? 0 : EXIT_FAILED;
  if (context.json) {
    context.object({ kind: "init", root, steps: steps.map((step) => ({ ...step })), error: error ?? null });
    return exitStatus;
  }
  const lines = steps.map(({ what, outcome }) => `${what}: ${words[outcome]}`);
  context.log.reply(fromText(lines.length === 0 ? "nothing is to be done" : lines.join("\n")));
  if (error !== undefined) context.log.error(fromText(error));
  const made = steps.some(({ id, outcome }) => id === "authority" && outcome === "done");
  if (made && authority !== undefined) {
    context.hint(
      `move the authority's key to a safer place: ${AUTHORITY_DIRECTORY}/${authority.name}.key can sign any command`,
    );
  }
  return exitStatus;
}
