/**
 * The session that a bridge has on this server. It is there, with its subscriptions, from the start of the server on, whether
 * the remote broker can be reached or not: what is to go out waits in it.
 */

import type { Clock } from "@polylog/base/clock";
import type { PolylogError } from "@polylog/base/errors";
import type { ByteStream, TurnFlusher } from "@polylog/base/transport";
import type { Subscription5 } from "@polylog/mqtt-wire/mqtt5";
import { BridgeClient, type BridgeClientOwner } from "./bridge-client.ts";

const clientIdPrefix = "$bridge/";

/** How errors call this server. */
export const localPeer = "this server";

export function localClientId(name: string): string {
  return clientIdPrefix + name;
}

/** The bridge whose session this is; undefined: it is a client's. */
export function bridgeOfClientId(clientId: string): string | undefined {
  return clientId.startsWith(clientIdPrefix) ? clientId.slice(clientIdPrefix.length) : undefined;
}

export interface LocalParts {
  readonly clock: Clock;
  readonly flusher: TurnFlusher;
  /** A stream to this server, on which no credentials are asked for. `name` is the bridge's. */
  readonly openLocal: (name: string) => ByteStream;
  /** Largest packet this server takes. */
  readonly packetSizeMax: number;
}

/** What is to be done with the session: subscribe, unsubscribe; or end it. */
type Work =
  | { readonly subscriptions: readonly Subscription5[]; readonly stale: readonly string[] }
  | { readonly ends: true };

/** Resolves with whether the session was there before. Rejects with an error of `bridgeErrors`. */
export function prepareSession(
  parts: LocalParts,
  name: string,
  subscriptions: readonly Subscription5[],
  stale: readonly string[],
): Promise<boolean> {
  return visit(parts, name, { subscriptions, stale });
}

/** Ends the session of a bridge that there is no more, with what waits in it. Rejects as `prepareSession` does. */
export async function forgetSession(parts: LocalParts, name: string): Promise<void> {
  await visit(parts, name, { ends: true });
}

function visit({ clock, flusher, openLocal, packetSizeMax }: LocalParts, name: string, work: Work): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const clientId = localClientId(name);
    const common = { level: "5", clientId, userName: undefined, password: undefined, keepAliveSeconds: 0 } as const;
    const isTransient = "ends" in work;
    const limits = { receiveMax: 1, packetSizeMax, isTransient };
    const options = { ...common, ...limits, stream: openLocal(name), clock, flusher, peer: localPeer };
    new BridgeClient(options, new Visit(work, resolve, reject)).start();
  });
}

/** Messages that come meanwhile are left alone: they are sent again on the bridge's link. */
class Visit implements BridgeClientOwner {
  readonly #steps: ((client: BridgeClient) => void)[] = [];
  readonly #resolve: (wasThere: boolean) => void;
  readonly #reject: (error: PolylogError) => void;

  constructor(work: Work, resolve: (wasThere: boolean) => void, reject: (error: PolylogError) => void) {
    this.#resolve = resolve;
    this.#reject = reject;
    if ("ends" in work) return;
    if (work.stale.length > 0) this.#steps.push((client) => client.unsubscribe(work.stale));
    if (work.subscriptions.length > 0) this.#steps.push((client) => client.subscribe(work.subscriptions));
  }

  onConnected(client: BridgeClient): void {
    this.#next(client);
  }

  onSubscribed(client: BridgeClient): void {
    this.#next(client);
  }

  onUnsubscribed(client: BridgeClient): void {
    this.#next(client);
  }

  #next(client: BridgeClient): void {
    const step = this.#steps.shift();
    if (step !== undefined) {
      step(client);
      return;
    }
    client.disconnect();
    this.#resolve(client.info.sessionPresent);
  }

  onPublish(): void {}
  onAck(): void {}
  onDrained(): void {}

  onClosed(_client: BridgeClient, error: PolylogError): void {
    this.#reject(error);
  }
}
