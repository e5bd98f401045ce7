import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BackendHost } from "../../backends/backend.ts";
import { thisHardware } from "../../backends/hvt/built-in-tender.ts";
import { hvtBackend } from "../../backends/hvt/hvt-backend.ts";
import { solo5Backend } from "../../backends/solo5-launcher.ts";
import { sptBackend } from "../../backends/spt/spt-backend.ts";
import { unikernelToolchainMissing } from "../unikernels/build.ts";
import { emptyHost } from "./fake-tender.ts";
import { launcherConformance } from "./launcher-conformance.ts";

const { PATH: path = "" } = process.env;
const installed = (name: string) => path.split(":").some((directory) => existsSync(join(directory, name)));
const self = [process.execPath, fileURLToPath(new URL("../../main.ts", import.meta.url))];

// Children get exactly their descriptors only from Bun.
const impossible = process.versions.bun !== undefined ? unikernelToolchainMissing() : "Bun does not run this";
const kvmError = thisHardware.kvmError();
const noKvm = kvmError === undefined ? undefined : `/dev/kvm: ${kvmError}`;
const missing = (name: string) => (installed(name) ? undefined : `${name} is not installed`);

const builtIn: BackendHost = emptyHost({ self }); // nothing in its search path: an installed tender is not used

launcherConformance({
  title: "hvt by the built-in tender on KVM",
  backend: hvtBackend,
  host: builtIn,
  target: "hvt",
  emulated: false,
  skip: impossible ?? noKvm,
});

launcherConformance({
  title: "hvt by the built-in tender on an emulated CPU",
  backend: solo5Backend("hvt", (_version, host) => ({
    description: "built-in tender on an emulated CPU",
    emulated: true,
    command: [...host.self, "tender", "--cpu=unicorn"], // even if there is KVM
  })),
  host: builtIn,
  target: "hvt",
  emulated: true,
  skip: impossible ?? (thisHardware.hasEmulator() ? undefined : "libunicorn is not installed"),
});

launcherConformance({
  title: "hvt by solo5-hvt",
  backend: hvtBackend,
  host: emptyHost({ path }),
  target: "hvt",
  emulated: false,
  skip: impossible ?? noKvm ?? missing("solo5-hvt"),
});

launcherConformance({
  title: "spt by solo5-spt",
  backend: sptBackend,
  host: emptyHost({ path }),
  target: "spt",
  emulated: false,
  skip: impossible ?? missing("solo5-spt"),
});
