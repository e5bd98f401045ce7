/**
 * The texts of `--help` and `--version`.
 *
 * @module
 */
import { VERSION } from "../../core/version.ts";
import { ABI_VERSION } from "./notes.ts";
import { PROGRAM_NAME } from "./tender-error.ts";

/** What `--help` and wrong options show. */
export const usage = `usage: ${PROGRAM_NAME} [ OPTIONS ] [ -- ] KERNEL [ ARGS ]
KERNEL is the filename of the unikernel to run.
ARGS are optional arguments passed to the unikernel.
Options:
  [ --mem=512 ] (guest memory in MB)
    --block:NAME=PATH (attach block device or file at PATH as block storage NAME)
  [ --block-sector-size:NAME=SIZE ] (sector size of block storage NAME: a power of two, at least 512)
    --net:NAME=IFACE (attach tap IFACE as network NAME)
  [ --net-mac:NAME=HWADDR ] (set the MAC address of network NAME)
  [ --cpu=auto ] (kvm, unicorn for an emulated CPU, or auto for KVM where it can be used)
  [ --allow-emulation ] (let --cpu=auto emulate a CPU where KVM cannot be used)
    --help (display this help)
    --version (display version information)
`;

/** What `--version` shows; Albatross looks for the second line. */
export const versionText = `${PROGRAM_NAME}, version ${VERSION}\nABI version ${ABI_VERSION}\n`;
