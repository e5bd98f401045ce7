/**
 * Commands that are not sent but written down, for requests and certificates.
 *
 * @module
 */
import type { Name } from "../../core/name.ts";
import type { Command } from "../../core/wire/message.ts";
import { InputError } from "../errors.ts";
import { wholeImage } from "../whole-image.ts";
import { Albatross } from "./albatross.ts";
import type { Call, Transport } from "./transport.ts";

/**
 * A call of one method, e.g. `(albatross) => albatross.destroy("hello")`: it says which command is meant, and sends
 * nothing.
 *
 * @example
 * ```ts
 * import { type CommandCall, makeRequest } from "albatross";
 *
 * const delegation: CommandCall = (albatross) =>
 *   albatross.policies.add("user", { unikernels: 4, memoryMb: 256, cpuIds: [0] });
 * const { commonName } = await makeRequest(delegation);
 * console.log(commonName); // user
 * ```
 */
export type CommandCall = (albatross: Albatross) => Promise<unknown> | AsyncIterable<unknown>;

/** What was recorded. */
export interface Recorded {
  readonly name: Name;
  /** With its image, if it has one. */
  readonly command: Command;
}

/** Ends the call whose command is known now. */
class Stop extends Error {
  readonly recorded: Recorded;

  constructor(recorded: Recorded) {
    super("The command was recorded");
    this.recorded = recorded;
  }
}

/**
 * The command of the first call.
 *
 * @throws {InputError} if there is none, and what is found wrong with it before anything would be sent
 */
export async function recordCommand(call: CommandCall, level: number): Promise<Recorded> {
  try {
    const made = call(new Albatross(recorder(level)));
    if (Symbol.asyncIterator in made) await made[Symbol.asyncIterator]().next();
    else await made;
  } catch (error) {
    if (error instanceof Stop) return error.recorded;
    throw error;
  }
  throw new InputError("argument", "Cannot tell which command is meant: call one, and return what it gives");
}

function recorder(level: number): Transport {
  const stop = async (name: Name, command: Command, { image }: Call = {}): Promise<never> => {
    if (image === undefined || !("config" in command)) throw new Stop({ name, command });
    const bytes = await wholeImage(await image.file.bytes(image.level));
    throw new Stop({ name, command: { ...command, config: { ...command.config, image: bytes } } });
  };
  return {
    level,
    socketOf: undefined,
    ask: stop,
    open: (name, command) => stop(name, command),
    info: (name) => stop(name, { kind: "unikernel-info" }),
  };
}
