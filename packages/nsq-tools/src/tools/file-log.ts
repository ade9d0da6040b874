/** nsq_to_file's own log lines: prefix, time with microseconds, level, `[topic/channel]`. */

import type { Clock } from "@polylog/base/clock";
import { goTimestamp, type WriteLine } from "./go-log.ts";

export const fileLogLevels = ["debug", "info", "warn", "error", "fatal"] as const;
type Level = (typeof fileLogLevels)[number];

export interface FileLog {
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

export interface FileLogOptions {
  readonly clock: Clock;
  readonly write: WriteLine;
  readonly prefix: string;
  readonly level: Level;
}

/** `subject` is put before every message. */
export function createFileLog({ clock, write, prefix, level }: FileLogOptions, subject: string): FileLog {
  const at = (own: Level, word: string) => {
    if (fileLogLevels.indexOf(own) < fileLogLevels.indexOf(level)) return () => undefined;
    return (message: string) =>
      write(`${prefix}${goTimestamp(new Date(clock.nowMs()), true)} ${word}: ${subject}${message}\n`);
  };
  return { info: at("info", "INFO"), warn: at("warn", "WARNING"), error: at("error", "ERROR") };
}

/** Undefined for a word that is no level. */
export function parseFileLogLevel(word: string): Level | undefined {
  return fileLogLevels.find((each) => each === word.toLowerCase());
}
