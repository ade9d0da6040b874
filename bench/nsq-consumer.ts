/** The least of an NSQ client on a raw socket that the benchmarks need: connect, and finish every message as it arrives. */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { ByteWriter } from "@polylog/base/bytes";
import { encodeIdentify, encodeMagic, FrameReader, frameTypes } from "@polylog/nsq-wire";

/**
 * A connection to publish by has no heartbeats, which would be counted as answers in a long run; NSQ lets nobody consume
 * without, so a consumer has them as rarely as may be.
 */
export async function openNsq(port: number, role: "producer" | "consumer" = "producer"): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const start = new ByteWriter();
  encodeMagic(start);
  encodeIdentify(start, { heartbeat_interval: role === "producer" ? -1 : 60_000 });
  socket.write(start.take());
  const [answer] = (await once(socket, "data")) as [Buffer];
  if (!answer.subarray(8).equals(Buffer.from("OK"))) throw new Error(`IDENTIFY was answered with ${answer.toString()}`);
  return socket;
}

/** Bytes of `FIN <id>\n`, and of a message frame besides its body. */
const finSize = 21;
const messageOverhead = 34;

/** Resolves when `messageCount` messages with bodies of `bodySize` have come: one write of FINs per chunk. */
export function consumeAll(socket: Socket, messageCount: number, bodySize: number): Promise<void> {
  return new Promise((resolve) => {
    const reader = new FrameReader();
    let consumed = 0;
    socket.on("data", (chunk: Buffer) => {
      reader.push(chunk);
      const answers = Buffer.allocUnsafe(finSize * (Math.ceil(chunk.length / (bodySize + messageOverhead)) + 2));
      let length = 0;
      while (reader.next()) {
        if (reader.frameType !== frameTypes.message) continue;
        length += answers.write("FIN ", length, "latin1");
        length += reader.bytes.copy(answers, length, reader.bodyStart + 10, reader.bodyStart + 26);
        answers[length++] = 0x0a;
        consumed++;
      }
      if (length > 0) socket.write(answers.subarray(0, length));
      if (consumed >= messageCount) resolve();
    });
  });
}
