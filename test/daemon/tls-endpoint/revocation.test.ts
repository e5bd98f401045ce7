import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fromText } from "../../../core/byte-string.ts";
import { socketFile } from "../../../core/paths.ts";
import type { Payload } from "../../../core/wire/message.ts";
import { encodeRevocation } from "../../../pki/revocation-extension.ts";
import { create, images, until } from "../../end-to-end/harness.ts";
import { REVOCATION_ID, type TestCertificate, usual } from "../../support/certificates.ts";
import { dial, EndpointRig, leafFor, policyExtension } from "./endpoint-rig.ts";
import { ScriptedDaemon } from "./scripted-daemon.ts";

const info = { kind: "unikernel-info" } as const;
const done = "updated revocation list";
const success = (text: string): Payload => ({ kind: "success", success: { kind: "string", text: fromText(text) } });

/** A leaf that carries a revocation list. */
function revocationLeaf(issuer: TestCertificate, crl: Uint8Array, destroy: boolean): TestCertificate {
  const value = encodeRevocation({ crl, destroy });
  const extensions = [{ id: REVOCATION_ID, value }, usual.end, usual.endUsage, usual.client];
  return issuer.leaf("revoke", undefined, { extensions });
}

describe("a revocation that also destroys", () => {
  const rig = new EndpointRig();
  const { machine, root } = rig;
  let ticker: Uint8Array;

  before(async () => {
    ({ ticker } = await images());
    await machine.start();
    await rig.start();
  });
  after(async () => await rig.close());

  const running = async (path: string) => (await machine.info(path)).length;

  it("leaves alone what runs under a new delegation of a path whose former one was revoked before", async () => {
    const stolen = root.delegate("alice", policyExtension());
    const renewed = root.delegate("alice", policyExtension());
    const other = root.delegate("bob", policyExtension());
    assert.equal(await rig.ask(leafFor(stolen, "x", create(ticker))), "created unikernel");
    assert.equal(await rig.ask(revocationLeaf(root, root.revoke([stolen.serial], 1), false)), done);
    assert.equal(await rig.ask(leafFor(renewed, "y", create(ticker))), "created unikernel");
    assert.equal(await rig.ask(leafFor(other, "x", create(ticker))), "created unikernel");
    assert.equal(await rig.ask(revocationLeaf(root, root.revoke([stolen.serial, other.serial], 2), true)), done);
    assert.equal(await running("bob:"), 0);
    assert.equal(await running("alice:"), 2);
  });

  it("may come after the revocation itself, by a list that revokes nothing else", async () => {
    const late = root.delegate("late", policyExtension());
    assert.equal(await rig.ask(leafFor(late, "x", create(ticker))), "created unikernel");
    assert.equal(await rig.ask(revocationLeaf(root, root.revoke([late.serial], 3), false)), done);
    assert.equal(await running("late:"), 1);
    assert.equal(await rig.ask(revocationLeaf(root, root.revoke([late.serial], 4), true)), done);
    assert.equal(await running("late:"), 0);
  });

  it("finds what was delegated also if somebody has shown the certificate at another place of the tree", async () => {
    const alice = root.delegate("carol", policyExtension());
    const sub = alice.delegate("sub", policyExtension());
    assert.equal(await rig.ask(leafFor(sub, "x", create(ticker))), "created unikernel");
    // An accomplice certifies the issuer's key once more: the same certificate is below him then.
    const accomplice = root.delegate("mallory", policyExtension());
    const again = accomplice.delegate("carol", undefined, { keys: alice.keys });
    const leaf = leafFor(sub, "y", create(ticker));
    const chain = `${leaf.pem}${sub.pem}${again.pem}${accomplice.pem}`;
    const elsewhere = Object.create(leaf, { chainPem: { value: chain } }) as TestCertificate;
    assert.equal(await rig.ask(elsewhere), "created unikernel");
    assert.equal(await running("mallory:"), 1);
    assert.equal(await rig.ask(revocationLeaf(alice, alice.revoke([sub.serial], 1), true)), done);
    assert.equal(await running("carol:"), 0);
  });
});

/** Passes a connection on, but for the last encrypted record of the client, until it is released. */
class Withholder {
  readonly #server: Server;
  readonly #sockets: Socket[] = [];
  #held: Buffer | undefined;
  #upstream: Socket | undefined;
  records = 0;

  constructor(port: number) {
    this.#server = createServer((client) => {
      const upstream = connect(port, "127.0.0.1");
      this.#upstream = upstream;
      for (const socket of [client, upstream]) {
        socket.on("error", () => undefined);
        this.#sockets.push(socket);
      }
      upstream.pipe(client);
      upstream.on("close", () => client.destroy());
      let bytes = Buffer.alloc(0);
      client.on("data", (chunk: Buffer) => {
        bytes = Buffer.concat([bytes, chunk]);
        for (let end = 5 + bytes.readUInt16BE(3); bytes.length >= end; end = 5 + bytes.readUInt16BE(3)) {
          const record = bytes.subarray(0, end);
          bytes = bytes.subarray(end);
          if (record[0] === 23) {
            this.records++;
            this.release();
            this.#held = record;
          } else {
            upstream.write(record);
          }
          if (bytes.length < 5) break;
        }
      });
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as { port: number }).port;
  }

  release(): void {
    if (this.#held !== undefined) this.#upstream?.write(this.#held);
    this.#held = undefined;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

describe("who is revoked", () => {
  const rig = new EndpointRig();
  const { root } = rig;
  const folder = mkdtempSync(join(tmpdir(), "albatross-revoked-"));
  let daemon: ScriptedDaemon;

  before(async () => {
    daemon = new ScriptedDaemon(socketFile(rig.machine.tmpdir, "vmmd"));
    await rig.start();
  });
  after(async () => {
    daemon.close();
    await rig.close();
    rmSync(folder, { recursive: true });
  });

  it("is not let in with a handshake that was begun before", async () => {
    const tenant = root.delegate("slow", policyExtension());
    const leaf = leafFor(tenant, "x", info);
    const files = { cert: leaf.pem, chain: leaf.chainPem, key: leaf.keyPem, ca: root.pem };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
    const proxy = new Withholder(rig.port);
    const port = await proxy.listen();
    const given = ["-cert", "cert", "-cert_chain", "chain", "-key", "key", "-CAfile", "ca", "-quiet"];
    const client = spawn("openssl", ["s_client", "-connect", `127.0.0.1:${port}`, ...given], { cwd: folder });
    const ended = new Promise((resolve) => client.once("exit", resolve));
    try {
      // Certificate, proof of the key; the third one, which ends the handshake, is withheld.
      await until("the client has sent everything", () => proxy.records === 3);
      assert.equal(await rig.ask(revocationLeaf(root, root.revoke([tenant.serial], 1), false)), done);
      proxy.release();
      await ended;
      assert.doesNotMatch(rig.daemon?.log ?? "", /asks for unikernel-info \[unikernel: slow:x\]/);
    } finally {
      client.kill("SIGKILL");
      proxy.close();
    }
  });

  it("has nothing carried out after what was there has been destroyed", async () => {
    const tenant = root.delegate("busy", policyExtension());
    const order: string[] = [];
    const begun = Promise.withResolvers<void>();
    const created = Promise.withResolvers<void>();
    daemon.script = async ({ command, reply }) => {
      for (;;) {
        const message = await command();
        assert.ok(message.payload.kind === "command");
        const { kind } = message.payload.command;
        if (kind === "unikernel-create") {
          begun.resolve();
          await created.promise;
        }
        order.push(kind);
        if (kind === "unikernel-info") {
          await reply(message, { kind: "success", success: { kind: "unikernels", unikernels: [] } });
        } else {
          await reply(message, success("fine"));
        }
        if (kind !== "policy-add") return;
      }
    };
    const socket = dial(rig.port, root, leafFor(tenant, "x", create(Buffer.alloc(1000))));
    socket.on("error", () => undefined);
    const cut = new Promise((resolve) => socket.once("close", resolve));
    await begun.promise;
    const answer = rig.ask(revocationLeaf(root, root.revoke([tenant.serial], 2), true));
    await cut; // the client is gone; its command is not
    setTimeout(() => created.resolve(), 300);
    assert.equal(await answer, done);
    assert.deepEqual(order, ["policy-add", "unikernel-create", "unikernel-info"]);
  });
});
