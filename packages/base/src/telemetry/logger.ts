/**
 * The logger that code receives; the composition root decides what is behind it. Subject first, then a sentence, then
 * fields: `logger.child("mqtt").info("client connected", { clientId })`. A level that is off costs a comparison.
 */

export const logLevels = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof logLevels)[number];

export type LogFields = Readonly<Record<string, unknown>>;
type Write = (message: string, fields?: LogFields) => void;

export interface Logger extends Readonly<Record<LogLevel, Write>> {
  /** A logger whose lines start with `subject`. */
  child(subject: string): Logger;
  /** For changing what is written while it runs; undefined: nobody but who made the logger can. */
  readonly threshold?: LogThreshold;
}

/** The least severe lines that are written, by a logger and all its children. */
export class LogThreshold {
  /** `fatal`: none. */
  level: LogLevel | "fatal";

  constructor(level: LogLevel | "fatal") {
    this.level = level;
  }

  passes(level: LogLevel): boolean {
    return this.level !== "fatal" && logLevels.indexOf(level) >= logLevels.indexOf(this.level);
  }
}

function nothing(): void {}

export const silentLogger: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => silentLogger,
};
