import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:tls";
import { SENT_CERTIFICATES_MAX } from "../../../plugins/tls/certificate-gate.ts";
import { RevocationList } from "../../../plugins/tls/revocation-list.ts";
import { ALBATROSS_ID, type KeyType, TestCertificate, usual } from "../../support/certificates.ts";
import { TlsServer } from "./tls-server.ts";

const keyTypes: readonly KeyType[] = ["ed25519", "p256", "p384", "p521", "rsa2048", "rsa4096"];
const command = new Uint8Array(40);

/** What a client of `node:tls` sees: the greeting, or the code of the error. */
function greet(server: TlsServer, leaf: TestCertificate | undefined, chain = leaf?.chainPem): Promise<string> {
  return new Promise((resolve) => {
    let outcome = "closed";
    const socket = connect({
      host: "127.0.0.1",
      port: server.port,
      ca: server.root.pem,
      checkServerIdentity: () => undefined,
      ALPNProtocols: ["http/1.1", "albatross-ts/1"],
      ...(leaf === undefined ? {} : { cert: chain, key: leaf.keyPem }),
    });
    socket.on("data", (data) => {
      outcome = String(data);
      socket.end();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      outcome = error.code ?? error.message;
    });
    socket.on("close", () => resolve(outcome));
  });
}

describe("a TLS server", () => {
  let server: TlsServer;
  let tenant: TestCertificate;
  const folder = mkdtempSync(join(tmpdir(), "albatross-tls-"));

  before(() => {
    server = new TlsServer();
    tenant = server.root.delegate("tenant");
  });
  after(() => {
    server.close();
    rmSync(folder, { recursive: true });
  });

  /** What `openssl s_client` says. */
  async function sClient(leaf: TestCertificate | undefined, words: readonly string[] = []): Promise<string> {
    const files: string[] = ["-CAfile", join(folder, "ca.pem")];
    writeFileSync(join(folder, "ca.pem"), server.root.pem);
    if (leaf !== undefined) {
      const { chainPem } = leaf;
      writeFileSync(join(folder, "leaf.pem"), leaf.pem);
      writeFileSync(join(folder, "chain.pem"), chainPem);
      writeFileSync(join(folder, "leaf.key"), leaf.keyPem);
      files.push(
        "-cert",
        join(folder, "leaf.pem"),
        "-cert_chain",
        join(folder, "chain.pem"),
        "-key",
        join(folder, "leaf.key"),
      );
    }
    return await new Promise((resolve) => {
      const child = execFile(
        "openssl",
        ["s_client", "-connect", `127.0.0.1:${server.port}`, ...files, ...words],
        { encoding: "utf8" },
        (_error, output, errors) => resolve(output + errors),
      );
      child.stdout?.on("data", (text: string) => {
        if (text.includes("hello")) child.stdin?.end();
      });
    });
  }

  for (const keyType of keyTypes) {
    it(`lets in clients with keys of type ${keyType}, below a CA of that type`, async () => {
      const other = new TlsServer(TestCertificate.root("root", keyType));
      try {
        const leaf = other.root.delegate("tenant", undefined, { keyType }).leaf("leaf", command, { keyType });
        assert.equal(await greet(other, leaf), "hello");
        assert.deepEqual(
          other.chains[0]?.map((certificate) => Buffer.from(certificate)),
          [leaf.der, leaf.issuer?.der],
        );
        assert.deepEqual(other.protocols, ["albatross-ts/1"]);
      } finally {
        other.close();
      }
    });
  }

  it("talks to openssl s_client, in TLS 1.3 only, without tickets", async () => {
    const output = await sClient(tenant.leaf("leaf", command));
    assert.match(output, /Verify return code: 0 \(ok\)/);
    assert.match(output, /TLSv1\.3/);
    assert.doesNotMatch(output, /New Session Ticket/);
    assert.match(await sClient(tenant.leaf("leaf", command), ["-tls1_2"]), /alert protocol version/);
  });

  for (const size of [50_000, 130_000, 12_000_000]) {
    it(`takes a leaf of ${size} bytes`, async () => {
      const leaf = tenant.leaf("leaf", new Uint8Array(size));
      assert.equal(await greet(server, leaf), "hello");
      assert.deepEqual(server.chains.at(-1)?.[0]?.length, leaf.der.length);
    });
  }

  it("takes a chain of exactly the largest size, and refuses one byte more", async () => {
    const narrow = new TlsServer(server.root, { admit: (_length, proceed) => proceed(20_000) });
    try {
      const body = (size: number) => narrow.root.leaf("leaf", new Uint8Array(size));
      // Request context and length of the list: 1 + 3 bytes. Length and extensions of an entry: 3 + 2 bytes. There are
      // two entries, since this client adds the root that it knows.
      const around = body(15_000).der.length - 15_000 + 4 + 5 + 5 + narrow.root.der.length;
      assert.equal(await greet(narrow, body(20_000 - around)), "hello");
      const beyond = await greet(narrow, body(20_001 - around));
      assert.match(beyond, /ILLEGAL_PARAMETER|ECONNRESET/);
      while (narrow.ends.length < 2) await sleep(5); // the server notices the end later than the client
      assert.match(narrow.ends.at(-1) ?? "", /excessive message size/);
    } finally {
      narrow.close();
    }
  });

  describe("refuses, with an alert that says why,", () => {
    const day = 86_400_000;
    const cases: readonly (readonly [string, () => TestCertificate | undefined, RegExp, RegExp])[] = [
      ["no certificate", () => undefined, /CERTIFICATE_REQUIRED/, /certificate required/],
      ["another CA", () => TestCertificate.root("other").leaf("x", command), /UNKNOWN_CA/, /unknown ca/],
      [
        "another CA of the same name",
        () => TestCertificate.root("root").leaf("x", command),
        /DECRYPT_ERROR|UNKNOWN_CA|BAD_CERTIFICATE/,
        /decrypt error|unknown ca|bad certificate/,
      ],
      [
        "an expired leaf",
        () => tenant.leaf("x", command, { until: -1000 }),
        /CERTIFICATE_EXPIRED/,
        /certificate expired/,
      ],
      [
        "a leaf that is not valid yet",
        () => tenant.leaf("x", command, { from: day, until: 2 * day }),
        /BAD_CERTIFICATE/,
        /bad certificate/,
      ],
      [
        "an expired intermediate",
        () => server.root.delegate("old", undefined, { until: -1000 }).leaf("x", command),
        /CERTIFICATE_EXPIRED/,
        /certificate expired/,
      ],
      [
        "a leaf beyond the path length",
        () =>
          server.root
            .delegate("narrow", undefined, { extensions: [usual.authorityOf(0), usual.authorityUsage] })
            .delegate("below")
            .leaf("x", command),
        /UNKNOWN_CA/,
        /unknown ca/,
      ],
      [
        "an intermediate without key usage",
        () => server.root.delegate("bare", undefined, { extensions: [usual.authority] }).leaf("x", command),
        /BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED|INTERNAL/,
        /alert/,
      ],
      [
        "an intermediate that is no CA",
        () => server.root.leaf("user", command).leaf("x", command),
        /UNKNOWN_CA/,
        /unknown ca/,
      ],
      [
        "a leaf that may not sign",
        () =>
          tenant.leaf("x", command, {
            extensions: [usual.end, { ...usual.endUsage, value: Buffer.from("03020520", "hex") }, usual.client],
          }),
        /UNSUPPORTED_CERTIFICATE|ILLEGAL|BAD/,
        /unsupported certificate/,
      ],
      [
        "a certificate of a server",
        () => tenant.leaf("x", command, { extensions: [usual.end, usual.endUsage, usual.server] }),
        /UNSUPPORTED_CERTIFICATE/,
        /unsupported certificate/,
      ],
      [
        "a CA as leaf",
        () =>
          tenant.leaf("x", command, {
            extensions: [{ id: ALBATROSS_ID, value: command }, usual.authority, usual.authorityUsage],
          }),
        /ALERT|UNKNOWN/,
        /alert/,
      ],
      [
        "a critical extension nobody knows",
        () =>
          tenant.leaf("x", command, {
            extensions: [{ id: "2a0304", critical: true, value: command }, usual.end, usual.endUsage, usual.client],
          }),
        /CERTIFICATE_UNKNOWN|UNSUPPORTED|BAD_CERTIFICATE|INTERNAL/,
        /alert/,
      ],
    ];
    for (const [what, make, code, words] of cases) {
      it(what, async () => {
        const leaf = make();
        assert.match(await greet(server, leaf), code);
        assert.match(await sClient(leaf), words);
      });
    }

    it("a chain without its intermediate", async () => {
      const leaf = tenant.leaf("x", command);
      assert.match(await greet(server, leaf, leaf.pem), /UNKNOWN_CA/);
    });
  });

  describe("with revocation lists", () => {
    it("refuses a revoked leaf and everything below a revoked intermediate, and nobody else", async () => {
      const fresh = new TlsServer();
      try {
        const [good, bad] = [fresh.root.delegate("good"), fresh.root.delegate("bad")];
        const [kept, lost] = [good.leaf("kept", command), good.leaf("lost", command)];
        assert.equal(await greet(fresh, lost), "hello");
        fresh.index.add(new RevocationList(good.revoke([lost.serial])));
        assert.match(await greet(fresh, lost), /CERTIFICATE_REVOKED/);
        assert.equal(await greet(fresh, kept), "hello");
        fresh.index.add(new RevocationList(fresh.root.revoke([bad.serial])));
        assert.match(await greet(fresh, bad.leaf("x", command)), /CERTIFICATE_REVOKED/);
        assert.match(await greet(fresh, bad.delegate("below").leaf("x", command)), /CERTIFICATE_REVOKED/);
        assert.equal(await greet(fresh, good.delegate("below").leaf("x", command)), "hello");
      } finally {
        fresh.close();
      }
    });

    it("goes by the newest list of an issuer, even if it has expired", async () => {
      const fresh = new TlsServer();
      try {
        const leaf = fresh.root.leaf("x", command);
        fresh.index.add(new RevocationList(fresh.root.revoke([leaf.serial], 3, -1000)));
        fresh.index.add(new RevocationList(fresh.root.revoke([], 2)));
        assert.match(await greet(fresh, leaf), /CERTIFICATE_REVOKED/);
        const lifted = new RevocationList(fresh.root.revoke([], 4));
        fresh.index.add(lifted);
        assert.equal(await greet(fresh, leaf), "hello");
        fresh.index.remove(lifted);
        assert.match(await greet(fresh, leaf), /CERTIFICATE_REVOKED/);
      } finally {
        fresh.close();
      }
    });

    it("takes no notice of a list that a namesake of the issuer has made", async () => {
      const fresh = new TlsServer();
      try {
        const shop = fresh.root.delegate("alice").delegate("shop");
        const namesake = fresh.root.delegate("bob").delegate("shop");
        const leaf = shop.leaf("x", command);
        fresh.index.add(new RevocationList(namesake.revoke([leaf.serial], 9)));
        assert.equal(await greet(fresh, leaf), "hello");
        fresh.index.add(new RevocationList(shop.revoke([leaf.serial], 1)));
        assert.match(await greet(fresh, leaf), /CERTIFICATE_REVOKED/);
      } finally {
        fresh.close();
      }
    });

    it("goes by a list also after somebody has shown its issuer's key in a certificate that may sign none", async () => {
      const fresh = new TlsServer();
      try {
        const [alice, mallory] = [fresh.root.delegate("alice"), fresh.root.delegate("mallory")];
        const bob = alice.delegate("bob");
        fresh.index.add(new RevocationList(alice.revoke([bob.serial])));
        const noLists = { id: usual.authorityUsage.id, critical: true, value: Uint8Array.of(3, 2, 2, 4) };
        const again = mallory.delegate("alice", undefined, {
          keys: alice.keys,
          extensions: [usual.authority, noLists],
        });
        const leaf = bob.leaf("x", command);
        await greet(fresh, leaf, leaf.pem + bob.pem + again.pem + mallory.pem);
        assert.match(await greet(fresh, leaf), /CERTIFICATE_REVOKED/);
      } finally {
        fresh.close();
      }
    });

    it("notices that a connected client was revoked", async () => {
      const fresh = new TlsServer();
      const leaf = fresh.root.leaf("x", command);
      const socket = connect({
        host: "::1",
        port: fresh.port,
        ca: fresh.root.pem,
        cert: leaf.pem,
        key: leaf.keyPem,
        checkServerIdentity: () => undefined,
      });
      try {
        await new Promise((resolve) => socket.once("data", resolve));
        const [session] = fresh.sessions;
        assert.equal(session?.isRevoked, false);
        fresh.index.add(new RevocationList(fresh.root.revoke([leaf.serial])));
        assert.equal(session?.isRevoked, true);
      } finally {
        socket.destroy();
        fresh.close();
      }
    });
  });

  describe("does not let OpenSSL look at", () => {
    const refused = async (leaf: TestCertificate, chain: string, reason: string) => {
      assert.match(await greet(server, leaf, chain), /DECODE_ERROR/);
      while (!server.ends.includes(reason)) await sleep(5);
    };

    it("more certificates than could be of use, which would keep everybody waiting", async () => {
      const leaf = tenant.leaf("x", command);
      const chain = (count: number) => leaf.chainPem + server.root.pem.repeat(count - 2);
      assert.equal(await greet(server, leaf, chain(SENT_CERTIFICATES_MAX)), "hello");
      await refused(leaf, chain(SENT_CERTIFICATES_MAX + 1), "more than 64 certificates");
    });

    it("certificates of more parts than could be of use", async () => {
      const extensions = (count: number) =>
        Array.from({ length: count }, (_, at) => ({
          id: `2a03${(at + 1).toString(16).padStart(2, "0")}`,
          value: command,
        }));
      const leaf = tenant.leaf("x", command);
      const other = (count: number) => new TestCertificate("other", tenant, { extensions: extensions(count) }).pem;
      assert.equal(await greet(server, leaf, leaf.chainPem + other(64)), "hello");
      await refused(leaf, leaf.chainPem + other(65), "Cannot read the certificate: More than 64 extensions");
    });
  });

  it("trusts several CAs at a time", async () => {
    const next = TestCertificate.root("next");
    const both = new TlsServer(server.root, { trusted: [server.root, next] });
    try {
      assert.equal(await greet(both, server.root.leaf("x", command)), "hello");
      assert.equal(await greet(both, next.leaf("x", command)), "hello");
    } finally {
      both.close();
    }
  });

  it("passes large amounts both ways, byte for byte", async () => {
    const leaf = tenant.leaf("x", command);
    const sent = Buffer.alloc(8_000_000, "abcdefghijk");
    const socket = connect({
      host: "127.0.0.1",
      port: server.port,
      ca: server.root.pem,
      cert: leaf.chainPem,
      key: leaf.keyPem,
      checkServerIdentity: () => undefined,
    });
    const received: Buffer[] = [];
    let size = 0;
    await new Promise<void>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("secureConnect", () => void socket.write(sent));
      socket.on("data", (data) => {
        received.push(Buffer.from(data));
        size += data.length;
        if (size === sent.length + 5) socket.end();
      });
      socket.on("close", () => resolve());
    });
    assert.ok(Buffer.concat(received).equals(Buffer.concat([Buffer.from("hello"), sent])));
  });
});
