import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, afterEach, before, describe, it } from "node:test";
import type { TLSSocket } from "node:tls";
import { deflateSync, inflateSync } from "node:zlib";
import { fromText } from "../../core/byte-string.ts";
import { parseName } from "../../core/name.ts";
import type { Command, Message, Payload } from "../../core/wire/message.ts";
import { encodeFrame } from "../../core/wire/message-codec.ts";
import { IMAGE_WANTED } from "../../core/wire/peer-extensions.ts";
import { readCertificate } from "../../pki/certificate.ts";
import { readCommand } from "../../pki/command-extension.ts";
import { ALBATROSS } from "../../pki/oids.ts";
import { webCrypto } from "../../pki/web-crypto.ts";
import { makeImage } from "../backends/synthetic-image.ts";
import { onFrames } from "../client/scripted-peer.ts";
import { freePort, listenTls, type TlsPeer, withOpenssl } from "../client/tls-peer.ts";
import type { Pair } from "../support/authority.ts";
import { type FolderIssuer, PkiFolder } from "../support/pki-folder.ts";
import { recordedCall } from "./recorded-calls.ts";
import { type RunOptions, runClient } from "./run-client.ts";

const folder = new PkiFolder();
let ca: FolderIssuer;
let stranger: FolderIssuer;
let tenant: FolderIssuer;
let server: Pair;
let foreignServer: Pair;
let image = "";
const imageBytes = makeImage({ devices: [{ name: "service0", type: 2 }] });

let peer: TlsPeer | undefined;

before(async () => {
  ca = await folder.root("cacert");
  stranger = await folder.root("other");
  server = await folder.server(ca);
  foreignServer = await folder.server(stranger, "foreign");
  tenant = await folder.delegation(ca, "tenant", {
    unikernels: 3,
    cpuIds: [0],
    memory: 64,
    block: 10,
    bridges: [fromText("service")],
  });
  image = join(folder.directory, "net.hvt");
  writeFileSync(image, imageBytes);
});

afterEach(async () => {
  await peer?.close();
  peer = undefined;
});

after(() => folder.remove());

function reply(name: string, payload: Payload): Uint8Array {
  const message: Message = { header: { sequence: 0n, name: parseName(name) }, payload };
  return encodeFrame(message);
}

const text = (name: string, words: string) =>
  reply(name, { kind: "success", success: { kind: "string", text: fromText(words) } });
const failure = (name: string, words: string) => reply(name, { kind: "failure", text: fromText(words) });

/** The leaf that a client has shown: its common name and command. */
interface Shown {
  name: string;
  command: Command | undefined;
  fingerprint: string;
}

async function serve(
  accept: (socket: TLSSocket) => void,
  options: { readonly pair?: Pair; readonly extended?: boolean } = {},
): Promise<{ readonly port: number; readonly shown: Shown[] }> {
  const shown: Shown[] = [];
  const alpn = options.extended ? { ALPNProtocols: ["albatross-ts/1"] } : {};
  peer = await listenTls(
    options.pair ?? server,
    (socket) => {
      const raw = Uint8Array.from(socket.getPeerCertificate(true).raw);
      const leaf = readCertificate(raw);
      const extension = leaf.extensions.get(ALBATROSS);
      shown.push({
        name: leaf.subjectCommonName ?? "",
        command: extension && readCommand(extension.value),
        fingerprint: new X509Certificate(raw).fingerprint256,
      });
      accept(socket);
    },
    alpn,
  );
  return { port: peer.port, shown };
}

function authority(issuer: FolderIssuer = ca, serverCa: Pair = ca): readonly string[] {
  return [`--ca=${issuer.cert}`, `--ca-key=${issuer.key}`, `--server-ca=${serverCa.cert}`];
}

function remote(port: number, words: readonly string[], issuer: FolderIssuer = ca, options: RunOptions = {}) {
  return runClient([...words, ...authority(issuer), `--destination=127.0.0.1:${port}`], options);
}

const empty = reply(":", { kind: "success", success: { kind: "unikernels", unikernels: [] } });

describe("a remote command", () => {
  const plain: readonly (readonly [string, readonly string[], Uint8Array, string, string])[] = [
    ["info", ["info"], empty, ".", "unikernel-info"],
    ["destroy net1", ["destroy", "net1"], text("net1", "destroyed unikernel"), "net1", "unikernel-destroy"],
    ["restart net1", ["restart", "net1"], text("net1", "created unikernel"), "net1", "unikernel-restart"],
  ];
  for (const [part, words, bytes, commonName, kind] of plain) {
    it(`${words.join(" ")}: is in the certificate, and its reply is printed as recorded`, async () => {
      const { port, shown } = await serve((socket) => void socket.end(bytes));
      const got = await remote(port, words);
      const recorded = recordedCall(`${part} --ca=$W/ca/cacert.pem`);
      assert.deepEqual(got, { status: recorded.status, stdout: recorded.stdout, stderr: "" });
      assert.equal(shown[0]?.name, commonName);
      assert.equal(shown[0]?.command?.kind, kind);
    });
  }

  it("that is refused after the handshake is a failure as any other", async () => {
    const { port } = await serve((socket) => void socket.end(failure(":", "unexpected command")));
    const got = await remote(port, ["add-policy", "foo", "2", "--mem=32"]);
    assert.equal(got.status, 117);
    assert.match(got.stdout, /\[WARNING\] host \[unikernel: :\]: command failed unexpected command\n$/);
  });

  it("has one JSON object", async () => {
    const { port } = await serve((socket) => void socket.end(empty));
    const got = await remote(port, ["info", "--json"]);
    assert.equal(got.stdout, '{"kind":"unikernels","host":":","unikernels":[]}\n');
  });

  const names: readonly (readonly [readonly string[], string])[] = [
    [["policy"], "."],
    [["policy", "-p", "foo"], "foo"],
    [["inactive-consoles"], "."],
    [["info", "-n", "hello"], "hello"],
    [["add-policy", "foo:bar", "2"], "foo:bar"],
    [["remove-policy"], "."],
  ];
  for (const [words, commonName] of names) {
    it(`${words.join(" ")}: goes by the common name ${commonName}`, async () => {
      const { port, shown } = await serve((socket) => void socket.end(failure(":", "no")));
      assert.equal((await remote(port, words)).status, 117);
      assert.equal(shown[0]?.name, commonName);
    });
  }

  for (const words of [
    ["info", "--name=a:b"],
    ["info", "-n", "a:"],
    ["inactive-consoles", "-p", "a"],
    ["policy", "-p", "a:b"],
  ]) {
    it(`${words.join(" ")}: has a path, and paths come from the authority`, async () => {
      const got = await remote(1, words);
      const { stderr, status } = recordedCall("info --name=a:b");
      assert.deepEqual(got, { status, stdout: "", stderr });
    });
  }

  it("takes a fresh certificate each time, of the wanted kind", async () => {
    const { port, shown } = await serve((socket) => void socket.end(empty));
    for (const type of ["ed25519", "p256"]) await remote(port, ["info", `--key-type=${type}`]);
    assert.equal(new Set(shown.map(({ fingerprint }) => fingerprint)).size, 2);
  });

  it("excludes the other ways", async () => {
    const { stderr } = recordedCall("info --csr --destination=127.0.0.1:10250");
    for (const other of ["--csr", "--socket=x"]) {
      const got = await runClient(["info", other, "--destination=127.0.0.1:10250"]);
      assert.deepEqual(got, { status: 124, stdout: "", stderr });
    }
  });

  it("shows its certificates with the destination -", async () => {
    const got = await runClient(["info", ...authority(), "--destination=-"]);
    assert.equal(got.status, 121);
    const block = "-----BEGIN CERTIFICATE-----\n[A-Za-z0-9+/=\n]+-----END CERTIFICATE-----\n";
    assert.match(got.stdout, new RegExp(`^intermediate:\n${block}\nleaf:\n${block}\n$`));
    assert.ok(got.stdout.includes(readFileSync(ca.cert, "utf8")));
    const both = await runClient(["info", ...authority(tenant), "--destination=-"]);
    assert.match(both.stdout, new RegExp(`^intermediate:\n${block}${block}\nleaf:\n${block}\n$`));
  });

  it("needs its files", async () => {
    const missing = await runClient(["info", "--ca=nothing.pem", "-d", "host"]);
    assert.equal(missing.status, 124);
    assert.match(missing.stderr, /option '--ca': no 'nothing.pem' file or directory/);
    const byDefault = await runClient(["info", "-d", "host"]);
    assert.deepEqual(byDefault, {
      status: 124,
      stdout: "",
      stderr: "albatross-client: ca.key: No such file or directory\n",
    });
  });
});

describe("exit statuses of the way to a remote host", () => {
  it("116: our chain does not lead to the authority, and nothing is sent", async () => {
    const { port, shown } = await serve((socket) => void socket.end(empty));
    const recorded = recordedCall("--server-ca=$W/ca2/cacert.pem");
    const got = await runClient(["info", ...authority(ca, stranger), `-d127.0.0.1:${port}`]);
    assert.deepEqual([got.status, got.stdout], [recorded.status, recorded.stdout]);
    assert.match(got.stderr, /does not lead to a trusted CA/);
    assert.equal(shown.length, 0);
  });

  it("119: the server refuses our certificate", async () => {
    const strict = ["-CAfile", stranger.cert, "-Verify", "5", "-verify_return_error"];
    await withOpenssl(server, strict, async (port) => {
      const got = await remote(port, ["info"]);
      assert.equal(got.status, 119);
      assert.equal(got.stdout, "albatross-client: [ERROR] local authentication failure TLS alert: unknown ca\n");
      const json = await remote(port, ["info", "--json"]);
      assert.equal(json.status, 119);
      assert.match(json.stdout, /^\{"kind":"error","code":"certificate-refused",.*"exitStatus":119\}\n$/);
    });
  });

  it("120: the server has a certificate of another authority, the wrong name or the wrong key", async () => {
    const { port } = await serve((socket) => void socket.end(empty), { pair: foreignServer });
    const recorded = recordedCall("--destination=127.0.0.1:10251");
    const got = await remote(port, ["info"]);
    assert.deepEqual([got.status, got.stdout], [recorded.status, recorded.stdout]);
    await peer?.close();
    const right = await serve((socket) => void socket.end(empty));
    assert.equal((await remote(right.port, ["info", "--server-name=server"])).status, 0);
    assert.equal((await remote(right.port, ["info", "--server-name=elsewhere"])).status, 120);
    const wrongKey = await remote(right.port, ["info", `--server-key=${"0".repeat(64)}`]);
    assert.equal(wrongKey.status, 120);
    const key = /SHA-256 is ([0-9a-f]{64})/.exec(wrongKey.stderr)?.[1];
    assert.equal((await remote(right.port, ["info", `--server-key=${key}`])).status, 0);
  });

  for (const [what, bytes] of [
    ["no reply", new Uint8Array(0)],
    ["half a reply", empty.subarray(0, empty.length - 1)],
    ["no message", Uint8Array.of(0, 0, 0, 1, 9)],
  ] as const) {
    it(`121: ${what}`, async () => {
      const { port } = await serve((socket) => void socket.end(bytes));
      const got = await remote(port, ["info"]);
      assert.equal(got.status, 121);
      assert.match(got.stdout, /^albatross-client: \[ERROR\] /);
    });
  }

  it("122: nobody is there", async () => {
    const recorded = recordedCall("--destination=127.0.0.1:10999");
    const got = await remote(await freePort(), ["info"]);
    assert.deepEqual([got.status, got.stdout], [recorded.status, recorded.stdout]);
  });

  it("124: the key is another's, or the policy of the authority does not allow it", async () => {
    const mismatch = await runClient([
      "info",
      `--ca=${ca.cert}`,
      `--ca-key=${stranger.key}`,
      `--server-ca=${ca.cert}`,
      "-dx",
    ]);
    const recorded = recordedCall("info --ca=$W/ca/cacert.pem --ca-key=$W/ca2/other.key");
    assert.deepEqual([mismatch.status, mismatch.stdout], [recorded.status, recorded.stdout]);
    const large = await remote(1, ["create", "thello2", image, "--mem=100", "--net=service0:service"], tenant);
    assert.equal(large.status, 124);
    assert.equal(large.stdout, recordedCall("create thello2").stdout);
    const policy = await remote(1, ["add-policy", "sub2", "10", "--mem=32", "--cpu=0"], tenant);
    assert.equal(policy.status, 124);
    assert.equal(policy.stdout, recordedCall("add-policy sub2 10 --mem=32 --cpu=0").stdout);
  });
});

/** Takes an image stream; gives the frames once the empty one has come. */
function takeStream(socket: TLSSocket, done: (stream: Uint8Array, frames: number) => void): void {
  const parts: Uint8Array[] = [];
  onFrames(socket, (payload) => {
    if (payload.length === 0) done(Buffer.concat(parts), parts.length);
    else parts.push(payload);
  });
}

describe("create on a remote host", () => {
  const words = () => ["create", "hello", image, "--net=service0:service", "--mem=16"];
  const created = text("hello", "created unikernel");

  it("sends the image after the handshake, compressed", async () => {
    let stream: Uint8Array = new Uint8Array(0);
    const { port, shown } = await serve((socket) =>
      takeStream(socket, (bytes) => {
        stream = bytes;
        socket.end(created);
      }),
    );
    const got = await remote(port, words());
    assert.deepEqual(got, { status: 0, stdout: "host [unikernel: :hello]: success: created unikernel\n", stderr: "" });
    assert.deepEqual(Uint8Array.from(inflateSync(stream)), imageBytes);
    const command = shown[0]?.command;
    assert.ok(command?.kind === "unikernel-create");
    assert.deepEqual([command.config.compressed, command.config.image.length], [true, 0]);
  });

  it("sends it as it is at level 0, and by itself if compression does not pay", async () => {
    const noise = new Uint8Array(300_000);
    for (let at = 0; at < noise.length; at += 65_536) webCrypto.getRandomValues(noise.subarray(at, at + 65_536));
    noise.set(imageBytes);
    const noisy = join(folder.directory, "noise.hvt");
    writeFileSync(noisy, noise);
    for (const [file, bytes, more] of [
      [image, imageBytes, ["--compression-level=0"]],
      [noisy, noise, ["--force"]],
    ] as const) {
      let stream: Uint8Array = new Uint8Array(0);
      const { port, shown } = await serve((socket) =>
        takeStream(socket, (taken) => {
          stream = taken;
          socket.end(created);
        }),
      );
      assert.equal((await remote(port, ["create", "hello", file, "--net=service0:service", ...more])).status, 0);
      assert.deepEqual(Uint8Array.from(stream), bytes);
      const command = shown[0]?.command;
      assert.ok(command && "config" in command && !command.config.compressed);
      assert.equal(command.kind, more[0] === "--force" ? "unikernel-force-create" : "unikernel-create");
      await peer?.close();
    }
  });

  it("puts it into the certificate if that is wanted", async () => {
    const { port, shown } = await serve((socket) => void socket.end(created));
    assert.equal((await remote(port, [...words(), "--image-in-certificate"])).status, 0);
    const command = shown[0]?.command;
    assert.ok(command?.kind === "unikernel-create" && command.config.compressed);
    assert.deepEqual(Uint8Array.from(inflateSync(command.config.image)), imageBytes);
  });

  it("refuses an image that no certificate can hold", async () => {
    const large = join(folder.directory, "large.hvt");
    const bytes = new Uint8Array(2 ** 24 + 1);
    bytes.set(imageBytes);
    writeFileSync(large, bytes);
    const more = ["--net=service0:service", "--image-in-certificate", "--compression-level=0"];
    const got = await remote(1, ["create", "hello", large, ...more]);
    assert.deepEqual([got.status, got.stderr], [124, "albatross-client: certificate too big for TLS\n"]);
  });

  it("says, if it is asked, that the image was there already", async () => {
    const { port } = await serve((socket) => onFrames(socket, () => void socket.end(created)), { extended: true });
    const got = await remote(port, [...words(), "-v"]);
    assert.equal(got.stderr, "albatross-client: image already present, 0 bytes sent\n");
    assert.equal((await remote(port, words())).stderr, "");
  });

  it("sends it to an endpoint of ours that wants it", async () => {
    let frames = 0;
    const { port } = await serve(
      (socket) =>
        onFrames(socket, (payload) => {
          if (frames++ === 0) socket.write(text(":", IMAGE_WANTED));
          else if (payload.length === 0) socket.end(created);
        }),
      { extended: true },
    );
    assert.equal((await remote(port, words())).status, 0);
    assert.ok(frames >= 3);
  });

  it("does not promise to watch", async () => {
    const got = await remote(1, [...words(), "--wait-fail"]);
    assert.equal(got.status, 124);
    assert.match(got.stderr, /--wait-fail is for local daemons/);
  });

  it("of a machine without image sends an empty stream, as the original's endpoint waits for it", async () => {
    let frames = -1;
    const { port } = await serve((socket) =>
      takeStream(socket, (_bytes, count) => {
        frames = count;
        socket.end(created);
      }),
    );
    assert.equal((await remote(port, ["create", "vm", image, "--typ=bhyve"])).status, 0);
    assert.equal(frames, 0);
  });
});

describe("a remote console", () => {
  it("shows lines until the server closes", async () => {
    const line = reply("hello", {
      kind: "data",
      data: {
        kind: "console",
        timestamp: Date.UTC(2026, 10, 21, 21, 20, 29),
        line: new TextEncoder().encode("Hello, World"),
      },
    });
    const { port, shown } = await serve((socket) => {
      socket.write(text("hello", "subscribed"));
      socket.write(line);
      socket.end(line);
    });
    const got = await remote(port, ["console", "hello", "--count=5"]);
    const first = recordedCall("console hello --ca=$W/ca/cacert.pem").stdout.split("\n").slice(0, 2);
    assert.deepEqual(got, { status: 0, stdout: `${[...first, first[1]].join("\n")}\n`, stderr: "" });
    assert.deepEqual(shown[0]?.command, { kind: "console-subscribe", from: { count: 5 } });
  });

  it("ends by an interrupt, and fails without any reply", async () => {
    const { port } = await serve((socket) => void socket.write(text("hello", "subscribed")));
    const got = await remote(port, ["console", "hello"], ca, { onOutput: (_text, kill) => kill("SIGINT") });
    assert.equal(got.status, 130);
    await peer?.close();
    const silent = await serve((socket) => void socket.end());
    assert.equal((await remote(silent.port, ["console", "hello"])).status, 121);
  });
});

describe("certificate", () => {
  const call = (pair: Pair, port: number, more: readonly string[] = [], options: RunOptions = {}) =>
    runClient(["certificate", pair.cert, pair.key, `--server-ca=${ca.cert}`, `-d127.0.0.1:${port}`, ...more], options);

  /** Of a create whose image is sent after the handshake. */
  const storedConfig = {
    type: "solo5",
    compressed: true,
    image: new Uint8Array(0),
    startup: undefined,
    addName: true,
    failBehaviour: { kind: "quit" },
    cpuIds: [0],
    memory: 32,
    blockDevices: [],
    networks: [],
    arguments: undefined,
    cpus: 1,
    linuxBootPartition: undefined,
  } as const;

  it("carries out a stored command", async () => {
    const pair = await folder.command(tenant, "hello", { kind: "unikernel-destroy" });
    const { port, shown } = await serve((socket) => void socket.end(text("tenant:hello", "destroyed unikernel")));
    const got = await call(pair, port);
    assert.deepEqual(got, {
      status: 0,
      stdout: "host [unikernel: tenant:hello]: success: destroyed unikernel\n",
      stderr: "",
    });
    assert.equal(shown[0]?.name, "hello");
    const nowhere = await runClient(["certificate", pair.cert, pair.key]);
    assert.deepEqual(nowhere, { status: 124, stdout: "", stderr: "albatross-client: no destination provided\n" });
    const mismatch = await runClient(["certificate", pair.cert, ca.key, `--server-ca=${ca.cert}`, "-dx"]);
    assert.equal(mismatch.status, 124);
    assert.match(mismatch.stdout, /Public key of certificate doesn't match private key/);
  });

  it("follows a console", async () => {
    const pair = await folder.command(tenant, "hello", { kind: "console-subscribe", from: { count: 1 } });
    const { port } = await serve((socket) => {
      socket.write(text("tenant:hello", "subscribed"));
      socket.end(failure("tenant:hello", "exception while reading from fd"));
    });
    const got = await call(pair, port);
    assert.equal(got.status, 117);
    assert.match(got.stdout, /success: subscribed\n.*exception while reading from fd\n$/);
  });

  it("takes the image of a create from --data", async () => {
    const pair = await folder.command(tenant, "hello", { kind: "unikernel-create", config: storedConfig });
    let stream: Uint8Array = new Uint8Array(0);
    const { port } = await serve((socket) =>
      takeStream(socket, (bytes) => {
        stream = bytes;
        socket.end(text("tenant:hello", "created unikernel"));
      }),
    );
    assert.match((await call(pair, port)).stderr, /name the file with --data/);
    assert.equal((await call(pair, port, [`--data=${image}`])).status, 0);
    assert.deepEqual(Uint8Array.from(inflateSync(stream)), imageBytes);
  });

  it("of a machine without image sends an empty stream, and of an image in it none", async () => {
    const machine = { ...storedConfig, type: "bhyve", compressed: false } as const;
    for (const [config, expected] of [
      [machine, 4],
      [{ ...storedConfig, image: Uint8Array.of(1) }, 0],
    ] as const) {
      const pair = await folder.command(tenant, "vm", { kind: "unikernel-create", config });
      let received = 0;
      const { port } = await serve((socket) => {
        const answer = () => void (received >= expected && socket.end(text("tenant:vm", "created unikernel")));
        socket.on("data", (bytes) => {
          received += bytes.length;
          answer();
        });
        answer();
      });
      assert.equal((await call(pair, port)).status, 0);
      assert.equal(received, expected);
      await peer?.close();
    }
  });

  it("writes a dump to a file, but not half of one", async () => {
    const pair = await folder.command(tenant, "disk", { kind: "block-dump", level: 9 });
    const content = new Uint8Array(100_000).fill(5);
    const packed = deflateSync(content);
    const block = (bytes: Uint8Array | undefined) =>
      reply("tenant:disk", { kind: "data", data: { kind: "block", bytes } });
    for (const whole of [true, false]) {
      const downloads = mkdtempSync(join(folder.directory, "downloads-"));
      const { port } = await serve((socket) => {
        const success = { kind: "block-device-image", compressed: true } as const;
        socket.write(reply("tenant:disk", { kind: "success", success }));
        socket.write(block(packed.subarray(0, 50)));
        socket.write(block(packed.subarray(50)));
        socket.end(whole ? block(undefined) : new Uint8Array(0));
      });
      const got = await call(pair, port, [], { env: { TMPDIR: downloads } });
      const files = readdirSync(downloads);
      assert.match(got.stdout, /^host \[unikernel: tenant:disk\]: block device compressed true\n/);
      assert.equal(got.status, whole ? 0 : 121, got.stdout + got.stderr);
      assert.equal(files.length, whole ? 1 : 0);
      if (whole) assert.deepEqual(Uint8Array.from(readFileSync(join(downloads, files[0] ?? ""))), content);
      await peer?.close();
    }
  });
});
