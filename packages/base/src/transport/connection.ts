/**
 * One peer: chunks in, an output queue out. It knows bytes and no protocol.
 *
 *     open ──end()──▶ ending ──▶ closed        destroy() and the peer lead to closed from anywhere
 *
 * `end` sends what is queued and closes; the peer has `lingerMs` to read it. After that, or after `endAtOnce` and `destroy`, the
 * handler hears `onClose` exactly once.
 */

import type { Clock, Timer } from "../clock/index.ts";
import type { ByteStream } from "./byte-stream.ts";
import { OutputQueue, type TurnFlusher } from "./output-queue.ts";

export interface ConnectionHandler {
  /** A chunk has arrived. It is the handler's: slices of it may be kept and lent on. */
  onChunk(chunk: Buffer): void;
  /** The connection is gone; `error` when the network failed. Called once. */
  onClose(error: Error | undefined): void;
  /** The peer sends nothing more and may still read. Without this method the connection ends. */
  onEnd?(): void;
  /** Everything written has reached the operating system, after the stream had been full. */
  onDrain?(): void;
}

export type ConnectionStatus = "open" | "ending" | "closed";

/** How long a peer may take to read the last bytes after `end`, in milliseconds. */
const lingerMs = 2000;

export class Connection {
  readonly output: OutputQueue;
  /** `address:port` of the peer, for logs. */
  readonly remote: string;
  /** As `ByteStream` has it. */
  readonly certificateName: string | undefined;
  readonly #stream: ByteStream;
  readonly #clock: Clock;
  #status: ConnectionStatus = "open";
  #error: Error | undefined;
  #lingering: Timer | undefined;
  bytesRead = 0;

  constructor(stream: ByteStream, clock: Clock, flusher: TurnFlusher) {
    this.#stream = stream;
    this.#clock = clock;
    this.output = new OutputQueue(stream, flusher);
    this.remote = `${stream.remoteAddress ?? "memory"}:${stream.remotePort ?? 0}`;
    this.certificateName = stream.certificateName;
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** Starts reading. Call it once, when the handler is complete. */
  start(handler: ConnectionHandler): void {
    this.#stream.on("data", (chunk) => {
      this.bytesRead += chunk.length;
      if (this.#status === "open") handler.onChunk(chunk);
    });
    this.#stream.on("drain", () => {
      if (this.#status === "open") handler.onDrain?.();
    });
    this.#stream.on("end", () => {
      if (this.#status !== "open") return;
      if (handler.onEnd === undefined) this.end();
      else handler.onEnd();
    });
    this.#stream.on("error", (error) => {
      this.#error = error;
    });
    this.#stream.on("close", () => {
      if (this.#status === "closed") return;
      this.#status = "closed";
      this.#clock.clearTimer(this.#lingering);
      this.output.close();
      handler.onClose(this.#error);
    });
  }

  /** Stops reading from the peer until `resume`: back-pressure. */
  pause(): void {
    this.#stream.pause();
  }

  resume(): void {
    if (this.#status === "open") this.#stream.resume();
  }

  /** Sends what is queued, then closes. Input that still arrives is thrown away. */
  end(): void {
    if (this.#status !== "open") return;
    this.#status = "ending";
    this.output.flush();
    this.#stream.end();
    this.#stream.resume(); // Read and discard, or a peer that still sends would get a reset instead of our last words.
    this.#lingering = this.#clock.setTimer(() => this.#stream.destroy(), lingerMs);
  }

  /**
   * As `end`, for a peer that has said its last word and waits for none: closes without waiting for it once the operating system has
   * what was written. What the peer sends all the same is answered with a reset.
   */
  endAtOnce(): void {
    if (this.#status !== "open") return;
    this.output.flush();
    const { copiesWritten, writableLength } = this.#stream;
    if (copiesWritten !== true || writableLength > 0) {
      this.end();
      return;
    }
    this.#status = "ending";
    this.#stream.destroy();
  }

  /** Closes at once. */
  destroy(): void {
    this.#stream.destroy();
  }
}
