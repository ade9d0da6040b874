/**
 * The logger that code receives; the composition root decides what is behind it. Subject first, then a sentence, then
 * fields: `logger.child("mqtt").info("client connected", { clientId })`. A level that is off costs an empty call.
 */

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, unknown>>;
type Write = (message: string, fields?: LogFields) => void;

export interface Logger extends Readonly<Record<LogLevel, Write>> {
  /** A logger whose lines start with `subject`. */
  child(subject: string): Logger;
}

function nothing(): void {}

export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};
