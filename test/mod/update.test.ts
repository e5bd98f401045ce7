/** Updates from a server of builds by the scripting interface. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import type { ServerResponse } from "node:http";
import process from "node:process";
import { after, before, beforeEach, describe, it } from "node:test";
import { type Albatross, connect, HttpError, InputError } from "../../mod.ts";
import { images, Machine } from "../end-to-end/harness.ts";
import { type HttpServer, serveHttp } from "../support/http-server.ts";
import { rejection } from "./rejection.ts";

const machine = new Machine();
const ticking = { memoryMb: 18, arguments: ["interval=20"], addName: false, restartOnFail: true } as const;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
let kernels: Awaited<ReturnType<typeof images>>;
let server: HttpServer;
let albatross: Albatross;
let image: Uint8Array;
let known: ReadonlyMap<string, string>;

function answer(path: string, response: ServerResponse): void {
  const redirect = (location: string) => void response.writeHead(302, { location }).end();
  const build = known.get(/sha256=(\w+)$/.exec(path)?.[1] ?? "");
  if (build !== undefined) redirect(`/job/ticker/build/${build}`);
  else if (path === "/job/ticker/build/latest") redirect("/job/ticker/build/new");
  else if (path === "/job/ticker/build/new/main-binary") response.writeHead(200).end(image);
  else response.writeHead(404).end();
}

before(async () => {
  kernels = await images();
  await machine.start();
  albatross = await connect({ tmpdir: machine.tmpdir });
  server = await serveHttp((request, response) => answer(request.url ?? "", response));
});
after(async () => {
  await server.close();
  await machine.close();
});
beforeEach(async () => {
  image = kernels.spin;
  known = new Map([
    [sha256(kernels.ticker), "old"],
    [sha256(kernels.spin), "new"],
  ]);
  await albatross.create("hello", { ...ticking, image: kernels.ticker, force: true });
});

describe("update", () => {
  it("replaces a unikernel by its latest build, with all that it had, and does nothing then", async () => {
    const [before] = await albatross.info("hello");
    const look = await albatross.update("hello", { httpHost: server.url, dryRun: true });
    const compare = `${server.url}/compare/old/new`;
    assert.deepEqual(look, { upToDate: false, compare, doubt: undefined, started: undefined });
    assert.deepEqual((await albatross.info("hello"))[0], before);
    const done = await albatross.update("hello", { httpHost: `${server.url}/`, watch: true });
    assert.equal(done.compare, compare);
    assert.equal(done.started?.early?.state, "running");
    const [after] = await albatross.info("hello");
    assert.equal(after?.digest, sha256(kernels.spin));
    const { started: _1, digest: _2, status: _3, ...kept } = after ?? assert.fail();
    const { started: _4, digest: _5, status: _6, ...had } = before ?? assert.fail();
    assert.deepEqual(kept, had);
    assert.equal((await albatross.update("hello", { httpHost: server.url })).upToDate, true);
  });

  it("asks for no image that it cannot write anywhere", async () => {
    const usual = process.env["TMPDIR"];
    const before = server.asked.length;
    process.env["TMPDIR"] = "/nonexistent";
    try {
      await rejection(albatross.update("hello", { httpHost: server.url }), InputError);
    } finally {
      if (usual === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = usual;
    }
    const asked = server.asked.slice(before);
    assert.ok(!asked.some((path) => path.endsWith("main-binary")), asked.join());
  });

  it("tells of an image that the server does not know", async () => {
    known = new Map([[sha256(kernels.ticker), "old"]]);
    const { doubt, started } = await albatross.update("hello", { httpHost: server.url });
    assert.match(doubt ?? "", /does not know the digest/);
    assert.equal(started?.present, false);
  });

  it("changes nothing when anything is wrong", async () => {
    const [before] = await albatross.info("hello");
    const update = (name: string, changes = {}) => albatross.update(name, { httpHost: server.url, ...changes });
    assert.equal((await rejection(update("nobody"), InputError)).code, "argument");
    assert.equal((await rejection(update("hello", { httpHost: "ftp://host" }), InputError)).code, "argument");
    image = kernels.net2;
    assert.equal((await rejection(update("hello"), InputError)).code, "image");
    known = new Map();
    const unknown = await rejection(update("hello"), HttpError);
    assert.deepEqual([unknown.code, unknown.exitStatus], ["http", 118]);
    assert.deepEqual((await albatross.info("hello"))[0], before);
  });
});
