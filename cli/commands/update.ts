/**
 * Definition of `albatross-client update`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";
import { compressionOption, watchOptions } from "../options/unikernel.ts";

export const update = defineCommand({
  name: "update",
  summary: "replace a unikernel by its latest build",
  description: [
    "Asks a server of reproducible builds which build the running unikernel is, by the digest of its image, and for the latest build of the same job. If there is a newer one, it is downloaded and replaces the unikernel, with the same configuration; rollback undoes that.",
    "The image must be one that fits the devices of the unikernel. If the server announces a digest, the image must have it; and the server is asked whether it knows the digest of what it has sent. Beyond that, nothing but the connection vouches for the image.",
    "Whether --name is passed to the unikernel stays as it is, as far as the daemon tells it: a remote one, or the original, does not, and it is passed then.",
  ],
  examples: [
    {
      line: "update hello --dry-run",
      doc: "Only tells whether there is a newer build, and where the difference is shown.",
    },
    { line: "update hello", doc: "Replaces it, from https://builds.robur.coop." },
    { line: "update hello --http-host=https://builds.example.com", doc: "From another server." },
  ],
  arguments: unikernelArgument,
  options: {
    httpHost: {
      flags: ["--http-host"],
      kind: "http-host",
      fallback: "https://builds.robur.coop",
      docv: "URL",
      doc: "The server of builds: http://HOST[:PORT] or https://HOST[:PORT].",
    },
    httpCa: {
      flags: ["--http-ca"],
      kind: "file",
      docv: "FILE",
      doc: "Certificates of authorities, PEM, that the server's certificate may lead to, besides those of the system (or of the file that SSL_CERT_FILE names).",
    },
    dryRun: {
      flags: ["--dryrun", "--dry-run"],
      kind: "flag",
      doc: "Do not download or replace anything.",
    },
    ...compressionOption,
    ...watchOptions,
    ...daemonOptions,
  },
  exits: [
    { status: 115, doc: "with --wait-fail: the unikernel was updated, but ended with a failure at once" },
    { status: 118, doc: "the server of builds could not be asked, or its answer is not what it should be" },
  ],
});
