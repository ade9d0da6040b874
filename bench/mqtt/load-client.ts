/**
 * One MQTT client of a load generator that must cost less than the broker it loads: it scans what comes without an object
 * per packet, answers all packets of a chunk with one write, and publishes slices of one buffer in which the packets
 * stand ready. Bytes come through one static buffer for all clients (`onread`), because reading is half of its work.
 */

import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { ByteWriter } from "@polylog/base/bytes";
import {
  encodeConnect,
  encodeSubscribe,
  packetTypes,
  publishFlags,
  publishSize,
  type QoS,
  writePublishHeader,
} from "@polylog/mqtt-wire";
import { packetCodecs5, publish5Size, writePublish5Header } from "@polylog/mqtt-wire/mqtt5";

export type Level = 4 | 5;

export interface ClientOptions {
  readonly port: number;
  readonly clientId: string;
  readonly level: Level;
  readonly tls?: boolean;
  /** The session outlives the connection. */
  readonly keepsSession?: boolean;
}

/** Packets of one topic, one after the other, with identifiers 1, 2, … at QoS 1 and 2. */
export interface Frames {
  readonly bytes: Buffer;
  readonly frameSize: number;
  readonly count: number;
}

const readBuffer = Buffer.alloc(256 * 1024);
const noBytes = Buffer.alloc(0);
const disconnect = Buffer.from([0xe0, 0]);
const headerSizeMax = 5;

export class LoadClient {
  readonly socket: Socket;
  /** PUBLISH packets that came, and own messages whose exchange is finished (PUBACK, PUBCOMP). */
  received = 0;
  finished = 0;
  /** PINGRESPs that came. */
  pings = 0;
  /** After each chunk. */
  onChunk: () => void = ignore;
  /** For each PUBLISH; undefined where nobody looks at them. */
  onPublish: ((bytes: Buffer, end: number) => void) | undefined;
  failure: Error | undefined;
  readonly #level: Level;
  #onOther: ((type: number) => void) | undefined;
  /** The beginning of a packet whose end has not come. */
  #rest = noBytes;
  #restSize = 0;
  #answers = noBytes;
  #answersSize = 0;

  private constructor({ port, level, tls = false }: ClientOptions) {
    this.#level = level;
    const onread = { buffer: readBuffer, callback: (size: number) => this.#onData(size) };
    const options = { port, host: "127.0.0.1", noDelay: true, onread, highWaterMark: 1 << 20 };
    this.socket = tls ? connectTls({ ...options, rejectUnauthorized: false }) : connectTcp(options);
    this.socket.on("error", (error) => {
      this.failure = error;
    });
    this.socket.on("close", () => {
      this.failure ??= new Error("the broker closed the connection");
      this.#onOther?.(0);
      this.onChunk();
    });
  }

  /** Resolves when CONNACK has come. */
  static async open(options: ClientOptions): Promise<LoadClient> {
    const client = new LoadClient(options);
    await once(client.socket, options.tls === true ? "secureConnect" : "connect");
    await client.#ask(connectBytes(options), packetTypes.CONNACK);
    return client;
  }

  async subscribe(filters: readonly string[], qos: QoS): Promise<void> {
    await this.#ask(subscribeBytes(filters, qos, this.#level), packetTypes.SUBACK);
  }

  write(bytes: Buffer): void {
    this.socket.write(bytes);
  }

  /** Publishes the frames of the sequence numbers `from` to `from + count - 1`. */
  publish(frames: Frames, from: number, count: number): void {
    for (let left = count, at = from % frames.count; left > 0; at = 0) {
      const run = Math.min(left, frames.count - at);
      this.socket.write(frames.bytes.subarray(at * frames.frameSize, (at + run) * frames.frameSize));
      left -= run;
    }
  }

  close(): void {
    this.onChunk = ignore;
    this.socket.destroy();
  }

  /** Says DISCONNECT and closes. */
  leave(): void {
    this.onChunk = ignore;
    this.socket.end(disconnect);
  }

  #ask(packet: Buffer, answer: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#onOther = (type) => {
        this.#onOther = undefined;
        if (type === answer) resolve();
        else reject(this.failure ?? new Error(`packet ${type} came where ${answer} was to come`));
      };
      this.socket.write(packet);
    });
  }

  #onData(size: number): boolean {
    this.#scan(readBuffer, size);
    if (this.#answersSize > 0) {
      this.socket.write(this.#answers.subarray(0, this.#answersSize));
      this.#answersSize = 0;
      this.#answers = noBytes;
    }
    this.onChunk();
    return true;
  }

  #scan(bytes: Buffer, size: number): void {
    let at = this.#restSize === 0 ? 0 : this.#completeRest(bytes, size);
    if (at < 0) return;
    let received = 0;
    while (at + 1 < size) {
      const length = bytes[at + 1]!;
      const end = length < 128 ? at + 2 + length : packetEnd(bytes, at, size);
      if (end < 0 || end > size) break;
      // A PUBLISH at QoS 0 is only counted.
      if ((bytes[at]! & 0xf6) === 0x30 && this.onPublish === undefined) received++;
      else this.#onPacket(bytes, at, end);
      at = end;
    }
    this.received += received;
    if (at < size) this.#keepRest(bytes, at, size);
  }

  #keepRest(bytes: Buffer, at: number, size: number): void {
    const end = packetEnd(bytes, at, size);
    this.#rest = Buffer.allocUnsafe(end < 0 ? headerSizeMax : end - at);
    this.#restSize = bytes.copy(this.#rest, 0, at, size);
  }

  /** Returns the position after the packet, or -1 when it goes on. */
  #completeRest(bytes: Buffer, size: number): number {
    let at = 0;
    let end = packetEnd(this.#rest, 0, this.#restSize);
    while (end < 0 && at < size) {
      this.#rest[this.#restSize++] = bytes[at++]!;
      end = packetEnd(this.#rest, 0, this.#restSize);
    }
    if (end < 0) return -1;
    if (this.#rest.length < end) this.#rest = Buffer.concat([this.#rest], end);
    const copied = bytes.copy(this.#rest, this.#restSize, at, Math.min(size, at + end - this.#restSize));
    this.#restSize += copied;
    if (this.#restSize < end) return -1;
    this.#restSize = 0;
    this.#onPacket(this.#rest, 0, end);
    return at + copied;
  }

  #onPacket(bytes: Buffer, at: number, end: number): void {
    const first = bytes[at]!;
    let body = at + 1;
    while (bytes[body]! > 127) body++;
    body++;
    switch (first >> 4) {
      case packetTypes.PUBLISH: {
        this.received++;
        this.onPublish?.(bytes, end);
        const qos = (first >> 1) & 3;
        if (qos > 0) this.#answer(qos === 1 ? 0x40 : 0x50, bytes, body + 2 + ((bytes[body]! << 8) | bytes[body + 1]!));
        break;
      }
      case packetTypes.PUBACK:
      case packetTypes.PUBCOMP:
        this.finished++;
        break;
      case packetTypes.PUBREC:
        this.#answer(0x62, bytes, body);
        break;
      case packetTypes.PUBREL:
        this.#answer(0x70, bytes, body);
        break;
      case packetTypes.PINGRESP:
        this.pings++;
        break;
      default:
        this.#onOther?.(first >> 4);
    }
  }

  #answer(first: number, bytes: Buffer, identifierAt: number): void {
    if (this.#answersSize + 4 > this.#answers.length) {
      const larger = Buffer.allocUnsafe(Math.max(256, 2 * this.#answers.length));
      this.#answers.copy(larger, 0, 0, this.#answersSize);
      this.#answers = larger;
    }
    const answers = this.#answers;
    const at = this.#answersSize;
    answers[at] = first;
    answers[at + 1] = 2;
    answers[at + 2] = bytes[identifierAt]!;
    answers[at + 3] = bytes[identifierAt + 1]!;
    this.#answersSize = at + 4;
  }
}

/** The position after the packet at `at`; -1 when its header goes on after `size`. */
function packetEnd(bytes: Buffer, at: number, size: number): number {
  let length = 0;
  for (let i = at + 1, shift = 0; i < size; i++, shift += 7) {
    length |= (bytes[i]! & 127) << shift;
    if (bytes[i]! < 128) return i + 1 + length;
  }
  return -1;
}

export function connectBytes({ clientId, level, keepsSession = false }: ClientOptions): Buffer {
  const common = { keepAliveSeconds: 0, will: undefined, userName: undefined, password: undefined };
  const writer = new ByteWriter();
  if (level === 4) {
    encodeConnect(writer, { ...common, protocolLevel: 4, clientIdentifier: clientId, cleanSession: !keepsSession });
  } else {
    const properties = keepsSession ? { sessionExpiryInterval: 3600 } : {};
    packetCodecs5.CONNECT.encode(writer, {
      ...common,
      protocolLevel: 5,
      clientIdentifier: clientId,
      cleanStart: !keepsSession,
      properties,
    });
  }
  return writer.take();
}

function subscribeBytes(filters: readonly string[], qos: QoS, level: Level): Buffer {
  const writer = new ByteWriter();
  if (level === 4) {
    encodeSubscribe(writer, {
      packetIdentifier: 1,
      subscriptions: filters.map((topicFilter) => ({ topicFilter, qos })),
    });
  } else {
    const options = { qos, noLocal: false, retainAsPublished: false, retainHandling: 0 } as const;
    const subscriptions = filters.map((topicFilter) => ({ topicFilter, ...options }));
    packetCodecs5.SUBSCRIBE.encode(writer, { packetIdentifier: 1, properties: {}, subscriptions });
  }
  return writer.take();
}

export function framesOf(topic: string, payloadSize: number, qos: QoS, level: Level, count: number): Frames {
  const name = Buffer.from(topic);
  const frameSize =
    level === 4 ? publishSize(name.length, payloadSize, qos) : publish5Size(name.length, 0, payloadSize, qos);
  const bytes = Buffer.alloc(frameSize * count, 0x61);
  const flags = publishFlags(qos, false, false);
  for (let i = 0; i < count; i++) {
    const at = i * frameSize;
    if (level === 4) writePublishHeader(bytes, at, flags, name, i + 1, payloadSize);
    else writePublish5Header(bytes, at, flags, name, i + 1, 0, payloadSize);
  }
  return { bytes, frameSize, count };
}

function ignore(): void {}
