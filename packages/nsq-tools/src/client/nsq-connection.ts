/**
 * One connection to nsqd, as a client: dial, magic, IDENTIFY, upgrades, AUTH, and from then on frames. It answers
 * heartbeats itself, gives up a silent or stuck peer, and writes once per turn.
 *
 *     open() ── handshake ──▶ frames to the handler ──▶ onClose, once
 *
 * During the handshake frames are taken one by one: what follows the JSON answer belongs to the compressed stream already.
 */

import { hostname as hostName } from "node:os";
import { ByteWriter } from "@polylog/base/bytes";
import type { Clock, Timer } from "@polylog/base/clock";
import type { ByteStream } from "@polylog/base/transport";
import {
  decodeIdentifyResponse,
  encodeAuth,
  encodeIdentify,
  encodeMagic,
  encodeNop,
  FrameReader,
  frameTypes,
  type Identify,
  type IdentifyResponse,
} from "@polylog/nsq-wire";
import { nsqToolsErrors } from "../errors.ts";
import type { ClientOptions } from "./client-options.ts";
import type { Dialer } from "./dialer.ts";
import { frameSizeMax } from "./limits.ts";
import { deflateCodec, type StreamCodec, snappyCodec } from "./stream-codec.ts";

export interface FrameHandler {
  /** A frame other than a heartbeat; `bytes[start, end)` may be kept. */
  onFrame(type: number, bytes: Buffer, start: number, end: number): void;
  /** The connection is gone; `cause` unless this side closed it. Called once, and only after `open` has resolved. */
  onClose(cause: Error | undefined): void;
}

export interface ConnectionContext {
  readonly clock: Clock;
  readonly dialer: Dialer;
  readonly options: ClientOptions;
}

const heartbeat = Buffer.from("_heartbeat_", "latin1");
const frameHeaderSize = 8;

interface HandshakeFrame {
  readonly type: number;
  readonly body: Buffer;
}

export class NsqConnection {
  readonly address: string;
  /** What nsqd granted; all absent from an nsqd that does not negotiate. */
  maxRdyCount = 2500;
  readonly #clock: Clock;
  readonly #options: ClientOptions;
  readonly #writer = new ByteWriter(256);
  readonly #frames: FrameReader;
  #stream: ByteStream;
  #codec: StreamCodec | undefined;
  #handler: FrameHandler | undefined;
  #status: "handshake" | "open" | "ending" | "closed" = "handshake";
  #inbox: Buffer = Buffer.alloc(0);
  #waiting: { resolve: (frame: HandshakeFrame) => void; reject: (error: Error) => void } | undefined;
  #flushPlanned = false;
  #lastReadMs: number;
  #readTimer: Timer | undefined;
  #writeTimer: Timer | undefined;
  #cause: Error | undefined;

  /**
   * Resolves once commands may be sent. Rejects with CONNECT_FAILED, IDENTIFY_FAILED, TLS_NOT_OFFERED,
   * AUTH_SECRET_MISSING, REFUSED or CONNECTION_LOST.
   */
  static async open(address: string, context: ConnectionContext, handler: FrameHandler): Promise<NsqConnection> {
    const stream = await context.dialer.dial(address, context.options);
    const connection = new NsqConnection(address, stream, context);
    try {
      await connection.#handshake(context.dialer);
    } catch (error) {
      connection.destroy();
      throw error;
    }
    connection.#begin(handler);
    return connection;
  }

  private constructor(address: string, stream: ByteStream, { clock, options }: ConnectionContext) {
    this.address = address;
    this.#clock = clock;
    this.#options = options;
    this.#stream = stream;
    this.#frames = new FrameReader(options.maxMsgSize === 0 ? frameSizeMax : options.maxMsgSize + 64);
    this.#lastReadMs = clock.monotonicMs();
    this.#listen(stream);
    this.#watchReads();
  }

  get isOpen(): boolean {
    return this.#status === "open";
  }

  /** Has `encode` write commands, which leave at the end of the turn. What is sent to a closed connection is dropped. */
  send(encode: (writer: ByteWriter) => void): void {
    if (this.#status === "closed" || this.#status === "ending") return;
    encode(this.#writer);
    if (this.#flushPlanned) return;
    this.#flushPlanned = true;
    this.#clock.atTurnEnd(() => this.#flush());
  }

  /** Sends what was written, then closes. */
  end(): void {
    if (this.#status === "closed" || this.#status === "ending") return;
    this.#flush();
    this.#status = "ending";
    const end = () => this.#stream.end();
    if (this.#codec === undefined) end();
    else this.#codec.drain(end);
    this.#closeAfter(this.#options.writeTimeoutMs);
  }

  destroy(cause?: Error): void {
    this.#cause ??= cause;
    this.#stream.destroy();
    this.#closed();
  }

  // --- handshake ---------------------------------------------------------------------------------------------------

  async #handshake(dialer: Dialer): Promise<void> {
    this.send((writer) => {
      encodeMagic(writer);
      encodeIdentify(writer, identifyOf(this.#options));
    });
    const { body } = await this.#expectResponse();
    if (body.equals(ok)) {
      if (this.#options.tlsV1) throw nsqToolsErrors.TLS_NOT_OFFERED({ address: this.address });
      return;
    }
    const granted = this.#decodeIdentify(body);
    if (granted.max_rdy_count > 0) this.maxRdyCount = granted.max_rdy_count;
    if (granted.tls_v1) await this.#startTls(dialer);
    else if (this.#options.tlsV1) throw nsqToolsErrors.TLS_NOT_OFFERED({ address: this.address });
    if (granted.snappy) await this.#startCodec(snappyCodec(this.#sinks()), "snappy");
    else if (granted.deflate) await this.#startCodec(deflateCodec(granted.deflate_level, this.#sinks()), "deflate");
    if (granted.auth_required) await this.#authenticate();
  }

  #decodeIdentify(body: Buffer): IdentifyResponse {
    try {
      return decodeIdentifyResponse(body, 0, body.length);
    } catch (cause) {
      throw nsqToolsErrors.IDENTIFY_FAILED({ address: this.address, reason: "neither OK nor JSON" }, cause);
    }
  }

  async #startTls(dialer: Dialer): Promise<void> {
    this.#stream = await dialer.startTls(this.#stream, this.address, this.#options);
    this.#listen(this.#stream);
    await this.#expectOk("TLS");
  }

  async #startCodec(codec: StreamCodec, name: string): Promise<void> {
    this.#codec = codec;
    const rest = this.#inbox;
    this.#inbox = Buffer.alloc(0);
    if (rest.length > 0) codec.read(rest);
    await this.#expectOk(name);
  }

  async #authenticate(): Promise<void> {
    const { authSecret } = this.#options;
    if (authSecret === "") throw nsqToolsErrors.AUTH_SECRET_MISSING({ address: this.address });
    this.send((writer) => encodeAuth(writer, Buffer.from(authSecret, "utf8")));
    await this.#expectResponse();
  }

  async #expectOk(step: string): Promise<void> {
    const { body } = await this.#expectResponse();
    if (body.equals(ok)) return;
    throw nsqToolsErrors.IDENTIFY_FAILED({ address: this.address, reason: `no OK after ${step}` });
  }

  async #expectResponse(): Promise<HandshakeFrame> {
    const frame = await new Promise<HandshakeFrame>((resolve, reject) => {
      if (this.#status === "closed") reject(this.#lost());
      this.#waiting = { resolve, reject };
      this.#takeHandshakeFrame();
    });
    if (frame.type === frameTypes.response) return frame;
    throw nsqToolsErrors.REFUSED({ address: this.address, answer: frame.body.toString("utf8") });
  }

  #takeHandshakeFrame(): void {
    const waiting = this.#waiting;
    if (waiting === undefined || this.#inbox.length < frameHeaderSize) return;
    const size = this.#inbox.readInt32BE(0);
    if (size < 4 || size > frameSizeMax) {
      this.#waiting = undefined;
      waiting.reject(nsqToolsErrors.IDENTIFY_FAILED({ address: this.address, reason: "this is no nsqd" }));
      return;
    }
    if (this.#inbox.length < 4 + size) return;
    const frame = { type: this.#inbox.readInt32BE(4), body: this.#inbox.subarray(frameHeaderSize, 4 + size) };
    this.#inbox = this.#inbox.subarray(4 + size);
    if (frame.type === frameTypes.response && frame.body.equals(heartbeat)) {
      this.send(encodeNop);
      this.#takeHandshakeFrame();
      return;
    }
    this.#waiting = undefined;
    waiting.resolve(frame);
  }

  // --- frames ------------------------------------------------------------------------------------------------------

  #begin(handler: FrameHandler): void {
    this.#handler = handler;
    if (this.#status === "closed") {
      handler.onClose(this.#lost());
      return;
    }
    this.#status = "open";
    const rest = this.#inbox;
    this.#inbox = Buffer.alloc(0);
    // The caller gets the connection first.
    if (rest.length > 0) this.#clock.atTurnEnd(() => this.#onPlain(rest));
  }

  #onChunk(chunk: Buffer): void {
    this.#lastReadMs = this.#clock.monotonicMs();
    if (this.#codec === undefined) this.#onPlain(chunk);
    else this.#codec.read(chunk);
  }

  #onPlain(bytes: Buffer): void {
    if (this.#status === "handshake") {
      this.#inbox = Buffer.concat([this.#inbox, bytes]);
      this.#takeHandshakeFrame();
      return;
    }
    if (this.#status === "closed") return;
    const frames = this.#frames;
    frames.push(bytes);
    try {
      while (frames.next()) {
        if (frames.frameType === frameTypes.response && isHeartbeat(frames)) this.send(encodeNop);
        else this.#handler?.onFrame(frames.frameType, frames.bytes, frames.bodyStart, frames.bodyEnd);
      }
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  #flush(): void {
    this.#flushPlanned = false;
    if (this.#writer.length === 0 || this.#status === "closed") return;
    const bytes = this.#writer.take();
    if (this.#codec === undefined) this.#toWire(bytes);
    else this.#codec.write(bytes);
  }

  #toWire(bytes: Buffer): void {
    if (this.#status === "closed") return;
    this.#stream.write(bytes);
    if (this.#stream.writableLength === 0 || this.#writeTimer !== undefined) return;
    this.#closeAfter(this.#options.writeTimeoutMs);
  }

  // --- the end -----------------------------------------------------------------------------------------------------

  #listen(stream: ByteStream): void {
    stream.on("data", (chunk) => {
      if (stream === this.#stream) this.#onChunk(chunk);
    });
    stream.on("drain", () => {
      if (stream !== this.#stream || this.#status === "ending") return;
      this.#clock.clearTimer(this.#writeTimer);
      this.#writeTimer = undefined;
    });
    stream.on("error", (error) => {
      this.#cause ??= error;
    });
    stream.on("end", () => {
      if (stream === this.#stream) this.#stream.end();
    });
    stream.on("close", () => {
      if (stream === this.#stream) this.#closed();
    });
  }

  #closeAfter(timeoutMs: number): void {
    this.#clock.clearTimer(this.#writeTimer);
    this.#writeTimer = this.#clock.setTimer(() => {
      const stuck = this.#status !== "ending" && this.#stream.writableLength > 0;
      this.#writeTimer = undefined;
      if (stuck) this.destroy(new Error(`nothing could be written for ${timeoutMs} ms`));
      else if (this.#status === "ending") this.destroy();
    }, timeoutMs);
  }

  #watchReads(): void {
    const { readTimeoutMs } = this.#options;
    const silentMs = this.#clock.monotonicMs() - this.#lastReadMs;
    if (silentMs >= readTimeoutMs) {
      this.destroy(new Error(`nothing heard for ${readTimeoutMs} ms`));
      return;
    }
    this.#readTimer = this.#clock.setTimer(() => this.#watchReads(), readTimeoutMs - silentMs);
  }

  #lost(): Error {
    const reason = this.#cause?.message ?? "closed by nsqd";
    return nsqToolsErrors.CONNECTION_LOST({ address: this.address, reason }, this.#cause);
  }

  #closed(): void {
    if (this.#status === "closed") return;
    const wanted = this.#status === "ending" && this.#cause === undefined;
    this.#status = "closed";
    this.#clock.clearTimer(this.#readTimer);
    this.#clock.clearTimer(this.#writeTimer);
    this.#codec?.destroy();
    this.#waiting?.reject(this.#lost());
    this.#waiting = undefined;
    this.#handler?.onClose(wanted ? undefined : this.#lost());
  }

  #sinks() {
    return {
      toWire: (bytes: Buffer) => this.#toWire(bytes),
      toReader: (bytes: Buffer) => this.#onPlain(bytes),
      fail: (error: Error) => this.destroy(error),
    };
  }
}

const ok = Buffer.from("OK", "latin1");

function isHeartbeat({ bytes, bodyStart, bodyEnd }: FrameReader): boolean {
  return bodyEnd - bodyStart === heartbeat.length && heartbeat.compare(bytes, bodyStart, bodyEnd) === 0;
}

function identifyOf(options: ClientOptions): Partial<Identify> {
  const own = hostName();
  return {
    client_id: options.clientId === "" ? own.split(".")[0]! : options.clientId,
    hostname: options.hostname === "" ? own : options.hostname,
    user_agent: options.userAgent,
    feature_negotiation: true,
    heartbeat_interval: options.heartbeatIntervalMs < 0 ? -1 : Math.round(options.heartbeatIntervalMs),
    tls_v1: options.tlsV1,
    deflate: options.deflate,
    deflate_level: options.deflateLevel,
    snappy: options.snappy,
    sample_rate: options.sampleRate,
    output_buffer_size: options.outputBufferSize,
    output_buffer_timeout: options.outputBufferTimeoutMs <= 0 ? -1 : Math.round(options.outputBufferTimeoutMs),
    ...(options.msgTimeoutMs > 0 ? { msg_timeout: Math.round(options.msgTimeoutMs) } : {}),
    ...(options.topologyRegion === "" ? {} : { topology_region: options.topologyRegion }),
    ...(options.topologyZone === "" ? {} : { topology_zone: options.topologyZone }),
  };
}
