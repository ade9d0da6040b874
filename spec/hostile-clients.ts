/**
 * The hostile clients, in a process of their own: Node.js 20 may hang at its end when sockets were destroyed below an unfinished
 * handshake. Arguments: the server's listeners as JSON, seconds, seed. Prints its counts, and waits to be killed.
 */

import { once } from "node:events";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { createDeflateRaw, constants as zlib } from "node:zlib";
import { authorityCert, type Chance, type ServerProcess, seededChance } from "@polylog/testkit";
import { bombs, type HostileScript, hostileScripts, randomBytes, spoiled } from "./hostile-scripts.ts";

const attackersMax = 24;

type DoorName = keyof ServerProcess["listeners"];

/** Attacks until the time is up; counts what it did by door. */
class Attackers {
  readonly counts = new Map<string, number>();
  readonly #server: Pick<ServerProcess, "listeners">;
  readonly #chance: Chance;

  constructor(server: Pick<ServerProcess, "listeners">, chance: Chance) {
    this.#server = server;
    this.#chance = chance;
  }

  async run(endMs: number): Promise<void> {
    const one = async (): Promise<void> => {
      while (performance.now() < endMs) await this.#attack();
    };
    await Promise.all(Array.from({ length: attackersMax }, one));
  }

  async #attack(): Promise<void> {
    const chance = this.#chance;
    const names = Object.keys(this.#server.listeners) as DoorName[];
    const door = names[chance.below(names.length)]!;
    const scripts = hostileScripts.filter(({ doors }) => doors.includes(door));
    const script = scripts[chance.below(scripts.length)]!;
    const what = script.upgrade === undefined ? door : `${door} ${script.upgrade}`;
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
    const socket = connect(this.#server.listeners[door].port, "127.0.0.1");
    socket.on("error", () => undefined);
    const streams: Duplex[] = [socket];
    const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
    const leave = sleep(10 + chance.below(150));
    await Promise.race([this.#send(streams, door, script), closed, sleep(2000)]);
    await Promise.race([closed, leave]);
    // Below a TLS of ours a reset would crash this process.
    if (chance.below(2) === 0 && streams.length === 1) socket.resetAndDestroy();
    for (const stream of streams.reverse()) stream.destroy();
  }

  async #send(streams: Duplex[], door: DoorName, script: HostileScript): Promise<void> {
    const chance = this.#chance;
    try {
      const stream = await this.#enter(streams, door, script);
      const parts = chance.below(20) === 0 ? [randomBytes(chance.below(5000), chance)] : spoiled(script.parts, chance);
      const slowly = chance.below(10) === 0;
      for (const part of parts) {
        if (stream.destroyed || stream.writableEnded) break;
        stream.write(part);
        if (slowly) await sleep(chance.below(20));
      }
      if (chance.below(2) === 0) stream.end();
    } catch {
      // It was not let in.
    }
  }

  /** What is made on the way is added to `streams`. */
  async #enter(streams: Duplex[], door: DoorName, { upgrade }: HostileScript): Promise<Duplex> {
    const [socket] = streams as [Socket];
    const isTls = (door.endsWith("Tls") || door.endsWith("Https")) && this.#chance.below(10) > 0;
    if (upgrade === undefined) return isTls ? secured(streams) : listened(socket);
    const body = Buffer.from(JSON.stringify({ feature_negotiation: true, heartbeat_interval: 1000, [upgrade]: true }));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(body.length);
    socket.write(Buffer.concat([Buffer.from("  V2IDENTIFY\n"), size, body]));
    await Promise.race([once(socket, "data"), once(socket, "close")]);
    if (upgrade === "tls_v1") return this.#chance.below(10) > 0 ? secured(streams) : listened(socket);
    socket.resume();
    const raw = this.#chance.below(4);
    if (raw === 0) socket.write(bombs[upgrade]); // And then what is not compressed at all.
    if (raw <= 1) return socket;
    return upgrade === "deflate" ? deflated(streams) : snapped(socket);
  }
}

function listened(socket: Socket): Socket {
  return socket.resume();
}

async function secured(streams: Duplex[]): Promise<Duplex> {
  const [socket] = streams as [Socket];
  const secure = connectTls({ socket, ca: authorityCert, servername: "localhost" });
  streams.push(secure);
  secure.on("error", () => undefined);
  await Promise.race([once(secure, "secureConnect"), once(socket, "close")]);
  return secure.resume();
}

function deflated(streams: Duplex[]): Duplex {
  const [socket] = streams as [Socket];
  const deflate = createDeflateRaw({ flush: zlib.Z_SYNC_FLUSH });
  streams.push(deflate);
  deflate.on("error", () => undefined);
  deflate.pipe(socket, { end: false });
  return deflate;
}

/** Framed, not compressed. */
function snapped(socket: Socket): Socket {
  const write = socket.write.bind(socket) as (bytes: Buffer) => boolean;
  write(Buffer.from("ff060000734e61507059", "hex"));
  socket.write = ((part: Buffer): boolean => {
    for (let at = 0; at < part.length; at += 60_000) {
      const piece = part.subarray(at, at + 60_000);
      const head = Buffer.alloc(8);
      head.writeUInt32LE(1 | ((piece.length + 4) << 8));
      const sum = crc32c(piece);
      head.writeUInt32LE((((sum >>> 15) | (sum << 17)) + 0xa282ead8) >>> 0, 4);
      write(Buffer.concat([head, piece]));
    }
    return true;
  }) as Socket["write"];
  return socket;
}

function crc32c(bytes: Buffer): number {
  let crc = ~0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (0x82f63b78 & -(crc & 1));
  }
  return ~crc >>> 0;
}

const [listeners = "{}", seconds = "0"] = process.argv.slice(2);
const attackers = new Attackers({ listeners: JSON.parse(listeners) as ServerProcess["listeners"] }, seededChance());
await attackers.run(performance.now() + Number(seconds) * 1000);
process.stdout.write(JSON.stringify(Object.fromEntries([...attackers.counts].sort())));
setInterval(() => undefined, 60_000);
