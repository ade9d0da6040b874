/**
 * A client's socket, which IDENTIFY may turn into TLS, and either into snappy or deflate:
 *
 *     frames ◀──▶ [snappy or deflate] ◀──▶ [TLS] ◀──▶ socket
 *
 * Until then it costs one call per chunk and write. Between `cork` and `uncork` a codec gets everything at once, so one turn
 * is one flush.
 */

import type { TLSSocket } from "node:tls";
import type { Clock } from "@polylog/base/clock";
import type { ByteStream } from "@polylog/base/transport";
import { tlsHandshakeTimeoutMs } from "../limits.ts";
import type { CodecOwner, StreamCodec } from "./stream-codec.ts";
import { beginTls, certificateProblem, type NsqTls, type TlsState, tlsStateOf } from "./tls-settings.ts";

interface Listeners {
  data: (chunk: Buffer) => void;
  drain: () => void;
  end: () => void;
  close: () => void;
  error: (error: Error) => void;
}

const nobody = (): void => {};

export class UpgradableStream implements ByteStream, CodecOwner {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Undefined without TLS. */
  tlsState: TlsState | undefined;
  readonly #listeners: Listeners = { data: nobody, drain: nobody, end: nobody, close: nobody, error: nobody };
  #stream: ByteStream;
  #codec: StreamCodec | undefined;
  #corked: Uint8Array[] | undefined;
  #paused = false;
  /** The codec has as much as it may have waiting. */
  #held = false;

  constructor(socket: ByteStream) {
    this.#stream = socket;
    this.remoteAddress = socket.remoteAddress;
    this.remotePort = socket.remotePort;
  }

  // --- upgrades ----------------------------------------------------------------------------------------------------

  /**
   * Everything written so far must have left. `done` is called once: when frames can be written, or with the reason why not:
   * then the connection is closing.
   */
  startTls(tls: NsqTls, clock: Clock, done: (error: Error | undefined) => void): void {
    let socket: TLSSocket;
    try {
      if (this.tlsState !== undefined || this.#codec !== undefined) throw new Error("already upgraded");
      socket = beginTls(this.#stream, tls);
    } catch (error) {
      done(error as Error);
      return;
    }
    let pending = true;
    const finish = (error: Error | undefined): void => {
      if (!pending) return;
      pending = false;
      clock.clearTimer(deadline);
      if (error === undefined) this.tlsState = tlsStateOf(socket);
      done(error);
      if (error !== undefined) socket.destroy();
    };
    const deadline = clock.setTimer(() => finish(new Error("handshake timeout")), tlsHandshakeTimeoutMs);
    socket.on("secure", () => finish(certificateProblem(socket, tls.clientAuth)));
    socket.on("error", finish);
    socket.on("close", () => finish(new Error("EOF")));
    this.#stream = socket;
    this.#listen();
  }

  /** What is written and read from now on goes through the codec. */
  startCodec(make: (owner: CodecOwner) => StreamCodec): void {
    this.#codec?.close();
    this.#codec = make(this);
    if (this.#paused) this.#codec.pause();
  }

  // --- CodecOwner --------------------------------------------------------------------------------------------------

  send(bytes: Uint8Array): void {
    this.#stream.write(bytes);
  }

  receive(bytes: Buffer): void {
    this.#listeners.data(bytes);
  }

  receivedEnd(): void {
    this.#listeners.end();
  }

  hold(held: boolean): void {
    this.#held = held;
    if (held) this.#stream.pause();
    else if (!this.#paused) this.#stream.resume();
  }

  drained(): void {
    this.#listeners.drain();
  }

  fail(error: Error): void {
    this.#listeners.error(error);
    this.#stream.destroy();
  }

  // --- ByteStream --------------------------------------------------------------------------------------------------

  get writableLength(): number {
    return this.#stream.writableLength + (this.#codec?.pendingSize ?? 0);
  }

  get copiesWritten(): boolean {
    return this.#codec === undefined && this.#stream.copiesWritten === true;
  }

  write(bytes: Uint8Array): boolean {
    if (this.#codec === undefined) return this.#stream.write(bytes);
    if (this.#corked === undefined) this.#codec.write(bytes);
    else this.#corked.push(bytes);
    return true;
  }

  cork(): void {
    if (this.#codec === undefined) this.#stream.cork();
    else this.#corked = [];
  }

  uncork(): void {
    if (this.#codec === undefined) this.#stream.uncork();
    const corked = this.#corked;
    this.#corked = undefined;
    if (corked !== undefined && corked.length > 0) this.#codec?.write(Buffer.concat(corked));
  }

  end(): void {
    if (this.#codec === undefined) this.#stream.end();
    else this.#codec.endOutput(() => this.#stream.end());
  }

  destroy(): void {
    this.#stream.destroy();
  }

  pause(): void {
    this.#paused = true;
    this.#codec?.pause();
    this.#stream.pause();
  }

  resume(): void {
    this.#paused = false;
    this.#codec?.resume();
    if (!this.#held) this.#stream.resume();
  }

  /** One listener for each event. Those of `data` must come first: the stream flows from then on. */
  on<Event extends keyof Listeners>(event: Event, listener: Listeners[Event]): this {
    this.#listeners[event] = listener;
    if (event === "data") this.#listen();
    return this;
  }

  #listen(): void {
    const stream = this.#stream;
    stream.on("data", (chunk) => {
      if (this.#codec === undefined) this.#listeners.data(chunk);
      else this.#codec.read(chunk);
    });
    stream.on("drain", () => this.#listeners.drain());
    stream.on("end", () => {
      if (this.#codec === undefined) this.#listeners.end();
      else this.#codec.endInput();
    });
    stream.on("error", (error) => this.#listeners.error(error));
    stream.on("close", () => {
      this.#codec?.close();
      this.#listeners.close();
    });
  }
}
