/**
 * `npm run package`: builds `dist/albatross_VERSION_ARCH.deb`. It needs `dpkg-deb`, as on every Debian. With
 * `-- --freebsd`: `dist/albatross-VERSION-freebsd-x64.tar.gz`, the files as they lie on a FreeBSD.
 *
 * The package holds one executable; its programs are links to it, in the places that those of the original have
 * (packaging.md 1).
 *
 * @module
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { gzipSync } from "node:zlib";
import { renderRoff } from "../cli/help/render-roff.ts";
import { VERSION } from "../core/version.ts";
import { build, buildOne } from "./build.ts";
import { allManuals } from "./manuals.ts";
import { linkedRoles } from "./roles.ts";

const root = join(import.meta.dirname, "..");

/** Debian's names of processor architectures. */
const architectures: Readonly<Record<string, string>> = { x64: "amd64", arm64: "arm64" };

/** The file systems' block, in which the installed size is counted: bytes. */
const KIBIBYTE = 1024;

function run(command: string, args: readonly string[]): string {
  const done = spawnSync(command, args, { encoding: "utf8" });
  if (done.error !== undefined || done.status !== 0) {
    const reason = done.error?.message ?? `${done.stdout}${done.stderr}`;
    throw new Error(`Cannot build the package: ${command} failed: ${reason}`, { cause: done.error });
  }
  return done.stdout;
}

/** A tree of files, as it is going to be below `/`; another one for each build. */
class Stage {
  readonly work: string;
  readonly root: string;

  constructor(folder: string) {
    process.umask(0o022); // the modes of folders are those that the host gets
    mkdirSync(folder, { recursive: true });
    this.work = mkdtempSync(join(folder, ".stage-"));
    this.root = join(this.work, "root");
    mkdirSync(this.root, { mode: 0o755 });
  }

  remove(): void {
    rmSync(this.work, { recursive: true, force: true });
  }

  #place(path: string): string {
    const target = join(this.root, path);
    mkdirSync(dirname(target), { recursive: true, mode: 0o755 });
    return target;
  }

  write(path: string, content: string | Uint8Array, mode = 0o644): void {
    const target = this.#place(path);
    writeFileSync(target, content);
    chmodSync(target, mode);
  }

  copy(from: string, path: string, mode = 0o644): void {
    const target = this.#place(path);
    copyFileSync(from, target);
    chmodSync(target, mode);
  }

  link(to: string, path: string): void {
    symlinkSync(to, this.#place(path));
  }

  /** KiB of all files. */
  get size(): number {
    const files = readdirSync(this.root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const bytes = files.reduce((sum, entry) => sum + readFileSync(join(entry.parentPath, entry.name)).length, 0);
    return Math.ceil(bytes / KIBIBYTE);
  }
}

/** Compressed without a time, so that the same input gives the same bytes. */
const compressed = (text: string) => gzipSync(text, { level: 9 });

async function stageFiles(stage: Stage, dist: string): Promise<void> {
  stage.copy(join(dist, "albatross"), "usr/lib/albatross/albatross", 0o755);
  stage.link("../lib/albatross/albatross", "usr/bin/albatross");
  for (const role of linkedRoles) {
    if (role === "albatross-client") stage.link("../lib/albatross/albatross", `usr/bin/${role}`);
    else stage.link("../../lib/albatross/albatross", `usr/libexec/albatross/${role}`);
  }
  const units = join(root, "packaging", "systemd");
  for (const file of readdirSync(units)) {
    if (/\.(service|socket)$/.test(file)) stage.copy(join(units, file), `usr/lib/systemd/system/${file}`);
  }
  stage.copy(join(units, "albatross.tmpfiles.conf"), "usr/lib/tmpfiles.d/albatross.conf");
  stage.copy(join(root, "packaging/debian/albatross.sysusers.conf"), "usr/lib/sysusers.d/albatross.conf");
  for (const manual of await allManuals()) {
    stage.write(`usr/share/man/man1/${manual.title}.1.gz`, compressed(renderRoff(manual)));
  }
  const completions = {
    bash: "usr/share/bash-completion/completions/albatross-client",
    zsh: "usr/share/zsh/vendor-completions/_albatross-client",
    fish: "usr/share/fish/vendor_completions.d/albatross-client.fish",
  };
  for (const [shell, path] of Object.entries(completions)) {
    stage.write(path, run(join(dist, "albatross-client"), ["completion", shell]));
  }
  stage.copy(join(root, "packaging/debian/copyright"), "usr/share/doc/albatross/copyright");
  stage.write("usr/share/doc/albatross/changelog.gz", compressed(readFileSync(join(root, "CHANGES.md"), "utf8")));
  for (const file of readdirSync(root)) {
    if (file.endsWith(".md")) stage.copy(join(root, file), `usr/share/doc/albatross/${file}`);
  }
  for (const file of readdirSync(join(root, "docs"))) {
    stage.copy(join(root, "docs", file), `usr/share/doc/albatross/docs/${file}`);
  }
  stage.copy(join(root, "cli/schemas/output.schema.json"), "usr/share/doc/albatross/output.schema.json");
  stage.copy(join(root, "packaging/grafana/albatross.json"), "usr/share/doc/albatross/grafana.json");
  const examples = readdirSync(join(root, "examples"), { recursive: true, withFileTypes: true });
  for (const file of examples.filter((entry) => entry.isFile())) {
    const from = join(file.parentPath, file.name);
    const mode = (statSync(from).mode & 0o100) === 0 ? 0o644 : 0o755;
    stage.copy(from, join("usr/share/doc/albatross", relative(root, from)), mode);
  }
}

function control(architecture: string, size: number): string {
  return `Package: albatross
Version: ${VERSION}
Section: admin
Priority: optional
Architecture: ${architecture}
Maintainer: Albatross authors <albatross@localhost>
Installed-Size: ${size}
Depends: libc6, libssl3 | libssl3t64, systemd
Recommends: libunicorn2
Description: orchestrates MirageOS unikernels
 albatrossd creates, watches, restarts and destroys unikernels within the
 policies of its tenants; clients give commands locally, or from afar with
 certificates. It speaks the protocol of Albatross 2.7.
`;
}

/**
 * Builds the package.
 *
 * @param folder where it is put
 * @returns the package's file
 * @throws if `dpkg-deb` is missing or fails
 */
export async function packageDebian(folder: string = join(root, "dist")): Promise<string> {
  const architecture = architectures[process.arch];
  if (architecture === undefined) throw new Error(`Cannot build a package for ${process.arch}`);
  const dist = build();
  const stage = new Stage(folder);
  try {
    await stageFiles(stage, dist);
    stage.write("DEBIAN/control", control(architecture, stage.size));
    for (const script of ["postinst", "prerm", "postrm"]) {
      stage.copy(join(root, "packaging/debian", script), `DEBIAN/${script}`, 0o755);
    }
    const file = join(folder, `albatross_${VERSION}_${architecture}.deb`);
    // Every Debian since 12 unpacks it, and it takes a tenth of the time of xz.
    const draft = join(stage.work, "albatross.deb");
    run("dpkg-deb", ["--root-owner-group", "-Zzstd", "-z6", "--build", stage.root, draft]);
    renameSync(draft, file);
    return file;
  } finally {
    stage.remove();
  }
}

/**
 * Puts together the files of a FreeBSD host, in their places below `/usr/local` (packaging.md 7). `pkg-install.sh` makes
 * user and directories; what `pkg create` wants beyond can only be made on a FreeBSD.
 *
 * @returns the archive's file
 * @throws if the program cannot be compiled for FreeBSD, e.g. since its runtime cannot be had
 */
export async function packageFreebsd(folder: string = join(root, "dist")): Promise<string> {
  const stage = new Stage(folder);
  try {
    const local = "usr/local";
    stage.copy(buildOne(folder, "freebsd-x64"), `${local}/libexec/albatross/albatross`, 0o755);
    for (const role of linkedRoles) {
      if (role === "albatross-client") stage.link("../libexec/albatross/albatross", `${local}/sbin/${role}`);
      else stage.link("albatross", `${local}/libexec/albatross/${role}`);
    }
    const scripts = join(root, "packaging/freebsd/rc.d");
    for (const file of readdirSync(scripts)) stage.copy(join(scripts, file), `${local}/etc/rc.d/${file}`, 0o755);
    stage.copy(join(root, "packaging/freebsd/pkg-install.sh"), "pkg-install.sh", 0o755);
    for (const manual of await allManuals()) {
      stage.write(`${local}/share/man/man1/${manual.title}.1.gz`, compressed(renderRoff(manual)));
    }
    const file = join(folder, `albatross-${VERSION}-freebsd-x64.tar.gz`);
    const owner = ["--owner=root:0", "--group=wheel:0", "--mtime=@0", "--sort=name"];
    const draft = join(stage.work, "albatross.tar.gz");
    run("tar", ["-C", stage.root, ...owner, "-czf", draft, "."]);
    renameSync(draft, file);
    return file;
  } finally {
    stage.remove();
  }
}

if (import.meta.main) {
  const file = process.argv.includes("--freebsd") ? await packageFreebsd() : await packageDebian();
  console.log(`dist/${basename(file)}`);
}
