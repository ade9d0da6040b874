/** A client of a `TestNsqd` on a loopback socket, which upgrades as clients do. Its waiting lets the manual clock's turns happen. */

import { once } from "node:events";
import { connect as connectTcp, createServer, type Socket } from "node:net";
import type { TestContext } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { constants, createInflateRaw, deflateRawSync, type InflateRaw } from "node:zlib";
import { SnappyReader, SnappyWriter } from "@polylog/nsq-wire/snappy";
import type { TestNsqd } from "./test-nsqd.ts";

export type Compression = "none" | "snappy" | "deflate";

export class WireClient {
  closed = false;
  readonly #nsqd: TestNsqd;
  #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #inflate: InflateRaw | undefined;
  #snappyReader: SnappyReader | undefined;
  readonly #snappyWriter = new SnappyWriter();
  compression: Compression = "none";

  constructor(nsqd: TestNsqd, socket: Socket) {
    this.#nsqd = nsqd;
    this.#socket = socket;
    this.#listen();
  }

  /** Connects and sends the magic. Server and client end with the test. */
  static async connect(context: TestContext, nsqd: TestNsqd): Promise<WireClient> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => nsqd.server.accept(socket));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const socket = connectTcp((server.address() as { port: number }).port, "127.0.0.1");
    context.after(() => {
      socket.destroy();
      server.close();
    });
    await once(socket, "connect");
    socket.setNoDelay(true);
    const client = new WireClient(nsqd, socket);
    client.send("  V2");
    return client;
  }

  async startTls(options: ConnectionOptions): Promise<void> {
    this.#socket.removeAllListeners();
    const secure = connectTls({ ...options, socket: this.#socket, servername: "localhost" });
    this.#socket = secure;
    this.#listen();
    let done = false;
    secure.once("secureConnect", () => {
      done = true;
    });
    await this.until(() => done || this.closed);
  }

  startCompression(compression: Compression): void {
    const early = this.#received;
    this.#received = Buffer.alloc(0);
    this.compression = compression;
    if (compression === "snappy") this.#snappyReader = new SnappyReader();
    if (compression === "deflate") {
      this.#inflate = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH });
      this.#inflate.on("data", (bytes: Buffer) => this.#take(bytes));
    }
    if (early.length > 0) this.#read(early);
  }

  send(...parts: (string | Buffer)[]): void {
    const bytes = Buffer.concat(parts.map((part) => Buffer.from(part)));
    if (this.compression === "snappy") this.#socket.write(this.#snappyWriter.encode(bytes));
    else if (this.compression === "deflate")
      this.#socket.write(deflateRawSync(bytes, { finishFlush: constants.Z_SYNC_FLUSH }));
    else this.#socket.write(bytes);
  }

  endInput(): void {
    this.#socket.end();
  }

  /** The next frame's type and body; undefined when the connection closed first. */
  async frame(): Promise<{ type: number; body: Buffer } | undefined> {
    const size = (): number => (this.#received.length < 4 ? Number.POSITIVE_INFINITY : this.#received.readInt32BE(0));
    await this.until(() => this.#received.length >= 4 + size() || this.closed);
    if (this.#received.length < 4 + size()) return undefined;
    const end = 4 + size();
    const frame = { type: this.#received.readInt32BE(4), body: this.#received.subarray(8, end) };
    this.#received = this.#received.subarray(end);
    return frame;
  }

  /** The next frame as text, `type body`. */
  async text(): Promise<string> {
    const frame = await this.frame();
    return frame === undefined ? "closed" : `${frame.type} ${frame.body.toString("latin1")}`;
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await this.#nsqd.run();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #listen(): void {
    this.#socket.on("data", (chunk: Buffer) => this.#read(chunk));
    this.#socket.on("error", () => undefined);
    this.#socket.on("close", () => {
      this.closed = true;
    });
  }

  #read(chunk: Buffer): void {
    if (this.#inflate !== undefined) this.#inflate.write(chunk);
    else this.#take(this.#snappyReader === undefined ? chunk : this.#snappyReader.decode(chunk));
  }

  #take(bytes: Buffer): void {
    this.#received = Buffer.concat([this.#received, bytes]);
  }
}
