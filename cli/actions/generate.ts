/**
 * `albatross-client generate`.
 *
 * @module
 */
import { toDisplay } from "../../core/byte-string.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { issueRoot, issueServer } from "../../pki/issue.ts";
import { encodePem } from "../../pki/pem.ts";
import type { Values } from "../command.ts";
import type { generate as definition } from "../commands/generate.ts";
import type { Context } from "../context.ts";
import { reportLocal } from "../exchange.ts";
import { fileName, isPkiError, keyOfFile, PkiFileError, PUBLIC_MODE, random } from "../pki-files.ts";
import { replaceFile } from "../replace-file.ts";
import { recordSerial } from "../serial-database.ts";
import { EXIT_USAGE } from "../usage-error.ts";

/** The file of the authority's certificate. */
const AUTHORITY_FILE = "cacert.pem";

const DAY_SECONDS = 86_400;

/** Makes an authority and the certificate of an endpoint. */
export async function generate(values: Values<typeof definition>, context: Context): Promise<number> {
  try {
    return await make(values, context);
  } catch (error) {
    if (!isPkiError(error)) throw error;
    return reportLocal(context, `error while generating: ${error.message}`, "certificate", EXIT_USAGE);
  }
}

async function make(values: Values<typeof definition>, context: Context): Promise<number> {
  const authority = toDisplay(values.authority);
  const server = toDisplay(values.server);
  const names = [authority, server].map((name) => fileName(name, ""));
  if (names.includes("")) throw new PkiFileError("a name for the authority and one for the endpoint are needed");
  if (authority === server) throw new PkiFileError(`authority and endpoint cannot both be called ${server}`);
  const serverFile = `${server}.pem`;
  if (serverFile === AUTHORITY_FILE) throw new PkiFileError(`an endpoint cannot be called ${server}`);
  const now = Date.now();

  const key = await keyOfFile(`${authority}.key`, values.keyType);
  const root = await issueRoot({
    commonName: authority,
    key,
    validitySeconds: values.days * DAY_SECONDS,
    now,
    random,
  });
  replaceFile(AUTHORITY_FILE, encodePem("CERTIFICATE", root.der), PUBLIC_MODE);

  const serverKey = await keyOfFile(`${server}.key`, values.keyType);
  const issued = await issueServer(
    { certificate: readCertificate(root.der), above: [], key },
    {
      commonName: server,
      publicKeyInfo: serverKey.publicKeyInfo,
      validitySeconds: values.serverDays * DAY_SECONDS,
      now,
      random,
    },
  );
  await recordSerial(values.database, issued.serial, server);
  replaceFile(serverFile, encodePem("CERTIFICATE", issued.der), PUBLIC_MODE);
  if (context.json) {
    context.object({
      kind: "authority",
      certificateFile: AUTHORITY_FILE,
      keyFile: `${authority}.key`,
      serverCertificateFile: serverFile,
      serverKeyFile: `${server}.key`,
    });
  }
  return 0;
}
