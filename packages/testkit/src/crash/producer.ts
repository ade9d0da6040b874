/** Sends numbered messages through a door and remembers what was answered. */

import type { ServerProcess } from "../server-process.ts";
import type { Chance } from "./chance.ts";
import type { Door, OpenDoor } from "./doors.ts";
import { type Run, renderMessage } from "./message-ledger.ts";

export interface ProducerOptions {
  readonly server: ServerProcess;
  readonly door: Door;
  readonly log: string;
  readonly run: Run;
  readonly chance: Chance;
  /** Messages are up to this long. Default 300. */
  readonly messageSizeMax?: number;
  /** Calls that wait for an answer at a time; at most the door's. */
  readonly window?: number;
  /** Waits up to so long after an answer, by chance; 0 never. Default 2. */
  readonly pauseMsMax?: number;
}

export class Producer {
  readonly run: Run;
  readonly #options: ProducerOptions;
  readonly #door: OpenDoor;
  readonly #windowMax: number;
  readonly #unanswered: number[] = [];
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #whenQuiet: () => void = () => {};
  #closed = false;

  constructor(options: ProducerOptions) {
    this.#options = options;
    this.run = options.run;
    this.#windowMax = Math.min(options.door.windowMax, options.window ?? 8);
    this.#door = options.door.open(options.server, options.log, {
      accepted: () => {
        this.run.acknowledged += this.#unanswered.shift() ?? 0;
        this.#onAnswered();
      },
      refused: (reason) => {
        this.run.refusals.push(reason);
        this.#unanswered.shift();
        this.#stopped = true; // What comes after a refusal would leave a gap in the run.
        this.#onAnswered();
      },
      closed: () => {
        if (this.#unanswered.length > 0) this.run.refusals.push("closed");
        this.#closed = true;
        this.#stopped = true;
        this.#whenQuiet();
      },
    });
    this.#send();
  }

  #onAnswered(): void {
    if (this.#unanswered.length === 0) this.#whenQuiet();
    const pauseMs = this.#options.chance.below((this.#options.pauseMsMax ?? 2) + 1);
    if (pauseMs === 0) this.#send();
    else this.#timer ??= setTimeout(() => this.#send(), pauseMs);
  }

  #send(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { chance, door, messageSizeMax } = this.#options;
    while (!this.#stopped && this.#unanswered.length < this.#windowMax) {
      const values: Buffer[] = [];
      for (let i = chance.below(door.groupMax); i >= 0; i--)
        values.push(renderMessage(this.run.name, this.run.sent++, chance.below(messageSizeMax ?? 300)));
      this.#unanswered.push(values.length);
      this.#door.send(values);
    }
  }

  /** Sends no more; resolves once everything sent is answered, or never will be. */
  async finish(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    if (this.#unanswered.length > 0 && !this.#closed)
      await new Promise<void>((resolve) => {
        this.#whenQuiet = resolve;
      });
    this.close();
  }

  /** Resolves when a refusal or the end of the connection has stopped it. */
  async untilRefused(): Promise<void> {
    while (!this.#stopped || (this.#unanswered.length > 0 && !this.#closed))
      await new Promise((resolve) => setTimeout(resolve, 5));
  }

  close(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#door.close();
  }
}
