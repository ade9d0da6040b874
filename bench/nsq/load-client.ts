/**
 * One connection of the load generator. What it writes was encoded before; what it reads lies in one buffer that is used again, and
 * is counted there: no object per message, one write per read. A part of a frame at the end waits at the front of the
 * buffer for the rest of it.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ByteWriter } from "@polylog/base/bytes";
import {
  encodeFin,
  encodeIdentify,
  encodeMagic,
  encodeNop,
  encodeRdy,
  encodeSub,
  frameTypes,
  type Identify,
} from "@polylog/nsq-wire";

export interface LoadClientOptions {
  readonly port: number;
  readonly role: "producer" | "consumer";
  /** How long and how much the server may hold messages back; default: what the server does unasked. */
  readonly buffering?: Partial<Identify>;
  /** Bytes read at once. Default 128 KiB. */
  readonly readBufferSize?: number;
}

/** Size and type; then of a message the timestamp, attempts and id. */
const frameHeaderSize = 8;
const idAt = frameHeaderSize + 10;
const idSize = 16;
const messageHeaderSize = idAt + idSize;
const okFrameSize = frameHeaderSize + 2;
const nop = encoded(encodeNop);
const fin = encoded((writer) => encodeFin(writer, Buffer.alloc(idSize, 0x30)));
const finIdAt = fin.indexOf("0");

export class LoadClient {
  /** Answers that were OK, and messages. */
  answered = 0;
  received = 0;
  failure: Error | undefined;
  onFailure: ((error: Error) => void) | undefined;
  /** So many answers or messages were among what was just read. */
  onAnswers: ((count: number) => void) | undefined;
  onMessages: ((count: number) => void) | undefined;
  /** A message's body lies in `bytes[start, end)`. */
  onBody: ((bytes: Buffer, start: number, end: number) => void) | undefined;
  readonly #bytes: Buffer;
  #held = 0;
  #socket!: Socket;
  #closed = false;

  private constructor(readBufferSize: number) {
    this.#bytes = Buffer.allocUnsafeSlow(readBufferSize);
  }

  /** A connection to publish by has no heartbeats; NSQ lets nobody consume without. */
  static async open({ port, role, buffering, readBufferSize = 128 * 1024 }: LoadClientOptions): Promise<LoadClient> {
    const client = new LoadClient(readBufferSize);
    const onread = {
      buffer: () => client.#bytes.subarray(client.#held),
      callback: (size: number) => client.#onRead(client.#held + size),
    };
    const socket = connect({ port, host: "127.0.0.1", noDelay: true, onread });
    client.#socket = socket;
    await once(socket, "connect");
    socket.on("error", (error) => client.#fail(error));
    socket.on("close", () => client.#fail(new Error("the server closed the connection")));
    const start = encoded((writer) => {
      encodeMagic(writer);
      encodeIdentify(writer, { heartbeat_interval: role === "producer" ? -1 : 60_000, ...buffering });
    });
    await client.ask(start);
    return client;
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  /** Resolves once the command is answered with OK. */
  async ask(command: Buffer): Promise<void> {
    const wanted = this.answered + 1;
    this.write(command);
    while (this.answered < wanted) {
      if (this.failure !== undefined) throw this.failure;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.answered = 0;
  }

  async subscribe(topic: string, channel: string): Promise<void> {
    await this.ask(encoded((writer) => encodeSub(writer, topic, channel)));
  }

  setReady(count: number): void {
    this.write(encoded((writer) => encodeRdy(writer, count)));
  }

  close(): void {
    this.#closed = true;
    this.#socket.destroy();
  }

  #fail(error: Error): void {
    if (this.#closed || this.failure !== undefined) return;
    this.failure = error;
    this.onFailure?.(error);
  }

  /** `bytes[0, end)` has come. */
  #onRead(end: number): boolean {
    const bytes = this.#bytes;
    let at = 0;
    let answers = 0;
    let messages = 0;
    let fins: Buffer | undefined;
    let finEnd = 0;
    while (at + frameHeaderSize <= end) {
      const next = at + 4 + ((bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!);
      if (next > end) break;
      const type = bytes[at + 7];
      if (type === frameTypes.message) {
        fins ??= Buffer.allocUnsafe(fin.length * (Math.floor((end - at) / (next - at)) + 1));
        if (finEnd + fin.length > fins.length)
          fins = Buffer.concat([fins, Buffer.allocUnsafe(fins.length + fin.length)]);
        finEnd = writeFin(fins, finEnd, bytes, at + idAt);
        this.onBody?.(bytes, at + messageHeaderSize, next);
        messages++;
      } else if (type === frameTypes.error) this.#fail(new Error(bytes.toString("latin1", at + frameHeaderSize, next)));
      else if (next - at === okFrameSize) answers++;
      else this.write(nop);
      at = next;
    }
    if (at > 0) bytes.copyWithin(0, at, end);
    this.#held = end - at;
    if (fins !== undefined) this.write(fins.subarray(0, finEnd));
    this.answered += answers;
    this.received += messages;
    if (answers > 0) this.onAnswers?.(answers);
    if (messages > 0) this.onMessages?.(messages);
    return true;
  }
}

function writeFin(fins: Buffer, start: number, bytes: Buffer, id: number): number {
  for (let i = 0; i < finIdAt; i++) fins[start + i] = fin[i]!;
  for (let i = 0; i < idSize; i++) fins[start + finIdAt + i] = bytes[id + i]!;
  fins[start + fin.length - 1] = 0x0a;
  return start + fin.length;
}

export function encoded(encode: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  encode(writer);
  return writer.take();
}
