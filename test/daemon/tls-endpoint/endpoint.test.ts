import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { deflateSync } from "node:zlib";
import { encodeExtension } from "../../../core/wire/extension.ts";
import type { Message } from "../../../core/wire/message.ts";
import { encodeRevocation } from "../../../pki/revocation-extension.ts";
import { contentOf, MIB, noise, same } from "../../end-to-end/block-rig.ts";
import { create, images, say, until } from "../../end-to-end/harness.ts";
import { REVOCATION_ID, TestCertificate, usual } from "../../support/certificates.ts";
import { dial, EndpointRig, leafFor, policyExtension, talkTo } from "./endpoint-rig.ts";

const empty = new Uint8Array(0);
const info = { kind: "unikernel-info" } as const;

function* pieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** A leaf that carries a revocation list. */
function revocationLeaf(issuer: TestCertificate, crl: Uint8Array, destroy = false): TestCertificate {
  const extensions = [
    { id: REVOCATION_ID, value: encodeRevocation({ crl, destroy }) },
    usual.end,
    usual.endUsage,
    usual.client,
  ];
  return issuer.leaf("revoke", undefined, { extensions });
}

function texts(messages: readonly Message[]): readonly string[] {
  return messages.map(({ payload }) => say(payload));
}

describe("the TLS endpoint", () => {
  const rig = new EndpointRig();
  const { machine, root } = rig;
  const user = root.delegate("user", policyExtension());
  let ticker: Uint8Array;

  before(async () => {
    ({ ticker } = await images());
    await machine.start();
    await rig.start(["--max-stream-size=32"]);
  });
  after(async () => await rig.close());

  describe("carries out a command", () => {
    it("of the root, and answers with sequence number 0 and the full name", async () => {
      const { messages, error } = await rig.talk(leafFor(root, ".", info));
      assert.equal(error, undefined);
      assert.equal(messages.length, 1);
      assert.deepEqual([messages[0]?.header.sequence, messages[0]?.header.name.text], [0n, ":"]);
      assert.equal(say(messages[0]?.payload), "unikernels");
    });

    it("after the policies of the chain, of every level", async () => {
      const inner = user.delegate("Inner", policyExtension({ unikernels: 2 }));
      const { messages } = await rig.talk(leafFor(inner, ".", { kind: "policy-info" }));
      const [payload] = messages.map((message) => message.payload);
      assert.ok(payload?.kind === "success" && payload.success.kind === "policies");
      assert.deepEqual(
        payload.success.policies.map(({ policy }) => policy.unikernels),
        [2],
      );
      assert.equal(messages[0]?.header.name.text, "user:inner:");
    });

    it("also after both levels of a delegation have grown, or shrunk", async () => {
      for (const memory of [300, 400, 350]) {
        const outer = root.delegate("levels", policyExtension({ memory: memory + 50 }), { from: -10_000 + memory });
        const inner = outer.delegate("inner", policyExtension({ memory }), { from: -10_000 + memory });
        const { messages } = await rig.talk(leafFor(inner, ".", { kind: "policy-info" }));
        const [payload] = messages.map((message) => message.payload);
        assert.ok(payload?.kind === "success" && payload.success.kind === "policies");
        assert.deepEqual(
          payload.success.policies.map(({ policy }) => policy.memory),
          [memory],
        );
        await sleep(1_100); // certificates are ordered by the second in which they begin
      }
    });

    it("and puts nothing in force of a chain whose policies do not fit into each other", async () => {
      const outer = root.delegate("fitting", policyExtension({ memory: 100 }));
      const greedy = outer.delegate("greedy", policyExtension({ memory: 200 }));
      assert.match(
        await rig.ask(leafFor(greedy, "x", info)),
        /policy above allows 100 MB memory, which is fewer than 200 MB/,
      );
      assert.equal(await rig.ask(leafFor(outer, ".", info)), "unikernels");
    });

    it("with the image in the certificate", async () => {
      assert.equal(await rig.ask(leafFor(user, "inline", create(ticker))), "created unikernel");
    });

    it("with an image that is streamed, in chunks of any size", async () => {
      for (const size of [1000, 65_536, ticker.length]) {
        const leaf = leafFor(user, `streamed-${size}`, create(empty));
        assert.equal(await rig.ask(leaf, { stream: pieces(ticker, size) }), "created unikernel");
      }
      const { messages } = await rig.talk(leafFor(user, `streamed-1000`, { kind: "unikernel-get", level: 0 }));
      const [payload] = messages.map((message) => message.payload);
      assert.ok(payload?.kind === "success" && payload.success.kind === "unikernel-image");
      assert.ok(Buffer.from(payload.success.image).equals(Buffer.from(ticker)));
    });

    it("with an image that albatrossd has, by its digest", async () => {
      const protocols = ["albatross-ts/1"];
      const offer = (image: Uint8Array) =>
        Buffer.concat([Buffer.from("ALBADIGE"), createHash("sha256").update(image).digest()]);
      const known = await rig.talk(leafFor(user, "known", create(empty)), { protocols, stream: [offer(ticker)] });
      assert.deepEqual(texts(known.messages), ["created unikernel"]);
      const other = Buffer.concat([ticker, Buffer.from("a few bytes more")]);
      const wanted = await rig.talk(leafFor(user, "wanted", create(empty)), {
        protocols,
        stream: [offer(other)],
        open: true,
        answer: (_message, count) => (count === 1 ? pieces(other, 10_000) : undefined),
      });
      assert.deepEqual(texts(wanted.messages), ["image wanted", "created unikernel"]);
    });

    it("with an image of a client that speaks our protocol and offers no digest", async () => {
      const leaf = leafFor(user, "no-offer", create(empty));
      const options = { protocols: ["albatross-ts/1"], stream: pieces(ticker, 40) };
      assert.equal(await rig.ask(leaf, options), "created unikernel");
    });

    it("of before 2.5 that adds a block device whose content follows, as a whole or not at all", async () => {
      const add = leafFor(user, "disk", { kind: "block-add-old", size: 1, compressed: false, data: empty });
      const remove = async () => say((await machine.converse("user:disk", { kind: "block-remove" }))[0]);
      const content = noise(MIB);
      const tooLong = pieces(noise(MIB + 1), 65_536);
      assert.equal(await rig.ask(add, { stream: tooLong }), "refused: stream exceeds size");
      assert.equal(await remove(), "refused: remove block: not found");
      assert.equal(await rig.ask(add, { stream: pieces(content, 40_000), cut: true }), "refused: reading tls chunk");
      assert.equal(await remove(), "refused: remove block: not found");
      assert.equal(await rig.ask(add, { stream: pieces(content, 65_536) }), "added block device");
      const again = await rig.ask(add, { stream: pieces(noise(MIB, 2), 65_536) });
      assert.equal(again, "refused: block device with same name already exists");
      same(contentOf(machine, "user:disk"), content);
      assert.equal(await remove(), "removed block");
    });

    it("of before 2.5 whose compressed content breaks off: albatrossd needs a moment before nothing is left", async () => {
      const data = { size: 64, compressed: true, data: empty };
      const content = deflateSync(noise(16 * MIB), { level: 1 });
      for (const disk of ["torn", "torn-again"]) {
        const add = leafFor(user, disk, { kind: "block-add-old", ...data });
        assert.equal(await rig.ask(add, { stream: pieces(content, 65_536), cut: true }), "refused: reading tls chunk");
        const [left] = await machine.converse(`user:${disk}`, { kind: "block-remove" });
        assert.equal(say(left), "refused: remove block: not found");
      }
    });

    it("and passes a console on until the client leaves", async () => {
      const leaf = leafFor(user, "inline", { kind: "console-subscribe", from: { count: 2 } });
      const { messages } = await rig.talk(leaf, { enough: 3 });
      assert.deepEqual(
        messages.slice(0, 3).map(({ payload }) => payload.kind),
        ["success", "data", "data"],
      );
    });
  });

  describe("answers with the reason", () => {
    const refusals: readonly (readonly [string, () => TestCertificate, string])[] = [
      [
        "a leaf without a command",
        () => user.leaf("x", undefined),
        "leaf certificate does not contain an albatross extension",
      ],
      [
        "a command that no certificate may carry",
        () => leafFor(user, "x", { kind: "policy-remove" }),
        "unexpected command",
      ],
      ["a command for daemons", () => leafFor(user, "x", { kind: "statistics-initial" }), "unexpected command"],
      [
        "a chain of ten",
        () => {
          let issuer = root;
          for (let depth = 0; depth < 9; depth++) issuer = issuer.delegate(`d${depth}`, policyExtension());
          return leafFor(issuer, ".", info);
        },
        "certificate chain too long",
      ],
      [
        "a name that is none",
        () => leafFor(user, "no name", info),
        "invalid label (only [a-zA-Z0-9-.] allowed, 1 to 63 chars)",
      ],
      [
        "a policy that albatrossd refuses",
        () => leafFor(user.delegate("greedy", policyExtension({ memory: 1_000_000 })), ".", info),
        "expected success when adding policy, got: host [unikernel: user:greedy:]: command failed",
      ],
      ["a command that albatrossd refuses", () => leafFor(user, "absent", { kind: "unikernel-destroy" }), ""],
      [
        "a daemon that is not there",
        () => leafFor(user, "x", { kind: "statistics-subscribe" }),
        "couldn't reach service",
      ],
    ];
    for (const [what, make, text] of refusals) {
      it(`to ${what}`, async () => {
        const { messages, error } = await rig.talk(make());
        assert.equal(error, undefined);
        assert.equal(messages.length, 1);
        assert.ok(say(messages[0]?.payload).startsWith(`refused: ${text}`), say(messages[0]?.payload));
        assert.equal(messages[0]?.header.sequence, 0n);
      });
    }

    it("to an intermediate that carries another command than a policy", async () => {
      const odd = root.delegate("odd", encodeExtension(info));
      assert.match(await rig.ask(leafFor(odd, ".", info)), /^refused: unexpected wire/);
    });

    it("to an image stream that is cut short", async () => {
      const leaf = leafFor(user, "cut", create(empty));
      for (const cut of [true, "within"] as const) {
        const answer = await rig.ask(leaf, { stream: [ticker.subarray(0, 5000)], cut });
        assert.match(answer, /^refused: error retrieving unikernel image/);
      }
    });

    it("to an image stream beyond the limit, not to one at it", async () => {
      const limit = 32 * 1024 * 1024;
      const leaf = (name: string) => leafFor(user, name, create(empty));
      const piece = new Uint8Array(1024 * 1024);
      const exactly = Array.from({ length: 32 }, () => piece);
      assert.match(await rig.ask(leaf("at-limit"), { stream: exactly }), /ELF/);
      const beyond = await rig.ask(leaf("beyond"), { stream: [...exactly, Uint8Array.of(1)] });
      assert.equal(
        beyond,
        `refused: error retrieving unikernel image: it has more than ${limit} bytes, which this endpoint allows`,
      );
    });

    it("to an image that does not fit on the disk", async () => {
      const small = rig.file("small");
      mkdirSync(small);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", small]);
      try {
        const other = machine.launch("albatross-tls-endpoint", [
          ...rig.words.filter((word) => !word.startsWith("--spool")),
          `--spool=${small}`,
          "--port=0",
          "-vv",
        ]);
        const port = await until(
          "it listens",
          () => Number(/port (\d+)/.exec(other.log)?.[1] ?? Number.NaN) || undefined,
        );
        const leaf = leafFor(user, "big", create(empty));
        const { messages } = await talkTo(port, root, leaf, { stream: pieces(new Uint8Array(3_000_000), 65_536) });
        assert.match(
          texts(messages)[0] ?? "",
          /error retrieving unikernel image: Cannot keep the stream.*(ENOSPC|space)/,
        );
        await other.stop();
      } finally {
        execFileSync("umount", [small]);
      }
    });
  });

  it("keeps serving while garbage comes in", async () => {
    await Promise.all(
      Array.from({ length: 50 }, async (_, index) => {
        const socket = connect(rig.port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.resume();
        socket.write(
          index % 2 === 0 ? Buffer.concat([Buffer.of(100), randomBytes(5000)]) : Buffer.from("GET / HTTP/1.0\r\n\r\n"),
        );
        await new Promise((resolve) => socket.on("close", resolve));
      }),
    );
    assert.equal(await rig.ask(leafFor(root, ".", info)), "unikernels");
  });

  it("reads its files again on SIGHUP, and keeps connections", async () => {
    const watching = dial(rig.port, root, leafFor(user, "inline", { kind: "console-subscribe", from: { count: 0 } }));
    let received = 0;
    watching.on("data", (data: Uint8Array) => {
      received += data.length;
    });
    await until("the console is watched", () => received > 0);
    const next = TestCertificate.root("next");
    const nextServer = next.server();
    rig.write(next, nextServer);
    process.kill(rig.daemon?.pid ?? 0, "SIGHUP");
    await rig.daemon?.logged("read certificates, key and revocation lists again");
    assert.equal(await rig.ask(leafFor(next, ".", info), { root: next }), "unikernels");
    const { error } = await rig.talk(leafFor(root, ".", info), { root: next });
    assert.match(error ?? "", /UNKNOWN_CA/);
    const before = received;
    await until("the console goes on", () => received > before);
    watching.destroy();
    writeFileSync(rig.file("server.key"), "nonsense");
    process.kill(rig.daemon?.pid ?? 0, "SIGHUP");
    await rig.daemon?.logged("still using the old files");
    assert.equal(await rig.ask(leafFor(next, ".", info), { root: next }), "unikernels");
    rig.write();
    process.kill(rig.daemon?.pid ?? 0, "SIGHUP");
    await until("it is as before", async () => (await rig.ask(leafFor(root, ".", info))) === "unikernels");
  });

  it("trusts further CAs", async () => {
    const second = TestCertificate.root("second");
    writeFileSync(rig.file("second.pem"), second.pem);
    const other = machine.launch("albatross-tls-endpoint", [
      ...rig.words,
      `--ca=${rig.file("second.pem")}`,
      "--port=0",
      "-v",
    ]);
    const port = await until("it listens", () => Number(/port (\d+)/.exec(other.log)?.[1] ?? Number.NaN) || undefined);
    for (const authority of [root, second]) {
      const { messages } = await talkTo(port, root, leafFor(authority, ".", info), {});
      assert.deepEqual(texts(messages), ["unikernels"]);
    }
    await other.stop();
  });

  describe("revokes", () => {
    const tenant = root.delegate("tenant", policyExtension());

    it("what a newer list of the issuer says, at once and for good", async () => {
      assert.equal(await rig.ask(leafFor(tenant, "victim", create(ticker))), "created unikernel");
      const watching = dial(
        rig.port,
        root,
        leafFor(tenant, "victim", { kind: "console-subscribe", from: { count: 0 } }),
      );
      watching.on("error", () => undefined);
      const gone = new Promise((resolve) => watching.on("close", resolve));
      await new Promise((resolve) => watching.once("data", resolve));
      const order = revocationLeaf(root, root.revoke([tenant.serial], 5), true);
      assert.equal(await rig.ask(order), "updated revocation list");
      await gone;
      const { error } = await rig.talk(leafFor(tenant, ".", info));
      assert.match(error ?? "", /CERTIFICATE_REVOKED/);
      assert.equal((await machine.info("tenant:")).length, 0);
      assert.ok((await machine.info("user:")).length > 0);
      await rig.daemon?.stop();
      await rig.start(["--max-stream-size=32"]);
      assert.match((await rig.talk(leafFor(tenant, ".", info))).error ?? "", /CERTIFICATE_REVOKED/);
    });

    it("nothing by a list that is not newer, not the issuer's, or none", async () => {
      const files = readdirSync(rig.lists).map((file) => readFileSync(`${rig.lists}/${file}`, "hex"));
      const refused: readonly (readonly [TestCertificate, string])[] = [
        [revocationLeaf(root, root.revoke([], 5)), "CRL number not increased"],
        [revocationLeaf(root, root.revoke([], 4)), "CRL number not increased"],
        [revocationLeaf(root, root.revoke([], null)), "CRL number not present"],
        [revocationLeaf(user, root.revoke([], 6)), "couldn't verify CRL"],
        [revocationLeaf(root, TestCertificate.root("root").revoke([], 6)), "couldn't verify CRL"],
        [revocationLeaf(root, root.revoke([], 6, -1000)), "couldn't verify CRL"],
        [revocationLeaf(root, Buffer.from("nonsense")), "couldn't verify CRL"],
      ];
      for (const [leaf, text] of refused) assert.equal(await rig.ask(leaf), `refused: ${text}`);
      assert.deepEqual(
        readdirSync(rig.lists).map((file) => readFileSync(`${rig.lists}/${file}`, "hex")),
        files,
      );
      assert.equal(await rig.ask(revocationLeaf(root, root.revoke([tenant.serial], 6))), "updated revocation list");
    });

    it("leaves of a delegate by the delegate's own list", async () => {
      const leaf = leafFor(user, ".", info);
      assert.equal(await rig.ask(leaf), "unikernels");
      assert.equal(await rig.ask(revocationLeaf(user, user.revoke([leaf.serial]))), "updated revocation list");
      assert.match((await rig.talk(leaf)).error ?? "", /CERTIFICATE_REVOKED/);
      assert.equal(await rig.ask(leafFor(user, ".", info)), "unikernels");
    });

    it("what a list says that the administrator has put into the directory", async () => {
      const leaf = leafFor(root, ".", info);
      writeFileSync(`${rig.lists}/from-admin.crl`, root.revoke([leaf.serial, tenant.serial], 9));
      process.kill(rig.daemon?.pid ?? 0, "SIGHUP");
      await rig.daemon?.logged("again");
      assert.match((await rig.talk(leaf)).error ?? "", /CERTIFICATE_REVOKED/);
      writeFileSync(`${rig.lists}/broken.crl`, "nonsense");
      process.kill(rig.daemon?.pid ?? 0, "SIGHUP");
      await rig.daemon?.logged("still using the old files");
      assert.match((await rig.talk(leaf)).error ?? "", /CERTIFICATE_REVOKED/);
    });
  });

  it("leaves no stream behind", () => {
    assert.deepEqual(readdirSync(rig.spool), []);
  });
});
