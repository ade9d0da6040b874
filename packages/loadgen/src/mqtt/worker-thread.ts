/** A worker as the main thread sees it: messages out, and promises of the answers. */

import { Worker } from "node:worker_threads";
import type { FromWorker, ToWorker, WorkerSetup } from "./worker-messages.ts";

type Kind = FromWorker["kind"];
type Answer<K extends Kind> = Extract<FromWorker, { kind: K }>;

export class WorkerThread {
  readonly #worker: Worker;
  readonly #waiting = new Map<Kind, { resolve: (answer: never) => void; reject: (error: Error) => void }>();
  readonly #early = new Map<Kind, FromWorker>();
  #failure: Error | undefined;

  constructor(setup: WorkerSetup) {
    this.#worker = new Worker(new URL("./worker.js", import.meta.url), { workerData: setup });
    this.#worker.on("message", (message: FromWorker) => {
      const waiting = this.#waiting.get(message.kind);
      this.#waiting.delete(message.kind);
      if (waiting === undefined) this.#early.set(message.kind, message);
      else waiting.resolve(message as never);
    });
    this.#worker.on("error", (error) => this.#fail(error));
    this.#worker.on("exit", (code) => this.#fail(new Error(`a worker thread ended with ${code}`)));
  }

  send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  /** The next message of that kind. Rejects when the thread has died. One at a time and kind. */
  next<K extends Kind>(kind: K): Promise<Answer<K>> {
    return new Promise((resolve, reject) => {
      const early = this.#early.get(kind);
      this.#early.delete(kind);
      if (early !== undefined) resolve(early as Answer<K>);
      else if (this.#failure !== undefined) reject(this.#failure);
      else this.#waiting.set(kind, { resolve: resolve as (answer: never) => void, reject });
    });
  }

  ask<K extends Kind>(message: ToWorker, kind: K): Promise<Answer<K>> {
    const answer = this.next(kind);
    this.send(message);
    return answer;
  }

  async destroy(): Promise<void> {
    await this.#worker.terminate();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.values()) reject(this.#failure);
    this.#waiting.clear();
  }
}
