import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { parseMetricsAddress } from "../../../plugins/openmetrics/address.ts";
import { CACHE_MS, cached, serveMetrics } from "../../../plugins/openmetrics/metrics-server.ts";
import { neighbourTexts } from "../../../plugins/openmetrics/neighbours.ts";

const folder = mkdtempSync(join(tmpdir(), "albatross-metrics-"));
after(() => rmSync(folder, { recursive: true }));

interface Answer {
  readonly status: number | undefined;
  readonly type: string | undefined;
  readonly text: string;
}

function ask(socketPath: string, path = "/metrics", method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ socketPath, path, method, agent: false }, (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"], text }));
    });
    outgoing.on("error", reject);
    outgoing.end();
  });
}

describe("parseMetricsAddress()", () => {
  it("reads sockets and loopback ports", () => {
    assert.deepEqual(parseMetricsAddress("/run/x.metrics"), { kind: "unix", path: "/run/x.metrics" });
    assert.deepEqual(parseMetricsAddress("9464"), { kind: "tcp", host: "127.0.0.1", port: 9464 });
    assert.deepEqual(parseMetricsAddress("localhost:65535"), { kind: "tcp", host: "127.0.0.1", port: 65_535 });
    assert.deepEqual(parseMetricsAddress("[::1]:0"), { kind: "tcp", host: "::1", port: 0 });
  });

  for (const text of ["65536", "0.0.0.0:9464", "[::]:9464", "example.org:9464", "", ":9464", "relative/path", "-1"]) {
    it(`refuses ${JSON.stringify(text)}: nobody but this host may ask`, () => {
      assert.throws(() => parseMetricsAddress(text), RangeError);
    });
  }
});

describe("cached()", () => {
  it("makes the text once within its time, once more past it, and one for all who ask at once", async () => {
    let made = 0;
    let time = 0;
    const text = cached(
      async () => `${++made}`,
      () => time,
    );
    assert.deepEqual(await Promise.all([text(), text()]), ["1", "1"]);
    time = CACHE_MS - 1;
    assert.equal(await text(), "1");
    time = CACHE_MS;
    assert.equal(await text(), "2");
  });

  it("does not keep a failure", async () => {
    let made = 0;
    const text = cached(async () => {
      if (made++ === 0) throw new Error("no");
      return "yes";
    });
    await assert.rejects(text(), /no/);
    assert.equal(await text(), "yes");
  });
});

describe("serveMetrics()", () => {
  it("serves /metrics only, to the group, and says what is wrong", async () => {
    const path = join(folder, "a.metrics");
    const server = await serveMetrics({ kind: "unix", path }, async () => "a 1\n# EOF\n");
    try {
      assert.equal(statSync(path).mode & 0o777, 0o660);
      assert.deepEqual(await ask(path), {
        status: 200,
        type: "application/openmetrics-text; version=1.0.0; charset=utf-8",
        text: "a 1\n# EOF\n",
      });
      assert.equal((await ask(path, "/metrics?x=1", "HEAD")).status, 200);
      assert.equal((await ask(path, "/")).status, 404);
      assert.equal((await ask(path, "/metrics", "POST")).status, 405);
      await assert.rejects(
        serveMetrics({ kind: "unix", path }, async () => ""),
        /somebody else does/,
      );
    } finally {
      server.close();
    }
  });

  it("tells of a failure, and serves again", async () => {
    const path = join(folder, "b.metrics");
    let broken = true;
    const server = await serveMetrics({ kind: "unix", path }, async () => {
      if (broken) throw new Error("no measure");
      return "# EOF\n";
    });
    try {
      const answer = await ask(path);
      assert.equal(answer.status, 503);
      assert.match(answer.text, /Cannot measure: no measure/);
      broken = false;
      assert.equal((await ask(path)).status, 200);
    } finally {
      server.close();
    }
  });

  it("does not take the place of a file", async () => {
    const path = join(folder, "file");
    writeFileSync(path, "");
    await assert.rejects(
      serveMetrics({ kind: "unix", path }, async () => ""),
      /is not a socket/,
    );
  });
});

describe("neighbourTexts()", () => {
  it("gives the texts of the others, and tells of who does not answer", async () => {
    const own = join(folder, "own.metrics");
    const first = await serveMetrics({ kind: "unix", path: join(folder, "c.metrics") }, async () => "c 1\n# EOF\n");
    const silent: Server = createServer(() => undefined);
    await new Promise<void>((resolve) => silent.listen(join(folder, "silent.metrics"), resolve));
    const failed: string[] = [];
    try {
      const texts = await neighbourTexts(folder, own, (socket) => void failed.push(socket));
      assert.deepEqual(texts, ["c 1\n# EOF\n"]);
      assert.deepEqual(failed, [join(folder, "silent.metrics")]);
    } finally {
      first.close();
      silent.close();
    }
  });
});
