/** A thread that writes, as the main thread sees it. */

import { Worker } from "node:worker_threads";
import type { FromLoader, LoadReport, LoadSetup, ToLoader } from "./load-messages.ts";

interface Waiting {
  readonly resolve: (report: LoadReport) => void;
  readonly reject: (error: Error) => void;
}

export class LoadThread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #failure: Error | undefined;
  /** Resolves when it may be started. Rejects when it died. */
  readonly ready: Promise<void>;

  constructor(setup: LoadSetup) {
    this.#worker = new Worker(new URL("./load-worker.js", import.meta.url), { workerData: setup });
    this.ready = new Promise((resolve, reject) => {
      const fail = (error: Error): void => {
        this.#failure ??= error;
        reject(error);
        for (const waiting of this.#waiting.splice(0)) waiting.reject(error);
      };
      this.#worker.on("error", fail);
      this.#worker.on("exit", (code) => fail(new Error(`a thread ended with ${code}`)));
      this.#worker.on("message", (message: FromLoader) => {
        if (message.kind === "ready") resolve();
        else if (message.kind === "failed") fail(new Error(message.problem));
        else this.#waiting.shift()?.resolve(message.report);
      });
    });
    this.ready.catch(() => undefined);
  }

  send(message: ToLoader): void {
    this.#worker.postMessage(message);
  }

  /** Rejects when the thread died. */
  report(): Promise<LoadReport> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.send({ kind: "report" });
    });
  }

  async destroy(): Promise<void> {
    await this.#worker.terminate();
  }
}
