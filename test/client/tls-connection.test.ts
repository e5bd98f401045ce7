import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectTcp, createServer as createTcpServer } from "node:net";
import { after, afterEach, describe, it } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { TLSSocket } from "node:tls";
import {
  AbortedError,
  CertificateRefusedError,
  ConnectError,
  ProtocolError,
  ServerNotAuthenticatedError,
} from "../../client/errors.ts";
import { requestRemote } from "../../client/remote-request.ts";
import { openTls, type TlsServer } from "../../client/tls-connection.ts";
import { alertOf, translateTlsError } from "../../client/tls-errors.ts";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { IMAGE_WANTED } from "../../core/wire/peer-extensions.ts";
import { decodePem, encodePem } from "../../pki/pem.ts";
import { CLIENT_CHAIN_LIMIT } from "../../runtime/tls-socket.ts";
import { Authority, credentialsOf, type Pair } from "../support/authority.ts";
import { onFrames } from "./scripted-peer.ts";
import { freePort, listenTls, type TlsPeer, withOpenssl } from "./tls-peer.ts";

const authority = new Authority();
const stranger = new Authority("stranger");
const trustAnchors = readFileSync(authority.ca.cert, "utf8");
const serverPair = authority.server();
/** The signature stands at the end. */
function withChangedSignature(pair: Pair): Pair {
  const [der = new Uint8Array(0)] = decodePem(readFileSync(pair.cert, "utf8"), "CERTIFICATE");
  der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
  const cert = `${pair.cert}.changed`;
  writeFileSync(cert, encodePem("CERTIFICATE", der));
  return { ...pair, cert };
}

const client = credentialsOf(authority.client());

let peer: TlsPeer | undefined;

afterEach(async () => {
  await peer?.close();
  peer = undefined;
});

after(() => {
  authority.remove();
  stranger.remove();
});

const name = parseName("hello");

function textFrame(text: string): Uint8Array {
  return encodeFrame({
    header: { sequence: 0n, name },
    payload: { kind: "success", success: { kind: "string", text: fromText(text) } },
  });
}

const done = textFrame("done");
const failure = encodeFrame({
  header: { sequence: 0n, name },
  payload: { kind: "failure", text: fromText("no way") },
});

function serverAt(port: number, more: Partial<TlsServer> = {}): TlsServer {
  return { host: "127.0.0.1", port, trustAnchors, ...more };
}

async function listen(accept: (socket: TLSSocket) => void, pair: Pair = serverPair, alpn = false): Promise<TlsServer> {
  peer = await listenTls(pair, accept, alpn ? { ALPNProtocols: ["albatross-ts/1"] } : {});
  return serverAt(peer.port);
}

function textOf(reply: Awaited<ReturnType<typeof requestRemote>>["reply"]): string {
  const { payload } = reply;
  return payload.kind === "success" && payload.success.kind === "string" ? payload.success.text : payload.kind;
}

describe("a remote request", () => {
  it("gets its reply, and no data goes out", async () => {
    let received = 0;
    const server = await listen((socket) => {
      socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      socket.end(done);
    });
    assert.equal(textOf((await requestRemote(server, client)).reply), "done");
    assert.equal(received, 0);
  });

  it("gives a failure as the reply it is", async () => {
    const server = await listen((socket) => void socket.end(failure));
    assert.equal((await requestRemote(server, client)).reply.payload.kind, "failure");
  });

  it("shows our certificate", async () => {
    let shown = "";
    const server = await listen((socket) => {
      shown = String(socket.getPeerCertificate().subject.CN);
      socket.end(done);
    });
    await requestRemote(server, client);
    assert.equal(shown, "hello");
  });

  const cut: readonly (readonly [string, Uint8Array])[] = [
    ["nothing", new Uint8Array(0)],
    ["half a length word", done.subarray(0, 2)],
    ["half a message", done.subarray(0, done.length - 1)],
  ];
  for (const [what, bytes] of cut) {
    it(`fails if the server closes after ${what}`, async () => {
      const server = await listen((socket) => void socket.end(bytes));
      await assert.rejects(requestRemote(server, client), ProtocolError);
    });
    it(`fails if the connection breaks after ${what}`, async () => {
      const server = await listen((socket) => {
        socket.write(bytes, () => socket.destroy());
        if (bytes.length === 0) socket.destroy();
      });
      await assert.rejects(requestRemote(server, client), ProtocolError);
    });
  }

  it("fails on what is no message", async () => {
    const server = await listen((socket) => void socket.end(Uint8Array.of(0, 0, 0, 3, 1, 2, 3)));
    await assert.rejects(requestRemote(server, client), /Cannot understand/);
  });

  it("is given up by its signal: before, in the handshake, and while it waits", async () => {
    const server = await listen(() => undefined);
    await assert.rejects(requestRemote(server, client, { signal: AbortSignal.abort() }), AbortedError);
    await assert.rejects(requestRemote(server, client, { signal: AbortSignal.timeout(150) }), AbortedError);
    const silent = createTcpServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    await assert.rejects(requestRemote(serverAt(port), client, { signal: AbortSignal.timeout(50) }), AbortedError);
    silent.close();
  });

  it("has the system ask whether the server is still there", { skip: process.platform !== "linux" }, async () => {
    const server = await listen(() => undefined);
    const stop = new AbortController();
    const asking = requestRemote(server, client, { signal: stop.signal });
    asking.catch(() => undefined);
    const remote = ` 0100007F:${server.port.toString(16).toUpperCase().padStart(4, "0")} 01 `;
    // The sixth column begins with 02 where a timer asks (proc(5)).
    const end = performance.now() + 10_000;
    for (let asked = false; !asked; await sleep(5)) {
      assert.ok(performance.now() < end, "no timer asks");
      const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
      asked = lines.some((line) => line.includes(remote) && / 02:[0-9A-F]+ /.test(line));
    }
    stop.abort();
    await assert.rejects(asking, AbortedError);
  });

  it("does not wait for a silent server longer than its patience", async () => {
    const sockets: { destroy(): void }[] = [];
    const silent = createTcpServer((socket) => void sockets.push(socket));
    await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
    const { port } = silent.address() as AddressInfo;
    await assert.rejects(openTls(serverAt(port), client, { patience: 60 }), /did not complete the TLS handshake/);
    for (const socket of sockets) socket.destroy();
    silent.close();
  });

  it("fails if nobody listens, or there is no such host", async () => {
    const port = await freePort();
    await assert.rejects(requestRemote(serverAt(port), client), (error) => {
      assert.ok(error instanceof ConnectError);
      assert.equal(error.systemCode, "ECONNREFUSED");
      assert.equal(error.address, `127.0.0.1:${port}`);
      return true;
    });
    const nowhere = { ...serverAt(port), host: "nowhere.invalid" };
    await assert.rejects(requestRemote(nowhere, client), ConnectError);
  });

  it("fails if the server is no TLS server", async () => {
    const plain = createTcpServer((socket) => void socket.end("220 hello\r\n"));
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const { port } = plain.address() as AddressInfo;
    await assert.rejects(requestRemote(serverAt(port), client), ProtocolError);
    plain.close();
  });
});

describe("a chain", () => {
  // A limit of Deno's TLS library; Bun has none.
  const limit = CLIENT_CHAIN_LIMIT ?? 100_000;
  const overhead = 8 + 5;
  for (const size of [limit - overhead, limit - overhead + 1]) {
    it(`of ${size} bytes is sent, or refused before anything is`, async () => {
      const large = { ...client, chainDer: [new Uint8Array(size)] };
      const server = serverAt(await freePort());
      const fits = CLIENT_CHAIN_LIMIT === undefined || size + overhead <= CLIENT_CHAIN_LIMIT;
      await assert.rejects(openTls(server, large), fits ? ConnectError : /since Deno allows 65536/);
    });
  }
});

describe("the server", () => {
  it("must have a certificate of the authority", async () => {
    const server = await listen((socket) => void socket.end(done), stranger.server());
    await assert.rejects(requestRemote(server, client), ServerNotAuthenticatedError);
  });

  it("must have one that has not expired", async () => {
    const expired = authority.issue("server", ["extendedKeyUsage=serverAuth"], -1);
    const server = await listen((socket) => void socket.end(done), expired);
    await assert.rejects(requestRemote(server, client), ServerNotAuthenticatedError);
  });

  // Some runtimes look at names, too, which we have not asked for: no name may outweigh what is wrong with a chain.
  for (const [what, names] of [
    ["that has the name it is called by", ["subjectAltName=IP:127.0.0.1"]],
    ["that has another name", ["subjectAltName=DNS:other.example"]],
    ["without names", []],
  ] as const) {
    const purpose = "extendedKeyUsage=serverAuth";
    const bad: readonly (readonly [string, () => Pair])[] = [
      ["of another authority", () => stranger.server("server", ...names)],
      ["that has expired", () => authority.issue("server", [purpose, ...names], -1)],
      ["for clients", () => authority.issue("server", ["extendedKeyUsage=clientAuth", ...names])],
      ["that it has signed itself", () => stranger.ca],
      ["with a changed signature", () => withChangedSignature(authority.server("server", ...names))],
    ];
    for (const [flaw, make] of bad) {
      it(`is refused with a certificate ${what}, but ${flaw}, and gets no data`, async () => {
        let received = 0;
        const server = await listen(
          (socket) => void socket.on("data", (chunk: Buffer) => (received += chunk.length)),
          make(),
        );
        const upload = { chunks: [new Uint8Array(1000)] };
        await assert.rejects(requestRemote(server, client, { upload }), ServerNotAuthenticatedError);
        await sleep(20);
        assert.equal(received, 0);
      });
    }
  }

  it("is known before our certificate, with the command in it, is sent to it", async () => {
    const heavy = { ...client, chainPem: client.chainPem.repeat(50) };
    const size = 50 * (client.chainDer[0]?.length ?? 0);
    for (const [pair, known] of [
      [serverPair, true],
      [stranger.server(), false],
    ] as const) {
      const server = await listen((socket) => void socket.end(done), pair);
      let sent = 0;
      const between = createTcpServer((near) => {
        const far = connectTcp(server.port, "127.0.0.1");
        near.on("data", (chunk: Buffer) => {
          sent += chunk.length;
        });
        near.on("error", () => far.destroy()).pipe(far);
        far.on("error", () => near.destroy()).pipe(near);
      });
      await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
      const { port } = between.address() as AddressInfo;
      const asked = requestRemote({ ...server, port }, heavy);
      if (known) await asked;
      else await assert.rejects(asked, ServerNotAuthenticatedError);
      await sleep(20);
      assert.equal(sent > size, known, `${sent} bytes`);
      between.close();
      await peer?.close();
      peer = undefined;
    }
  });

  // Deno takes such a key for none, and the server refuses us.
  it("is given up at once if our own key is broken", { skip: "Deno" in globalThis }, async () => {
    const server = await listen((socket) => void socket.end(done));
    const started = performance.now();
    await assert.rejects(requestRemote(server, { ...client, keyPem: "nonsense" }));
    assert.ok(performance.now() - started < 5_000);
  });

  it("may be trusted by any of several authorities", async () => {
    const server = await listen((socket) => void socket.end(done), stranger.server());
    const both = trustAnchors + readFileSync(stranger.ca.cert, "utf8");
    assert.equal(textOf((await requestRemote({ ...server, trustAnchors: both }, client)).reply), "done");
  });

  it("may have any name, unless one is given", async () => {
    const named = authority.server("alba.example", "subjectAltName=DNS:alba.example,IP:127.0.0.1");
    const server = await listen((socket) => void socket.end(done), named);
    for (const serverName of [undefined, "alba.example", "127.0.0.1"]) {
      assert.equal(textOf((await requestRemote({ ...server, serverName }, client)).reply), "done");
    }
    for (const serverName of ["other.example", "127.0.0.2", "server"]) {
      await assert.rejects(requestRemote({ ...server, serverName }, client), ServerNotAuthenticatedError);
    }
  });

  it("goes by its common name if it has no other", async () => {
    const server = await listen((socket) => void socket.end(done));
    assert.equal(textOf((await requestRemote({ ...server, serverName: "server" }, client)).reply), "done");
    await assert.rejects(requestRemote({ ...server, serverName: "other" }, client), ServerNotAuthenticatedError);
  });

  it("may be pinned by its key", async () => {
    const server = await listen((socket) => void socket.end(done));
    const spki = new X509Certificate(readFileSync(serverPair.cert)).publicKey.export({ type: "spki", format: "der" });
    const serverKey = createHash("sha256").update(spki).digest("hex");
    assert.equal(textOf((await requestRemote({ ...server, serverKey }, client)).reply), "done");
    const wrong = "0".repeat(64);
    await assert.rejects(requestRemote({ ...server, serverKey: wrong }, client), (error) => {
      assert.ok(error instanceof ServerNotAuthenticatedError);
      assert.match(error.message, new RegExp(serverKey));
      return true;
    });
  });

  it("that is not the wanted one gets no data", async () => {
    let received = 0;
    const server = await listen((socket) => {
      socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
    });
    const upload = { chunks: [new Uint8Array(1000)] };
    const wrong = { ...server, serverName: "other" };
    await assert.rejects(requestRemote(wrong, client, { upload }), ServerNotAuthenticatedError);
    await sleep(50);
    assert.equal(received, 0);
  });
});

describe("a server that refuses our certificate", () => {
  const strict = ["-CAfile", authority.ca.cert, "-Verify", "5", "-verify_return_error"];
  const cases: readonly (readonly [string, readonly string[], () => Pair, string])[] = [
    ["of another authority", strict, () => stranger.client(), "unknown ca"],
    ["that has expired", strict, () => authority.client(-1), "certificate expired"],
    [
      "for another purpose",
      strict,
      () => authority.issue("hello", ["extendedKeyUsage=serverAuth"]),
      "unsupported certificate|certificate unknown|bad certificate",
    ],
  ];
  for (const [what, words, make, alert] of cases) {
    it(`${what}: tells why`, async () => {
      await withOpenssl(serverPair, words, async (port) => {
        await assert.rejects(requestRemote(serverAt(port), credentialsOf(make())), (error) => {
          assert.ok(error instanceof CertificateRefusedError, String(error));
          assert.match(error.alert, new RegExp(`^(?:${alert})$`));
          return true;
        });
      });
    });
  }

  it("with a critical extension that it does not know: tells why, or our own runtime does", async () => {
    const pair = authority.client(30, "1.2.3.4=critical,DER:0500");
    await withOpenssl(serverPair, strict, async (port) => {
      await assert.rejects(requestRemote(serverAt(port), credentialsOf(pair)), (error) => {
        // Deno does not even send such a certificate.
        assert.ok(error instanceof CertificateRefusedError || "Deno" in globalThis, String(error));
        return true;
      });
    });
  });

  it("that is revoked: tells why", async () => {
    const revoked = authority.client();
    const crl = `${authority.directory}/crl.pem`;
    const config = `${authority.directory}/ca.cnf`;
    writeFileSync(`${authority.directory}/index.txt`, "");
    writeFileSync(config, `[ca]\ndefault_ca=d\n[d]\ndatabase=${authority.directory}/index.txt\ndefault_md=default\n`);
    const common = ["ca", "-config", config, "-cert", authority.ca.cert, "-keyfile", authority.ca.key];
    execFileSync("openssl", [...common, "-revoke", revoked.cert], { stdio: "ignore" });
    execFileSync("openssl", [...common, "-gencrl", "-crldays", "30", "-out", crl], { stdio: "ignore" });
    await withOpenssl(serverPair, [...strict, "-CRL", crl, "-crl_check"], async (port) => {
      await assert.rejects(requestRemote(serverAt(port), credentialsOf(revoked)), (error) => {
        assert.ok(error instanceof CertificateRefusedError, String(error));
        assert.equal(error.alert, "certificate revoked");
        return true;
      });
    });
  });

  it("is noticed while an image is sent", async () => {
    await withOpenssl(serverPair, strict, async (port) => {
      const upload = { chunks: new Array<Uint8Array>(64).fill(new Uint8Array(64 * 1024)) };
      await assert.rejects(requestRemote(serverAt(port), credentialsOf(stranger.client()), { upload }), (error) => {
        // A server that closes with unread data resets the connection, which may overtake its alert.
        assert.ok(error instanceof CertificateRefusedError || error instanceof ProtocolError, String(error));
        return true;
      });
    });
  });

  it("has every alert about certificates told apart from others", () => {
    const make = (code: string) => Object.assign(new Error(code), { code });
    const told = (code: string) => translateTlsError(make(code), "open", "host:1025");
    for (const alert of ["SSLV3_ALERT_BAD_CERTIFICATE", "TLSV1_ALERT_UNKNOWN_CA", "SSLV3_ALERT_CERTIFICATE_EXPIRED"]) {
      assert.ok(told(`ERR_SSL_${alert}`) instanceof CertificateRefusedError, alert);
    }
    for (const code of ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", "ERR_SSL_TLSV1_ALERT_CERTIFICATE_REQUIRED"]) {
      assert.ok(told(code) instanceof CertificateRefusedError, code);
    }
    assert.ok(told("ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR") instanceof ProtocolError);
    assert.ok(told("ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE") instanceof ProtocolError);
    assert.equal(alertOf(make("ECONNRESET")), undefined);
    assert.equal(told("ECONNRESET").message, "ECONNRESET");
  });
});

describe("an upload", () => {
  const piece = new Uint8Array(100_000).fill(7);

  it("arrives in chunks with an empty one at the end, and then the reply comes", async () => {
    let total = 0;
    const server = await listen((socket) => {
      let buffer = Buffer.alloc(0);
      socket.on("data", (chunk: Buffer) => {
        buffer = Buffer.concat([buffer, chunk]);
        while (buffer.length >= 4 && buffer.length >= 4 + buffer.readUInt32BE()) {
          const length = buffer.readUInt32BE();
          total += length;
          if (length === 0) socket.end(done);
          buffer = buffer.subarray(4 + length);
        }
      });
    });
    const upload = { chunks: [piece, new Uint8Array(0), piece], digest: () => Promise.reject(new Error("not asked")) };
    const { reply, present } = await requestRemote(server, client, { upload });
    assert.deepEqual([textOf(reply), present, total], ["done", false, 200_000]);
  });

  it("waits for a server that reads slowly", async () => {
    let produced = 0;
    let received = 0;
    let ahead = 0;
    const pieces = 400;
    function* chunks() {
      for (; produced < pieces; produced++) {
        ahead = Math.max(ahead, produced * piece.length - received);
        yield piece;
      }
    }
    const server = await listen((socket) => {
      socket.on("data", (chunk: Buffer) => {
        received += chunk.length;
        socket.pause();
        setTimeout(() => socket.resume(), 1);
        if (received >= pieces * (piece.length + 4) + 4) socket.end(done);
      });
    });
    await requestRemote(server, client, { upload: { chunks: chunks() } });
    assert.equal(produced, pieces);
    // What the system and the TLS libraries of both sides hold; the image has 40 MB.
    assert.ok(ahead < 20_000_000, `${ahead} bytes ahead`);
  });

  it("stops at an early refusal, even of a server that reads no more", async () => {
    let produced = 0;
    const server = await listen((socket) => {
      socket.pause();
      socket.write(failure);
    });
    function* endless() {
      for (;;) {
        produced++;
        yield piece;
      }
    }
    const { reply } = await requestRemote(server, client, { upload: { chunks: endless() } });
    assert.equal(reply.payload.kind, "failure");
    assert.ok(produced < 2_000);
  });

  it("that fails ends the connection without its end", async () => {
    let ended = false;
    let closed: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const server = await listen((socket) => {
      onFrames(socket, (payload) => {
        ended ||= payload.length === 0;
      });
      socket.on("end", () => closed?.());
      socket.on("close", () => closed?.());
    });
    function* broken() {
      yield piece;
      throw new Error("the disk is gone");
    }
    await assert.rejects(requestRemote(server, client, { upload: { chunks: broken() } }), /the disk is gone/);
    await gone;
    assert.equal(ended, false);
  });

  const digest = new Uint8Array(32).fill(3);
  const offered = Buffer.concat([Buffer.from("ALBADIGE"), digest]).toString("hex");

  it("is offered by its digest to an endpoint of ours, and sent if that wants it", async () => {
    const frames: string[] = [];
    const server = await listen(
      (socket) => {
        onFrames(socket, (payload) => {
          frames.push(Buffer.from(payload).toString("hex"));
          if (frames.length === 1) socket.write(textFrame(IMAGE_WANTED));
          if (payload.length === 0) socket.end(done);
        });
      },
      serverPair,
      true,
    );
    const upload = { chunks: [Uint8Array.of(1, 2)], digest: async () => digest };
    const { reply, present } = await requestRemote(server, client, { upload });
    assert.deepEqual([textOf(reply), present, frames], ["done", false, [offered, "0102", ""]]);
  });

  it("is not sent if the endpoint has the image", async () => {
    const frames: string[] = [];
    const server = await listen(
      (socket) => {
        onFrames(socket, (payload) => {
          frames.push(Buffer.from(payload).toString("hex"));
          socket.end(done);
        });
      },
      serverPair,
      true,
    );
    const untouched = {
      [Symbol.iterator]: (): Iterator<Uint8Array> => assert.fail("the image was read"),
    };
    const { reply, present } = await requestRemote(server, client, {
      upload: { chunks: untouched, digest: async () => digest },
    });
    assert.deepEqual([textOf(reply), present, frames], ["done", true, [offered]]);
  });

  it("is not sent if the endpoint refuses at once", async () => {
    const server = await listen((socket) => onFrames(socket, () => void socket.end(failure)), serverPair, true);
    const { reply, present } = await requestRemote(server, client, {
      upload: { chunks: [piece], digest: async () => digest },
    });
    assert.deepEqual([reply.payload.kind, present], ["failure", false]);
  });
});
