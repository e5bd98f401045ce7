import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseName } from "../../../core/name.ts";
import { CHUNK_FRAME_LIMIT, frame } from "../../../core/wire/framing.ts";
import { Admission, addressGroup } from "../../../daemon/tls-endpoint/admission.ts";
import { CertificateBudget } from "../../../daemon/tls-endpoint/certificate-budget.ts";
import {
  DELEGATIONS_FILE,
  DELEGATIONS_MAX,
  DelegationMemory,
  TENANT_DELEGATIONS_MAX,
} from "../../../daemon/tls-endpoint/delegation-memory.ts";
import { receiveImage } from "../../../daemon/tls-endpoint/image-stream.ts";
import { SMALL_CERTIFICATE } from "../../../daemon/tls-endpoint/limits.ts";
import { endpointFlags, TIMEOUT_MAX } from "../../../daemon/tls-endpoint/options.ts";
import {
  RESERVED_REVOCATION_LISTS,
  REVOCATION_LISTS_MAX,
  Revocations,
  TENANT_REVOCATION_LISTS_MAX,
} from "../../../daemon/tls-endpoint/revocations.ts";
import { type Share, Shares } from "../../../daemon/tls-endpoint/shares.ts";
import { SPOOL_CHUNK_BYTES, Spool, SpoolError } from "../../../daemon/tls-endpoint/spool.ts";
import { openssl } from "../../../plugins/tls/openssl.ts";
import { RevocationList } from "../../../plugins/tls/revocation-list.ts";
import { FrameLine } from "../../../runtime/frame-line.ts";
import { connectUnix, listenUnix } from "../../../runtime/unix-socket.ts";
import { TestCertificate } from "../../support/certificates.ts";

describe("the admission of connections", () => {
  /** Enters and keeps track of who was put out. */
  function door(total: number, perAddress: number) {
    const admission = new Admission(total, perAddress);
    const out: string[] = [];
    const enter = (address: string, name: string) => admission.enter(address, () => out.push(name));
    return { admission, out, enter };
  }

  it("lets in up to its limit, and then one for another that has said nothing", () => {
    const { admission, out, enter } = door(2, 2);
    enter("10.0.0.1", "a");
    enter("10.0.0.2", "b");
    assert.deepEqual(out, []);
    assert.notEqual(enter("10.0.0.3", "c"), undefined);
    assert.deepEqual(out, ["a"]);
    assert.equal(admission.count, 2);
  });

  it("puts out those who are silent before those who shake hands, and the oldest of them first", () => {
    const { out, enter } = door(3, 3);
    enter("10.0.0.1", "speaker")?.spoke();
    enter("10.0.0.2", "silent");
    enter("10.0.0.3", "late");
    for (const name of ["x", "y"]) enter("10.0.0.4", name)?.spoke();
    assert.deepEqual(out, ["silent", "late"]);
    enter("10.0.0.5", "z");
    assert.deepEqual(out, ["silent", "late", "speaker"]);
  });

  it("never puts out who is authenticated, and refuses others then", () => {
    const { admission, out, enter } = door(2, 2);
    const first = enter("10.0.0.1", "a");
    first?.spoke();
    first?.authenticated();
    enter("10.0.0.1", "b")?.authenticated();
    assert.equal(enter("10.0.0.2", "c"), undefined);
    assert.deepEqual(out, []);
    first?.left();
    first?.left();
    assert.equal(admission.count, 1);
    assert.notEqual(enter("10.0.0.2", "c"), undefined);
  });

  it("counts every address by itself, networks of IPv6 as one", () => {
    const { out, enter } = door(100, 1);
    enter("10.0.0.1", "a");
    enter("10.0.0.2", "b");
    enter("2001:db8::1", "c");
    enter("2001:db8:0:1::1", "d");
    assert.deepEqual(out, []);
    enter("2001:db8::2", "e");
    enter("10.0.0.1", "f");
    assert.deepEqual(out, ["c", "a"]);
  });

  it("knows the network of an IPv6 address", () => {
    assert.equal(addressGroup("2001:db8::1"), "2001:db8:0:0");
    assert.equal(addressGroup("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2");
    assert.equal(addressGroup("::1"), "0:0:0:0");
    assert.equal(addressGroup("fe80::1%eth0"), "fe80:0:0:0");
    assert.equal(addressGroup("192.0.2.1"), "192.0.2.1");
  });
});

describe("the budget for certificates", () => {
  const limits = { certificate: 1_000_000, certificateMemory: 2_000_000 };

  it("lets as many large ones be received at a time as there is memory for, and the others one by one", () => {
    const budget = new CertificateBudget(limits);
    const granted: string[] = [];
    const enter = (name: string) => budget.enter(name, 16_401, (bytes) => granted.push(`${name} ${bytes}`));
    const [first, , third] = ["a", "b", "c", "d"].map((name) => enter(name));
    assert.deepEqual(granted, ["a 1000000", "b 1000000"]);
    assert.equal(budget.waiting, 2);
    third?.leave();
    first?.leave();
    first?.leave();
    assert.deepEqual(granted, ["a 1000000", "b 1000000", "d 1000000"]);
    assert.equal(budget.waiting, 0);
  });

  it("never lets a small one wait", () => {
    const budget = new CertificateBudget(limits);
    const granted: number[] = [];
    for (const address of ["a", "b", "c", "a", "b"]) budget.enter(address, 500, (bytes) => granted.push(bytes));
    assert.deepEqual(granted, [1_000_000, 1_000_000, SMALL_CERTIFICATE, SMALL_CERTIFICATE, SMALL_CERTIFICATE]);
  });

  it("has room for one even if that is more than its memory", () => {
    const granted: number[] = [];
    new CertificateBudget({ certificate: 10, certificateMemory: 1 }).enter("a", 500, (bytes) => granted.push(bytes));
    assert.deepEqual(granted, [10]);
  });

  it("gives no address more than half of it, so that one that is silent does not keep others waiting", () => {
    const budget = new CertificateBudget({ certificate: 1_000_000, certificateMemory: 4_000_000 });
    const granted: string[] = [];
    const enter = (address: string) => budget.enter(address, 16_401, () => granted.push(address));
    const places = Array.from({ length: 5 }, () => enter("silent"));
    enter("other");
    enter("third");
    assert.deepEqual(granted, ["silent", "silent", "other", "third"]);
    assert.equal(budget.waiting, 3);
    places[0]?.leave();
    assert.deepEqual(granted, ["silent", "silent", "other", "third", "silent"]);
    assert.equal(budget.waiting, 2);
  });
});

describe("a spool", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-spool-test-"));

  for (const size of [0, 1, SPOOL_CHUNK_BYTES - 1, SPOOL_CHUNK_BYTES, SPOOL_CHUNK_BYTES + 1, 3 * SPOOL_CHUNK_BYTES]) {
    it(`gives back ${size} bytes, and has no name meanwhile`, async () => {
      const spool = await Spool.open(folder);
      try {
        assert.deepEqual(readdirSync(folder), []);
        const content = Buffer.alloc(size, "0123456789abc");
        for (let at = 0; at < size; at += 70_001) await spool.write(content.subarray(at, at + 70_001));
        assert.equal(spool.size, size);
        const parts: Buffer[] = [];
        for await (const chunk of spool.chunks()) parts.push(Buffer.from(chunk));
        assert.ok(Buffer.concat(parts).equals(content));
      } finally {
        await spool.close();
      }
    });
  }

  it("says so if there is no directory for it", async () => {
    await assert.rejects(Spool.open(join(folder, "none")), SpoolError);
    rmSync(folder, { recursive: true });
  });
});

it("an idle timeout is as long as timers take, and no longer", () => {
  assert.equal(TIMEOUT_MAX, 24 * 86_400_000);
  const seconds = TIMEOUT_MAX / 1000;
  assert.equal(endpointFlags.idle.read([String(seconds)]), TIMEOUT_MAX);
  assert.throws(() => endpointFlags.idle.read([String(seconds + 1)]), /at most 2073600/);
});

describe("shares of tenants", () => {
  const name = parseName;

  it("are at most a half of what there is, whatever names a tenant has", () => {
    const shares = new Shares(10);
    const own = shares.of(name("a:x"));
    assert.equal(own.take(3), true);
    assert.equal(shares.of(name("a:")).take(3), false);
    const below = shares.of(name("a:b:x"));
    assert.equal(below.take(2), true);
    assert.equal(own.take(1), false);
    assert.equal(shares.of(name("b:x")).take(5), true);
    assert.equal(shares.of(name("c:x")).take(1), false);
    below.leave();
    below.leave();
    assert.equal(shares.of(name("c:x")).take(3), false);
    assert.equal(own.take(2), true);
  });

  it("are those of each single name where there is no path", () => {
    const shares = new Shares(10);
    assert.equal(shares.of(name(":a")).take(5), true);
    assert.equal(shares.of(name("a:")).take(5), true);
    assert.equal(new Shares(1).of(name(":")).take(1), true);
  });
});

describe("an image that is received", () => {
  const folder = mkdtempSync(join(tmpdir(), "albatross-received-"));
  after(() => rmSync(folder, { recursive: true }));

  /** Receives images of these sizes of as many tenants, all at once. */
  async function receive(images: readonly (readonly [string, number])[], total: number): Promise<readonly string[]> {
    const shares = new Shares(total);
    const path = join(folder, "socket");
    const sender = images.values();
    const listener = listenUnix({ path }, (connection) => {
      const [, size] = sender.next().value ?? ["", 0];
      connection.send(frame(new Uint8Array(size)));
      connection.send(frame(new Uint8Array(0)));
      return { data: () => undefined, close: () => undefined };
    });
    try {
      const received: Promise<string>[] = [];
      const shareOf: Share[] = [];
      for (const [tenant] of images) {
        let line: FrameLine | undefined;
        const connection = await connectUnix(path, (opened) => {
          line = new FrameLine(opened, CHUNK_FRAME_LIMIT);
          return line.handlers;
        });
        assert.ok(line !== undefined);
        const share = shares.of(parseName(tenant));
        shareOf.push(share);
        const what = receiveImage(line, { directory: folder, limit: total, share }, undefined);
        received.push(
          what
            .then(async (spool) => {
              await spool.close();
              return "complete";
            })
            .catch((error: unknown) => String(error))
            .finally(() => connection.destroy()),
        );
        await received.at(-1);
      }
      const outcomes = await Promise.all(received);
      for (const share of shareOf) share.leave();
      return outcomes;
    } finally {
      listener.close();
    }
  }

  it("takes no more of the disk than its tenant's half of the space for all of them", async () => {
    const refused = "Refusal: error retrieving unikernel image: too many images are being received, try again later";
    const [half, total] = [300_000, 600_000];
    assert.deepEqual(
      await receive(
        [
          ["a:x", half],
          ["a:y", 1],
          ["b:x", half],
          ["c:x", 1],
        ],
        total,
      ),
      ["complete", refused, "complete", refused],
    );
    assert.deepEqual(
      await receive(
        [
          ["a:x", half + 1],
          ["b:x", half],
        ],
        total,
      ),
      [refused, "complete"],
    );
  });
});

describe("the memory of delegations", () => {
  const root = TestCertificate.root("root");
  const list = new RevocationList(root.revoke([Buffer.of(5), Buffer.of(6)]));
  const delegation = (serial: string, path: string, issuerKey = "aa") => ({ issuerKey, serial, path: parseName(path) });

  const texts = (delegations: readonly { readonly path: { readonly text: string } }[]) =>
    delegations.map(({ path }) => path.text);

  it("finds the paths that a list of their issuer revokes, also after a restart", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-delegations-"));
    try {
      await new DelegationMemory(folder).remember([
        delegation("05", "foo:"),
        delegation("07", "kept:"),
        delegation("06", "other:", "bb"),
      ]);
      const again = new DelegationMemory(folder);
      await again.remember([delegation("06", "foo:bar:")]);
      assert.deepEqual(texts(again.revoked("aa", list)), ["foo:", "foo:bar:"]);
      assert.deepEqual(again.revoked("cc", list), []);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("writes what is news together, and once more what could not be written", async () => {
    const folder = mkdtempSync(join(tmpdir(), "albatross-delegations-"));
    const kept = () => new DelegationMemory(folder).size;
    try {
      const memory = new DelegationMemory(folder);
      const first = memory.remember([delegation("05", "foo:")]);
      const others = [1, 2, 3].map((count) => memory.remember([delegation("05", `foo${count}:`)]));
      await first;
      await memory.remember([delegation("05", "foo:")]);
      await Promise.all(others);
      assert.equal(kept(), 4);
      const obstacle = join(folder, `${DELEGATIONS_FILE}.new`);
      mkdirSync(obstacle);
      await assert.rejects(memory.remember([delegation("06", "late:")]), /EISDIR/);
      rmSync(obstacle, { recursive: true });
      assert.equal(kept(), 4);
      await memory.remember([delegation("06", "late:")]);
      assert.equal(kept(), 5);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("knows every path for which a certificate was shown", async () => {
    const memory = new DelegationMemory(undefined);
    await memory.remember([delegation("05", "foo:")]);
    await memory.remember([delegation("05", "elsewhere:")]);
    assert.deepEqual(texts(memory.revoked("aa", list)), ["foo:", "elsewhere:"]);
  });

  it("works without a directory, for as long as the program runs", async () => {
    const memory = new DelegationMemory(undefined);
    await memory.remember([delegation("05", "foo:")]);
    assert.equal(memory.revoked("aa", list).length, 1);
  });

  it("is bounded, and a tenant who delegates without end only loses its own", async () => {
    const memory = new DelegationMemory(undefined);
    const many = (tenant: string, from: number, count: number) =>
      Array.from({ length: count }, (_, at) => delegation((from + at).toString(16).padStart(6, "0"), tenant, "bb"));
    await memory.remember([delegation("05", "quiet:")]);
    await memory.remember([delegation("06", "crowd:"), ...many("crowd:x:", 0, TENANT_DELEGATIONS_MAX - 1)]);
    assert.equal(memory.size, 1 + TENANT_DELEGATIONS_MAX);
    await memory.remember(many("crowd:x:", TENANT_DELEGATIONS_MAX, 3));
    assert.equal(memory.size, 1 + TENANT_DELEGATIONS_MAX);
    for (let at = 2; at * TENANT_DELEGATIONS_MAX < DELEGATIONS_MAX; at++) {
      await memory.remember(many(`crowd${at}:`, 0, TENANT_DELEGATIONS_MAX));
    }
    await memory.remember(many("last:", 0, TENANT_DELEGATIONS_MAX - 1));
    assert.equal(memory.size, DELEGATIONS_MAX);
    await memory.remember([delegation("07", "last:")]);
    assert.equal(memory.size, DELEGATIONS_MAX);
    assert.deepEqual(texts(memory.revoked("aa", list)), ["quiet:", "crowd:"]);
  });
});

describe("the revocation lists that clients bring", () => {
  const folders: string[] = [];
  const loaded: number[] = [];
  after(() => {
    for (const certificate of loaded) openssl().X509_free(certificate);
    for (const folder of folders) rmSync(folder, { recursive: true });
  });

  /** The lists of a folder in which an administrator has put some. */
  function lists(present: number): Revocations {
    const folder = mkdtempSync(join(tmpdir(), "albatross-lists-"));
    folders.push(folder);
    const list = TestCertificate.root("somebody").revoke([]);
    for (let at = 0; at < present; at++) writeFileSync(join(folder, `${at}.crl`), list);
    return new Revocations(folder);
  }

  /** Brings the list of an authority. */
  function bring(
    revocations: Revocations,
    authority: TestCertificate,
    tenant: string | undefined,
    number = 1,
    serials: readonly Uint8Array[] = [Buffer.of(5)],
  ): void {
    const library = openssl();
    const bytes = Buffer.from(authority.pem);
    const bio = library.BIO_new_mem_buf(bytes, bytes.length);
    const certificate = library.PEM_read_bio_X509(bio, 0, 0, null);
    library.BIO_free(bio);
    loaded.push(certificate);
    revocations.update(authority.revoke(serials, number), certificate, tenant);
  }

  it("are so many of one tenant, and then still those of others", () => {
    const revocations = lists(0);
    const [known, further] = [TestCertificate.root("crowd"), TestCertificate.root("crowd")];
    bring(revocations, known, "crowd");
    for (let count = 1; count < TENANT_REVOCATION_LISTS_MAX; count++) {
      bring(revocations, TestCertificate.root("crowd"), "crowd");
    }
    assert.throws(() => bring(revocations, further, "crowd"), {
      name: "Refusal",
      message: `Cannot keep the revocation list: there are ${TENANT_REVOCATION_LISTS_MAX} already of crowd`,
    });
    bring(revocations, known, "crowd", 2);
    bring(revocations, further, "crowd.not");
    bring(revocations, TestCertificate.root("root"), undefined);
    assert.equal(revocations.index.size, TENANT_REVOCATION_LISTS_MAX + 2);
    revocations.free();
  });

  it("are not larger than so many bytes of one tenant together, so that they do not fill the memory", () => {
    const revocations = lists(0);
    const large = Array.from({ length: 40_000 }, (_, at) => Buffer.of(1, at >> 8, at & 0xff));
    const all = [1, 2, 3, 4, 5].map(() => TestCertificate.root("crowd"));
    const [first, ...others] = all;
    assert.ok(first !== undefined);
    for (const authority of all.slice(0, 4)) bring(revocations, authority, "crowd", 1, large);
    assert.throws(
      () => bring(revocations, others[3] ?? first, "crowd", 1, large),
      /^Refusal: Cannot keep the revocation list: those of crowd would have 48\d+ bytes$/,
    );
    bring(revocations, first, "crowd", 2, large);
    bring(revocations, others[3] ?? first, "other", 1, large);
    assert.equal(revocations.index.size, 5);
    revocations.free();
  });

  it("leave room for those of the CA", () => {
    const revocations = lists(REVOCATION_LISTS_MAX - RESERVED_REVOCATION_LISTS - 1);
    const root = TestCertificate.root("root");
    bring(revocations, TestCertificate.root("tenant"), "tenant");
    assert.throws(() => bring(revocations, TestCertificate.root("other"), "other"), /there are 960 already$/);
    bring(revocations, root, undefined);
    assert.equal(revocations.index.size, REVOCATION_LISTS_MAX - RESERVED_REVOCATION_LISTS + 1);
    revocations.free();
  });
});
