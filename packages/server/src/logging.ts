/**
 * What stands behind the `Logger` that every part receives: pino, on standard error, so that standard output stays free
 * for what a command answers. Which levels are written may be changed while it runs.
 */

import { isCodedError } from "@polylog/base/errors";
import { type LogFields, type Logger, type LogLevel, LogThreshold } from "@polylog/base/telemetry";
import { type DestinationStream, destination, type Logger as Pino, pino, stdTimeFunctions } from "pino";

export type LogFormat = "text" | "json";

export async function createLogger(level: LogLevel, format: LogFormat): Promise<Logger> {
  const standardError = destination({ fd: 2, sync: true });
  // Whoever read the log has gone; that is no reason to stop serving.
  standardError.on("error", () => undefined);
  const stream = format === "json" ? standardError : await textStream(standardError);
  const root = pino(
    {
      level: "debug", // The threshold decides: pino's children would keep the level they were made with.
      base: null,
      messageKey: "message",
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: serializeError },
    },
    stream,
  );
  return adapt(root, new LogThreshold(level));
}

/** `12:00:00.000 INFO  mqtt: client connected clientId="a"` */
async function textStream(target: DestinationStream): Promise<DestinationStream> {
  const { build } = await import("pino-pretty"); // Loaded for people only: machines read JSON.
  return build({
    destination: target,
    colorize: process.stderr.isTTY === true && process.env["NO_COLOR"] === undefined,
    singleLine: true,
    messageKey: "message",
    timestampKey: "time",
    translateTime: "SYS:HH:MM:ss.l",
    ignore: "subject",
    messageFormat: "{subject}: {message}",
  });
}

function adapt(target: Pino, threshold: LogThreshold): Logger {
  const write = (level: LogLevel) => {
    const log = target[level].bind(target);
    return (message: string, fields?: LogFields) => {
      if (!threshold.passes(level)) return;
      if (fields === undefined) log(message);
      else log(fields, message);
    };
  };
  return {
    debug: write("debug"),
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    child: (subject) => adapt(target.child({ subject }), threshold),
    threshold,
  };
}

/** A coded error says what it has to say in one line; anything else is a bug and needs its stack. */
function serializeError(error: unknown): unknown {
  if (isCodedError(error)) return { code: error.code, message: error.message };
  return error instanceof Error ? { message: error.message, stack: error.stack } : error;
}
