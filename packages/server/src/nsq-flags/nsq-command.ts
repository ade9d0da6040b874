/** What `nsqd` and `nsqlookupd` have in common: from argv and the config file to values, and how they end. */

import { isIPv6 } from "node:net";
import { systemClock } from "@polylog/base/clock";
import { isCodedError, type PolylogError } from "@polylog/base/errors";
import { GoFlagError, type GoFlagValues, parseGoFlags, renderGoUsage } from "@polylog/base/go-flags";
import { isSocketPath, type ListenAddress } from "@polylog/base/transport";
import { nsqdVersion } from "@polylog/nsq";
import type { Environment } from "../commands/command.ts";
import { readConfigFile } from "../config/config-file.ts";
import { configErrors } from "../config/errors.ts";
import { exitCodes } from "../exit-codes.ts";
import { type commonFlags, type NsqFlagTable, noticesOf, withConfigFile } from "./nsq-flag.ts";
import { NsqLog } from "./nsq-log.ts";

type CommonTable = NsqFlagTable & ReturnType<typeof commonFlags>;

/** `nsqd v1.3.0 (built w/node20.20.2)`: whose protocol it is, and what it runs on. */
export function versionText(name: string): string {
  return `${name} v${nsqdVersion} (built w/node${process.versions.node})`;
}

/**
 * Runs the command; resolves with its exit code: 0 done, 1 when it cannot start, 2 for flags that cannot be used. `run` calls
 * `announce` once it knows that the options are fine.
 */
export async function runNsqCommand<Table extends CommonTable>(
  name: string,
  table: Table,
  argv: readonly string[],
  { stdout, stderr }: Environment,
  run: (values: GoFlagValues<Table>, log: NsqLog, announce: () => void) => Promise<void>,
): Promise<number> {
  const logWith = (prefix: string, level: string) =>
    new NsqLog({ prefix, level, clock: systemClock, write: (line) => stderr.write(line) });
  let log = logWith(`[${name}] `, "info");
  try {
    const parsed = parseGoFlags(table, argv);
    const flags = parsed.values as GoFlagValues<CommonTable>;
    if (flags.version) {
      stdout.write(`${versionText(name)}\n`);
      return exitCodes.fine;
    }
    log = logWith(flags["log-prefix"], flags["log-level"]);
    const { values, given } = withConfigFile(table, parsed.values, parsed.given, readFile(flags.config));
    const common = values as GoFlagValues<CommonTable>;
    log = logWith(common["log-prefix"], common["log-level"]);
    await run(values, log, () => {
      log.print("info", versionText(name));
      for (const notice of noticesOf(table, given)) log.print("warn", notice);
    });
    return exitCodes.fine;
  } catch (error) {
    if (error instanceof GoFlagError) {
      stderr.write(`${error.message === "" ? "" : `${error.message}\n`}${renderGoUsage(name, table)}`);
      return error.help ? exitCodes.fine : exitCodes.usage;
    }
    // A coded error says all there is to say; anything else is a bug, and its stack says where.
    log.print("fatal", isCodedError(error) ? error.message : ((error as Error).stack ?? String(error)));
    return exitCodes.failed;
  }
}

function readFile(file: string): Readonly<Record<string, unknown>> {
  if (file === "") return {};
  try {
    return readConfigFile(file).values;
  } catch (error) {
    throw configErrors.NSQ_REFUSED(
      { reason: `failed to load config file ${file} - ${(error as Error).message}` },
      error,
    );
  }
}

/** What is wrong with options, in one line. */
export function problemsOf(error: PolylogError): string {
  const lines = error.message.split("\n");
  return lines
    .slice(lines.length > 1 ? 1 : 0)
    .map((line) => line.trim())
    .join("; ");
}

/** As nsqd says it, for those who wait for the line or look for the port in it. */
export function printListener(log: NsqLog, title: string, address: ListenAddress | undefined): void {
  if (address === undefined) return;
  if (isSocketPath(address.host)) {
    log.print("info", `${title}: listening on ${address.host}`);
    return;
  }
  const host = isIPv6(address.host) ? `[${address.host}]` : address.host;
  log.print("info", `${title}: listening on ${host}:${address.port}`);
}
