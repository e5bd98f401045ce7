/**
 * Files of keys and certificates, the serial database, and serial numbers as they are typed.
 *
 * @module
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { LOCK_PATIENCE_MS } from "../../cli/file-lock.ts";
import { fileName, keyOfFile, readBytes } from "../../cli/pki-files.ts";
import { replaceFile } from "../../cli/replace-file.ts";
import { recordSerial, serialsOf } from "../../cli/serial-database.ts";
import { parseSerial } from "../../cli/values/serial.ts";
import { SIGNABLE, subCommandOf } from "../../client/signable.ts";
import { ValueError } from "../../client/value-error.ts";
import { PEM_CHARACTERS_MAX } from "../../pki/pem.ts";

let directory = "";
before(() => {
  directory = mkdtempSync(join(tmpdir(), "albatross-files-"));
});
after(() => rmSync(directory, { recursive: true }));

const path = (file: string) => join(directory, file);

describe("names of files", () => {
  it("are the common name, or another where that says nothing", () => {
    assert.deepEqual(
      ["hello", "..", ".", ":", "", "foo:bar"].map((name) => fileName(name, "info")),
      ["hello", "..", "info", "info", "info", "foo:bar"],
    );
    for (const name of ["a/b", "/", "a\\b", "a\nb", "a\u0000", "\u007f"]) {
      assert.throws(() => fileName(name, "info"), /Cannot name a file after/);
    }
  });

  it("have 200 characters at most", () => {
    assert.equal(fileName("x".repeat(200), "").length, 200);
    assert.throws(() => fileName("x".repeat(201), ""), /Cannot name a file after/);
  });
});

describe("a file", () => {
  it("is replaced whole, with its mode, or not at all, and nothing else is left", () => {
    const folder = mkdtempSync(join(directory, "replace-"));
    const file = join(folder, "a.key");
    replaceFile(file, "one", 0o400);
    replaceFile(file, "two", 0o400);
    assert.equal(readFileSync(file, "utf8"), "two");
    assert.equal(statSync(file).mode & 0o777, 0o400);
    assert.throws(() => replaceFile(join(folder, "missing", "b"), "x", 0o600), { name: "UsageError" });
    writeFileSync(join(folder, `.a.key.${process.pid}.tmp`), ""); // of one that was killed and had the same number
    replaceFile(file, "three", 0o400);
    rmSync(join(folder, `.a.key.${process.pid}.tmp`));
    writeFileSync(join(folder, "file"), "");
    assert.throws(() => replaceFile(join(folder, "file", "b"), "x", 0o600), /Cannot write/);
    assert.deepEqual(readdirSync(folder).sort(), ["a.key", "file"]);
    chmodSync(file, 0o600);
  });

  it("is there whole if a signal comes while it is written, which ends the program then", async () => {
    const folder = mkdtempSync(join(directory, "signal-"));
    const module = JSON.stringify(join(import.meta.dirname, "../../cli/replace-file.ts"));
    const content = "new Uint8Array(200_000_000), 0o600); await new Promise((resolve) => setTimeout(resolve, 60_000))";
    const script = `const { replaceFile } = await import(${module}); replaceFile("whole", ${content};`;
    writeFileSync(path("replace.ts"), script);
    const run = "Deno" in globalThis ? ["run", "-A", "--quiet"] : [];
    const child = spawn(process.execPath, [...run, path("replace.ts")], { cwd: folder, stdio: "inherit" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (readdirSync(folder).length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    process.kill(child.pid ?? assert.fail(), "SIGTERM");
    assert.equal(await ended, 143);
    assert.deepEqual(readdirSync(folder), ["whole"]);
    assert.equal(statSync(join(folder, "whole")).size, 200_000_000);
    rmSync(folder, { recursive: true });
  });

  it("is not read if it is larger than any certificate", () => {
    writeFileSync(path("large"), "");
    const grow = (size: number) => writeFileSync(path("large"), Buffer.alloc(size));
    grow(PEM_CHARACTERS_MAX);
    assert.equal(readBytes(path("large")).length, PEM_CHARACTERS_MAX);
    grow(PEM_CHARACTERS_MAX + 1);
    assert.throws(() => readBytes(path("large")), /large: it has more than \d+ bytes$/);
    assert.throws(() => readBytes("/dev/zero"), /zero: it has more than \d+ bytes$/);
    rmSync(path("large"));
    assert.throws(() => readBytes(path("large")), /large: No such file or directory$/);
  });
});

describe("a key", () => {
  it("is one and the same for all who make it at once", async () => {
    const keys = await Promise.all(Array.from({ length: 4 }, () => keyOfFile(path("new.key"), "p256")));
    const kept = await keyOfFile(path("new.key"), "p256");
    for (const key of keys) assert.deepEqual(key.publicKeyInfo, kept.publicKeyInfo);
  });
});

describe("the serial database", () => {
  it("has a line per certificate, and finds all of a name", async () => {
    await recordSerial(path("db"), Uint8Array.of(0, 0x81), "tenant");
    await recordSerial(path("db"), Uint8Array.of(1, 2), "two\nlines");
    await recordSerial(path("db"), Uint8Array.of(3), "Tenant");
    assert.equal(readFileSync(path("db"), "utf8"), "0081 tenant\n0102 two lines\n03 Tenant\n");
    assert.deepEqual(serialsOf(path("db"), "tenant"), ["0081", "03"]);
    assert.deepEqual(serialsOf(path("db"), "TENANT"), ["0081", "03"]);
    assert.deepEqual(serialsOf(path("db"), "ten"), []);
  });

  it("is waited for while another process holds it, but not for ever", { timeout: 30_000 }, async () => {
    writeFileSync(path("held"), "");
    const hold = async (seconds: number) => {
      const holder = spawn("flock", [path("held"), "sh", "-c", `echo held; exec sleep ${seconds}`], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      const ended = new Promise((resolve) => holder.once("close", resolve));
      await new Promise((resolve) => holder.stdout.once("data", resolve));
      return { ended };
    };
    const short = await hold(0.3);
    await recordSerial(path("held"), Uint8Array.of(1), "x");
    await short.ended;
    const long = await hold(LOCK_PATIENCE_MS / 1000 + 1);
    await assert.rejects(recordSerial(path("held"), Uint8Array.of(2), "x"), /another process has held it for 5 s/);
    await long.ended;
    assert.equal(readFileSync(path("held"), "utf8"), "01 x\n");
  });
});

describe("serial numbers", () => {
  it("mean the same with and without the zero in front", () => {
    for (const text of ["81", "0081", "00:81", "000081", "00 81"]) assert.equal(parseSerial(text), "0081");
    for (const text of ["7F", "007f", "0000:7f"]) assert.equal(parseSerial(text), "7f");
    assert.deepEqual(["00", "0000"].map(parseSerial), ["00", "00"]);
    assert.equal(parseSerial(`00${"ff".repeat(20)}`).length, 42);
    for (const text of ["", "8", "xy", "ff".repeat(22), "-1", "0x11"])
      assert.throws(() => parseSerial(text), ValueError);
  });
});

describe("requests", () => {
  it("are named after the sub-command that makes them", () => {
    assert.equal(subCommandOf({ kind: "unikernel-info" }), "info");
    assert.equal(subCommandOf({ kind: "block-dump", level: 0 }), "dump-block");
    assert.equal(subCommandOf({ kind: "statistics-initial" }), undefined);
    assert.deepEqual([...SIGNABLE], [...SIGNABLE].sort());
  });
});
