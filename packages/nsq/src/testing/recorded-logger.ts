/** A logger that keeps its lines for a test to look at. */

import type { LogFields, Logger } from "@polylog/base/telemetry";

export interface LogLine {
  readonly level: string;
  readonly subject: string;
  readonly message: string;
  readonly fields: LogFields | undefined;
}

export class RecordedLogger implements Logger {
  readonly lines: LogLine[];
  readonly #subject: string;

  constructor(subject = "", lines: LogLine[] = []) {
    this.#subject = subject;
    this.lines = lines;
  }

  readonly debug = this.#writer("debug");
  readonly info = this.#writer("info");
  readonly warn = this.#writer("warn");
  readonly error = this.#writer("error");

  child(subject: string): RecordedLogger {
    return new RecordedLogger(subject, this.lines);
  }

  /** Lines of one level. */
  at(level: string): LogLine[] {
    return this.lines.filter((line) => line.level === level);
  }

  #writer(level: string) {
    return (message: string, fields?: LogFields): void => {
      this.lines.push({ level, subject: this.#subject, message, fields });
    };
  }
}
