/**
 * `albatross-client certificate`.
 *
 * @module
 */
import { dumpOf } from "../../client/dump.ts";
import { type ImageFile, openImage } from "../../client/image-file.ts";
import { storedCredentials, validateCredentials } from "../../client/leaf.ts";
import { closedEarly, requestRemote, type Upload } from "../../client/remote-request.ts";
import { routeOf } from "../../client/sockets.ts";
import { type Credentials, openTls, type TlsServer } from "../../client/tls-connection.ts";
import { carriesImage } from "../../core/unikernel-type.ts";
import { DecodeError } from "../../core/wire/decode-error.ts";
import type { Command, Message } from "../../core/wire/message.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { readCommand } from "../../pki/command-extension.ts";
import { ALBATROSS } from "../../pki/oids.ts";
import type { Values } from "../command.ts";
import type { certificate as definition } from "../commands/certificate.ts";
import type { Context } from "../context.ts";
import { EXIT_INTERRUPTED, EXIT_REFUSED, patienceFor, report, reportRemoteError } from "../exchange.ts";
import { followTransfer } from "../progress.ts";
import { readFile, serverOf } from "../remote.ts";
import { noImage } from "../remote-create.ts";
import { reportDump, reportImage } from "../report-image.ts";
import { UsageError } from "../usage-error.ts";

/** The level that data is compressed with if the certificate says that it is compressed. */
const LEVEL = 9;

/** Carries out the command in a certificate. */
export async function certificate(values: Values<typeof definition>, context: Context): Promise<number> {
  const server = serverOf(values);
  if (server === undefined) throw new UsageError("no destination provided");
  try {
    const credentials = await storedCredentials(readFile(values.certificate), readFile(values.key));
    const command = commandIn(credentials);
    await validateCredentials(credentials, server.trustAnchors);
    if (command !== undefined && routeOf(command).mode === "single") {
      return await single(server, credentials, command, values.data, context);
    }
    return await interruptible((signal) => several(server, credentials, context, signal));
  } catch (error) {
    return await reportRemoteError(context, error);
  }
}

/** The command in a leaf; `undefined` if there is none, which the endpoint may understand all the same. */
function commandIn({ chainDer }: Credentials): Command | undefined {
  const [leaf] = chainDer;
  const extension = leaf && readCertificate(leaf).extensions.get(ALBATROSS);
  if (extension === undefined) return undefined;
  try {
    return readCommand(extension.value);
  } catch (error) {
    if (error instanceof DecodeError)
      throw new UsageError(`Cannot read the command: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Whether the endpoint waits for data after the handshake, and whether it takes it for compressed (wire.md 14). */
function waitsFor(command: Command): { readonly compressed: boolean; readonly image: boolean } | undefined {
  if (command.kind === "block-set") return { compressed: command.compressed, image: false };
  if (!("config" in command) || command.config.image.length > 0) return undefined;
  return carriesImage(command.config.type) ? { compressed: command.config.compressed, image: true } : undefined;
}

async function single(
  server: TlsServer,
  credentials: Credentials,
  command: Command,
  data: string | undefined,
  context: Context,
): Promise<number> {
  const wanted = waitsFor(command);
  if (wanted !== undefined && data === undefined) {
    throw new UsageError("The command in this certificate needs data that is not in it: name the file with --data");
  }
  if (wanted === undefined && data !== undefined) {
    throw new UsageError("The command in this certificate takes no data: leave out --data");
  }
  using file = data === undefined ? undefined : openImage(data);
  const progress = followTransfer(context, file?.size ?? 0);
  const withoutImage = wanted === undefined && "config" in command && command.config.image.length === 0;
  const given = file && wanted && uploadOf(file, wanted, (bytes) => progress.advance(bytes));
  const upload = withoutImage ? noImage : given;
  let reply: Message;
  try {
    ({ reply } = await requestRemote(server, credentials, { upload, signal: patienceFor(command) }));
  } finally {
    progress.finish();
  }
  const { payload } = reply;
  if (payload.kind === "success" && payload.success.kind === "unikernel-image")
    return await reportImage(context, reply);
  return report(context, reply);
}

function uploadOf(
  file: ImageFile,
  { compressed, image }: { readonly compressed: boolean; readonly image: boolean },
  advance: (bytes: number) => void,
): Upload {
  const chunks = file.stream(compressed ? LEVEL : 0, advance);
  return image ? { chunks, digest: () => file.digest() } : { chunks };
}

/** Prints replies until the endpoint closes, or a dump is complete. */
async function several(
  server: TlsServer,
  credentials: Credentials,
  context: Context,
  signal: AbortSignal,
): Promise<number> {
  const { connection } = await openTls(server, credentials, { signal });
  try {
    const messages = connection.messages();
    let replied = false;
    for (let next = await messages.next(); !next.done; next = await messages.next()) {
      const { payload } = next.value;
      replied ||= payload.kind !== "data";
      if (payload.kind === "success" && payload.success.kind === "block-device-image") {
        return await reportDump(context, next.value, dumpOf(messages));
      }
      report(context, next.value);
      if (payload.kind === "failure") return EXIT_REFUSED;
    }
    if (!replied) throw closedEarly(server);
    return 0;
  } finally {
    connection.close();
  }
}

async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const interrupt = new AbortController();
  const onInterrupt = () => interrupt.abort();
  process.once("SIGINT", onInterrupt);
  try {
    return await work(interrupt.signal);
  } catch (error) {
    if (interrupt.signal.aborted) return EXIT_INTERRUPTED;
    throw error;
  } finally {
    process.off("SIGINT", onInterrupt);
  }
}
