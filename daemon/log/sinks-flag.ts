/**
 * The flag that chooses sinks.
 *
 * @module
 */
import { builtinSinks } from "../../plugins/event-log/builtin.ts";
import type { EventSink } from "../../plugins/event-sink.ts";
import { type Flag, UsageError } from "../common/flags.ts";

/** Sinks at a time. */
export const SINKS_MAX = 8;

function describe(): string {
  return [...builtinSinks]
    .map(([name, { placeholder, help }]) => {
      const target =
        placeholder === undefined ? "" : placeholder.startsWith("[") ? `[:${placeholder.slice(1)}` : `:${placeholder}`;
      return `${name}${target} (${help})`;
    })
    .join(", ");
}

function sinkOf(text: string): EventSink {
  const colon = text.indexOf(":");
  const [name, target] = colon < 0 ? [text, ""] : [text.slice(0, colon), text.slice(colon + 1)];
  const kind = builtinSinks.get(name);
  if (kind === undefined)
    throw new UsageError(`invalid value ${text}, expected one of ${[...builtinSinks.keys()].join(", ")}`);
  const { placeholder } = kind;
  if (placeholder !== undefined && !placeholder.startsWith("[") && target === "") {
    throw new UsageError(`${name} needs a target: ${name}:${placeholder}`);
  }
  if (placeholder === undefined && colon >= 0) throw new UsageError(`${name} takes no target`);
  return kind.make(target);
}

/** `--sink=KIND[:TARGET]`, any number of times. */
export const sinksFlag: Flag<readonly EventSink[]> = {
  names: ["--sink"],
  placeholder: "KIND[:TARGET]",
  help: `Where events go besides the log; may be repeated, up to ${SINKS_MAX} times: ${describe()}.`,
  repeatable: true,
  read(values) {
    if (values.length > SINKS_MAX) throw new UsageError(`at most ${SINKS_MAX} are possible`);
    return values.map(sinkOf);
  },
};
