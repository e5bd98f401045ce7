/**
 * Definition of `albatross-client inspect`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { commonOptions } from "../options/common.ts";

export const inspect = defineCommand({
  name: "inspect",
  summary: "show what an image is and needs",
  description: [
    "Shows the target and ABI version of an image, the devices in its manifest, its digest and size, and a command line that would start it. No daemon is asked.",
  ],
  examples: [{ line: "inspect hello.hvt", doc: "Shows the devices that create must be given." }],
  arguments: { image: { docv: "IMAGE", kind: "file", doc: "The image file." } },
  options: commonOptions,
});
