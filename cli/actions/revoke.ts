/**
 * `albatross-client revoke`.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { validateCredentials } from "../../client/leaf.ts";
import { requestRemote } from "../../client/remote-request.ts";
import { knownList, serialToRevoke } from "../../client/revocation.ts";
import { fromText, toDisplay } from "../../core/byte-string.ts";
import { type Crl, readCrl } from "../../pki/crl.ts";
import { issueCrl } from "../../pki/issue-crl.ts";
import { type Issuer, readIssuer } from "../../pki/issuer.ts";
import { issueRevocationLeaf } from "../../pki/leaf.ts";
import { encodePem } from "../../pki/pem.ts";
import type { Values } from "../command.ts";
import type { revoke as definition } from "../commands/revoke.ts";
import type { Context } from "../context.ts";
import { EXIT_COMMUNICATION, report, reportLocal, reportRemoteError } from "../exchange.ts";
import { alone } from "../file-lock.ts";
import type { JsonObject } from "../json.ts";
import { isPkiError, naming, PkiFileError, PUBLIC_MODE, random, readBytes, readTextFile } from "../pki-files.ts";
import { serverOf, showCertificates } from "../remote.ts";
import { replaceFile } from "../replace-file.ts";
import { serialsOf } from "../serial-database.ts";
import { EXIT_USAGE, UsageError } from "../usage-error.ts";

const DAY_SECONDS = 86_400;

type RevokeValues = Values<typeof definition>;

/** Makes or extends a revocation list, and tells an endpoint. */
export async function revoke(values: RevokeValues, context: Context): Promise<number> {
  const remote = values.destination !== undefined;
  const ways = [values.serial, values.name, values.certificate].filter((way) => way !== undefined);
  const asItIs = remote && ways.length === 0;
  if (ways.length !== 1 && !asItIs) {
    throw new UsageError("Exactly one of --certificate, --name and --serial is needed");
  }
  if (values.destroy && !remote) throw new UsageError("--destroy needs --destination");
  try {
    const issuer = await readIssuer(readTextFile(values.authority), readTextFile(values.key));
    const crl = asItIs
      ? await naming(values.list, () => knownList(readBytes(values.list), issuer))
      : await alone(dirname(values.list), () => extend(values, issuer));
    if (!remote) {
      if (context.json) context.object({ kind: "revocation-list", ...jsonList(values, crl) });
      else say(values, context, crl);
      return 0;
    }
    if (!context.json && !asItIs) say(values, context, crl);
    return await send(values, context, crl);
  } catch (error) {
    if (!isPkiError(error)) throw error;
    return reportLocal(context, `error while revoking: ${error.message}`, "certificate", EXIT_USAGE);
  }
}

/** Sends a list in a certificate of its own, and prints the reply. */
async function send(values: RevokeValues, context: Context, crl: Crl): Promise<number> {
  const server = serverOf(values);
  const leaf = await issueRevocationLeaf({
    issuerChain: readTextFile(values.authority),
    issuerKey: readTextFile(values.key),
    keyType: values.keyType,
    crl: crl.der,
    destroy: values.destroy,
    now: Date.now(),
    random,
  });
  if (server === undefined) {
    showCertificates(leaf);
    return EXIT_COMMUNICATION;
  }
  try {
    await validateCredentials(leaf, server.trustAnchors);
    const { reply } = await requestRemote(server, leaf);
    return report(context, reply, jsonList(values, crl));
  } catch (error) {
    return await reportRemoteError(context, error);
  }
}

async function extend(values: RevokeValues, issuer: Issuer): Promise<Crl> {
  const serials = await serialsToRevoke(values, issuer);
  const bytes = existsSync(values.list) ? readBytes(values.list) : undefined;
  const known = bytes && (await naming(values.list, () => knownList(bytes, issuer)));
  const der = await issueCrl(issuer, known, {
    serials,
    reason: values.reason,
    validitySeconds: values.days * DAY_SECONDS,
    now: Date.now(),
  });
  const pem = bytes === undefined ? values.list.endsWith(".pem") : !isDer(bytes);
  replaceFile(values.list, pem ? encodePem("X509 CRL", der) : der, PUBLIC_MODE);
  return readCrl(der);
}

/** DER begins with a SEQUENCE; no text of PEM begins with `0`. */
function isDer(bytes: Uint8Array): boolean {
  return bytes[0] === 0x30;
}

async function serialsToRevoke(values: RevokeValues, issuer: Issuer): Promise<readonly string[]> {
  const { serial, name, certificate } = values;
  if (serial !== undefined) return [serial];
  if (certificate !== undefined)
    return [await naming(certificate, () => serialToRevoke(readTextFile(certificate), issuer))];
  const commonName = toDisplay(name ?? fromText(""));
  const serials = serialsOf(values.database, commonName);
  if (serials.length === 0) throw new PkiFileError(`${values.database}: no certificate was issued for ${commonName}`);
  return serials;
}

function say(values: RevokeValues, context: Context, { number, revoked }: Crl): void {
  context.log.reply(fromText(`wrote ${values.list}: list ${number} with ${revoked.size} revoked certificates`));
}

function jsonList(values: RevokeValues, { number, revoked }: Crl): JsonObject {
  return { file: values.list, number: String(number), serials: [...revoked.keys()] };
}
