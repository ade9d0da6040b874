/**
 * A log over a socket: append 256-byte messages with an acknowledgement each, 512 outstanding on one connection or on four,
 * then read all of them back.
 * Polylog at durability `written` (NSQ PUB; a channel for reading) and NATS JetStream with file storage (publish with a
 * reply subject; a pull consumer without acknowledgements), in turn, the same generator style on raw sockets.
 *
 *     npm run bench -- append
 */

import { ByteWriter } from "@polylog/base/bytes";
import { encodePub, encodeRdy, encodeSub, FrameReader, frameTypes } from "@polylog/nsq-wire";
import { NatsClient } from "./nats-client.ts";
import { consumeAll, openNsq } from "./nsq-consumer.ts";
import { type Peer, startNats, startPolylog } from "./peers.ts";
import { compare, type Target } from "./rounds.ts";

const smoke = process.argv.includes("--smoke");
const messageCount = smoke ? 1_000 : 300_000;
const rounds = smoke ? 1 : 5;
/** Of all connections together. */
const outstandingMax = 512;
const body = Buffer.alloc(256, 0x61);

async function main(): Promise<void> {
  const polylog = await startPolylog("nsqTcp");
  const nats = await startNats();
  if (nats === undefined) process.stdout.write("nats-server is not installed; measuring Polylog alone\n");
  let run = 0;
  const ofEach = (ours: (peer: Peer, name: string) => Promise<number>, theirs: typeof ours): Target[] => [
    { name: "Polylog", run: () => ours(polylog, `bench${run++}`) },
    ...(nats === undefined ? [] : [{ name: "NATS JetStream", run: () => theirs(nats, `bench${run++}`) }]),
  ];
  try {
    const title = `${body.length} bytes, ${outstandingMax} outstanding`;
    for (const count of [1, 4]) {
      const ours = (peer: Peer, name: string) => appendNsq(peer, name, count);
      const theirs = (peer: Peer, name: string) => appendNats(peer, name, count);
      const shape = count === 1 ? "1 connection" : `${count} connections`;
      await compare(`Append with acknowledgement, ${title}, ${shape}`, ofEach(ours, theirs), rounds);
    }
    await compare(`Read all back, ${title}`, ofEach(readNsq, readNats), rounds);
  } finally {
    await polylog.stop();
    await nats?.stop();
  }
}

/** One of several connections that share the work. */
interface Share {
  readonly messageCount: number;
  readonly outstandingMax: number;
}

/** Calls `send(n)` so that at most `outstandingMax` are unanswered, until `messageCount` are answered. */
async function keepOutstanding(
  { messageCount, outstandingMax }: Share,
  send: (count: number) => void,
  onAnswers: (answered: (count: number) => void) => void,
) {
  let sent = 0;
  let answered = 0;
  await new Promise<void>((resolve) => {
    const fill = () => {
      const count = Math.min(outstandingMax - (sent - answered), messageCount - sent);
      if (count > 0) send(count);
      sent += count;
      if (answered >= messageCount) resolve();
    };
    onAnswers((count) => {
      answered += count;
      fill();
    });
    fill();
  });
}

/** Messages per second of `connections` together, each of which `append` opens and gets ready before the clock starts. */
async function appendOn(connectionCount: number, open: (index: number) => Promise<Publisher>): Promise<number> {
  const publishers = await Promise.all(Array.from({ length: connectionCount }, (_, index) => open(index)));
  const share: Share = {
    messageCount: messageCount / connectionCount,
    outstandingMax: outstandingMax / connectionCount,
  };
  const startedAtMs = performance.now();
  await Promise.all(publishers.map(({ send, onAnswers }) => keepOutstanding(share, send, onAnswers)));
  const rate = messageCount / ((performance.now() - startedAtMs) / 1000);
  for (const publisher of publishers) publisher.close();
  return rate;
}

interface Publisher {
  readonly send: (count: number) => void;
  readonly onAnswers: (answered: (count: number) => void) => void;
  readonly close: () => void;
}

/** The same command as often as can be outstanding, to be cut from. */
function repeated(one: Buffer): (count: number) => Buffer {
  const many = Buffer.concat(new Array<Buffer>(outstandingMax).fill(one));
  return (count) => many.subarray(0, count * one.length);
}

function appendNsq(peer: Peer, topic: string, connectionCount = 1): Promise<number> {
  const writer = new ByteWriter();
  encodePub(writer, topic, body);
  const pubs = repeated(writer.take());
  return appendOn(connectionCount, async () => {
    const socket = await openNsq(peer.port);
    const reader = new FrameReader();
    return {
      send: (count) => socket.write(pubs(count)),
      onAnswers: (answered) =>
        socket.on("data", (chunk: Buffer) => {
          reader.push(chunk);
          let count = 0;
          while (reader.next()) {
            if (reader.frameType === frameTypes.error)
              throw new Error(reader.bytes.toString("latin1", reader.bodyStart));
            count++;
          }
          answered(count);
        }),
      close: () => socket.destroy(),
    };
  });
}

async function appendNats(peer: Peer, stream: string, connectionCount = 1): Promise<number> {
  const admin = await NatsClient.open(peer.port);
  await createStream(admin, stream);
  admin.close();
  return appendOn(connectionCount, async (index) => {
    const client = await NatsClient.open(peer.port);
    const inbox = `_INBOX.ack${index}`;
    client.subscribe(inbox, 2);
    const line = Buffer.from(`PUB ${stream}.a ${inbox} ${body.length}\r\n`);
    const pubs = repeated(Buffer.concat([line, body, Buffer.from("\r\n")]));
    return {
      send: (count) => client.write(pubs(count)),
      onAnswers: (answered) => {
        let count = 0;
        client.onMessage = () => void count++;
        client.onChunkDone = () => {
          answered(count);
          count = 0;
        };
      },
      close: () => client.close(),
    };
  });
}

async function readNsq(peer: Peer, topic: string): Promise<number> {
  await appendNsq(peer, topic);
  const socket = await openNsq(peer.port, "consumer");
  const startedAtMs = performance.now();
  const writer = new ByteWriter();
  encodeSub(writer, topic, "bench");
  encodeRdy(writer, 2_500);
  socket.write(writer.take());
  await consumeAll(socket, messageCount, body.length);
  const rate = messageCount / ((performance.now() - startedAtMs) / 1000);
  socket.destroy();
  return rate;
}

/** Messages asked for at a time: what `nats bench` and its clients use by default is less. */
const pullSize = 5_000;

async function readNats(peer: Peer, stream: string): Promise<number> {
  await appendNats(peer, stream);
  const client = await NatsClient.open(peer.port);
  const config = { durable_name: "bench", ack_policy: "none", deliver_policy: "all" };
  await client.request(`$JS.API.CONSUMER.DURABLE.CREATE.${stream}.bench`, { stream_name: stream, config });
  client.subscribe("_INBOX.pull", 3);
  const pull = `{"batch":${pullSize}}`;
  const next = `PUB $JS.API.CONSUMER.MSG.NEXT.${stream}.bench _INBOX.pull ${pull.length}\r\n${pull}\r\n`;
  const startedAtMs = performance.now();
  await new Promise<void>((resolve) => {
    let received = 0;
    let asked = 0;
    const ask = () => {
      while (asked < messageCount && asked - received < pullSize) {
        client.write(next);
        asked += pullSize;
      }
    };
    client.onMessage = () => void received++;
    client.onChunkDone = () => {
      ask();
      if (received >= messageCount) resolve();
    };
    ask();
  });
  const rate = messageCount / ((performance.now() - startedAtMs) / 1000);
  client.close();
  return rate;
}

async function createStream(client: NatsClient, stream: string): Promise<void> {
  const config = { name: stream, subjects: [`${stream}.>`], storage: "file", retention: "limits", num_replicas: 1 };
  await client.request(`$JS.API.STREAM.CREATE.${stream}`, config);
}

await main();
