/**
 * Where `top` gets its numbers from: albatrossd and albatross-stats, here or on a remote host.
 *
 * @module
 */
import { ProtocolError } from "../../client/errors.ts";
import { follow } from "../../client/follow.ts";
import { successOf } from "../../client/request.ts";
import { absoluteName, type StatisticsSample } from "../../client/statistics.ts";
import { requestInfo, type UnikernelStatus } from "../../client/status.ts";
import { type Name, parseName } from "../../core/name.ts";
import type { UnikernelInfo } from "../../core/unikernel.ts";
import type { Message } from "../../core/wire/message.ts";
import { addressOf, answerWithin, type DaemonValues } from "../exchange.ts";
import { open } from "../follow.ts";
import { modeOf } from "../mode.ts";

/** Milliseconds from one list to the next. On a remote host every question is a handshake. */
export const LIST_INTERVAL_MS = { local: 2_000, remote: 10_000 } as const;

/** What runs, and how it is doing. */
export interface Listing {
  readonly unikernels: readonly { readonly name: Name; readonly info: UnikernelInfo }[];
  /** `undefined` if the daemon does not tell. */
  readonly status: readonly UnikernelStatus[] | undefined;
}

/** Asks the daemons that the options of the command line name. */
export class TopSource {
  readonly #values: DaemonValues;
  readonly #name: Name;

  /** @param name the path, or the unikernel, that is watched */
  constructor(values: DaemonValues, name: Name) {
    this.#values = values;
    this.#name = name;
  }

  get listInterval(): number {
    return LIST_INTERVAL_MS[modeOf(this.#values) === "remote" ? "remote" : "local"];
  }

  /** Which unikernels there are. Names are full ones. @throws {ClientError} */
  async list(signal: AbortSignal): Promise<Listing> {
    const { reply, status } = await this.#info(AbortSignal.any([signal, answerWithin()]));
    const success = successOf(reply);
    if (success.kind !== "unikernels")
      throw new ProtocolError(`A ${success.kind} came instead of a list of unikernels`);
    const full = (name: Name) => (this.#name.isPath ? absoluteName(this.#name, name) : name);
    return {
      unikernels: success.unikernels.map(({ name, info }) => ({ name: full(name), info })),
      status: status?.map((each) => ({ ...each, name: full(parseName(each.name)).text })),
    };
  }

  async #info(signal: AbortSignal): Promise<{ reply: Message; status: readonly UnikernelStatus[] | undefined }> {
    if (modeOf(this.#values) !== "remote") {
      return await requestInfo(addressOf(this.#values, "vmmd"), this.#name, { signal });
    }
    const { askRemote } = await import("../remote.ts");
    const answer = await askRemote(this.#values, this.#name, { kind: "unikernel-info" }, { signal });
    if (answer === undefined) throw new TypeError("There is nobody to ask: --destination=- only shows certificates");
    return { reply: answer.reply, status: undefined };
  }

  /** Samples as they come, until the daemon closes the connection. @throws {ClientError} */
  async *samples(signal: AbortSignal): AsyncGenerator<StatisticsSample, void> {
    const opened = await open(this.#values, this.#name, { kind: "statistics-subscribe" }, signal);
    for await (const { payload, header } of follow(opened)) {
      if (payload.kind !== "data" || payload.data.kind !== "statistics") continue;
      const name = absoluteName(this.#name, header.name);
      yield { name, relativeName: header.name, statistics: payload.data.statistics };
    }
  }

  /** Console lines of a unikernel: the last `count`, then those that come. @throws {ClientError} */
  async *console(name: Name, count: number, signal: AbortSignal): AsyncGenerator<Uint8Array, void> {
    const opened = await open(this.#values, name, { kind: "console-subscribe", from: { count } }, signal);
    for await (const { payload } of follow(opened)) {
      if (payload.kind === "data" && payload.data.kind === "console") yield payload.data.line;
    }
  }
}
