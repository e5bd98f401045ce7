/**
 * The commands of albatrossd, counted and timed on their way.
 *
 * @module
 */
import type { Message } from "../../core/wire/message.ts";
import type { RequestMeter, RequestResult } from "../../plugins/openmetrics/request-meter.ts";
import type { ImageStore, Upload } from "./images.ts";
import type { Commands, Outcome } from "./session.ts";

function resultOf(outcome: Outcome): RequestResult {
  return outcome.kind === "reply" && outcome.reply.kind === "failure" ? "failure" : "success";
}

/** Hands commands on, and tells the meter what became of them. */
export class MeteredCommands implements Commands {
  readonly #commands: Commands;
  readonly #meter: RequestMeter;

  constructor(commands: Commands, meter: RequestMeter) {
    this.#commands = commands;
    this.#meter = meter;
  }

  get images(): ImageStore {
    return this.#commands.images;
  }

  log(text: string): void {
    this.#commands.log(text);
  }

  perform(message: Message, upload: Upload | undefined): Outcome | Promise<Outcome> {
    const { payload } = message;
    const kind = payload.kind === "command" ? payload.command.kind : payload.kind;
    const begun = performance.now();
    const count = (outcome: Outcome): Outcome => {
      this.#meter.observe(kind, resultOf(outcome), (performance.now() - begun) / 1000);
      return outcome;
    };
    const outcome = this.#commands.perform(message, upload);
    return outcome instanceof Promise ? outcome.then(count) : count(outcome);
  }
}
