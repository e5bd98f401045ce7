/** The rc.d scripts, run by sh with a stand-in for FreeBSD's rc.subr, which says what would be run. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  lchownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";

const scripts = join(import.meta.dirname, "../../packaging/freebsd/rc.d");
const folder = mkdtempSync(join(tmpdir(), "albatross-rc-"));
after(() => rmSync(folder, { recursive: true }));

/** What the parts of rc.subr that the scripts use do, as far as it can be told from outside. */
const stub = `
load_rc_config() { :; }
force_depend() { echo "depends on $1"; }
install() { echo "install $*"; }
run_rc_command() { eval "\${start_precmd}"; echo "run \${command} \${command_args}"; }
`;

function start(name: string): string {
  const rc = join(folder, "rc.subr");
  writeFileSync(rc, stub);
  const script = join(folder, name);
  writeFileSync(script, readFileSync(join(scripts, name), "utf8").replace(". /etc/rc.subr", `. ${rc}`));
  const done = spawnSync("sh", [script, "start"], { encoding: "utf8", timeout: 60_000 });
  assert.equal(done.stderr, "");
  return done.stdout;
}

const programs: Readonly<Record<string, string>> = {
  albatross_console: "-u albatross /usr/local/libexec/albatross/albatross-console",
  albatross_daemon: "/usr/local/libexec/albatross/albatrossd --on-sigterm keep",
  albatross_influx: "-u albatross /usr/local/libexec/albatross/albatross-influx --influx=127.0.0.1",
  albatross_log: "-u albatross /usr/local/libexec/albatross/albatross-log",
  albatross_stats: "-u albatross /usr/local/libexec/albatross/albatross-stats",
  albatross_tls:
    "-u albatross /usr/local/libexec/albatross/albatross-tls-endpoint --crl-directory=/var/db/albatross/crls /usr/local/etc/albatross/cacert.pem /usr/local/etc/albatross/server.pem /usr/local/etc/albatross/server.key",
};

describe("the rc.d scripts of FreeBSD", () => {
  it("are one for each daemon", () => assert.deepEqual(readdirSync(scripts).sort(), Object.keys(programs)));

  for (const [name, words] of Object.entries(programs)) {
    it(`${name} makes the directories, which are gone after a start, and runs its program supervised`, () => {
      const said = start(name);
      assert.match(said, /install -d -o root -g albatross -m 2770 \/var\/run\/albatross\/fifo\n/);
      assert.ok(said.trimEnd().endsWith(`run /usr/sbin/daemon -S -r -P /var/run/${name}.pid ${words}`), said);
      assert.match(readFileSync(join(scripts, name), "utf8"), new RegExp(`${name}_enable:="NO"`));
    });
  }

  it("give nothing away to which a link of the daemons' user leads", { skip: process.getuid?.() !== 0 }, () => {
    const [secret, link] = [join(folder, "secret"), join(folder, "link")];
    mkdirSync(secret);
    symlinkSync(secret, link);
    const script = readFileSync(join(scripts, "../pkg-install.sh"), "utf8");
    const install = () =>
      spawnSync("sh", ["-s", "albatross", "POST-INSTALL"], {
        input: `install() { echo "install $*"; }\n${script.replaceAll("/var/db/albatross/block", link)}`,
        encoding: "utf8",
        timeout: 60_000,
      });
    assert.match(install().stdout, /^install -d -o root -g wheel -m 0700 .*link$/m);
    lchownSync(link, 65_534, 65_534);
    const { status, stdout, stderr } = install();
    assert.equal(status, 1);
    assert.match(stderr, /link is a symbolic link that does not belong to root/);
    assert.doesNotMatch(stdout, /link$/m);
  });

  it("start what they need first", () => {
    assert.match(start("albatross_daemon"), /^depends on albatross_console$/m);
    assert.match(start("albatross_tls"), /^depends on albatross_daemon$/m);
  });
});
