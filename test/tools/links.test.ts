/** Every relative link of the documents leads somewhere: to a file, and to a heading of it where one is named. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";

const root = join(import.meta.dirname, "..", "..");
const listed = spawnSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "*.md"], {
  cwd: root,
  encoding: "utf8",
});
const documents = listed.stdout.split("\n").filter((file) => file !== "" && existsSync(join(root, file)));

const withoutCode = (text: string) => text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, "");

/** As GitHub names the headings of a document. */
function anchors(text: string): Set<string> {
  const headings = [...text.replace(/^```[\s\S]*?^```/gm, "").matchAll(/^#+ (.*)$/gm)];
  return new Set(
    headings.map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{Letter}\p{Number} _-]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

function problem(file: string, target: string): string | undefined {
  const [path = "", heading] = target.split("#");
  const aim = path === "" ? join(root, file) : join(root, dirname(file), path);
  if (!existsSync(aim)) return `${target} is not there`;
  if (heading === undefined || statSync(aim).isDirectory()) return undefined;
  return anchors(readFileSync(aim, "utf8")).has(heading) ? undefined : `${target}: there is no such heading`;
}

describe("relative links", () => {
  it("are looked for in the documents that there are", () => {
    assert.equal(listed.status, 0, listed.stderr);
    for (const file of ["README.md", "docs/guide.md"]) assert.ok(documents.includes(file), file);
  });

  for (const file of documents) {
    it(`of ${file} lead somewhere`, () => {
      const links = [...withoutCode(readFileSync(join(root, file), "utf8")).matchAll(/\]\(([^)\s]+)\)/g)];
      const relative = links.map(([, target = ""]) => target).filter((target) => !/^[a-z]+:/.test(target));
      assert.deepEqual(
        relative.flatMap((target) => problem(file, target) ?? []),
        [],
      );
    });
  }
});
