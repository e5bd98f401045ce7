/**
 * `albatross-client sign`.
 *
 * @module
 */

import { type Signable, subCommandOf } from "../../client/signable.ts";
import { fromText } from "../../core/byte-string.ts";
import { NameError, parseLabel } from "../../core/name.ts";
import { printCommand } from "../../core/print/command.ts";
import { CLIENT_STYLE } from "../../core/print/style.ts";
import { type Command, PROTOCOL_VERSION } from "../../core/wire/message.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { isAllowed } from "../../pki/chain.ts";
import { type Issued, issueCommand, issueDelegation, issueServer, type Subject, VALIDITY } from "../../pki/issue.ts";
import { type Issuer, intermediatesOf, readIssuer } from "../../pki/issuer.ts";
import { encodePem } from "../../pki/pem.ts";
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
    return await signRequest(values, context, issuer, request);
  } catch (error) {
    if (!isPkiError(error) && !(error instanceof NameError)) throw error;
    return reportLocal(context, `error while signing: ${error.message}`, "certificate", EXIT_USAGE);
  }
}

async function signRequest(
  values: Values<typeof definition>,
  context: Context,
  issuer: Issuer,
  request: CertificateRequest,
): Promise<number> {
  const { commonName, wanted } = request;
  if (!context.json) context.log.reply(fromText(`signing certificate with subject ${request.subject}`));
  if (commonName === undefined) throw new PkiFileError("couldn't find name (no common name in CSR subject)");
  if (wanted !== undefined) checkCommonName(commonName, wanted.command);
  checkAllowed(values.allow, wanted?.command);
  const base = fileName(commonName, (wanted && subCommandOf(wanted.command)) ?? "certificate");
  explain(context, wanted);

  const validity = values.days === undefined ? undefined : values.days * DAY_SECONDS;
  const subject = (usual: number): Subject => ({
    commonName,
    publicKeyInfo: request.publicKeyInfo,
    validitySeconds: validity ?? usual,
    now: Date.now(),
    random,
  });
  const issued = await issueWanted(issuer, wanted?.command, subject);
  await recordSerial(values.database, issued.serial, commonName);
  const file = `${base}.pem`;
  const chain = [issued.der, ...intermediatesOf(issuer)].map((der) => encodePem("CERTIFICATE", der)).join("");
  replaceFile(file, chain, PUBLIC_MODE);
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

async function issueWanted(
  issuer: Issuer,
  command: Command | undefined,
  subject: (usualSeconds: number) => Subject,
): Promise<Issued> {
  if (command === undefined) return await issueServer(issuer, subject(VALIDITY.server));
  if (command.kind === "policy-add") return await issueDelegation(issuer, subject(VALIDITY.delegation), command.policy);
  return await issueCommand(issuer, subject(VALIDITY.command), command);
}

/**
 * Certificates whose common name no endpoint takes are not signed.
 *
 * @throws {NameError} in the original's words for labels
 */
function checkCommonName(commonName: string, command: Command): void {
  const bare = commonName === "." || commonName === ":";
  if (command.kind === "policy-add" || !bare) parseLabel(commonName);
}

function checkAllowed(allowed: readonly Signable[], command: Command | undefined): void {
  if (allowed.length === 0) return;
  const word = command === undefined ? "server" : subCommandOf(command);
  if (word !== undefined && allowed.includes(word)) return;
  throw new PkiFileError(`the request is for ${word ?? command?.kind}, but only ${allowed.join(", ")} may be signed`);
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
