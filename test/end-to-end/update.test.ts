/** Updates from a real server of builds, by HTTP and HTTPS, to real daemons, here and afar. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { fromText } from "../../core/byte-string.ts";
import { decodeMessage, encodeFrame } from "../../core/wire/message-codec.ts";
import { type Finished, runClient } from "../cli/run-client.ts";
import { listenPeer, onFrames } from "../client/scripted-peer.ts";
import { freePort } from "../client/tls-peer.ts";
import { type HttpServer, makeCertificate, serveHttp } from "../support/http-server.ts";
import { checkObject } from "../support/output-schema.ts";
import { create, destroy, images, Machine, network, restarting, until } from "./harness.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** The images that the server knows, by their digest, with their builds; and what its latest build is. */
interface Repository {
  readonly builds: Map<string, string>;
  latest: string;
  image: Uint8Array;
  headers: Record<string, string>;
  /** Answers instead, where it says that it did. */
  instead: (path: string, response: ServerResponse) => boolean;
}

const repository: Repository = {
  builds: new Map(),
  latest: "u2",
  image: new Uint8Array(),
  headers: {},
  instead: () => false,
};

function redirect(response: ServerResponse, location: string): void {
  response.writeHead(302, { location });
  response.end();
}

function answer(path: string, response: ServerResponse): void {
  if (repository.instead(path, response)) return;
  const [, digest] = /^\/hash\?sha256=([0-9a-f]{64})$/.exec(path) ?? [];
  const build = repository.builds.get(digest ?? "");
  if (build !== undefined) return redirect(response, `/job/hello/build/${build}`);
  if (path === "/job/hello/build/latest") return redirect(response, `/job/hello/build/${repository.latest}`);
  if (path === `/job/hello/build/${repository.latest}/main-binary`) return redirect(response, "/artifact");
  if (path === "/artifact") {
    response.writeHead(200, { "content-length": `${repository.image.length}`, ...repository.headers });
    response.end(repository.image);
    return;
  }
  response.writeHead(404);
  response.end();
}

const machine = new Machine();
let kernels: Awaited<ReturnType<typeof images>>;
let server: HttpServer;
let secure: HttpServer;
let files: { cert: string; key: string };
let downloads = "";

before(async () => {
  kernels = await images();
  await machine.start();
  downloads = join(machine.directory, "downloads");
  mkdirSync(downloads);
  files = makeCertificate(machine.directory);
  server = await serveHttp((request, response) => answer(request.url ?? "", response));
  secure = await serveHttp((request, response) => answer(request.url ?? "", response), files);
});
after(async () => {
  await server.close();
  await secure.close();
  await machine.close();
});
beforeEach(() => {
  repository.builds.clear();
  repository.builds.set(sha256(kernels["exit-code"]), "u1").set(sha256(kernels["ticker"]), "u2");
  repository.latest = "u2";
  repository.image = kernels["ticker"];
  repository.headers = {};
  repository.instead = () => false;
});

const run = (...words: readonly string[]) =>
  runClient(["update", ...words, "--no-wait"], { env: { TMPDIR: downloads } });
const update = (name: string, ...words: readonly string[]) =>
  run(name, `--tmpdir=${machine.tmpdir}`, `--http-host=${server.url}`, ...words);
const digestOf = async (name: string) => Buffer.from((await machine.info(name))[0]?.info.digest ?? []).toString("hex");
const endless = { words: ["sleep=1000"] } as const;
const compare = () => `compare at ${server.url}/compare/u1/u2\n`;

/** Updates one that runs, in vain: the exit status, the text, and that the same process still runs. */
async function inVain(status: number, text: RegExp | string, ...words: readonly string[]): Promise<void> {
  await machine.expect("vain", create(kernels["exit-code"], endless), "created unikernel");
  const running = await until("it runs", () => {
    const found = machine.processesOf("vain");
    return found.length === 1 && found;
  });
  const got = await update("vain", ...words);
  assert.equal(got.status, status, got.stdout + got.stderr);
  if (typeof text === "string") assert.equal(got.stdout, text);
  else assert.match(got.stdout, text);
  assert.deepEqual(machine.processesOf("vain"), running);
  assert.deepEqual(readdirSync(downloads), [], "nothing is left of the download");
  await machine.expect("vain", destroy, "destroyed unikernel");
}

const http = (text: string) => `albatross-client: [ERROR] error in HTTP interaction: ${text}\n`;

describe("update", () => {
  it("replaces a unikernel by the latest build, with the configuration that it has, and can be undone", async () => {
    const bridge = machine.bridge();
    const echo = kernels["net-echo"];
    // The same unikernel, built anew: another digest, since sections are not looked at beyond their end.
    const rebuilt = Buffer.concat([echo, Buffer.from("built later")]);
    repository.builds.set(sha256(echo), "u1").set(sha256(rebuilt), "u2");
    repository.image = rebuilt;
    repository.headers = { digest: `sha-256=${createHash("sha256").update(rebuilt).digest("base64")}` };
    const wishes = {
      networks: [network("service", bridge)],
      memory: 20,
      startup: 7,
      failBehaviour: restarting,
      words: ["a", "b"],
    };
    await machine.expect("n:net", create(echo, wishes), "created unikernel");
    const [before] = await machine.info("n:net");
    const got = await update("n:net");
    assert.deepEqual(got, {
      status: 0,
      stdout: `${compare()}host [unikernel: n:net]: success: created unikernel\n`,
      stderr: "",
    });
    const [now] = await machine.info("n:net");
    assert.equal(await digestOf("n:net"), sha256(rebuilt));
    assert.deepEqual({ ...now?.info, digest: 0, started: 0 }, { ...before?.info, digest: 0, started: 0 });
    assert.equal((await machine.statusOf("n:net"))?.addName, false, "--name is still not passed");
    assert.deepEqual(readdirSync(downloads), []);
    await machine.expect("n:net", { kind: "unikernel-rollback", revision: 0 }, "created unikernel");
    assert.equal(await digestOf("n:net"), sha256(echo));
    await machine.expect("n:net", destroy, "destroyed unikernel");
  });

  it("passes --name on if it was passed before", async () => {
    await machine.expect("named", create(kernels["exit-code"], { ...endless, addName: true }), "created unikernel");
    assert.equal((await update("named")).status, 0);
    assert.equal((await machine.statusOf("named"))?.addName, true);
    await until("it runs", () => machine.processes().some(({ words }) => words.includes("--name=named")));
    await machine.expect("named", destroy, "destroyed unikernel");
  });

  it("asks what the original asks, in its order, and then for what it got", async () => {
    const from = server.asked.length;
    await machine.expect("asked", create(kernels["exit-code"], endless), "created unikernel");
    assert.equal((await update("asked")).status, 0);
    assert.deepEqual(server.asked.slice(from), [
      `/hash?sha256=${sha256(kernels["exit-code"])}`,
      "/job/hello/build/latest",
      "/job/hello/build/u2/main-binary",
      "/artifact",
      `/hash?sha256=${sha256(kernels["ticker"])}`,
    ]);
    await machine.expect("asked", destroy, "destroyed unikernel");
  });

  it("does nothing if there is nothing newer, or the newer one is the same image", async () => {
    repository.latest = "u1";
    await inVain(0, "already up to date\n");
    repository.latest = "u2";
    repository.image = kernels["exit-code"];
    await inVain(0, `${compare()}already up to date\n`);
  });

  it("tells what it would do with --dry-run or --dryrun, and downloads nothing", async () => {
    const from = server.asked.length;
    for (const flag of ["--dry-run", "--dryrun"]) await inVain(0, compare(), flag);
    assert.ok(server.asked.slice(from).every((path) => !path.includes("main-binary")));
    await inVain(
      0,
      /^\{"kind":"update","host":":vain","upToDate":false,"compare":"http:.*u2"\}\n$/,
      "--dry-run",
      "--json",
    );
    repository.latest = "u1";
    await inVain(0, /^\{"kind":"update","host":":vain","upToDate":true,"compare":null\}\n$/, "--json");
    for (const [upToDate, compared] of [
      [true, null],
      [false, "http://x"],
    ] as const) {
      assert.equal(checkObject({ kind: "update", host: ":vain", upToDate, compare: compared }), "update");
    }
  });

  it("goes by HTTPS, with the system's authorities and those of --http-ca", async () => {
    const host = `--http-host=${secure.url}/`;
    const words = ["secure", `--tmpdir=${machine.tmpdir}`, host];
    await machine.expect("secure", create(kernels["exit-code"], endless), "created unikernel");
    const refused = await run(...words);
    assert.equal(refused.status, 118);
    assert.match(refused.stdout, /error in HTTP interaction: 127\.0\.0\.1:\d+: .*certificate/i);
    const got = await run(...words, `--http-ca=${files.cert}`, "--json");
    assert.equal(got.status, 0, got.stdout);
    const reply = JSON.parse(got.stdout) as Record<string, unknown>;
    checkObject(reply);
    assert.deepEqual([reply["kind"], reply["text"]], ["success", "created unikernel"]);
    assert.equal(reply["compare"], `${secure.url}/compare/u1/u2`);
    assert.equal(await digestOf("secure"), sha256(kernels["ticker"]));
    await machine.expect("secure", destroy, "destroyed unikernel");
  });

  it("tells, on standard error, where nobody vouches for the image", async () => {
    repository.builds.delete(sha256(kernels["ticker"]));
    await machine.expect("hint", create(kernels["exit-code"], endless), "created unikernel");
    const got = await update("hint");
    assert.equal(got.status, 0);
    assert.match(got.stderr, /the server does not know the digest .*: nothing but the connection vouches for it/);
    await machine.expect("hint", destroy, "destroyed unikernel");
  });
});

describe("an update in vain", () => {
  it("of an image that the server does not know", async () => {
    repository.builds.clear();
    await inVain(118, http("couldn't find the unikernel in the repository"));
  });

  it("from a server that answers otherwise", async () => {
    const instead = (path: RegExp, act: (response: ServerResponse) => void) => {
      repository.instead = (asked, response) => {
        if (!path.test(asked)) return false;
        act(response);
        return true;
      };
    };
    const status =
      (code: number, headers: Record<string, string> = {}) =>
      (response: ServerResponse) => {
        response.writeHead(code, headers);
        response.end();
      };
    const warned = (line: string) =>
      `albatross-client: [WARNING] the server of builds answered ${line}\n${http("unexpected HTTP reply")}`;
    instead(/^\/hash/, status(302));
    await inVain(118, http("no Location header received in HTTP reply"));
    instead(/^\/hash/, status(500));
    await inVain(118, warned("500 Internal Server Error"));
    instead(/^\/hash/, status(302, { location: "http://127.0.0.1:1/job/a/build/b" }));
    await inVain(118, http("expected '/job/<jobname>/build/<uuid>', got: http://127.0.0.1:1/job/a/build/b"));
    instead(/latest$/, status(200));
    await inVain(118, warned("200 OK"));
    instead(/artifact$/, status(403));
    await inVain(118, `${compare()}${warned("403 Forbidden")}`);
    instead(/artifact$/, status(200));
    await inVain(118, `${compare()}${warned("200 OK, without content")}`);
    instead(/artifact$/, (response) => redirect(response, "/artifact"));
    await inVain(118, `${compare()}${http("more than 5 redirections")}`);
    instead(/artifact$/, status(200, { "content-length": `${2 ** 40}` }));
    await inVain(118, `${compare()}${http(`the image has more than ${512 * 2 ** 20} bytes`)}`);
    instead(/artifact$/, (response) => {
      response.writeHead(200, { "content-length": "100000" });
      response.write(Buffer.alloc(50_000), () => response.destroy());
    });
    await inVain(118, /^compare at .*\n.*error in HTTP interaction: 127\.0\.0\.1/);
  });

  it("from a server that is not there", async () => {
    const gone = await serveHttp(() => undefined);
    await gone.close();
    await machine.expect("gone", create(kernels["exit-code"], endless), "created unikernel");
    const got = await run("gone", `--tmpdir=${machine.tmpdir}`, `--http-host=${gone.url}`);
    assert.equal(got.status, 118);
    assert.match(got.stdout, /^albatross-client: \[ERROR\] error in HTTP interaction: 127\.0\.0\.1:\d+: /);
    await machine.expect("gone", destroy, "destroyed unikernel");
  });

  it("by an image that has not the digest the server announced", async () => {
    repository.headers = { digest: `sha-256=${createHash("sha256").update("x").digest("base64")}` };
    await inVain(118, /error in HTTP interaction: the image has the digest [0-9a-f]{64}, but the server announced /);
  });

  it("by an image of another job", async () => {
    repository.instead = (path, response) => {
      if (!path.includes(sha256(kernels["ticker"]))) return false;
      redirect(response, "/job/other/build/u9");
      return true;
    };
    await inVain(118, `${compare()}${http("the image is one of the job other, not of hello")}`);
  });

  it("by what is no image, or one that wants other devices", async () => {
    repository.image = Buffer.from("this is no ELF file, whatever it says");
    await inVain(125, `${compare()}albatross-client: [ERROR] manifest failed: error during ELF parsing\n`);
    repository.image = kernels["net-echo"];
    await inVain(125, /manifest failed: specified bridge\(s\) does not match with the manifest/);
  });

  it("where the download cannot be written", async () => {
    await machine.expect("unwritable", create(kernels["exit-code"], endless), "created unikernel");
    const words = ["update", "unwritable", `--tmpdir=${machine.tmpdir}`, `--http-host=${server.url}`];
    const got = await runClient(words, { env: { TMPDIR: `${downloads}/missing` } });
    assert.equal(got.status, 124);
    assert.match(got.stdout, /\[ERROR\] Cannot write the image to /);
    await machine.expect("unwritable", destroy, "destroyed unikernel");
  });

  it("of what is not exactly one unikernel, or not reached at all, is a failure of communication", async () => {
    const nobody = await update("nobody");
    assert.deepEqual(
      [nobody.status, nobody.stdout],
      [121, "albatross-client: [ERROR] unexpected reply: host [unikernel: :nobody]: no unikernels\n"],
    );
    assert.match(nobody.stderr, /there is no unikernel of this name/);
    const nowhere = await run("x", `--tmpdir=${downloads}`, `--http-host=${server.url}`);
    assert.equal(nowhere.status, 121);
    assert.match(nowhere.stdout, /couldn't connect to unix domain socket/);
    const json = await run("x", `--tmpdir=${downloads}`, `--http-host=${server.url}`, "--json");
    assert.deepEqual([json.status, (JSON.parse(json.stdout) as { exitStatus: number }).exitStatus], [121, 121]);
    const shown = await run("x", "--socket=-");
    assert.deepEqual([shown.status, shown.stdout.startsWith("out:\n")], [121, true]);
  });

  it("with a request, a path, or an address that is none, is an error in the command line", async () => {
    const csr = await run("x", "--csr");
    assert.deepEqual([csr.status, csr.stderr], [124, "albatross-client: update with CSR not supported\n"]);
    const path = await run("foo:");
    assert.deepEqual([path.status, path.stdout], [124, ""]);
    assert.match(path.stderr, /Cannot update everything below foo:: give the name of one/);
    for (const host of [
      "builds.robur.coop",
      "ftp://x",
      "http://x/y",
      "http://x//",
      "http://u@x",
      "http://",
      "http://x?q",
      "http://x:port",
    ]) {
      const got = await run("x", `--http-host=${host}`);
      assert.equal(got.status, 124, host);
      assert.match(got.stderr, /option '--http-host': expected http\[s\]:\/\/hostname/);
    }
  });

  it("with authorities that are none is an error in the command line, too", async () => {
    const file = join(machine.directory, "none.pem");
    for (const [content, text] of [
      ["", /none\.pem: it holds no certificate/],
      ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", /Cannot use the authorities in /],
    ] as const) {
      writeFileSync(file, content);
      const got = await update("x", `--http-ca=${file}`);
      assert.equal(got.status, 124);
      assert.match(got.stderr.replaceAll(/\s+/g, " "), text);
    }
    assert.equal((await update("x", `--http-ca=${downloads}/missing`)).status, 124);
  });

  it("whose replacement the daemon refuses, or does not answer, says so", async () => {
    const [entry] = await (async () => {
      await machine.expect("like", create(kernels["exit-code"], endless), "created unikernel");
      return await machine.info("like");
    })();
    await machine.expect("like", destroy, "destroyed unikernel");
    const info = entry?.info ?? assert.fail("there is no info");
    for (const refuses of [true, false]) {
      const peer = await listenPeer((socket) =>
        onFrames(socket, (frame) => {
          const { header, payload } = decodeMessage(frame);
          const asked = payload.kind === "command" ? payload.command.kind : "";
          const unikernels = [{ name: header.name, info }];
          if (asked === "unikernel-info") {
            socket.write(
              encodeFrame({ header, payload: { kind: "success", success: { kind: "unikernels", unikernels } } }),
            );
          } else if (refuses) {
            assert.ok(payload.kind === "command" && payload.command.kind === "unikernel-force-create");
            assert.equal(
              payload.command.config.addName,
              true,
              "a peer that does not tell gets what the original sends",
            );
            socket.write(encodeFrame({ header, payload: { kind: "failure", text: fromText("because") } }));
          }
          socket.end();
        }),
      );
      try {
        const got = await run("like", `--socket=${peer.path}`, `--http-host=${server.url}`);
        assert.equal(got.status, 117);
        if (refuses) assert.match(got.stdout, /command failed because/);
        else assert.match(got.stdout, /\[ERROR\] received error from albatross/);
      } finally {
        await peer.close();
      }
    }
  });
});

describe("an update from afar", () => {
  const cwd = mkdtempSync(join(tmpdir(), "albatross-update-"));
  after(() => rmSync(cwd, { recursive: true, force: true }));

  it("goes by two certificates, and rollback and revisions by one each", async () => {
    const client = (...words: readonly string[]): Promise<Finished> =>
      runClient(words, { cwd, env: { TMPDIR: downloads } });
    writeFileSync(join(cwd, "old.hvt"), kernels["exit-code"]);
    assert.equal((await client("generate", "ca", "db")).status, 0);
    const port = await freePort();
    const operands = ["cacert.pem", "server.pem", "server.key"].map((file) => join(cwd, file));
    machine.launch("albatross-tls-endpoint", [
      `--tmpdir=${machine.tmpdir}`,
      "--ip=127.0.0.1",
      `--port=${port}`,
      ...operands,
    ]);
    const afar = (...words: readonly string[]) =>
      client(...words, "--ca=cacert.pem", "--ca-key=ca.key", `--destination=127.0.0.1:${port}`);
    await until("the endpoint serves", async () => (await afar("info")).status === 0);
    assert.equal((await afar("create", "far", "old.hvt", "--mem=16", "--arg=sleep=1000")).status, 0);
    const got = await afar("update", "far", `--http-host=${server.url}`);
    assert.deepEqual(got, {
      status: 0,
      stdout: `${compare()}host [unikernel: :far]: success: created unikernel\n`,
      stderr: "",
    });
    assert.equal(await digestOf("far"), sha256(kernels["ticker"]));
    const shown = await afar("revisions", "far");
    assert.equal(shown.status, 0, shown.stdout);
    assert.match(shown.stdout, /\n2 .* force-create .*\n1 .* create /);
    assert.equal((await afar("rollback", "far")).stdout, "host [unikernel: :far]: success: created unikernel\n");
    assert.equal(await digestOf("far"), sha256(kernels["exit-code"]));
    await machine.expect("far", destroy, "destroyed unikernel");
  });
});
