/** A daemon that does nothing, for the tests of what all daemons share. */
import { switchFlag } from "../../../daemon/common/flags.ts";
import { runDaemon } from "../../../daemon/common/run-daemon.ts";

const definition = { program: "sample", summary: "A sample.", flags: { fail: switchFlag(["--fail"], "Fail.") } };

process.exit(
  await runDaemon(definition, process.argv.slice(2), async ({ fail }, { log, stopped }) => {
    if (fail) throw new Error("Cannot do it", { cause: new Error("no reason") });
    const alive = setInterval(() => undefined, 60_000);
    log.info("ready");
    log.info(`stopped by ${await stopped}`);
    clearInterval(alive);
    return 0;
  }),
);
