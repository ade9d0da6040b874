/**
 * The least of a NATS client that a benchmark of JetStream needs, on a raw socket so that it costs no more than ours does:
 * requests, publishing with a reply subject, and a callback per message.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";

const lineEnd = Buffer.from("\r\n");

export class NatsClient {
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  /** Called for each message, with its payload's place in `bytes`. */
  onMessage: (bytes: Buffer, start: number, end: number) => void = () => undefined;
  /** Called once after each chunk's messages. */
  onChunkDone: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("error", () => undefined);
  }

  static async open(port: number): Promise<NatsClient> {
    const socket = connect({ port, host: "127.0.0.1", noDelay: true });
    await once(socket, "connect");
    const client = new NatsClient(socket);
    client.write('CONNECT {"verbose":false,"pedantic":false}\r\nPING\r\n');
    return client;
  }

  get backlog(): number {
    return this.#socket.writableLength;
  }

  write(bytes: string | Buffer): void {
    this.#socket.write(bytes);
  }

  subscribe(subject: string, id: number): void {
    this.write(`SUB ${subject} ${id}\r\n`);
  }

  /** Publishes JSON to an API subject and resolves with the answer. Rejects with the API's own error. */
  async request(subject: string, body: unknown): Promise<Record<string, unknown>> {
    const inbox = `_INBOX.request.${subject}`;
    this.subscribe(inbox, 1);
    const payload = JSON.stringify(body);
    const answer = new Promise<string>((resolve) => {
      this.onMessage = (bytes, start, end) => resolve(bytes.toString("utf8", start, end));
    });
    this.write(`PUB ${subject} ${inbox} ${Buffer.byteLength(payload)}\r\n${payload}\r\n`);
    const parsed = JSON.parse(await answer) as Record<string, unknown> & { error?: { description: string } };
    if (parsed.error !== undefined) throw new Error(`${subject}: ${parsed.error.description}`);
    return parsed;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const end = bytes.indexOf(lineEnd, at);
      if (end < 0) break;
      if (bytes[at] === 0x4d /* MSG */) {
        const size = lastNumber(bytes, end);
        if (bytes.length < end + 4 + size) break;
        this.onMessage(bytes, end + 2, end + 2 + size);
        at = end + 4 + size;
      } else {
        if (bytes.toString("latin1", at, at + 4) === "PING") this.write("PONG\r\n");
        if (bytes[at] === 0x2d /* -ERR */) throw new Error(bytes.toString("latin1", at, end));
        at = end + 2;
      }
    }
    this.#rest = at === bytes.length ? Buffer.alloc(0) : bytes.subarray(at);
    this.onChunkDone();
  }
}

/** The decimal number that ends before `end`: a message's line ends with the size of its payload. */
function lastNumber(bytes: Buffer, end: number): number {
  let value = 0;
  for (let at = end - 1, unit = 1; bytes[at]! >= 0x30 && bytes[at]! <= 0x39; at--, unit *= 10)
    value += (bytes[at]! - 0x30) * unit;
  return value;
}
