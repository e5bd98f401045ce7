/** A remote host by the scripting interface, with authorities that it has made itself. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { storedCredentials } from "../../client/leaf.ts";
import { requestRemote } from "../../client/remote-request.ts";
import {
  type Albatross,
  type Authority,
  CertificateRefusedError,
  ChainError,
  ConnectError,
  connect,
  generateAuthority,
  generateServer,
  InputError,
  LeafError,
  makeLeaf,
  makeRequest,
  publishRevocations,
  RefusedError,
  type RemoteOptions,
  revoke,
  ServerNotAuthenticatedError,
  type Signed,
  signRequest,
} from "../../mod.ts";
import { freePort } from "../client/tls-peer.ts";
import { images, Machine, until } from "../end-to-end/harness.ts";
import { rejection } from "./rejection.ts";

const machine = new Machine();
const directory = mkdtempSync(join(tmpdir(), "albatross-mod-"));
const ticking = { memoryMb: 16, arguments: ["interval=20"], addName: false } as const;
let kernels: Awaited<ReturnType<typeof images>>;
let root: Authority;
let tenant: Authority & Pick<Signed, "serial">;
let remote: (authority: Authority) => RemoteOptions;
let albatross: Albatross;

before(async () => {
  kernels = await images();
  await machine.start();
  const made = await generateAuthority({ name: "ca" });
  root = { ca: made.certificate, caKey: made.key };
  const server = await generateServer(root, { name: "127.0.0.1" });
  for (const [file, text] of [
    ["cacert.pem", root.ca],
    ["ca.key", root.caKey],
    ["server.pem", server.certificate],
    ["server.key", server.key],
  ] as const) {
    writeFileSync(join(directory, file), text);
  }
  mkdirSync(join(directory, "crls"));
  const port = await freePort();
  const files = ["cacert.pem", "server.pem", "server.key"].map((file) => join(directory, file));
  const words = [
    `--tmpdir=${machine.tmpdir}`,
    "--ip=127.0.0.1",
    `--port=${port}`,
    `--crl-directory=${join(directory, "crls")}`,
  ];
  const endpoint = machine.launch("albatross-tls-endpoint", [...words, ...files]);
  remote = (authority) => ({ host: "127.0.0.1", port, ...authority, serverCa: root.ca, serverName: "127.0.0.1" });
  const administrator = await connect({ remote: remote(root) });
  await until(
    () => `the endpoint serves: ${endpoint.log}`,
    async () => {
      try {
        return (await administrator.info()) !== undefined;
      } catch (error) {
        assert.ok(error instanceof ConnectError, String(error));
        return false;
      }
    },
  );
  const { request, key, commonName } = await makeRequest((host) =>
    host.policies.add("tenant", { unikernels: 3, memoryMb: 96, cpuIds: [0], blockMb: 4 }),
  );
  assert.equal(commonName, "tenant");
  const { certificate, serial, command } = await signRequest(root, request, { allow: ["add-policy"] });
  assert.equal(command, "add-policy");
  tenant = { ca: certificate, caKey: key, serial };
  albatross = await connect({ remote: remote(tenant) });
});
after(async () => {
  await machine.close();
  rmSync(directory, { recursive: true });
});

describe("a remote host", () => {
  it("is commanded as a local one, by names within the delegation", async () => {
    const first = await albatross.create("one", { ...ticking, image: kernels.ticker });
    assert.equal(first.present, false);
    const again = await albatross.create("two", { ...ticking, image: new Blob([kernels.ticker.slice()]).stream() });
    assert.equal(again.present, true);
    assert.deepEqual(
      (await albatross.info()).map(({ name }) => name.text),
      [":one", ":two"],
    );
    assert.deepEqual(
      (await albatross.info("one")).map(({ name, memoryMb }) => [name.text, memoryMb]),
      [[":one", 16]],
    );
    assert.deepEqual((await machine.info()).map(({ name }) => name).sort(), ["tenant:one", "tenant:two"]);
    assert.deepEqual(await albatross.get("one"), kernels.ticker);
    for await (const { text } of albatross.console("one")) {
      assert.match(text, /tick/);
      break;
    }
    await albatross.restart("one", { replace: { ...ticking, memoryMb: 18 } });
    await albatross.rollback("one");
    assert.equal((await albatross.revisions("one"))[0]?.command, "rollback");
    for (const name of ["one", "two"]) await albatross.destroy(name);
    assert.deepEqual(
      (await albatross.inactiveConsoles()).map(({ text }) => text),
      [":one", ":two"],
    );
  });

  it("has block devices", async () => {
    const data = Uint8Array.from({ length: 300_000 }, (_, at) => at % 251);
    await albatross.blocks.create("data", 1, { data: [data] });
    assert.deepEqual(
      (await albatross.blocks.list()).map(({ name, sizeMb }) => [name.text, sizeMb]),
      [[":data", 1]],
    );
    const pieces: Uint8Array[] = [];
    for await (const piece of albatross.blocks.dump("data")) pieces.push(piece);
    assert.ok(Buffer.concat(pieces).subarray(0, data.length).equals(data));
    await albatross.blocks.destroy("data");
  });

  it("is refused what the delegation does not allow, here and there", async () => {
    const here = await rejection(
      albatross.create("big", { ...ticking, memoryMb: 100, image: kernels.ticker }),
      LeafError,
    );
    assert.match(here.message, /100 MB memory assigned to unikernel exceeds policy/);
    assert.equal(here.exitStatus, 124);
    await albatross.create("one", { ...ticking, image: kernels.ticker });
    const there = await rejection(
      albatross.create("two", { ...ticking, memoryMb: 90, image: kernels.ticker }),
      RefusedError,
    );
    assert.equal(there.exitStatus, 117);
    await rejection(albatross.destroy("a:b"), LeafError);
    await rejection(albatross.policies.remove("tenant"), RefusedError);
    await albatross.destroy("one");
  });

  it("must be the one it should be, and we must be known to it", async () => {
    const strange = await generateAuthority({ name: "strange" });
    const stranger = { ca: strange.certificate, caKey: strange.key };
    const info = async (options: RemoteOptions) => await (await connect({ remote: options })).info();
    const chain = await rejection(info({ ...remote(stranger), serverCa: root.ca }), ChainError);
    assert.equal(chain.exitStatus, 116);
    const server = await rejection(
      info({ ...remote(stranger), serverCa: strange.certificate }),
      ServerNotAuthenticatedError,
    );
    assert.equal(server.exitStatus, 120);
    await rejection(info({ ...remote(root), serverName: "another" }), ServerNotAuthenticatedError);
    await rejection(info({ ...remote(root), serverKey: "00".repeat(32) }), ServerNotAuthenticatedError);
    await rejection(info({ ...remote(root), port: await freePort() }), ConnectError);
    await rejection(connect({ remote: { ...remote(root), serverKey: "x" } }), InputError);
    await rejection(connect({ remote: { ...remote(root), keyType: "dsa" as never } }), InputError);
    const file = await rejection(connect({ remote: { ...remote(root), ca: join(directory, "missing") } }), InputError);
    assert.equal(file.code, "file");
  });

  it("is found under the name that the client has recorded", async () => {
    const home = join(directory, "config");
    mkdirSync(join(home, "albatross"), { recursive: true });
    const { port } = remote(root);
    const files = { ca: "../../cacert.pem", caKey: "../../ca.key", serverCa: "../../cacert.pem" };
    const write = (text: string) => writeFileSync(join(home, "albatross/config.json"), text);
    const before = process.env["XDG_CONFIG_HOME"];
    process.env["XDG_CONFIG_HOME"] = home;
    try {
      write(JSON.stringify({ remotes: { prod: { host: "127.0.0.1", port, ...files } } }));
      const prod = await connect({ remoteName: "prod" });
      assert.ok(Array.isArray(await prod.info()));
      const unknown = await rejection(connect({ remoteName: "test" }), InputError);
      assert.match(unknown.message, /Recorded are prod/);
      assert.equal(unknown.code, "configuration");
      write("{");
      await rejection(connect({ remoteName: "prod" }), InputError);
    } finally {
      if (before === undefined) delete process.env["XDG_CONFIG_HOME"];
      else process.env["XDG_CONFIG_HOME"] = before;
    }
  });

  it("carries out a certificate for one command", async () => {
    const leaf = await makeLeaf(tenant, (host) => host.create("signed", { ...ticking, image: kernels.ticker }));
    const credentials = await storedCredentials(leaf.certificate, leaf.key);
    const { host, port = 0 } = remote(root);
    const { reply } = await requestRemote({ host, port, trustAnchors: root.ca }, credentials);
    assert.equal(reply.payload.kind, "success");
    assert.deepEqual(
      (await albatross.info()).map(({ name }) => name.text),
      [":signed"],
    );
  });

  it("signs only what is asked for and allowed", async () => {
    await rejection(
      makeRequest(async () => undefined),
      InputError,
    );
    await rejection(
      makeRequest((host) => host.destroy("a:b")),
      InputError,
    );
    const { request } = await makeRequest((host) => host.console("one"));
    const refused = await rejection(signRequest(root, request, { allow: ["info"] }), InputError);
    assert.match(refused.message, /the request is for console, but only info may be signed/);
    assert.equal(refused.code, "certificate");
    const large = await makeRequest((host) => host.policies.add("sub", { unikernels: 4, memoryMb: 96, cpuIds: [0] }));
    const exceeding = await rejection(signRequest(tenant, large.request), InputError);
    assert.match(exceeding.message, /policy above allows 3 unikernels/);
    await rejection(signRequest({ ...root, caKey: tenant.caKey }, request), InputError);
    await rejection(signRequest(root, "-----BEGIN nonsense"), InputError);
  });

  it("knows revoked delegations no more, nor what ran there", async () => {
    const { list, number, serials } = await revoke(root, { serials: [tenant.serial] });
    assert.equal(number, 0n);
    assert.deepEqual(serials, [tenant.serial]);
    assert.match(await publishRevocations(remote(root), list, { destroy: true }), /\w/);
    const error = await rejection(albatross.info(), CertificateRefusedError);
    assert.equal(error.alert, "certificate revoked");
    assert.equal(error.exitStatus, 119);
    await until("what ran there is destroyed", async () => (await machine.info()).length === 0);
    const next = await revoke(root, { list, certificates: [tenant.ca], serials: ["00ff"] });
    assert.equal(next.number, 1n);
    assert.deepEqual(next.serials, [tenant.serial, "00ff"]);
    const stranger = await generateAuthority({ name: "stranger" });
    const theirs = { ca: stranger.certificate, caKey: stranger.key };
    await rejection(revoke(theirs, { list, serials: ["00ff"] }), InputError);
    await rejection(revoke(theirs, { certificates: [tenant.ca] }), InputError);
  });
});
