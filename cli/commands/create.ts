/**
 * Definition of `albatross-client create`.
 *
 * @module
 */
import { defineCommand } from "../command.ts";
import { daemonOptions } from "../options/daemon.ts";
import { unikernelArgument } from "../options/name.ts";
import { compressionOption, unikernelOptions, watchOptions } from "../options/unikernel.ts";

export const create = defineCommand({
  name: "create",
  summary: "start a unikernel",
  description: [
    "Sends the image and its configuration to the daemon, which starts the unikernel. The devices given with --net and --block must be exactly those in the manifest of the image; inspect shows them.",
    "After the success the unikernel is watched for a moment. If it ends in that time, its last console lines are shown. The exit status stays 0, unless --wait-fail is given.",
    "With --destination the image is sent after the handshake, with a progress bar on a terminal; an endpoint of this project that has it already, by its digest, does not get it again. Nothing is watched there.",
  ],
  examples: [
    { line: "create hello hello.hvt", doc: "An image without devices." },
    {
      line: "create web web.hvt --net=service:br0 --mem=64 --arg=--ipv4=10.0.0.2/24",
      doc: "The network device service on the bridge br0.",
    },
    {
      line: "create db db.hvt --net=service --block=storage:data@4096 --restart --exit-code=2",
      doc: "A block device with sectors of 4096 bytes; restarted when it ends with status 2.",
    },
    { line: "create -f hello hello2.hvt", doc: "Replaces the running unikernel hello." },
    {
      line: "create hello hello.hvt -d host --ca=tenant.pem --ca-key=tenant.key --server-ca=cacert.pem",
      doc: "On another host, in the name of the tenant.",
    },
    {
      line: "create hello hello.hvt --csr",
      doc: "Writes the request hello.req, to be signed with sign, and then used with certificate.",
    },
  ],
  arguments: {
    ...unikernelArgument,
    image: { docv: "UNIKERNEL-IMAGE", kind: "file", doc: "The image file." },
  },
  options: {
    force: { flags: ["-f", "--force"], kind: "flag", doc: "Replace a running unikernel of that name." },
    type: {
      flags: ["--typ"],
      kind: "type",
      fallback: "solo5",
      docv: "TYPE",
      doc: "The kind of machine: solo5, bhyve, or the name of another backend of the daemon. Of those, some need no image: then give /dev/null.",
    },
    imageInCertificate: {
      flags: ["--image-in-certificate"],
      kind: "flag",
      doc: "With --destination: put the image into the certificate, as the original client does, instead of sending it afterwards. At most 16 MB.",
    },
    ...unikernelOptions,
    ...compressionOption,
    ...watchOptions,
    ...daemonOptions,
  },
  exits: [{ status: 115, doc: "with --wait-fail: the unikernel was created, but ended with a failure at once" }],
});
