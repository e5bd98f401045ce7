/**
 * The usage line of a sub-command.
 *
 * @module
 */
import type { CommandDefinition, OptionDefinition } from "../command.ts";
import type { Style } from "../style.ts";

/** A command with more options of its own than this has them hidden behind `[OPTION]…` (as in the original). */
const LISTED_OPTIONS_MAX = 3;

/** `albatross-client info [--help] [--name=VALUE] [OPTION]…` */
export function commandSynopsis(definition: CommandDefinition, programName: string, style: Style): string {
  const own = Object.values(definition.options).filter((option) => option.section === undefined);
  const listed = own.length > LISTED_OPTIONS_MAX ? [] : own.map((option) => listedOption(option, style));
  const words = [
    style.bold(`${programName} ${definition.name}`),
    `[${style.bold("--help")}]`,
    ...listed.sort(),
    `[${style.underline("OPTION")}]…`,
    ...Object.values(definition.arguments).map(({ docv, optional }) =>
      optional ? `[${style.underline(docv)}]` : style.underline(docv),
    ),
  ];
  return words.join(" ");
}

/** `albatross-client [--help] [COMMAND] …`, or of a group: `albatross-client remote [--help] [COMMAND] …` */
export function groupSynopsis(group: string, programName: string, style: Style): string {
  const words = group === "" ? programName : `${programName} ${group}`;
  return `${style.bold(words)} [${style.bold("--help")}] [${style.underline("COMMAND")}] …`;
}

function listedOption(option: OptionDefinition, style: Style): string {
  const flag = style.bold(longest(option));
  const value = option.kind === "flag" || option.kind === "count" ? "" : `=${style.underline(option.docv ?? "VALUE")}`;
  return `[${flag}${value}]${option.repeated ? "…" : ""}`;
}

function longest(option: OptionDefinition): string {
  return option.flags.reduce((best, flag) => (flag.length > best.length ? flag : best));
}
