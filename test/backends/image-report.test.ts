import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import type { ImageSource } from "../../backends/image.ts";
import { reportImage, reportText } from "../../backends/image-report.ts";
import { bytesSource } from "../../backends/image-source.ts";
import { makeImage, type SyntheticDevice } from "./synthetic-image.ts";

const report = (path: string, target: number, ...devices: SyntheticDevice[]) =>
  reportImage(bytesSource(makeImage({ target, devices })), path);

describe("the report about an image", () => {
  it("has everything to deploy it with", () => {
    const image = makeImage({
      devices: [
        { name: "service", type: 2 },
        { name: "storage", type: 1 },
      ],
    });
    const found = reportImage(bytesSource(image), "dist/Web.hvt");
    const digest = createHash("sha256").update(image).digest("hex");
    assert.equal(found.digest, digest);
    assert.equal(found.size, image.length);
    assert.deepEqual(found.create, [
      "albatross-client",
      "create",
      "web",
      "dist/Web.hvt",
      "--net=service:BRIDGE",
      "--block=storage:DEVICE",
    ]);
    assert.equal(
      reportText(found),
      `image    dist/Web.hvt
size     ${image.length} bytes
digest   SHA256 ${digest}
target   hvt, ABI version 2, x86_64
devices  network service, block storage
create   albatross-client create web dist/Web.hvt --net=service:BRIDGE --block=storage:DEVICE
`,
    );
  });

  it("says that an image of another target cannot be run, and why", () => {
    const found = report("a.xen", 6);
    assert.equal(found.create, undefined);
    assert.match(reportText(found), /^devices {2}none\ncreate {3}not possible: unsupported solo5 target xen\n$/m);
  });

  it("leaves the name open where the file's cannot be one, and quotes the path", () => {
    assert.deepEqual(report("/tmp/my image.spt", 2).create?.slice(2), ["NAME", "'/tmp/my image.spt'"]);
    assert.deepEqual(report("-x", 1).create?.slice(2), ["NAME", "./-x"]);
  });

  it("keeps control characters of image and path off the terminal", () => {
    const text = reportText(report("/tmp/\u001b[2J.hvt", 1, { name: "\u001b[1m\u0085", type: 1 }));
    assert.doesNotMatch(text, /[^\n\P{Cc}]/u);
  });

  it("digests all of a large image", () => {
    const size = 3_000_001;
    const bytes = new Uint8Array(size);
    bytes.set(makeImage());
    bytes[size - 1] = 1;
    let largest = 0;
    const source: ImageSource = {
      size,
      readAt(offset, length) {
        largest = Math.max(largest, length);
        return bytes.subarray(offset, offset + length);
      },
    };
    assert.equal(reportImage(source, "x").digest, createHash("sha256").update(bytes).digest("hex"));
    assert.ok(largest <= 1_048_576);
  });
});
