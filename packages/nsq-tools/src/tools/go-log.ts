/**
 * Log lines as the NSQ tools print them, on standard error:
 *
 *     2026/11/21 09:00:00 INF    1 [orders/work] (127.0.0.1:4150) connecting to nsqd        the client
 *     2026/11/21 09:00:00 --topic required                                                  the tool
 *     [nsq_to_file] 2026/11/21 09:00:00.000000 INFO: [orders/work] opening orders.log       with prefix and microseconds
 */

import type { Clock } from "@polylog/base/clock";
import type { Logger, LogLevel } from "@polylog/base/telemetry";

export type WriteLine = (line: string) => void;

export interface GoLog {
  readonly print: (message: string) => void;
  /** For the client: one number per child, as go-nsq numbers its consumers. */
  readonly logger: Logger;
}

const clientLevels: Readonly<Record<LogLevel, string>> = { debug: "DBG", info: "INF", warn: "WRN", error: "ERR" };

export function createGoLog(clock: Clock, write: WriteLine): GoLog {
  const print = (message: string) => write(`${goTimestamp(new Date(clock.nowMs()), false)} ${message}\n`);
  let childCount = 0;
  const logger = (id: number, subject: string): Logger => {
    const at = (level: LogLevel) => (message: string) =>
      print(`${clientLevels[level].padEnd(4)} ${String(id).padStart(3)} ${subject} ${message}`);
    return {
      debug: () => undefined,
      info: at("info"),
      warn: at("warn"),
      error: at("error"),
      child: (word) => logger(++childCount, word),
    };
  };
  return { print, logger: logger(0, "") };
}

/** `2026/11/21 09:00:00` in local time. */
export function goTimestamp(date: Date, micros: boolean): string {
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${date.getFullYear()}/${two(date.getMonth() + 1)}/${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time}${micros ? `.${String(date.getMilliseconds()).padStart(3, "0")}000` : ""}`;
}
