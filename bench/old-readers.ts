/** Those who read a large log from its start, each on raw sockets and as fast as it gets it, over and over again. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ByteWriter } from "@polylog/base/bytes";
import { encodeRdy, encodeSub, FrameReader, frameTypes } from "@polylog/nsq-wire";
import { largeRecordSize } from "./large-log.ts";
import { openNsq } from "./nsq-consumer.ts";

export interface OldReaderTask {
  readonly reader: keyof typeof oldReaders;
  readonly nsqPort: number;
  readonly httpPort: number;
  readonly log: string;
  readonly recordCount: number;
  /** Records read so far. */
  readonly progress: Int32Array;
}

/** By what it reads; each runs until its thread is ended. */
export const oldReaders = { consume: consumeAll, channel: drainChannel };

/** One `consume` of JSON-RPC after the other, 1 MiB each. */
async function consumeAll({ httpPort, log, recordCount, progress }: OldReaderTask): Promise<void> {
  const socket = await openHttp(httpPort);
  for (let offset = 0; ; ) {
    const end = await post(socket, httpPort, "consume", { log, offset });
    const next = Number(/^\{"offset":(\d+)/.exec(end.slice(end.lastIndexOf('{"offset":')))![1]) + 1;
    Atomics.add(progress, 0, next - offset);
    offset = next < recordCount ? next : 0;
  }
}

/** A channel that begins at the log's start, and whose consumer finishes everything; begun again at the log's end. */
async function drainChannel({ nsqPort, httpPort, log, recordCount, progress }: OldReaderTask): Promise<void> {
  const http = await openHttp(httpPort);
  const channel = "old";
  await post(http, httpPort, "channel.create", { log, channel, from: "earliest" });
  await post(http, httpPort, "channel.seek", { log, channel, from: "earliest" });
  const socket = await openNsq(nsqPort, "consumer");
  const reader = new FrameReader();
  let finished = 0;
  socket.on("data", (chunk: Buffer) => {
    reader.push(chunk);
    const fins: Buffer[] = [];
    while (reader.next()) {
      if (reader.frameType !== frameTypes.message) continue;
      const { bytes, bodyStart } = reader;
      fins.push(Buffer.from(`FIN ${bytes.toString("latin1", bodyStart + 10, bodyStart + 26)}\n`, "latin1"));
    }
    if (fins.length === 0) return;
    socket.write(Buffer.concat(fins));
    Atomics.add(progress, 0, fins.length);
    finished += fins.length;
    if (finished < recordCount) return;
    finished = 0;
    void post(http, httpPort, "channel.seek", { log, channel, from: "earliest" });
  });
  const writer = new ByteWriter();
  encodeSub(writer, log, channel);
  encodeRdy(writer, 500);
  socket.write(writer.take());
}

async function openHttp(port: number): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

/** Calls a method and resolves with the end of its answer, which has a whole record at least. */
function post(socket: Socket, port: number, method: string, params: object): Promise<string> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
  const head = `POST /rpc HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}`;
  socket.write(`${head}\r\n\r\n${body}`);
  return new Promise((resolve, reject) => {
    let left = -1;
    let end: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      if (left < 0) {
        const [, length] = /content-length: (\d+)/i.exec(chunk.toString("latin1", 0, 1000)) ?? [];
        left = Number(length) + chunk.indexOf("\r\n\r\n") + 4;
      }
      left -= chunk.length;
      end = chunk.length > 2 * largeRecordSize ? chunk : Buffer.concat([end.subarray(-2 * largeRecordSize), chunk]);
      if (left > 0) return;
      socket.off("data", onData);
      const text = end.toString("latin1");
      if (text.includes('"error":')) reject(new Error(text.slice(0, 1000)));
      else resolve(text);
    };
    socket.on("data", onData);
  });
}
