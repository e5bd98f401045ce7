/** The package on a clean Debian, with a systemd of its own: installed, used, restarted, used from afar, removed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, describe, it } from "node:test";
import { packageDebian } from "../../tools/package.ts";
import { images } from "../end-to-end/harness.ts";
import { buildUnikernels } from "../unikernels/build.ts";
import { CleanDebian } from "./clean-debian.ts";

const debian = new CleanDebian();
const folder = mkdtempSync(join(tmpdir(), "albatross-package-"));
let file = "";
const remote = "--ca ca/cacert.pem --ca-key ca/ca.key --server-ca ca/cacert.pem --destination 127.0.0.1";

/** All files of the system but those that change by themselves. */
const listing =
  "find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /root -o -path /var/log -o -path /var/tmp -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/systemd \\) -prune -o -print | sort";

/** Milliseconds that the installation of a Debian may take on a busy machine. */
const INSTALLATION_TIMEOUT_MS = 500_000;

after(async () => {
  await debian.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("the Debian package", () => {
  let untouched = "";

  it("has a clean Debian to be tried on", { timeout: INSTALLATION_TIMEOUT_MS }, () => debian.install());

  it("is built", async () => {
    const umask = process.umask(0o077);
    [file = ""] = await Promise.all([packageDebian(folder), packageDebian(folder)]); // at once: none disturbs the other
    process.umask(umask);
    const content = execFileSync("dpkg-deb", ["--contents", file], { encoding: "utf8" });
    assert.match(content, /^-rwxr-xr-x .*\.\/usr\/lib\/albatross\/albatross$/m);
    assert.doesNotMatch(content, /^d(?!rwxr-xr-x)|^-(?!rwxr-xr-x|rw-r--r--)/m);
    await images();
    const { ticker } = await buildUnikernels(folder);
    copyFileSync(file, join(debian.root, "root", basename(file)));
    copyFileSync(ticker, join(debian.root, "root", "ticker.hvt"));
  });

  it("finds a Debian that is up", async () => {
    await debian.boot();
    untouched = debian.run(listing);
  });

  it("starts everything when it is installed", async () => {
    debian.run(`dpkg -i ${basename(file)}`);
    for (const unit of ["console", "log", "daemon", "stats"]) {
      assert.equal(debian.run(`systemctl is-active albatross_${unit}.service`).trim(), "active", unit);
    }
    assert.match(debian.run("albatross-client info --plain"), /no unikernels/);
    assert.match(debian.try("albatross-client doctor").output, /^0 problems/m);
  });

  it("runs a unikernel, keeps its console, measures it and logs what happens", async () => {
    debian.run("albatross-client create tick ticker.hvt --mem=16 --restart-on-fail");
    await debian.until("timeout 2 albatross-client console tick --count 1", /tick \d+/);
    await debian.until("timeout 15 albatross-client stats -n tick", /utime \d/);
    await debian.until("albatross-client log --no-follow", /:tick .* started \d+/);
  });

  it("lets members of the group give commands, and nobody else", () => {
    debian.run("useradd -m -G albatross member && useradd -m other");
    assert.match(debian.run("su member -c 'albatross-client info --plain'"), /:tick/);
    assert.match(debian.run("su member -c 'timeout 1 albatross-client console tick' || true"), /subscribed/);
    assert.match(debian.try("su other -c 'albatross-client info --plain'").output, /permission denied/);
  });

  it("keeps unikernels running while albatrossd is restarted, or dies", async () => {
    const pid = () => debian.run("pgrep -f '[t]ender .*tick'").trim();
    const before = pid();
    debian.run("systemctl restart albatross_daemon.service");
    assert.match(debian.run("albatross-client info --plain"), /:tick/);
    debian.run("systemctl kill --kill-whom=main --signal=SIGKILL albatross_daemon.service");
    await debian.until("albatross-client info --plain", /:tick/);
    assert.equal(pid(), before);
  });

  it("gives services a clean environment, and watches them", () => {
    debian.run("systemctl set-environment BUN_OPTIONS=--preload=/root/evil.js && touch evil.js");
    debian.run("systemctl restart albatross_console.service");
    const environment = debian.run(
      "tr '\\0' '\\n' < /proc/$(systemctl show -P MainPID albatross_console.service)/environ",
    );
    debian.run("systemctl unset-environment BUN_OPTIONS");
    assert.doesNotMatch(environment, /BUN_/);
    assert.match(debian.run("systemctl show -P WatchdogUSec albatross_daemon.service"), /^1min$/m);
  });

  it("lets clients in from afar when there are certificates", async () => {
    debian.run("mkdir ca && cd ca && albatross-client generate ca db");
    debian.run("install -m 640 -g albatross ca/cacert.pem ca/server.pem ca/server.key /etc/albatross/");
    debian.run("systemctl enable --now albatross_tls_endpoint.socket");
    assert.match(debian.run(`albatross-client create web ticker.hvt --mem=16 ${remote}`), /created unikernel/);
    assert.match(debian.run(`albatross-client info --plain ${remote}`), /:web/);
    await debian.until("albatross-client log --no-follow", /login 127\.0\.0\.1/);
  });

  it("takes the certificates that an override of the endpoint's unit names, as the original does", async () => {
    const override = "/etc/systemd/system/albatross_tls_endpoint.service.d";
    debian.run(`mkdir -p /srv/tls ${override} && mv /etc/albatross/*.pem /etc/albatross/server.key /srv/tls/`);
    const places = "CA=/srv/tls/cacert.pem CERT=/srv/tls/server.pem KEY=/srv/tls/server.key";
    debian.run(`printf '[Service]\\nEnvironment=${places}\\n' > ${override}/override.conf && systemctl daemon-reload`);
    const units = "albatross_tls_endpoint.socket albatross_tls_endpoint.service";
    debian.run(`systemctl stop ${units} && systemctl start ${units}`);
    assert.match(debian.run(`albatross-client info --plain ${remote}`), /:web/);
    debian.run(`mv /srv/tls/* /etc/albatross/ && rm -r /srv/tls ${override} && systemctl daemon-reload`);
    debian.run("systemctl restart albatross_tls_endpoint.service");
  });

  it("has manual pages and completions of what is installed", () => {
    const installed = debian.run("dpkg -L albatross");
    for (const name of ["albatross-client-create", "albatrossd", "albatross-tls-endpoint"]) {
      assert.match(installed, new RegExp(`man1/${name}\\.1\\.gz`));
    }
    assert.match(installed, /bash-completion\/completions\/albatross-client/);
  });

  it("can be installed over itself: unikernels go on", () => {
    const before = debian.run("pgrep -f '[t]ender .*tick'");
    debian.run(`dpkg -i ${basename(file)}`);
    assert.match(debian.run("albatross-client info --plain"), /:tick/);
    assert.equal(debian.run("pgrep -f '[t]ender .*tick'"), before);
  });

  it("gives nothing away to which a link of the daemons' user leads", () => {
    const crls = "/var/lib/albatross/crls";
    debian.run(
      `rmdir ${crls} && mkdir -m 700 /root/secret && ln -s /root/secret ${crls} && chown -h albatross ${crls}`,
    );
    assert.match(
      debian.try(`dpkg -i ${basename(file)}`).output,
      /crls is a symbolic link that does not belong to root/,
    );
    assert.equal(debian.run("stat -c '%U %a' /root/secret").trim(), "root 700");
    debian.run(`rm ${crls} && rmdir /root/secret && dpkg -i ${basename(file)}`);
    assert.equal(debian.run(`stat -c '%U %a' ${crls}`).trim(), "albatross 750");
  });

  it("ends everything when it is removed, and keeps what is stored", () => {
    debian.run("dpkg -r albatross");
    assert.equal(debian.try("pgrep -fl '[a]lbatross'").output, "");
    assert.equal(debian.run("systemctl list-units --no-legend --state=active 'albatross*'"), "");
    assert.match(debian.run("ls /var/lib/albatross"), /albatross\.sqlite/);
    assert.equal(debian.run("ls /run | grep -c albatross || true").trim(), "0");
  });

  it("starts everything when it is installed again, with the unikernels that are stored", async () => {
    debian.run(`dpkg -i ${basename(file)}`);
    for (const unit of ["console", "log", "daemon", "stats"]) {
      assert.equal(debian.run(`systemctl is-active albatross_${unit}.service`).trim(), "active", unit);
    }
    await debian.until("albatross-client info --plain", /:tick/);
  });

  it("leaves what is disabled alone when it is installed over itself", () => {
    debian.run("systemctl disable --now albatross_stats.socket albatross_stats.service");
    debian.run(`dpkg -i ${basename(file)}`);
    assert.equal(debian.try("systemctl is-enabled albatross_stats.service").output.trim(), "disabled");
  });

  it("ends unikernels when it is removed also where albatrossd cannot be started", async () => {
    await debian.until("pgrep -f '[t]ender .*tick'", /\d/);
    debian.run("systemctl stop albatross_daemon.socket albatross_daemon.service");
    debian.run("rm -f /var/lib/albatross/albatross.sqlite-* && echo damaged > /var/lib/albatross/albatross.sqlite");
    debian.run("pgrep -f '[t]ender .*tick'");
    debian.run("dpkg -r albatross");
    await debian.until("pgrep -fc '[t]ender .*tick'", /^0$/m);
  });

  it("leaves nothing when it is purged", () => {
    debian.run("userdel -r member; userdel -r other; dpkg --purge albatross");
    const before = new Set(untouched.split("\n"));
    // useradd and its like leave a copy of what they change.
    const left = debian.run(listing).split("\n");
    assert.deepEqual(
      left.filter((path) => !before.has(path) && !/^\/etc\/(passwd|group|shadow|gshadow|subuid|subgid)-$/.test(path)),
      [],
    );
    assert.equal(debian.try("getent passwd albatross || getent group albatross").output, "");
  });

  it("leaves a person of its user's name, who was there before it, when it is purged", () => {
    debian.run("useradd --no-create-home albatross");
    debian.run(`dpkg -i ${basename(file)} && dpkg --purge albatross`);
    debian.run("getent passwd albatross && userdel albatross");
  });

  it("is purged also where the database directory is a file system of its own", () => {
    debian.run("mkdir /var/lib/albatross && mount -t tmpfs none /var/lib/albatross");
    debian.run(`dpkg -i ${basename(file)}`);
    debian.run("dpkg --purge albatross");
    assert.equal(debian.run("ls -A /var/lib/albatross"), "");
    debian.run("umount /var/lib/albatross && rmdir /var/lib/albatross");
  });

  it("leaves nothing running when init cannot start all of it", () => {
    copyFileSync(join(import.meta.dirname, "../../dist/albatross"), join(debian.root, "usr/local/bin/albatross"));
    debian.run("ln -s albatross /usr/local/bin/albatross-client");
    debian.run("systemd-run --unit=occupied systemd-socket-activate -l 1025 cat");
    const { status, output } = debian.try("/usr/local/bin/albatross-client init --yes --authority=ca --server=host");
    assert.equal(status, 1, output);
    assert.match(output, /^make the user albatross: undone$/m);
    assert.equal(debian.run("systemctl list-units --no-legend --state=active 'albatross*'"), "");
  });
});
