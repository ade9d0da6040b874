/** An MQTT server whose sessions and delayed messages survive it: it can be stopped and started again, and it can die. */

import { DeferredQueue } from "@polylog/broker/deferred";
import { DurableSessionStore } from "@polylog/broker/sessions";
import { CrashingStateStore, MemoryStorage } from "@polylog/broker/testing";
import { MemoryServer, type MemoryServerOptions } from "./memory-server.ts";

const limits = { messagesMax: 1_000_000, bytesMax: 2 ** 30, whenFull: "drop-oldest" } as const;

export class DurableServer {
  #storage = new MemoryStorage({ simulate: true });
  #delayed = new MemoryStorage({ simulate: true });
  #state = new CrashingStateStore();
  readonly #options: MemoryServerOptions;
  server!: MemoryServer;

  private constructor(options: MemoryServerOptions) {
    this.#options = options;
  }

  static async start(options: MemoryServerOptions = {}): Promise<DurableServer> {
    const started = new DurableServer(options);
    await started.#start(0);
    return started;
  }

  async #start(nowMs: number): Promise<void> {
    await this.#state.open();
    const [storage, state, delayed] = [this.#storage, this.#state, this.#delayed];
    this.server = await MemoryServer.start({
      ...this.#options,
      sessions: (clock) => {
        if (nowMs > 0) clock.advance(nowMs - clock.nowMs());
        return new DurableSessionStore({ storage, state, clock, limits });
      },
      deferred: (clock) => new DeferredQueue({ storage: delayed, state, clock }),
    });
  }

  /** A clean stop, and a start `awayMs` later. */
  async restart(awayMs = 0): Promise<MemoryServer> {
    const stopping = this.server.server.stop();
    let stopped = false;
    void stopping.then(() => {
      stopped = true;
    });
    while (!stopped) await this.server.run();
    await this.#start(this.server.clock.nowMs() + awayMs);
    return this.server;
  }

  /** The process dies, and another one starts `awayMs` later. */
  async crash(awayMs = 0): Promise<MemoryServer> {
    this.#storage = this.#storage.crash(1, { of: "process" });
    this.#delayed = this.#delayed.crash(1, { of: "process" });
    this.#state = this.#state.crash("process", 0);
    await this.#start(this.server.clock.nowMs() + awayMs);
    return this.server;
  }
}
