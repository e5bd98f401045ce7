import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { connect } from "node:tls";
import { interpretChain } from "../../../pki/chain.ts";
import { RevocationIndex } from "../../../plugins/tls/revocation-index.ts";
import { ServerContext } from "../../../plugins/tls/server-context.ts";
import { TlsSession } from "../../../plugins/tls/tls-session.ts";
import { listenTcp } from "../../../runtime/tcp-socket.ts";
import { LARGEST } from "./tls-server.ts";

const folder = join(import.meta.dirname, "..", "..", "vectors", "chains");

const leaves = [
  ["leaf-info-by-ca.pem", "hello-info.key", ":hello", "unikernel-info"],
  ["leaf-console-by-tenant.pem", "hello-console.key", "tenant:hello", "console-subscribe"],
  ["leaf-destroy-by-tenant.pem", "hello-destroy.key", "tenant:hello", "unikernel-destroy"],
] as const;

describe("certificates that the original has made", () => {
  for (const keyType of ["ed25519", "p256", "rsa2048"]) {
    it(`serve server and clients, with keys of type ${keyType}`, async () => {
      const read = (file: string) => new Uint8Array(readFileSync(join(folder, keyType, file)));
      const text = (file: string) => new TextDecoder().decode(read(file));
      const identity = { authorities: [read("cacert.pem")], certificate: read("server.pem"), key: read("server.key") };
      const context = new ServerContext(identity, new RevocationIndex(), "albatross-ts/1");
      const seen: string[][] = [];
      const listener = listenTcp({ address: "127.0.0.1", port: 0 }, (connection) => {
        const admit = (_length: number, proceed: (bytes: number) => void) => proceed(LARGEST);
        return new TlsSession(connection, context, admit, (session) => ({
          authenticated: () => {
            const meaning = interpretChain(session.chain());
            if (meaning.kind === "command") seen.push([meaning.name.text, meaning.command.kind]);
            session.send(Uint8Array.of(1));
          },
          data: () => undefined,
          close: () => undefined,
        })).events;
      });
      try {
        for (const [certificate, key] of leaves) {
          const pem = { ca: text("cacert.pem"), cert: text(certificate), key: text(key) };
          const options = { host: "127.0.0.1", port: listener.port, checkServerIdentity: () => undefined };
          await new Promise<void>((resolve, reject) => {
            const socket = connect({ ...options, ...pem });
            socket.on("data", () => void socket.end());
            socket.on("error", reject);
            socket.on("close", () => resolve());
          });
        }
      } finally {
        listener.close();
        context.free();
      }
      assert.deepEqual(
        seen,
        leaves.map(([, , name, kind]) => [name, kind]),
      );
    });
  }
});
