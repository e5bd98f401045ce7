/**
 * `albatross-client dump-block`.
 *
 * @module
 */
import { dumpOf } from "../../client/dump.ts";
import { AbortedError, ClientError, ProtocolError } from "../../client/errors.ts";
import { request } from "../../client/request.ts";
import type { Values } from "../command.ts";
import type { dumpBlock as definition } from "../commands/dump-block.ts";
import { type Context, createContext } from "../context.ts";
import {
  ANSWER_PATIENCE_MS,
  addressOf,
  ask,
  EXIT_INTERRUPTED,
  isTooLate,
  report,
  reportError,
  reportRemoteError,
  SHOW_ONLY,
  tooLate,
} from "../exchange.ts";
import { open } from "../follow.ts";
import { compressionOf, modeOf } from "../mode.ts";
import { followTransfer, wantsProgress } from "../progress.ts";
import { reportDump, STANDARD_OUTPUT } from "../report-image.ts";
import { UsageError } from "../usage-error.ts";

type DumpValues = Values<typeof definition>;

/** Downloads the content of a block device. */
export async function dumpBlock(values: DumpValues, context: Context): Promise<number> {
  const command = { kind: "block-dump", level: compressionOf(values) } as const;
  const mode = modeOf(values);
  if (mode === "csr" || values.socket === SHOW_ONLY || values.destination === "-")
    return (await ask(values, context, values.name, command)) as number;
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  const late = setTimeout(() => interrupt.abort(tooLate(ANSWER_PATIENCE_MS)), ANSWER_PATIENCE_MS);
  const quiet = values.output === STANDARD_OUTPUT ? besideOutput(values, context) : context;
  const progress = followTransfer(quiet, await sizeOf(values, quiet, interrupt.signal));
  let opened: Awaited<ReturnType<typeof open>> | undefined;
  try {
    opened = await open(values, values.name, command, interrupt.signal);
    const messages = opened.connection.messages();
    const first = await messages.next();
    clearTimeout(late);
    if (first.done) throw new ProtocolError(`The connection to ${opened.address} was closed without a reply`);
    const { payload } = first.value;
    if (payload.kind !== "success" || payload.success.kind !== "block-device-image") {
      if (payload.kind === "failure") return report(quiet, first.value);
      throw new ProtocolError(`The daemon answered with ${payload.kind} instead of a block device`);
    }
    return await reportDump(quiet, first.value, dumpOf(messages), { output: values.output, progress });
  } catch (error) {
    if (error instanceof AbortedError && !isTooLate(error)) return EXIT_INTERRUPTED;
    return mode === "remote" ? await reportRemoteError(quiet, error) : reportError(quiet, error);
  } finally {
    process.off("SIGINT", onInterrupt);
    clearTimeout(late);
    opened?.connection.close();
  }
}

/** What is said goes to standard error, since the content goes to standard output. */
function besideOutput(values: DumpValues, context: Context): Context {
  if (context.json) throw new UsageError("--json and --output=- both want standard output: leave out one of them");
  const { programName, environment, started, definitions } = context;
  return { ...createContext({ ...values, json: true }, programName, environment, started, definitions), json: false };
}

/** Bytes, for the progress: asked for if somebody looks at that, and the daemon is near. */
async function sizeOf(values: DumpValues, context: Context, signal: AbortSignal): Promise<number | undefined> {
  if (modeOf(values) !== "local" || !wantsProgress(context)) return undefined;
  try {
    const { payload } = await request(addressOf(values, "vmmd"), values.name, { kind: "block-info" }, { signal });
    if (payload.kind !== "success" || payload.success.kind !== "block-devices") return undefined;
    const [device] = payload.success.devices;
    return device && Number(device.size) * 2 ** 20;
  } catch (error) {
    if (error instanceof ClientError) return undefined; // the dump will say it
    throw error;
  }
}
