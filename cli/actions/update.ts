/**
 * `albatross-client update` (client.md 11).
 *
 * @module
 */
import { ImageError, inspectManifest } from "../../backends/image.ts";
import { matchDevices } from "../../backends/image-match.ts";
import { BuildsServer, UnexpectedAnswer } from "../../client/builds/builds-server.ts";
import { doubtAbout, runningArguments, verifyAnnounced } from "../../client/builds/check-image.ts";
import { findNewerBuild } from "../../client/builds/newer-build.ts";
import { trustAnchors } from "../../client/builds/trust-anchors.ts";
import { HttpError, InputError } from "../../client/errors.ts";
import { EXIT_COMMUNICATION, EXIT_REFUSED } from "../../client/exit-status.ts";
import type { ImageFile } from "../../client/image-file.ts";
import { readLimited } from "../../client/limited-file.ts";
import { requestInfo } from "../../client/status.ts";
import { fromText } from "../../core/byte-string.ts";
import { printMessage } from "../../core/print/message.ts";
import { CLIENT_STYLE } from "../../core/print/style.ts";
import type { UnikernelArguments, UnikernelConfig, UnikernelInfo } from "../../core/unikernel.ts";
import type { Message, UnikernelCommand } from "../../core/wire/message.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { decodePem, PEM_CHARACTERS_MAX } from "../../pki/pem.ts";
import type { Values } from "../command.ts";
import type { update as definition } from "../commands/update.ts";
import type { Context } from "../context.ts";
import { downloadImage } from "../download-image.ts";
import {
  addressOf,
  answerWithin,
  ask,
  report,
  reportError,
  reportLocal,
  reportRemoteError,
  SHOW_ONLY,
} from "../exchange.ts";
import { compressionOf, modeOf } from "../mode.ts";
import { UsageError } from "../usage-error.ts";
import { checkWatch, reportStart } from "../watch-report.ts";

/** Exit status if the image does not fit: in the original an unexpected error. */
const EXIT_MANIFEST = 125;

type UpdateValues = Values<typeof definition>;

/** What runs. */
interface Running {
  readonly info: UnikernelInfo;
  readonly arguments: UnikernelArguments;
}

/** Replaces a unikernel by the latest build of it. */
export async function update(values: UpdateValues, context: Context): Promise<number> {
  if (modeOf(values) === "csr") throw new UsageError("update with CSR not supported");
  if (values.name.isPath) {
    throw new UsageError(`Cannot update everything below ${values.name.text}: give the name of one unikernel`);
  }
  checkWatch(values);
  const server = new BuildsServer(values.httpHost, { trustAnchors: anchorsOf(values, context) });
  const running = await whatRuns(values, context);
  if (typeof running === "number") return running;
  try {
    const digest = running.info.digest.toHex();
    const newer = await findNewerBuild(server, digest);
    if (newer === undefined) return upToDate(values, context);
    const { latest, compare } = newer;
    if (!context.json) context.log.reply(fromText(`compare at ${compare}`));
    if (values.dryRun) return dryRun(values, context, compare);
    const { file, download } = await downloadImage(context, async () => await server.image(latest));
    using _closed = file;
    const fresh = await file.digest();
    verifyAnnounced(fresh, download);
    const mismatch = checkImage(file, running.arguments);
    if (mismatch !== undefined) return reportLocal(context, `manifest failed: ${mismatch}`, "image", EXIT_MANIFEST);
    if (fresh.toHex() === digest) return upToDate(values, context);
    const doubt = await doubtAbout(server, fresh.toHex(), latest, download);
    if (doubt !== undefined) context.hint(doubt);
    return await replace(values, context, file, running.arguments, compare);
  } catch (error) {
    if (error instanceof InputError) return reportLocal(context, error.message, error.code, error.exitStatus);
    if (!(error instanceof HttpError)) throw error;
    if (error instanceof UnexpectedAnswer && !context.json) {
      context.log.warning(fromText(`the server of builds answered ${error.answer}`));
    }
    return reportLocal(context, `error in HTTP interaction: ${error.message}`, error.code, error.exitStatus);
  }
}

/** @throws {UsageError} if the file of --http-ca holds no certificates */
function anchorsOf({ httpCa }: UpdateValues, { environment }: Context): () => readonly string[] {
  const further = httpCa === undefined ? undefined : readCertificates(httpCa);
  return () => trustAnchors(environment, further);
}

function readCertificates(path: string): string {
  try {
    const text = new TextDecoder().decode(readLimited(path, PEM_CHARACTERS_MAX));
    const found = decodePem(text, "CERTIFICATE");
    if (found.length === 0) throw new Error("it holds no certificate");
    for (const der of found) readCertificate(der);
    return text;
  } catch (cause) {
    throw new UsageError(`Cannot use the authorities in ${path}: ${(cause as Error).message}`, { cause });
  }
}

/** The unikernel of the name, or the exit status of a failure that was reported: whatever goes wrong, it is the same. */
async function whatRuns(values: UpdateValues, context: Context): Promise<Running | number> {
  const command = { kind: "unikernel-info" } as const;
  let reply: Message;
  let addName: boolean | undefined;
  if (values.socket === SHOW_ONLY) {
    await ask(values, context, values.name, command);
    return EXIT_COMMUNICATION;
  }
  try {
    if (modeOf(values) === "local") {
      const both = await requestInfo(addressOf(values, "vmmd"), values.name, { signal: answerWithin() });
      reply = both.reply;
      addName = both.status?.[0]?.addName;
    } else {
      const { askRemote } = await import("../remote.ts");
      const answer = await askRemote(values, values.name, command, { signal: answerWithin() });
      if (answer === undefined) return EXIT_COMMUNICATION; // the certificates were only shown
      reply = answer.reply;
    }
  } catch (error) {
    if (modeOf(values) === "local") return reportError(context, error, EXIT_COMMUNICATION);
    return await reportRemoteError(context, error, EXIT_COMMUNICATION);
  }
  const { payload } = reply;
  if (payload.kind === "failure") {
    report(context, reply);
    return EXIT_COMMUNICATION;
  }
  const found =
    payload.kind === "success" && payload.success.kind === "unikernels" ? payload.success.unikernels : undefined;
  const [only, ...more] = found ?? [];
  if (only?.info.type !== "solo5" || more.length > 0) {
    const text = printMessage(reply, CLIENT_STYLE);
    const status = reportLocal(context, `unexpected reply: ${text}`, "protocol", EXIT_COMMUNICATION);
    if (found?.length === 0) context.hint("there is no unikernel of this name to update: see albatross-client info");
    return status;
  }
  return { info: only.info, arguments: runningArguments(only.info, addName) };
}

function upToDate(values: UpdateValues, context: Context): number {
  if (context.json) context.object({ kind: "update", host: values.name.text, upToDate: true, compare: null });
  else context.log.reply(fromText("already up to date"));
  return 0;
}

function dryRun(values: UpdateValues, context: Context, compare: string): number {
  if (context.json) context.object({ kind: "update", host: values.name.text, upToDate: false, compare });
  return 0;
}

/** Why the image does not fit; `undefined` if it does. */
function checkImage(file: ImageFile, given: UnikernelArguments): string | undefined {
  try {
    return matchDevices({ devices: inspectManifest(file) }, given);
  } catch (error) {
    if (error instanceof ImageError) return error.message;
    throw error;
  }
}

async function replace(
  values: UpdateValues,
  context: Context,
  file: ImageFile,
  given: UnikernelArguments,
  compare: string,
): Promise<number> {
  const commandOf = (level: number): UnikernelCommand & { readonly config: UnikernelConfig } => ({
    kind: "unikernel-force-create",
    config: { ...given, type: "solo5", compressed: level > 0, image: new Uint8Array(0) },
  });
  const since = Date.now();
  let reply: Message | number;
  if (modeOf(values) === "remote") {
    const { createRemotely } = await import("../remote-create.ts");
    reply = await createRemotely({ ...values, imageInCertificate: false }, context, file, commandOf);
  } else {
    const level = compressionOf(values);
    reply = await ask(values, context, values.name, commandOf(level), { image: await file.bytes(level) });
  }
  if (reply === EXIT_COMMUNICATION) {
    if (!context.json) context.log.error(fromText("received error from albatross"));
    return EXIT_REFUSED;
  }
  if (typeof reply === "number") return reply;
  if (reply.payload.kind === "failure") return report(context, reply, { compare });
  return await reportStart(values, context, reply, since, { compare });
}
