import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { findProtocol } from "../../../plugins/tls/application-protocol.ts";
import { RECORD_MAX, scanRecords } from "../../../plugins/tls/record-scanner.ts";
import { RevocationIndex } from "../../../plugins/tls/revocation-index.ts";
import {
  REVOCATION_LIST_BYTES_MAX,
  RevocationList,
  RevocationListError,
} from "../../../plugins/tls/revocation-list.ts";
import { ServerContext } from "../../../plugins/tls/server-context.ts";
import { TestCertificate } from "../../support/certificates.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const record = (type: number, length: number) => {
  const all = new Uint8Array(5 + length);
  all.set([type, 3, 3, length >> 8, length & 255]);
  return all;
};
const join = (...parts: Uint8Array[]) => new Uint8Array(Buffer.concat(parts));

describe("the scanner of TLS records", () => {
  it("passes the hello on, whole records of it", () => {
    assert.deepEqual(scanRecords(record(22, 300)), { kind: "hello", length: 305 });
    assert.deepEqual(scanRecords(join(record(22, 300), record(20, 1))), { kind: "hello", length: 311 });
    assert.deepEqual(scanRecords(join(record(22, 300), record(20, 1).subarray(0, 4))), { kind: "hello", length: 305 });
  });

  it("stops before the first encrypted record and gives its length", () => {
    const encrypted = record(23, 1234).subarray(0, 5);
    assert.deepEqual(scanRecords(join(record(20, 1), encrypted)), { kind: "hello", length: 6 });
    assert.deepEqual(scanRecords(encrypted), { kind: "encrypted", recordLength: 1234 });
  });

  it("waits for more of what is incomplete", () => {
    assert.deepEqual(scanRecords(new Uint8Array(0)), { kind: "incomplete" });
    assert.deepEqual(scanRecords(record(23, 1234).subarray(0, 4)), { kind: "incomplete" });
    assert.deepEqual(scanRecords(record(22, RECORD_MAX).subarray(0, RECORD_MAX)), { kind: "incomplete" });
  });

  it("lets OpenSSL refuse what is no TLS", () => {
    const garbage = bytes("GET / HTTP/1.1\r\n\r\n");
    assert.deepEqual(scanRecords(garbage), { kind: "hello", length: garbage.length });
    const tooLong = record(22, RECORD_MAX + 1).subarray(0, 9);
    assert.deepEqual(scanRecords(tooLong), { kind: "hello", length: 9 });
  });
});

describe("the choice of an application protocol", () => {
  const list = (...names: string[]) => join(...names.map((name) => join(Uint8Array.of(name.length), bytes(name))));

  it("finds a name where it is", () => {
    assert.equal(findProtocol(list("h2", "albatross-ts/1"), bytes("albatross-ts/1")), 4);
    assert.equal(findProtocol(list("albatross-ts/1"), bytes("albatross-ts/1")), 1);
  });

  it("finds no part of a name, and nothing in a broken list", () => {
    assert.equal(findProtocol(list("xalbatross-ts/1", "albatross-ts/12"), bytes("albatross-ts/1")), -1);
    assert.equal(findProtocol(list("albatross-ts/1").subarray(0, 10), bytes("albatross-ts/1")), -1);
    assert.equal(findProtocol(new Uint8Array(0), bytes("a")), -1);
  });
});

describe("a revocation list", () => {
  const root = TestCertificate.root("root");
  const serials = [Buffer.from("00ff", "hex"), Buffer.from("0102030405", "hex")];

  it("tells its number and which serials it revokes, in DER and in PEM", () => {
    const der = root.revoke(serials, 77);
    const pem = `-----BEGIN X509 CRL-----\n${der.toString("base64")}\n-----END X509 CRL-----\n`;
    for (const form of [der, bytes(pem)]) {
      const list = new RevocationList(form);
      assert.equal(list.number, 77n);
      assert.deepEqual(Buffer.from(list.der), der);
      assert.equal(list.isCurrent, true);
      for (const serial of serials) assert.equal(list.revokesSerial(serial), true);
      assert.equal(list.revokesSerial(Buffer.from("ff", "hex")), false);
      assert.equal(list.revokesSerial(new Uint8Array(0)), false);
      list.free();
    }
  });

  it("may have no number and no entries, and may be out of date", () => {
    const list = new RevocationList(root.revoke([], 2, -1000));
    assert.equal(list.isCurrent, false);
    list.free();
    const bare = new RevocationList(root.revoke([], null));
    assert.equal(bare.number, undefined);
    assert.equal(bare.revokesSerial(Buffer.of(1)), false);
    bare.free();
  });

  it("is refused if it is no list, or too large", () => {
    assert.throws(() => new RevocationList(bytes("nonsense")), RevocationListError);
    assert.throws(() => new RevocationList(root.der), RevocationListError);
    assert.throws(() => new RevocationList(root.revoke(serials).subarray(0, -1)), RevocationListError);
    assert.throws(() => new RevocationList(new Uint8Array(REVOCATION_LIST_BYTES_MAX + 1)), /more than 1048576 bytes/);
    const largest = new Uint8Array(REVOCATION_LIST_BYTES_MAX);
    assert.throws(() => new RevocationList(largest), /Cannot read/);
  });

  it("that calls itself encrypted is refused without asking anybody for a password", () => {
    const headers = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00112233445566778899AABBCCDDEEFF\n";
    const content = root.revoke(serials, 1).toString("base64").replace(/.{64}/g, "$&\n");
    const pem = bytes(`-----BEGIN X509 CRL-----\n${headers}\n${content}\n-----END X509 CRL-----\n`);
    const refusedOnly = (error: unknown) => error instanceof RevocationListError && !/password/.test(error.message);
    assert.throws(() => new RevocationList(pem), refusedOnly);
  });

  it("is refused if anything follows that would be left unread", () => {
    const pem = (text: string) => `-----BEGIN X509 CRL-----\n${text}\n-----END X509 CRL-----\n`;
    const [one, other] = [root.revoke([], 1), root.revoke(serials, 2)];
    const texts = [one, other].map((der) => pem(der.toString("base64")));
    assert.throws(() => new RevocationList(bytes(texts.join("\n"))), /another one, or a broken one, follows/);
    assert.throws(() => new RevocationList(bytes(`${texts[0]}${pem("broken!")}`)), /another one, or a broken/);
    assert.throws(() => new RevocationList(Buffer.concat([one, other])), /something behind it/);
    new RevocationList(bytes(`made today\n${texts[1]}that was all\n`)).free();
  });
});

describe("the settings of a TLS server", () => {
  const root = TestCertificate.root("root");
  const server = root.server();
  const make = (changes: Partial<Record<"authorities" | "certificate" | "key", string>>) => {
    const { authorities = root.pem, certificate = server.pem, key = server.keyPem } = changes;
    const identity = { authorities: [bytes(authorities)], certificate: bytes(certificate), key: bytes(key) };
    new ServerContext(identity, new RevocationIndex(), "albatross-ts/1").free();
  };

  it("take a certificate with its issuers", () => {
    make({});
    make({ certificate: server.pem + root.pem });
  });

  it("are refused with the reason if a file is not what it should be", () => {
    assert.throws(() => make({ authorities: root.pem + server.pem }), /^OpenSslError: expect single ca as cacert$/);
    assert.throws(() => make({ authorities: "none" }), /expect single ca as cacert/);
    assert.throws(() => make({ certificate: "none" }), /contains none/);
    const broken = root.pem.replace("\nMI", "\n!!");
    assert.throws(() => make({ authorities: root.pem + broken }), /Cannot read a certificate: /);
    assert.throws(() => make({ certificate: server.pem + broken }), /Cannot read a certificate: /);
    assert.throws(() => make({ certificate: server.pem + root.pem.slice(0, -30) }), /Cannot read a certificate: /);
    assert.throws(() => make({ key: "none" }), /Cannot read the server's key/);
    assert.throws(() => make({ key: root.keyPem }), /Public key of certificate doesn't match private key/);
    const encrypted = server.keys.privateKey.export({
      type: "pkcs8",
      format: "pem",
      cipher: "aes-256-cbc",
      passphrase: "x",
    });
    assert.throws(() => make({ key: String(encrypted) }), /unencrypted/);
  });
});
