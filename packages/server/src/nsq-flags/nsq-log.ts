/**
 * The log of `nsqd` and `nsqlookupd`, on standard error, as NSQ's own print it:
 *
 *     [nsqd] 2026/11/21 09:00:00.000000 INFO: TCP: listening on [::]:4150
 */

import type { Clock } from "@polylog/base/clock";
import { isCodedError } from "@polylog/base/errors";
import { type LogFields, type Logger, type LogLevel, LogThreshold } from "@polylog/base/telemetry";

const names = { debug: "DEBUG", info: "INFO", warn: "WARNING", error: "ERROR", fatal: "FATAL" } as const;
type Level = keyof typeof names;

export interface NsqLogOptions {
  readonly prefix: string;
  /** A word of `--log-level`. */
  readonly level: string;
  readonly clock: Clock;
  readonly write: (line: string) => void;
}

export class NsqLog {
  readonly #options: NsqLogOptions;
  readonly #threshold: LogThreshold;

  constructor(options: NsqLogOptions) {
    this.#options = options;
    this.#threshold = new LogThreshold(options.level.toLowerCase() as Level);
  }

  print(level: Level, message: string): void {
    if (level !== "fatal" && !this.#threshold.passes(level)) return;
    const { prefix, clock, write } = this.#options;
    write(`${prefix}${timestamp(new Date(clock.nowMs()))} ${names[level]}: ${message}\n`);
  }

  /** For the server's parts. */
  logger(subject = ""): Logger {
    const before = subject === "" ? "" : `${subject}: `;
    const at = (level: LogLevel) => (message: string, fields?: LogFields) => {
      if (this.#threshold.passes(level)) this.print(level, `${before}${message}${renderFields(fields)}`);
    };
    return {
      debug: at("debug"),
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (word) => this.logger(`${before}${word}`),
      threshold: this.#threshold,
    };
  }
}

function renderFields(fields: LogFields = {}): string {
  return Object.entries(fields)
    .map(([name, value]) => ` ${name}=${renderField(value)}`)
    .join("");
}

/** A coded error says all there is to say; of anything else the stack says where. */
function renderField(value: unknown): string {
  if (value instanceof Error) return isCodedError(value) ? oneLine(value.message) : (value.stack ?? value.message);
  return oneLine(typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)));
}

/** What a client chose must not look like lines of the log, or talk to a terminal. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it looks for.
  return text.replace(/[\x00-\x1f\x7f-\x9f]/g, (character) => {
    return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
}

/** In local time, with microseconds that are not known. */
function timestamp(date: Date): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}.${String(date.getMilliseconds()).padStart(3, "0")}000`;
}
