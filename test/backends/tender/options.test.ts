/** The command line of the tender: words, messages and exit statuses. */
import assert from "node:assert/strict";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { joinWords, splitCommandLine } from "../../../backends/tender/options.ts";
import { Guest } from "./guest-image.ts";
import { builtInTender, TenderRig } from "./tender-process.ts";

describe("the words of a command line", () => {
  it("end their options at the first word without a dash, or behind two dashes", () => {
    const run = (options: string[], kernel: string, words: string[]) => ({ kind: "run", options, kernel, words });
    assert.deepEqual(splitCommandLine(["k"]), run([], "k", []));
    assert.deepEqual(splitCommandLine(["--mem=1", "k", "--help"]), run(["--mem=1"], "k", ["--help"]));
    assert.deepEqual(splitCommandLine(["--mem=1", "--", "--k", "--", "a"]), run(["--mem=1"], "--k", ["--", "a"]));
    assert.deepEqual(splitCommandLine(["--mem", "32", "k"]), run(["--mem"], "32", ["k"]));
    assert.deepEqual(splitCommandLine(["-x", "-", "k", ""]), run(["-x", "-"], "k", [""]));
  });

  it("may ask for help or the version anywhere before the kernel", () => {
    assert.deepEqual(splitCommandLine(["--foo", "--help", "k"]), { kind: "help" });
    assert.deepEqual(splitCommandLine(["--mem=1", "--version", "--help"]), { kind: "version" });
  });

  it("must name a kernel", () => {
    for (const words of [[], ["--mem=1"], ["--"], ["--mem=1", "--"]]) {
      assert.throws(() => splitCommandLine(words), /Missing KERNEL operand/);
    }
  });

  it("are limited for the guest by their bytes", () => {
    assert.equal(joinWords(["x".repeat(8191)]).length, 8191);
    assert.throws(() => joinWords(["x".repeat(8192)]), /Guest command line too long \(max=8191 characters\)/);
    assert.throws(() => joinWords(["ä".repeat(4096)]), /too long/);
    assert.deepEqual(joinWords([]), new Uint8Array());
    assert.deepEqual(joinWords(["", ""]), new Uint8Array([0x20]));
  });
});

describe("the tender's command line", () => {
  const rig = new TenderRig(builtInTender);
  after(() => rig.close());
  const plain = rig.save(new Guest().halt().build());
  const block = rig.save(new Guest([{ name: "storage", type: 1 }]).halt().build());
  const net = rig.save(new Guest([{ name: "service0", type: 2 }]).halt().build());
  const disk = join(rig.directory, "disk");
  writeFileSync(disk, new Uint8Array(1536));
  const empty = join(rig.directory, "empty");
  writeFileSync(empty, "");
  const odd = join(rig.directory, "odd");
  writeFileSync(odd, "");
  truncateSync(odd, 1000);
  const folder = join(rig.directory, "folder");
  mkdirSync(folder);

  it("--version tells program, version and ABI", () => {
    const { status, stdout, stderr } = rig.runWords(["--version"]);
    assert.deepEqual({ status, length: stdout.length }, { status: 0, length: 0 });
    assert.match(stderr, /^albatross tender, version \d+\.\d+\.\d+\nABI version 2\n$/);
  });

  it("--help shows the usage and ends with status 1", () => {
    const { status, stderr } = rig.runWords(["--help"]);
    assert.equal(status, 1);
    assert.match(stderr, /^usage: albatross tender /);
  });

  const storage = (path: string) => `--block:storage=${path}`;
  const invalid = (option: string) => `albatross tender: Invalid option: \`${option}'\nusage: `;
  const cases: readonly (readonly [words: readonly string[], text: string])[] = [
    [[], "albatross tender: Missing KERNEL operand\nusage: "],
    [["/no/such"], "albatross tender: /no/such: Could not open: No such file or directory\n"],
    [["--foo", "/no/such"], "albatross tender: /no/such: Could not open: No such file or directory\n"],
    [[folder], `albatross tender: ${folder}: Could not read the elf header: Is a directory\n`],
    [["--foo", plain], invalid("--foo")],
    [["-x", plain], invalid("-x")],
    [["--cpu=vax", plain], invalid("--cpu=vax")],
    [["--mem=0", plain], "albatross tender: Malformed argument to --mem\n"],
    [["--mem=", plain], "albatross tender: Malformed argument to --mem\n"],
    [["--mem=x", plain], "albatross tender: Malformed argument to --mem\n"],
    [
      ["--mem=4098", plain],
      "albatross tender: guest memory size 4297064448 bytes exceeds the max size 4294967296 bytes\n",
    ],
    [["--net:x=t", plain], `albatross tender: Resource not declared in manifest: 'x'\n${invalid("--net:x=t")}`],
    [
      ["--net:storage=t", block],
      `albatross tender: Resource not declared in manifest: 'storage'\n${invalid("--net:storage=t")}`,
    ],
    [["--net:a.b=t", net], invalid("--net:a.b=t")],
    [[`--net:${"a".repeat(68)}=t`, net], invalid(`--net:${"a".repeat(68)}=t`)],
    [["--net:service0=", net], invalid("--net:service0=")],
    [["--net-mac:service0=zz", net], invalid("--net-mac:service0=zz")],
    [["--net-mac:service0=0:1:2:3:4", net], invalid("--net-mac:service0=0:1:2:3:4")],
    [
      ["--net:service0=@0", net],
      `albatross tender: Could not attach interface: @0: No such file or directory\n${invalid("--net:service0=@0")}`,
    ],
    [
      [block],
      "albatross tender: Device 'storage' of type BLOCK_BASIC declared but not attached.\n" +
        "albatross tender: All declared devices must be attached. See --help for syntax.\n",
    ],
    [
      [net],
      "albatross tender: Device 'service0' of type NET_BASIC declared but not attached.\n" +
        "albatross tender: All declared devices must be attached. See --help for syntax.\n",
    ],
    [
      [storage("/no/such"), block],
      "albatross tender: Could not open block device: /no/such: No such file or directory\n",
    ],
    [[storage(folder), block], `albatross tender: Could not open block device: ${folder}: Is a directory\n`],
    [[storage(odd), block], "albatross tender: storage: Backing storage size must be block aligned (512 bytes)\n"],
    [
      [storage(empty), block],
      "albatross tender: storage: Backing storage must be at least 1 block (512 bytes) in size\n",
    ],
    [
      [storage(disk), "--block-sector-size:storage=1024", block],
      "albatross tender: storage: Backing storage size must be block aligned (1024 bytes)\n",
    ],
    [["--block-sector-size:storage=x", block], invalid("--block-sector-size:storage=x")],
    ...["0", "256", "511", "1000", "65535", "65536", "99999999999999999999"].map((size) => {
      const option = `--block-sector-size:storage=${size}`;
      const reason = "albatross tender: Block size must be a multiple of 2 greater than or equal 512\n";
      return [[option, block], `${reason}${invalid(option)}`] as const;
    }),
  ];
  for (const [words, text] of cases) {
    it(`says what is wrong: ${words.map((word) => word.replace(rig.directory, "…")).join(" ") || "nothing"}`, () => {
      const { status, stdout, stderr } = rig.runWords(words);
      assert.deepEqual({ status, stdout: [...stdout] }, { status: 1, stdout: [] });
      assert.ok(stderr.includes(text), stderr);
      assert.doesNotMatch(stderr, /\n\s+at /, "no stack trace");
    });
  }

  it("attaches the last of several files for one block device", () => {
    const guest = new Guest([{ name: "storage", type: 1 }]);
    const image = rig.save(
      guest
        .print(0x10038 + 8 + 104 + 72, 8)
        .halt()
        .build(),
    );
    const { stdout, stderr } = rig.runWords([
      "--mem=2",
      "--allow-emulation",
      storage(empty),
      "--block-sector-size:storage=512",
      storage(disk),
      image,
    ]);
    assert.equal(new DataView(stdout.buffer).getBigUint64(0, true), 1536n, stderr);
  });
});
