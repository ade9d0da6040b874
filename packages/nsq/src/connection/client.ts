/** A connection as its commands and /stats see it. */

import type { ByteStream, OutputQueue } from "@polylog/base/transport";
import type { CommandReader, ConnectionSettings } from "@polylog/nsq-wire";
import type { ClientAuth } from "../auth/client-auth.ts";
import type { NsqContext } from "../nsq-context.ts";
import type { UpgradableStream } from "../upgrades/upgradable-stream.ts";
import type { AnswerQueue } from "./answer-queue.ts";
import type { ConnectionState } from "./connection-state.ts";
import type { Delivery } from "./delivery.ts";
import type { PublishCounts } from "./publish-counts.ts";

/** Why the commands of a connection wait; several reasons may hold at once. */
export const pauses = {
  /** A SUB is being carried out. */
  subscribing: 1,
  /** The log a publish goes to has all the bytes waiting that it may have. */
  saturated: 2,
  /** All answers must leave first. */
  answers: 4,
  /** The client does not read. */
  output: 8,
  /** The server stops. */
  stopping: 16,
  /** TLS or compression is being agreed on. */
  upgrading: 32,
  /** An authorisation server is being asked. */
  authorizing: 64,
} as const;
export type Pause = (typeof pauses)[keyof typeof pauses];

/** What the client says of itself with IDENTIFY; before that its address stands for it. */
export interface ClientIdentity {
  readonly clientId: string;
  readonly hostname: string;
  readonly userAgent: string;
  readonly topologyRegion: string;
  readonly topologyZone: string;
}

export interface Client {
  readonly context: NsqContext;
  /** Stands on the command that is being carried out. */
  readonly reader: CommandReader;
  readonly answers: AnswerQueue;
  readonly output: OutputQueue;
  readonly transport: UpgradableStream;
  compression: "none" | "snappy" | "deflate";
  /** What AUTH came to. */
  auth: ClientAuth | undefined;
  readonly published: PublishCounts;
  /** `host:port` as Go writes it. */
  readonly remoteAddress: string;
  /** ms since 1970. */
  readonly connectedAtMs: number;
  identity: ClientIdentity;
  /** Set with `applySettings`. */
  readonly settings: ConnectionSettings;
  state: ConnectionState;
  /** There is one from SUB on. */
  delivery: Delivery | undefined;

  /** Begins the heartbeats anew with the interval in `settings`. */
  applySettings(settings: ConnectionSettings): void;
  /** No further command is carried out until `resume` with the same reason. */
  pause(reason: Pause): void;
  resume(reason: Pause): void;
  /** Something a command began, and that went on after it returned, has failed. */
  fail(error: unknown): void;
  /** Sends what is queued and closes, without a frame. */
  end(): void;
}

/** The peer's address as Go writes it: IPv6 in brackets, IPv4 inside IPv6 as IPv4. */
export function remoteAddressOf(stream: ByteStream): { readonly host: string; readonly hostPort: string } {
  if (stream.remoteAddress === undefined) return { host: "@", hostPort: "@" }; // A Unix socket, as Go prints it.
  const host = stream.remoteAddress.replace(/^::ffff:(?=\d+\.)/, "");
  const port = stream.remotePort ?? 0;
  return { host, hostPort: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}` };
}
