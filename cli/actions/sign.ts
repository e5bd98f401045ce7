/**
 * `albatross-client sign`.
 *
 * @module
 */
import { resolve } from "node:path";
import { checkRequest, signRequest } from "../../client/sign-request.ts";
import { subCommandOf } from "../../client/signable.ts";
import { fromText } from "../../core/byte-string.ts";
import { NameError } from "../../core/name.ts";
import { printCommand } from "../../core/print/command.ts";
import { CLIENT_STYLE } from "../../core/print/style.ts";
import { PROTOCOL_VERSION } from "../../core/wire/message.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { isAllowed } from "../../pki/chain.ts";
import { type Issuer, readIssuer } from "../../pki/issuer.ts";
import { type CertificateRequest, readRequest } from "../../pki/request.ts";
import type { Values } from "../command.ts";
import type { sign as definition } from "../commands/sign.ts";
import type { Context } from "../context.ts";
import { reportLocal } from "../exchange.ts";
import { jsonTime } from "../json.ts";
import { fileName, isPkiError, naming, PkiFileError, PUBLIC_MODE, random, readTextFile } from "../pki-files.ts";
import { replaceFile } from "../replace-file.ts";
import { recordSerial } from "../serial-database.ts";
import { EXIT_USAGE } from "../usage-error.ts";

const DAY_SECONDS = 86_400;

/** Signs a request. */
export async function sign(values: Values<typeof definition>, context: Context): Promise<number> {
  try {
    const issuer = await readIssuer(readTextFile(values.authority), readTextFile(values.key));
    const request = await naming(values.request, () => readRequest(readTextFile(values.request)));
    return await signAndWrite(values, context, issuer, request);
  } catch (error) {
    if (!isPkiError(error) && !(error instanceof NameError)) throw error;
    return reportLocal(context, `error while signing: ${error.message}`, "certificate", EXIT_USAGE);
  }
}

async function signAndWrite(
  values: Values<typeof definition>,
  context: Context,
  issuer: Issuer,
  request: CertificateRequest,
): Promise<number> {
  const { wanted } = request;
  if (!context.json) context.log.reply(fromText(`signing certificate with subject ${request.subject}`));
  const commonName = checkRequest(request, values.allow);
  const base = fileName(commonName, (wanted && subCommandOf(wanted.command)) ?? "certificate");
  const file = `${base}.pem`;
  // The name comes from the request, i.e. from whoever wants to be signed.
  const ours = [values.authority, values.key, values.database].map((path) => resolve(path));
  if (ours.includes(resolve(file))) {
    throw new PkiFileError(
      `the certificate would replace ${file}, which is the authority's: sign it in another folder`,
    );
  }
  explain(context, wanted);

  const issued = await signRequest(issuer, request, commonName, {
    validitySeconds: values.days === undefined ? undefined : values.days * DAY_SECONDS,
    now: Date.now(),
    random,
  });
  await recordSerial(values.database, issued.serial, commonName);
  replaceFile(file, issued.chainPem, PUBLIC_MODE);
  if (context.json) {
    context.object({
      kind: "certificate",
      subject: request.subject,
      command: wanted?.command.kind ?? null,
      file,
      notAfter: jsonTime(readCertificate(issued.der).notAfter),
    });
  }
  return 0;
}

function explain(context: Context, wanted: CertificateRequest["wanted"]): void {
  if (wanted === undefined) {
    context.log.warning(fromText("signing certificate without albatross extension (e.g. host certificate)"));
    return;
  }
  const { command, version } = wanted;
  if (version !== PROTOCOL_VERSION) {
    context.log.warning(
      fromText(`version in request (${version}) is not ours (${PROTOCOL_VERSION}), the certificate gets ours`),
    );
  }
  if (!context.json) {
    context.log.reply(printCommand(command, { ...CLIENT_STYLE, verbose: context.log.debug }, "signing "));
  }
  if (command.kind !== "policy-add" && !isAllowed(command)) {
    context.log.warning(fromText("no endpoint carries out this command, the certificate is of no use"));
  }
}
