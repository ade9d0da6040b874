/**
 * The ways in, each with a few bytes written by hand: what a producer needs of a protocol to publish and to see its
 * answer, and no code of the server's to see it with.
 */

import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import type { ServerProcess } from "../server-process.ts";

export interface Answers {
  /** The oldest message, or group of messages, not yet answered was accepted. */
  accepted(): void;
  refused(reason: string): void;
  /** No answer will come any more. */
  closed(): void;
}

export interface OpenDoor {
  send(values: readonly Buffer[]): void;
  close(): void;
}

export interface Door {
  readonly name: string;
  /** Messages per `send`, at most. */
  readonly groupMax: number;
  /** Calls of `send` that may wait for an answer. */
  readonly windowMax: number;
  open(server: ServerProcess, log: string, answers: Answers): OpenDoor;
}

const nsqPub: Door = {
  name: "nsq-pub",
  groupMax: 1,
  windowMax: 64,
  open: (server, log, answers) =>
    openNsq(server, answers, (values) =>
      Buffer.concat([Buffer.from(`PUB ${log}\n`), u32(values[0]!.length), values[0]!]),
    ),
};

const nsqMpub: Door = {
  name: "nsq-mpub",
  groupMax: 16,
  windowMax: 16,
  open: (server, log, answers) =>
    openNsq(server, answers, (values) => {
      const messages = Buffer.concat([u32(values.length), ...values.flatMap((value) => [u32(value.length), value])]);
      return Buffer.concat([Buffer.from(`MPUB ${log}\n`), u32(messages.length), messages]);
    }),
};

function openNsq(server: ServerProcess, answers: Answers, encode: (values: readonly Buffer[]) => Buffer): OpenDoor {
  const socket = openSocket(server.listeners.nsqTcp.port, answers, (bytes) => {
    let at = 0;
    for (
      ;
      bytes.length - at >= 4 && bytes.length - at - 4 >= bytes.readUInt32BE(at);
      at += 4 + bytes.readUInt32BE(at)
    ) {
      const body = bytes.toString("latin1", at + 8, at + 4 + bytes.readUInt32BE(at));
      if (body === "OK") answers.accepted();
      else if (body === "_heartbeat_") socket.write("NOP\n");
      else answers.refused(body);
    }
    return at;
  });
  socket.write("  V2");
  return { send: (values) => socket.write(encode(values)), close: () => socket.destroy() };
}

/** QoS 1 to the topic that is the log's name. */
const mqtt: Door = {
  name: "mqtt",
  groupMax: 1,
  windowMax: 64,
  open: (server, log, answers) => {
    let packetIdentifier = 0;
    const socket = openSocket(server.listeners.mqtt.port, answers, (bytes) => {
      let at = 0; // CONNACK and PUBACK: four bytes each.
      for (; bytes.length - at >= 4; at += 4) {
        if (bytes[at] === 0x40) answers.accepted();
        else if (bytes[at] !== 0x20 || bytes[at + 3] !== 0) answers.refused(bytes.toString("hex", at, at + 4));
      }
      return at;
    });
    const clientId = Buffer.from(`p${Math.random().toString(36).slice(2, 14)}`);
    const start = Buffer.from([0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, clientId.length]);
    socket.write(Buffer.concat([Buffer.from([0x10, start.length + clientId.length]), start, clientId]));
    const topic = Buffer.concat([Buffer.from([0, log.length]), Buffer.from(log)]);
    const send = (values: readonly Buffer[]) => {
      packetIdentifier = (packetIdentifier % 65_535) + 1;
      const body = Buffer.concat([topic, Buffer.from([packetIdentifier >> 8, packetIdentifier & 255]), values[0]!]);
      const length: number[] = [];
      for (let rest = body.length; length.length === 0 || rest > 0; rest = Math.floor(rest / 128))
        length.push((rest % 128) | (rest >= 128 ? 128 : 0));
      socket.write(Buffer.concat([Buffer.from([0x32, ...length]), body]));
    };
    return { send, close: () => socket.destroy() };
  },
};

const httpPub: Door = {
  name: "http-pub",
  groupMax: 1,
  windowMax: 1,
  open: (server, log, answers) =>
    openHttp(answers, (agent, [value]) => ({
      options: { agent, port: server.listeners.nsqHttp.port, path: `/pub?topic=${log}`, method: "POST" },
      body: value!,
      accepts: (status) => status === 200,
    })),
};

function rpcProduce(ack: "written" | "synced"): Door {
  return {
    name: `rpc-${ack}`,
    groupMax: 4,
    windowMax: 1,
    open: (server, log, answers) =>
      openHttp(answers, (agent, values) => {
        const records = values.map((value) => ({ value: value.toString("latin1") }));
        const params = { log, records, ack, encoding: "utf8" };
        const headers = { "content-type": "application/json" };
        return {
          options: { agent, port: server.listeners.http.port, path: "/rpc", method: "POST", headers },
          body: Buffer.from(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "produce", params })),
          accepts: (status, text) => status === 200 && (JSON.parse(text) as { result?: unknown }).result !== undefined,
        };
      }),
  };
}

interface HttpPublish {
  readonly options: object;
  readonly body: Buffer;
  accepts(status: number, text: string): boolean;
}

/** One request at a time on one connection. */
function openHttp(answers: Answers, build: (agent: Agent, values: readonly Buffer[]) => HttpPublish): OpenDoor {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let open = true;
  const close = () => {
    if (!open) return;
    open = false;
    agent.destroy();
    answers.closed();
  };
  const send = (values: readonly Buffer[]) => {
    const { options, body, accepts } = build(agent, values);
    const call = request({ host: "127.0.0.1", ...options }, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (chunk) => (text += chunk));
      response.on("error", close);
      response.on("end", () => {
        if (accepts(response.statusCode ?? 0, text)) answers.accepted();
        else answers.refused(`${response.statusCode} ${text}`);
      });
    });
    call.on("error", close);
    call.end(body);
  };
  return { send, close };
}

/** `onBytes` answers how many of the bytes it used. */
function openSocket(port: number, answers: Answers, onBytes: (bytes: Buffer) => number): Socket {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    rest = bytes.subarray(onBytes(bytes));
  });
  socket.on("error", () => undefined);
  socket.on("close", () => answers.closed());
  return socket;
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export const doors = {
  nsqPub,
  nsqMpub,
  mqtt,
  httpPub,
  rpcWritten: rpcProduce("written"),
  rpcSynced: rpcProduce("synced"),
};
