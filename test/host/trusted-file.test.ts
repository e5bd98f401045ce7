import assert from "node:assert/strict";
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import {
  LINKS_MAX,
  readTrusted,
  requireTrustedTree,
  TREE_MAX,
  trustedPath,
  UntrustedFileError,
} from "../../host/trusted-file.ts";

const asRoot = process.getuid?.() === 0;

/** Somebody who is neither root nor us. */
const STRANGER = 12_345;

describe("trusted files", () => {
  let root: string;
  let count = 0;
  before(() => {
    root = realpathSync(mkdtempSync(join(tmpdir(), "trusted-")));
  });
  after(() => rmSync(root, { recursive: true }));

  /** A folder of its own with the file `inner/file`. */
  function place(): { folder: string; inner: string; file: string } {
    const folder = join(root, String(count++));
    const inner = join(folder, "inner");
    const file = join(inner, "file");
    mkdirSync(inner, { recursive: true, mode: 0o755 });
    writeFileSync(file, "text", { mode: 0o644 });
    return { folder, inner, file };
  }

  function refused(action: () => unknown, text: RegExp): void {
    assert.throws(action, (error) => error instanceof UntrustedFileError && text.test(error.message));
  }

  it("are found, also below a folder like /tmp", () => {
    const { file } = place();
    assert.equal(trustedPath(file), file);
    assert.equal(readTrusted(file).toString(), "text");
  });

  it("are found from the working directory, with dots on the way", () => {
    const { inner, file } = place();
    assert.equal(trustedPath(`${inner}/../inner/./file`), file);
  });

  it("are not writable by others: the file, and the chmod that helps", () => {
    const { file } = place();
    chmodSync(file, 0o664);
    refused(() => trustedPath(file), new RegExp(`^${file} can be written by its group, .*: chmod go-w ${file}$`));
    refused(() => readTrusted(file), /can be written by its group/);
    chmodSync(file, 0o646);
    refused(() => trustedPath(file), /can be written by everybody/);
    chmodSync(file, 0o600);
    assert.equal(trustedPath(file), file);
  });

  it("are below no folder that others can write, however far up", () => {
    const { folder, inner, file } = place();
    for (const above of [inner, folder]) {
      for (const mode of [0o775, 0o757, 0o777]) {
        chmodSync(above, mode);
        refused(() => trustedPath(file), new RegExp(`^${above} can be written by .*: chmod go-w ${above}$`));
      }
      chmodSync(above, 0o755);
    }
  });

  it("belong to root or to us, as do the folders above", { skip: !asRoot }, () => {
    const { inner, file } = place();
    for (const path of [file, inner]) {
      chownSync(path, STRANGER, STRANGER);
      refused(() => trustedPath(file), new RegExp(`^${path} belongs to the user ${STRANGER}, .*: chown root ${path}$`));
      chownSync(path, 0, 0);
    }
    chmodSync(inner, 0o1777); // nobody can replace the file here, but it is not ours to begin with
    chownSync(file, STRANGER, STRANGER);
    refused(() => trustedPath(file), /belongs to the user/);
  });

  it("may be led to by links that are trusted themselves, as is the way behind them", () => {
    const { folder, inner, file } = place();
    const link = join(folder, "link");
    symlinkSync("inner", link);
    assert.equal(trustedPath(join(link, "file")), file);
    symlinkSync(file, join(folder, "absolute"));
    assert.equal(trustedPath(join(folder, "absolute")), file);
    chmodSync(inner, 0o777);
    refused(() => trustedPath(join(link, "file")), new RegExp(`^${inner} can be written`));
    refused(() => trustedPath(join(folder, "absolute")), new RegExp(`^${inner} can be written`));
  });

  it("are not led to by somebody else's link", { skip: !asRoot }, () => {
    const { folder, file } = place();
    chmodSync(folder, 0o1777);
    const link = join(folder, "link");
    symlinkSync(file, link);
    lchownSync(link, STRANGER, STRANGER);
    refused(() => trustedPath(link), /link belongs to the user/);
  });

  it("are not read through a link, nor when they are something else", () => {
    const { folder, inner, file } = place();
    const link = join(folder, "link");
    symlinkSync(file, link);
    assert.throws(() => readTrusted(link), { code: "ELOOP" });
    refused(() => readTrusted(inner), /is no file/);
  });

  it("are behind at most so many links", () => {
    const { folder, file } = place();
    let link = file;
    for (let number = 1; number <= LINKS_MAX + 1; number++) {
      const next = join(folder, `link${number}`);
      symlinkSync(link, next);
      link = next;
    }
    assert.equal(trustedPath(join(folder, `link${LINKS_MAX}`)), file);
    refused(() => trustedPath(join(folder, `link${LINKS_MAX + 1}`)), /more than 40 symbolic links/);
    symlinkSync("circle", join(folder, "circle"));
    refused(() => trustedPath(join(folder, "circle")), /more than 40 symbolic links/);
  });

  it("that are missing are told as what they are", () => {
    const { folder } = place();
    assert.throws(() => trustedPath(join(folder, "nothing")), { code: "ENOENT" });
  });

  it("make a trusted folder if all of them are", () => {
    const { folder, file } = place();
    requireTrustedTree(folder);
    symlinkSync("inner/file", join(folder, "link"));
    requireTrustedTree(folder);
    symlinkSync(root, join(folder, "out"));
    refused(() => requireTrustedTree(folder), /out leads out of .*: put a copy in its place$/);
    rmSync(join(folder, "out"));
    chmodSync(file, 0o666);
    refused(() => requireTrustedTree(folder), /file can be written by everybody/);
  });

  it("make a trusted folder up to a number", () => {
    const folder = join(root, String(count++));
    mkdirSync(folder, { mode: 0o755 });
    for (let number = 0; number < TREE_MAX; number++) writeFileSync(join(folder, String(number)), "", { mode: 0o644 });
    requireTrustedTree(folder);
    writeFileSync(join(folder, "another"), "", { mode: 0o644 });
    refused(() => requireTrustedTree(folder), /has more than 10000 files/);
  });
});
