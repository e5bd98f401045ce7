/**
 * generate, --csr, sign and revoke, as they are typed: files, modes, texts and exit statuses (pki.md 11 and 12).
 *
 * @module
 */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { readCertificate } from "../../pki/certificate.ts";
import { interpretChain } from "../../pki/chain.ts";
import { readCrlFile } from "../../pki/crl.ts";
import { generateKey } from "../../pki/keys.ts";
import { decodePem } from "../../pki/pem.ts";
import { makeRequest } from "../../pki/request.ts";
import { verifyChainLocally } from "../../pki/validate.ts";
import { makeImage } from "../backends/synthetic-image.ts";
import { openssl } from "../pki/openssl.ts";
import { recordedCall } from "./recorded-calls.ts";
import { type Finished, runClient } from "./run-client.ts";

let directory = "";

/** Runs the client in the directory of the test. */
async function run(...words: readonly string[]): Promise<Finished> {
  return await runClient(words, { cwd: directory });
}

/** Runs it, and expects success and this output. */
async function good(words: readonly string[], stdout: string | RegExp = ""): Promise<void> {
  const got = await run(...words);
  assert.equal(got.stderr, "");
  if (typeof stdout === "string") assert.equal(got.stdout, stdout);
  else assert.match(got.stdout, stdout);
  assert.equal(got.status, 0);
}

/** Runs it, and expects exit status 124 and output with this text, its lines joined. */
async function bad(words: readonly string[], text: RegExp): Promise<void> {
  const got = await run(...words);
  assert.match(`${got.stdout}${got.stderr}`.replaceAll(/\s+/g, " ").trim(), text);
  assert.equal(got.status, 124);
}

const path = (file: string) => join(directory, file);
const read = (file: string) => readFileSync(path(file), "utf8");
const mode = (file: string) => statSync(path(file)).mode & 0o777;
const certificates = (file: string) => decodePem(read(file), "CERTIFICATE");

function firstOf(file: string) {
  const [der] = certificates(file);
  assert.ok(der);
  return readCertificate(der);
}

before(async () => {
  directory = mkdtempSync(join(tmpdir(), "albatross-authority-"));
  await good(["generate", "ca", "db"]);
});
after(() => rmSync(directory, { recursive: true }));

describe("generate", () => {
  it("makes an authority and the certificate of an endpoint, and says nothing", () => {
    assert.deepEqual(readdirSync(directory).sort().slice(0, 5), [
      "ca.key",
      "cacert.pem",
      "db",
      "server.key",
      "server.pem",
    ]);
    assert.deepEqual(["ca.key", "server.key"].map(mode), [0o400, 0o400]);
    assert.deepEqual(["cacert.pem", "server.pem", "db"].map(mode), [0o644, 0o644, 0o644]);
    const root = firstOf("cacert.pem");
    const server = firstOf("server.pem");
    assert.deepEqual([root.subjectCommonName, server.subjectCommonName], ["ca", "server"]);
    assert.equal(root.notAfter - root.notBefore, (3650 * 86_400 + 10) * 1000);
    assert.equal(server.notAfter - server.notBefore, (365 * 86_400 + 10) * 1000);
    assert.match(read("db"), /^(?:[0-9a-f]{2}){10,11} server\n$/);
    assert.ok(openssl(["verify", "-CAfile", "cacert.pem", "-purpose", "sslserver", "server.pem"], directory).ok);
  });

  it("uses a key again that exists, and takes other names, times and kinds of keys", async () => {
    const other = mkdtempSync(join(tmpdir(), "albatross-authority-"));
    try {
      const first = ["generate", "root", "list", "--key-type=p256", "--server=host.example.org", "--days=9"];
      assert.equal((await runClient(first, { cwd: other })).status, 0);
      const key = readFileSync(join(other, "root.key"), "utf8");
      const again = await runClient([...first, "--server-days=2", "--json"], { cwd: other });
      assert.deepEqual(JSON.parse(again.stdout), {
        kind: "authority",
        certificateFile: "cacert.pem",
        keyFile: "root.key",
        serverCertificateFile: "host.example.org.pem",
        serverKeyFile: "host.example.org.key",
      });
      assert.equal(readFileSync(join(other, "root.key"), "utf8"), key);
      assert.equal(readFileSync(join(other, "list"), "utf8").split("\n").length, 3);
      assert.match(openssl(["pkey", "-in", "root.key", "-noout", "-text"], other).text, /P-256/);
    } finally {
      rmSync(other, { recursive: true });
    }
  });

  it("writes nowhere else, and not two things into one file", async () => {
    await bad(["generate", "../x", "db"], /error while generating: Cannot name a file after/);
    await bad(["generate", "x", "db", "--server=a/b"], /error while generating: Cannot name a file after/);
    await bad(["generate", "x", "db", "--server=x"], /cannot both be called x/);
    await bad(["generate", "x", "db", "--server=cacert"], /cannot be called cacert/);
    await bad(["generate", ".", "db"], /a name for the authority/);
    await bad(["generate", "x", "db", "--days=0"], /number of days/);
    assert.ok(!existsSync(path("x.key")));
  });

  it("says so if a key cannot be used", async () => {
    writeFileSync(path("broken.key"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
    await bad(["generate", "broken", "db"], /error while generating: broken\.key: Cannot read the private key/);
  });
});

describe("from a request to a certificate", () => {
  it("a delegation, a command below it, and a second level: as recorded from the original", async () => {
    const policy = ["add-policy", "tenant", "3", "--mem=64", "--cpu=0", "--bridge=service", "--block=10", "--csr"];
    await good(policy);
    assert.deepEqual([mode("tenant.key"), mode("tenant.req")], [0o400, 0o644]);
    await good(["sign", "cacert.pem", "db", "ca.key", "tenant.req"], recordedCall("ca.key tenant.req").stdout);
    assert.equal(certificates("tenant.pem").length, 1); // the root goes with no certificate
    assert.equal(mode("tenant.pem"), 0o644);

    writeFileSync(path("net.hvt"), makeImage({ devices: [{ name: "service0", type: 2 }] }));
    const create = ["create", "thello", "net.hvt", "--mem=16", "--net=service0:service", "--no-add-name", "--csr"];
    await good(create);
    const recorded = recordedCall("tenant.key thello.req").stdout;
    const got = await run("sign", "tenant.pem", "db", "tenant.key", "thello.req");
    const size = /image (\d+) bytes/.exec(got.stdout)?.[1] ?? "";
    const flat = (text: string) => text.replaceAll(/\s+/g, " ");
    assert.equal(flat(got.stdout), flat(recorded.replace("57549", size)));
    const meaning = interpretChain(certificates("thello.pem"));
    assert.ok(meaning.kind === "command" && meaning.command.kind === "unikernel-create");
    assert.ok(meaning.command.config.compressed); // requests are compressed unless --compression-level says otherwise
    assert.equal(meaning.name.text, "tenant:thello");

    const sub = await run("add-policy", "sub", "1", "--mem=32", "--cpu=0", "--csr", "--key-type=p384");
    assert.equal(sub.stdout, "albatross-client: [WARNING] policy without any network access\n");
    await good(["sign", "tenant.pem", "db", "tenant.key", "sub.req"], recordedCall("tenant.key sub.req").stdout);
    assert.equal(certificates("sub.pem").length, 2);
    await good(["info", "--name=hello", "--csr"]);
    await good(
      ["sign", "sub.pem", "db", "sub.key", "hello.req"],
      "signing certificate with subject /CN=hello\nsigning unikernel info\n",
    );
    const chain = certificates("hello.pem");
    assert.equal(chain.length, 3);
    const below = interpretChain(chain);
    assert.equal(below.kind === "command" && below.name.text, "tenant:sub:hello");
    await verifyChainLocally(chain, certificates("cacert.pem"), Date.now());
    const verify = ["verify", "-CAfile", "cacert.pem", "-untrusted", "hello.pem", "-purpose", "sslclient", "hello.pem"];
    assert.deepEqual(openssl(verify, directory), { ok: true, text: "hello.pem: OK\n" });
  });

  it("without a name the files are called after the command", async () => {
    for (const [words, base] of [
      [["info"], "info"],
      [["inactive-consoles"], "inactive-consoles"],
      [["policy"], "policy"],
    ] as const) {
      await good([...words, "--csr"]);
      await good(["sign", "cacert.pem", "db", "ca.key", `${base}.req`], /^signing certificate with subject \/CN=\.\n/);
      assert.equal(firstOf(`${base}.pem`).subjectCommonName, ".");
      const meaning = interpretChain(certificates(`${base}.pem`));
      assert.equal(meaning.kind === "command" && meaning.name.text, ":");
    }
  });

  it("a key that exists is used again, and JSON says so", async () => {
    const words = ["destroy", "again", "--csr", "--json"];
    const first: unknown = JSON.parse((await run(...words)).stdout);
    const second: unknown = JSON.parse((await run(...words)).stdout);
    const files = { kind: "request", commonName: "again", keyFile: "again.key", requestFile: "again.req" };
    assert.deepEqual(
      [first, second],
      [
        { ...files, keyMade: true },
        { ...files, keyMade: false },
      ],
    );
  });

  it("--csr goes neither with a socket nor with a path in the name", async () => {
    const exclusive = /The options --csr, --destination, and --socket are mutually exclusive/;
    await bad(["info", "--csr", "--socket=/x"], exclusive);
    await bad(["console", "x", "--csr", "--socket=-"], exclusive);
    await bad(["info", "--name=a:b", "--csr"], /: non-empty path$/);
    await bad(["add-policy", "a:b", "1", "--csr"], /Cannot delegate a:b in one certificate/);
    assert.ok(!existsSync(path("a:b.req")));
  });
});

describe("sign", () => {
  const put = async (name: string, commonName: string) => {
    const key = await generateKey("ed25519");
    writeFileSync(path(name), await makeRequest(commonName, { kind: "unikernel-info" }, key));
  };

  it("ends the certificate with its issuer, and takes --days", async () => {
    await good(["info", "--name=days", "--csr"]);
    await good(["sign", "cacert.pem", "db", "ca.key", "days.req", "--days=10000"], /signing/);
    assert.equal(firstOf("days.pem").notAfter, firstOf("cacert.pem").notAfter);
    await good(["sign", "cacert.pem", "db", "ca.key", "days.req", "--days=2"], /signing/);
    const { notAfter, notBefore } = firstOf("days.pem");
    assert.equal(notAfter - notBefore, (2 * 86_400 + 10) * 1000);
  });

  it("writes nowhere else, whatever the request is called", async () => {
    for (const name of ["../evil", "/tmp/evil", "a/b", "a\u0000b", "-x", "x".repeat(64), "ä", ""]) {
      await put("evil.req", name);
      await bad(
        ["sign", "cacert.pem", "db", "ca.key", "evil.req"],
        /error while signing: (?:invalid label|Cannot name)/,
      );
    }
    await put("dots.req", "..");
    await good(["sign", "cacert.pem", "db", "ca.key", "dots.req"], /signing/);
    assert.ok(existsSync(path("...pem")));
  });

  it("does not replace the authority's own files, whatever the request is called", async () => {
    writeFileSync(path("own-key.pem"), read("ca.key"));
    for (const commonName of ["cacert", "own-key", "own-db"]) {
      await put("own.req", commonName);
      const before = readdirSync(directory).map((file) => `${file} ${read(file)}`);
      await bad(
        ["sign", "cacert.pem", "own-db.pem", "own-key.pem", "own.req"],
        /would replace .*, which is the authority's/,
      );
      assert.deepEqual(
        readdirSync(directory).map((file) => `${file} ${read(file)}`),
        before,
      );
    }
  });

  it("signs only what --allow names", async () => {
    await put("allow.req", "allow");
    const words = ["sign", "cacert.pem", "db", "ca.key", "allow.req"];
    await bad(
      [...words, "--allow=create", "--allow=get"],
      /the request is for info, but only create, get may be signed/,
    );
    await good([...words, "--allow=create", "--allow=info"], /signing unikernel info/);
    await bad([...words, "--allow=nonsense"], /invalid value 'nonsense'|nonsense/);
  });

  it("makes the certificate of an endpoint from a request without a command, with a warning", async () => {
    openssl(
      [
        "req",
        "-new",
        "-newkey",
        "ed25519",
        "-nodes",
        "-keyout",
        "h.key",
        "-subj",
        "/CN=h.example.org",
        "-out",
        "h.req",
      ],
      directory,
    );
    const words = ["sign", "cacert.pem", "db", "ca.key", "h.req"];
    await bad([...words, "--allow=info"], /the request is for server/);
    await good(
      [...words, "--allow=server"],
      "signing certificate with subject /CN=h.example.org\nalbatross-client: [WARNING] signing certificate without albatross extension (e.g. host certificate)\n",
    );
    assert.ok(openssl(["verify", "-CAfile", "cacert.pem", "-purpose", "sslserver", "h.example.org.pem"], directory).ok);
    openssl(
      ["req", "-new", "-newkey", "ed25519", "-nodes", "-keyout", "o.key", "-subj", "/O=x", "-out", "o.req"],
      directory,
    );
    await bad(["sign", "cacert.pem", "db", "ca.key", "o.req"], /couldn't find name \(no common name in CSR subject\)/);
  });

  it("refuses what exceeds the policy, another's key, and what is no CA", async () => {
    await good(["add-policy", "small", "2", "--mem=64", "--csr", "-q"]);
    await good(["sign", "cacert.pem", "db", "ca.key", "small.req", "-q"]);
    const exceeding = await run("add-policy", "large", "9", "--mem=64", "--csr", "-q");
    assert.equal(exceeding.status, 0);
    await bad(
      ["sign", "small.pem", "db", "small.key", "large.req"],
      /error while signing: policy above allows 2 unikernels, which is fewer than 9/,
    );
    await put("a.req", "a");
    await bad(
      ["sign", "cacert.pem", "db", "small.key", "a.req"],
      /Public key of certificate doesn't match private key/,
    );
    await bad(["sign", "server.pem", "db", "server.key", "a.req"], /it is not the certificate of a CA/);
    await bad(["sign", "cacert.pem", "db", "ca.key", "cacert.pem"], /cacert\.pem: There is no CERTIFICATE REQUEST/);
    await bad(["sign", "cacert.pem", "db", "ca.key", "missing.req"], /no 'missing\.req' file or directory/);
  });

  it("records every certificate, also when many are signed at once", { timeout: 60_000 }, async () => {
    writeFileSync(path("many"), "00ff");
    await put("m.req", "m");
    const all = await Promise.all(
      Array.from({ length: 8 }, () => run("sign", "cacert.pem", "many", "ca.key", "m.req", "--json")),
    );
    assert.ok(all.every(({ status }) => status === 0));
    const lines = read("many").split("\n");
    assert.deepEqual([lines[0], lines.at(-1)], ["00ff", ""]); // the broken entry was ended first
    assert.equal(new Set(lines).size, 10);
    assert.ok(lines.slice(1, -1).every((line) => /^[0-9a-f]{20,22} m$/.test(line)));
    const shown = JSON.parse(all[0]?.stdout ?? "") as { kind: string; file: string; command: string };
    assert.deepEqual([shown.kind, shown.file, shown.command], ["certificate", "m.pem", "unikernel-info"]);
  });

  it("signs the requests of the original with its own authorities", async () => {
    const vectors = (type: string, file: string) =>
      fileURLToPath(new URL(`../vectors/chains/${type}/${file}`, import.meta.url));
    for (const type of ["ed25519", "p256", "rsa2048"]) {
      for (const request of ["sub", "hello-info", "synth-create"]) {
        const [pem, key, csr] = ["tenant.pem", "tenant.key", `${request}.req`].map((file) => vectors(type, file));
        await good(["sign", pem ?? "", "db", key ?? "", csr ?? ""], /^signing certificate with subject \/CN=/);
      }
    }
  });
});

describe("revoke", () => {
  it("makes and extends a list, by name, certificate or serial number", async () => {
    const words = ["revoke", "cacert.pem", "db", "ca.key", "ca.crl"];
    await good([...words, "--name=server"], "wrote ca.crl: list 0 with 1 revoked certificates\n");
    await good(
      [...words, "--certificate=tenant.pem", "--reason=key-compromise"],
      "wrote ca.crl: list 1 with 2 revoked certificates\n",
    );
    const { stdout } = await run(...words, "--serial=AB:CD", "--json");
    const { serials, ...shown } = JSON.parse(stdout) as { serials: readonly string[] };
    assert.deepEqual(shown, { kind: "revocation-list", file: "ca.crl", number: "2" });
    assert.equal(serials.at(-1), "00abcd");
    assert.equal(readCrlFile(readFileSync(path("ca.crl"))).number, 2n);
    assert.match(
      openssl(["crl", "-inform", "DER", "-in", "ca.crl", "-noout", "-CAfile", "cacert.pem"], directory).text,
      /verify OK/,
    );
    openssl(["crl", "-inform", "DER", "-in", "ca.crl", "-out", "lists.pem"], directory);
    const verify = (file: string) =>
      openssl(["verify", "-crl_check", "-CAfile", "cacert.pem", "-CRLfile", "lists.pem", file], directory);
    assert.match(verify("tenant.pem").text, /certificate revoked/);
    assert.equal(verify("small.pem").text, "small.pem: OK\n");
  });

  it("loses none of those that are revoked at once", { timeout: 60_000 }, async () => {
    const serials = Array.from({ length: 8 }, (_, at) => `0${at + 1}`);
    const revoke = (serial: string) => run("revoke", "cacert.pem", "db", "ca.key", "many.crl", `--serial=${serial}`);
    for (const { status } of await Promise.all(serials.map(revoke))) assert.equal(status, 0);
    const list = readCrlFile(readFileSync(path("many.crl")));
    assert.deepEqual([...list.revoked.keys()].sort(), serials);
    assert.equal(list.number, 7n);
  });

  it("writes PEM if the file is called so, or was so", async () => {
    const words = ["revoke", "small.pem", "db", "small.key"];
    await good([...words, "small.crl.pem", "--serial=11"], /list 0/);
    assert.match(read("small.crl.pem"), /^-----BEGIN X509 CRL-----\n/);
    writeFileSync(path("renamed"), read("small.crl.pem"));
    await good([...words, "renamed", "--serial=12"], /list 1 with 2/);
    assert.match(read("renamed"), /^-----BEGIN X509 CRL-----\n/);
  });

  it("refuses lists and certificates of others, and unclear orders", async () => {
    const words = ["revoke", "cacert.pem", "db", "ca.key"];
    await bad(
      [...words, "small.crl.pem", "--serial=11"],
      /small\.crl\.pem: Cannot take the revocation list as one of ca/,
    );
    await bad([...words, "ca.crl", "--certificate=thello.pem"], /was not issued by ca, which can only revoke its own/);
    await bad([...words, "ca.crl", "--name=nobody"], /db: no certificate was issued for nobody/);
    await bad([...words, "ca.crl"], /Exactly one of --certificate, --name and --serial is needed/);
    await bad([...words, "ca.crl", "--name=a", "--serial=11"], /Exactly one of/);
    await bad([...words, "ca.crl", "--serial=xyz"], /no serial number in hex/);
    writeFileSync(path("junk.crl"), "junk");
    await bad([...words, "junk.crl", "--serial=11"], /junk\.crl: There is no X509 CRL/);
    assert.equal(read("junk.crl"), "junk");
  });
});
