/**
 * `init`: an authority for access from afar, and the certificate of this host's endpoint.
 *
 * @module
 */
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AUTHORITY_FILE, makeAuthority } from "../make-authority.ts";
import { ACCOUNT } from "./accounts.ts";
import { CERTIFICATE_DIRECTORY, groupNumber } from "./directories.ts";
import type { Step } from "./step.ts";

/** Where the authority's key lies until it is moved to a safer place. */
export const AUTHORITY_DIRECTORY = `${CERTIFICATE_DIRECTORY}/ca`;

const [DAYS, SERVER_DAYS] = [3650, 365];

/** Whether the endpoint has all that it needs. */
export function hasCertificate(root: string): boolean {
  return existsSync(join(root, CERTIFICATE_DIRECTORY, "server.key"));
}

/** Whether a folder has what a call for this authority would not have left there: its key comes first. */
function isOfAnother(folder: string, authority: string, server: string): boolean {
  const [own, endpoint] = [`${authority}.key`, `${server}.key`];
  const files = readdirSync(folder).filter((file) => !file.startsWith(".")); // what was being written
  return files.some((file) => (file.endsWith(".key") ? file !== own && file !== endpoint : !files.includes(own)));
}

/** Makes the authority, unless there is one. */
export function planAuthority(root: string, authority: string, server: string): readonly Step[] {
  const folder = join(root, AUTHORITY_DIRECTORY);
  if (hasCertificate(root)) return [];
  return [
    {
      id: "authority",
      what: `make the authority ${authority} in ${AUTHORITY_DIRECTORY}, and a certificate for the endpoint ${server} in ${CERTIFICATE_DIRECTORY}`,
      apply: async () => {
        const place = (file: string) => join(root, CERTIFICATE_DIRECTORY, file);
        const unfinished = place(".server.key");
        const copies = [AUTHORITY_FILE, "server.pem", "server.key"].map(place);
        const present = existsSync(folder); // a call that was interrupted has left it
        if (present && isOfAnother(folder, authority, server)) {
          throw new Error(`${AUTHORITY_DIRECTORY} is that of another authority, or its key is gone: move it away`);
        }
        const undo = () => {
          for (const file of [...copies, unfinished]) rmSync(file, { force: true });
          if (!present) rmSync(folder, { recursive: true });
        };
        if (!present) mkdirSync(folder, { mode: 0o700 });
        try {
          const files = await makeAuthority({
            directory: folder,
            authority,
            server,
            database: join(folder, "db"),
            keyType: "ed25519",
            days: DAYS,
            serverDays: SERVER_DAYS,
          });
          copyFileSync(join(folder, files.certificateFile), place(AUTHORITY_FILE));
          copyFileSync(join(folder, files.serverCertificateFile), place("server.pem"));
          rmSync(unfinished, { force: true });
          copyFileSync(join(folder, files.serverKeyFile), unfinished); // with its mode, 0400
          // The endpoint is not root.
          chownSync(unfinished, 0, groupNumber(ACCOUNT, root) ?? 0);
          chmodSync(unfinished, 0o640);
          renameSync(unfinished, place("server.key")); // last of all: it says that there is nothing to be done any more
          return undo;
        } catch (error) {
          undo();
          throw error;
        }
      },
    },
  ];
}
