/** Which CPU is taken where KVM cannot be used: a private mount namespace hides /dev/kvm. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { after, describe, it } from "node:test";
import { Guest } from "./guest-image.ts";
import { builtInTender, TenderRig } from "./tender-process.ts";

const hide = ["unshare", "--mount", "sh", "-c", 'mount --bind /dev/null /dev/kvm && exec "$@"', "sh"] as const;

function cannotHide(): string | false {
  const [program, ...words] = hide;
  return spawnSync(program, [...words, "true"]).status === 0 ? false : "only root can hide /dev/kvm";
}

describe("without a usable KVM", { skip: cannotHide() }, () => {
  const rig = new TenderRig([...hide, ...builtInTender]);
  after(() => rig.close());
  const image = new Guest().halt(6).build();

  it("a guest is refused, and the way out is told", () => {
    const { status, stderr } = rig.run(image);
    assert.equal(status, 1);
    assert.match(stderr, /^albatross tender: KVM: ioctl \(GET_API_VERSION\) failed: Inappropriate ioctl for device\n/);
    assert.match(stderr, /Cannot run the guest on KVM\. To emulate a CPU, which is slow, add --allow-emulation\n$/);
  });

  it("--cpu=kvm is an error even if emulation is allowed", () => {
    const { status, stderr } = rig.run(image, ["--allow-emulation", "--cpu=kvm"]);
    assert.equal(status, 1);
    assert.doesNotMatch(stderr, /emulat/);
  });

  it("--allow-emulation runs the guest, and says aloud that it is emulated", () => {
    const { status, stderr } = rig.run(image, ["--allow-emulation"]);
    assert.equal(status, 6);
    assert.match(stderr, /\nalbatross tender: this guest runs on an emulated CPU \(Unicorn .*\), which is slow\n$/);
  });
});
