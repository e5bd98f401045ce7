/**
 * Definition of `albatross-client get`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";
import { compressionOption } from "../options/unikernel.ts";

export const get = defineCommand({
  name: "get",
  summary: "download the image of a running unikernel",
  description: [
    "Writes the image to a new file in the directory TMPDIR of the environment (default: /tmp), named after the unikernel and the time of the call. An existing file is never touched.",
  ],
  examples: [
    { line: "get hello", doc: "Writes /tmp/:hello.2026-11-21T21:11:34-00:00, for example." },
    { line: "get hello --compression-level=9", doc: "Compressed on the way; the file is not." },
  ],
  arguments: unikernelArgument,
  options: { ...compressionOption, ...daemonOptions },
});
