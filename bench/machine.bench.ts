/**
 * What this machine can do without Polylog: the yardstick for every other number. Bytes through the loopback, small
 * answers over it, writes to a file and how long `fdatasync` takes.
 *
 *     node bench/dist/machine.bench.js [--smoke]
 */

import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { type AddressInfo, createServer, connect as openSocket, type Server, type Socket } from "node:net";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";

const smoke = process.argv.includes("--smoke");
const streamBytes = smoke ? 1 << 20 : 2 ** 30;
const answerCount = smoke ? 50 : 20_000;
const writeCount = smoke ? 5 : 2_000;
const syncCount = smoke ? 3 : 300;
const chunk = Buffer.alloc(64 * 1024, 0x61);

async function main(): Promise<void> {
  print("machine", `${cpus().length} × ${cpus()[0]?.model ?? "unknown"}, Node.js ${process.versions.node}`);
  await measureStream();
  await measureAnswers();
  await measureDisk();
}

async function measureStream(): Promise<void> {
  let received = 0;
  const server = await listen((socket) => socket.on("data", (data) => (received += data.length)));
  const socket = await connectTo(server);
  const startedAt = performance.now();
  for (let sent = 0; sent < streamBytes; sent += chunk.length) {
    if (!socket.write(chunk)) await once(socket, "drain");
  }
  socket.end();
  await once(socket, "close");
  const seconds = (performance.now() - startedAt) / 1000;
  print("loopback stream", `${Math.round(received / 2 ** 20 / seconds)} MiB/s`);
  server.close();
}

async function measureAnswers(): Promise<void> {
  const server = await listen((socket) => socket.on("data", (data) => socket.write(data)));
  const socket = await connectTo(server);
  const startedAt = performance.now();
  for (let i = 0; i < answerCount; i++) {
    socket.write("ping");
    await once(socket, "data");
  }
  const seconds = (performance.now() - startedAt) / 1000;
  print("loopback answers", `${Math.round(answerCount / seconds)}/s, one at a time`);
  socket.destroy();
  server.close();
}

async function measureDisk(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "polylog-machine-"));
  const file = await open(join(folder, "data"), "w");
  try {
    const writesAt = performance.now();
    for (let i = 0; i < writeCount; i++) await file.write(chunk);
    const writeSeconds = (performance.now() - writesAt) / 1000;
    print("file writes", `${Math.round((writeCount * chunk.length) / 2 ** 20 / writeSeconds)} MiB/s in ${tmpdir()}`);
    const syncsMs: number[] = [];
    for (let i = 0; i < syncCount; i++) {
      await file.write(chunk, 0, 512);
      const startedAt = performance.now();
      await file.datasync();
      syncsMs.push(performance.now() - startedAt);
    }
    syncsMs.sort((a, b) => a - b);
    const at = (share: number): string => (syncsMs[Math.floor((syncsMs.length - 1) * share)] ?? 0).toFixed(2);
    print("fdatasync", `median ${at(0.5)} ms, 99 % within ${at(0.99)} ms`);
  } finally {
    await file.close();
    rmSync(folder, { recursive: true });
  }
}

async function listen(onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer({ noDelay: true }, onSocket);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function connectTo(server: Server): Promise<Socket> {
  const socket = openSocket({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", noDelay: true });
  await once(socket, "connect");
  return socket;
}

function print(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(18)} ${value}\n`);
}

await main();
