/** `polylog serve`: from options to a running server, until a signal ends it. */

import { systemClock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import { renderBanner } from "../banner.ts";
import { loadServeOptions } from "../config/load-serve-options.ts";
import { exitCodes } from "../exit-codes.ts";
import { createLogger } from "../logging.ts";
import { PolylogServer } from "../polylog-server.ts";
import { type ReadyReport, removeReadyFile, writeReadyFile } from "../ready-file.ts";
import { onReloadSignal, untilStopSignal } from "../signals.ts";
import { version } from "../version.ts";
import type { Environment } from "./command.ts";

/** Resolves with the exit code once the server has stopped. Rejects with coded errors when it cannot start. */
export async function serve(argv: readonly string[], { env, stdout }: Environment): Promise<number> {
  const request = loadServeOptions({ argv, env });
  if (request.request === "help") {
    stdout.write(request.text);
    return exitCodes.fine;
  }
  const { options, captures, warnings } = request;
  const logger = await createLogger(options.logLevel, options.logFormat);
  for (const warning of warnings) logger.child("config").warn(warning);
  const server = new PolylogServer(options, captures, logger);
  const stopSignal = untilStopSignal(systemClock); // Listened to from here on, so that Ctrl-C also ends a start that takes long.
  const started = server.start();
  // From here on, too: a certificate that was renewed while it starts must not end it.
  if (server.isReloadable) onReloadSignal(() => void reload(started, server, logger.child("server")));
  await started;
  const report: ReadyReport = { pid: process.pid, version, listeners: server.listeners };
  if (options.readyFile !== undefined) await writeReadyFile(options.readyFile, report);
  stdout.write(renderBanner(report, server.dataDir));
  const signal = await stopSignal;
  logger.child("server").info("stopping", { signal, drainTimeoutMs: options.drainTimeoutMs });
  if (options.readyFile !== undefined) await removeReadyFile(options.readyFile);
  await server.stop();
  logger.child("server").info("stopped; everything acknowledged is on disk");
  return exitCodes.fine;
}

async function reload(started: Promise<void>, server: PolylogServer, logger: Logger): Promise<void> {
  try {
    await started;
    await server.reload();
    logger.info("users and certificates were read again");
  } catch (error) {
    logger.error("reloading failed; the server goes on with what it had", { error });
  }
}
