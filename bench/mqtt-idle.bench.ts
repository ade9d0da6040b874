/**
 * What an idle MQTT client costs in resident memory: 10,000 clients connect, each subscribes to a topic of its own, and nothing
 * more happens. Polylog and mosquitto, one after the other; what a server has before the clients come is taken off.
 *
 *     npm run bench -- mqtt-idle
 *
 * It needs 10,500 file descriptors (`ulimit -n`) here and in each server, and Linux, whose /proc it reads; with fewer descriptors it
 * takes as many clients as there may be. Kernel memory of the sockets is not counted.
 */

import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { ByteWriter } from "@polylog/base/bytes";
import { encodeConnect, encodeSubscribe } from "@polylog/mqtt-wire";
import { type Peer, startMosquitto, startPolylog } from "./peers.ts";

const smoke = process.argv.includes("--smoke");
const descriptors = Number(spawnSync("sh", ["-c", "ulimit -n"], { encoding: "utf8" }).stdout.trim()) || 1024;
const clientCount = Math.min(smoke ? 100 : 10_000, Math.max(100, descriptors - 500));
/** Clients that connect at a time. */
const atOnce = 50;
const settleMs = smoke ? 100 : 5_000;

async function main(): Promise<void> {
  if (!existsSync("/proc/self/status")) {
    process.stdout.write("there is no /proc here that tells resident memory\n");
    return;
  }
  const servers = [
    await startPolylog("mqtt", [`--max-connections=${clientCount + 500}`]),
    await startMosquitto(),
  ].filter((server) => server !== undefined);
  try {
    for (const server of servers) await measure(server);
  } finally {
    for (const server of servers) await server.stop();
  }
}

async function measure({ name, port, pid }: Peer): Promise<void> {
  const warm = await connectMany(port, "warm", 2 * atOnce); // What is compiled and allocated once is no client's.
  await sleep(settleMs);
  const before = residentBytes(pid);
  const clients = await connectMany(port, "client", clientCount);
  await sleep(settleMs);
  const perClient = (residentBytes(pid) - before) / clientCount;
  process.stdout.write(
    `${name.padEnd(22)} ${perClient.toFixed(0).padStart(7)} bytes per idle client (${clientCount} clients)\n`,
  );
  for (const client of [...warm, ...clients]) client.destroy();
}

async function connectMany(port: number, prefix: string, count: number): Promise<Socket[]> {
  const clients: Socket[] = [];
  while (clients.length < count) {
    const size = Math.min(atOnce, count - clients.length);
    const names = Array.from({ length: size }, (_, i) => `${prefix}-${clients.length + i}`);
    clients.push(...(await Promise.all(names.map((name) => connectClient(port, name)))));
  }
  return clients;
}

async function connectClient(port: number, clientIdentifier: string): Promise<Socket> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  const packet = new ByteWriter();
  const nobody = { will: undefined, userName: undefined, password: undefined };
  encodeConnect(packet, { protocolLevel: 4, clientIdentifier, cleanSession: true, keepAliveSeconds: 0, ...nobody });
  socket.write(packet.take());
  await once(socket, "data");
  const subscriptions = [{ topicFilter: `devices/${clientIdentifier}/set`, qos: 0 } as const];
  encodeSubscribe(packet, { packetIdentifier: 1, subscriptions });
  socket.write(packet.take());
  await once(socket, "data");
  return socket;
}

function residentBytes(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return 1024 * Number(/^VmRSS:\s+([0-9]+) kB$/m.exec(status)?.[1]);
}

await main();
