/**
 * The Debian packages that tests and demo need besides Node.js: installed when root, named otherwise.
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";

/** What a package gives: a program on the path, or a library. */
interface Need {
  readonly package: string;
  readonly why: string;
  readonly program?: string;
  readonly library?: string;
}

/** What the tests need. */
export const testNeeds: readonly Need[] = [
  { package: "gcc", program: "gcc", why: "compiles the test unikernels" },
  { package: "binutils", program: "ld", why: "links the test unikernels" },
  { package: "libunicorn2", library: "libunicorn.so.2", why: "emulates a CPU where there is no KVM" },
  { package: "openssl", program: "openssl", why: "gives a second opinion on certificates and revocation lists" },
  { package: "libssl3", library: "libssl.so.3", why: "is the TLS of the endpoint" },
  { package: "openbsd-inetd", program: "inetd", why: "starts the endpoint for each connection" },
  { package: "systemd", program: "systemd-socket-activate", why: "passes listening sockets" },
  { package: "bash", program: "bash", why: "completes" },
  { package: "zsh", program: "zsh", why: "completes" },
  { package: "fish", program: "fish", why: "completes" },
  { package: "bsdutils", program: "script", why: "gives programs a terminal" },
  { package: "prometheus", program: "prometheus", why: "reads the metrics" },
  { package: "btrfs-progs", program: "mkfs.btrfs", why: "makes a file system that can share content between files" },
  { package: "passwd", program: "useradd", why: "makes users and groups below another root" },
  { package: "qemu-system-x86", program: "qemu-system-x86_64", why: "runs the kernels of an example of a backend" },
  { package: "debootstrap", program: "debootstrap", why: "installs a clean Debian to try the package on" },
  { package: "systemd-container", program: "systemd-nspawn", why: "runs that Debian" },
  { package: "iproute2", program: "ip", why: "makes the bridges and network namespaces of the tests" },
  { package: "procps", program: "ps", why: "tells how old processes are" },
  { package: "influxdb", program: "influxd", why: "takes the statistics of the tests" },
];

/** What the demo needs; without KVM also the emulator. */
export const emulatorNeeds: readonly Need[] = testNeeds.filter((need) => need.package === "libunicorn2");

const libraryFolders = ["/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/lib64", "/usr/lib"];

function isThere(need: Need): boolean {
  const { program, library } = need;
  if (library !== undefined) return libraryFolders.some((folder) => existsSync(join(folder, library)));
  const path = `${process.env["PATH"] ?? ""}${delimiter}/usr/sbin${delimiter}/sbin`;
  return program !== undefined && path.split(delimiter).some((folder) => existsSync(join(folder, program)));
}

/**
 * Makes sure that everything in `needs` is there.
 *
 * @returns whether it is; if not, what to do was printed
 */
export function ensurePackages(needs: readonly Need[]): boolean {
  const missing = needs.filter((need) => !isThere(need));
  if (missing.length === 0) return true;
  const names = missing.map((need) => need.package);
  const line = `apt-get install -y --no-install-recommends ${names.join(" ")}`;
  if (process.getuid?.() !== 0) {
    console.error(
      `Some Debian packages are missing: ${missing.map((need) => `${need.package} (${need.why})`).join(", ")}`,
    );
    console.error(`Install them: sudo ${line}`);
    return false;
  }
  console.error(`Installing ${names.join(", ")}`);
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  for (const command of ["apt-get update", line]) {
    const [program = "", ...args] = command.split(" ");
    const result = spawnSync(program, args, { env: environment, encoding: "utf8" });
    if (result.status === 0) continue;
    console.error(`${result.stdout}${result.stderr}${result.error?.message ?? ""}`);
    console.error(`Cannot install packages: ${command} failed, see above. When that is mended, run it again: ${line}`);
    return false;
  }
  return true;
}
