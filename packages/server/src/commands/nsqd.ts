/** `polylog nsqd`, and the command `nsqd`: the server with nsqd's flags, defaults, listeners and log. */

import { existsSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { systemClock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import { configErrors } from "../config/errors.ts";
import { printListener, runNsqCommand } from "../nsq-flags/nsq-command.ts";
import type { NsqLog } from "../nsq-flags/nsq-log.ts";
import { nsqdFlags } from "../nsq-flags/nsqd-flags.ts";
import { type NsqdValues, nsqdServeOptions } from "../nsq-flags/nsqd-options.ts";
import { PolylogServer } from "../polylog-server.ts";
import { writeReadyFile } from "../ready-file.ts";
import { onReloadSignal, untilStopSignal } from "../signals.ts";
import { version } from "../version.ts";
import type { Environment } from "./command.ts";

export function nsqd(argv: readonly string[], environment: Environment): Promise<number> {
  const table = nsqdFlags(hostname());
  return runNsqCommand("nsqd", table, argv, environment, async (values, log, announce) => {
    const { options, captures, warnings } = nsqdServeOptions(table, values, environment.env);
    const dataPath = findDataPath(values);
    announce();
    for (const warning of warnings) log.print("warn", warning);
    if (existsSync(join(dataPath, "nsqd.dat")))
      log.print("warn", `nsqd.dat in ${dataPath} and nsqd's queues beside it are not read; drain them with nsqd first`);
    const server = new PolylogServer(options, captures, log.logger());
    const stopSignal = untilStopSignal(systemClock);
    const started = server.start().catch(refuse);
    if (server.isReloadable) onReloadSignal(() => void reload(started, server, log));
    await started;
    const { nsqTcp, nsqHttp, nsqHttps, ...more } = server.listeners;
    log.print("info", `ID: ${values["node-id"]}`);
    printListener(log, "TCP", nsqTcp);
    printListener(log, "HTTP", nsqHttp);
    printListener(log, "HTTPS", nsqHttps);
    for (const [name, address] of Object.entries(more)) printListener(log, name, address);
    if (options.readyFile !== undefined)
      await writeReadyFile(options.readyFile, { pid: process.pid, version, listeners: server.listeners });
    await stopSignal;
    log.print("info", "NSQ: stopping subsystems");
    await server.stop();
    log.print("info", "NSQ: bye");
  });
}

/** It has to be there, as for nsqd. */
function findDataPath(values: NsqdValues): string {
  const path = values["data-path"] === "" ? "." : values["data-path"];
  if (existsSync(path)) return path;
  const reason = `failed to instantiate nsqd - failed to lock data-path: open ${path}: no such file or directory`;
  throw configErrors.NSQ_REFUSED({ reason });
}

function refuse(error: unknown): never {
  if (!isCodedError(error)) throw error;
  throw configErrors.NSQ_REFUSED({ reason: `failed to instantiate nsqd - ${error.message}` }, error);
}

async function reload(started: Promise<void>, server: PolylogServer, log: NsqLog): Promise<void> {
  try {
    await started;
    await server.reload();
    log.print("info", "certificates were read again");
  } catch (error) {
    log.print("error", `reloading failed; nsqd goes on with what it had: ${(error as Error).message}`);
  }
}
