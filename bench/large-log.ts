/** Makes a large log fast: MPUBs of records of 16 KiB, a few of them unanswered at a time. */

import { ByteWriter } from "@polylog/base/bytes";
import { encodeMpub, FrameReader, frameTypes } from "@polylog/nsq-wire";
import { openNsq } from "./nsq-consumer.ts";

export const largeRecordSize = 16 * 1024;
const batchSize = 32;
const outstandingMax = 8;

/** Appends about `bytes` to `topic` and resolves with how many records that are. */
export async function appendLarge(port: number, topic: string, bytes: number): Promise<number> {
  const count = Math.ceil(bytes / (batchSize * largeRecordSize));
  const writer = new ByteWriter(batchSize * (largeRecordSize + 4) + 64);
  encodeMpub(writer, topic, new Array<Buffer>(batchSize).fill(Buffer.alloc(largeRecordSize, `${topic} `)));
  const mpub = writer.take();
  const socket = await openNsq(port);
  await new Promise<void>((resolve, reject) => {
    const reader = new FrameReader();
    let sent = 0;
    let answered = 0;
    const send = (): void => {
      for (; sent < count && sent - answered < outstandingMax; sent++) socket.write(mpub);
    };
    socket.on("error", reject);
    socket.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      while (reader.next()) {
        if (reader.frameType === frameTypes.error) reject(new Error(reader.bytes.toString("utf8", reader.bodyStart)));
        answered++;
      }
      send();
      if (answered === count) resolve();
    });
    send();
  });
  socket.destroy();
  return count * batchSize;
}
