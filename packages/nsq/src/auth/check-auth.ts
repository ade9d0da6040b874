/**
 * What AUTH makes of a connection, and the question that SUB and the publishing commands ask of it. Where no authorisation
 * server is configured everybody may do everything (`broker.access` aside).
 *
 * What was answered holds for its TTL; the next SUB or publish after that asks again. A subscription is never cut off.
 */

import { goQuote, nsqWireErrors } from "@polylog/nsq-wire";
import { type Client, pauses } from "../connection/client.ts";
import { connectionStates } from "../connection/connection-state.ts";
import { allows } from "./authorizations.ts";

/**
 * Whether the client may; `channel` is empty for a publish. False: it is being asked for; the client is paused, and is to be called
 * again when it resumes. Throws AUTH_FIRST and UNAUTHORIZED.
 */
export function isAuthorized(client: Client, command: string, topic: string, channel: string): boolean {
  const { authd, clock } = client.context;
  if (authd === undefined) return true;
  const { auth } = client;
  if (auth === undefined) throw nsqWireErrors.AUTH_FIRST({ command });
  if (clock.monotonicMs() >= auth.expiresAtMs) {
    requestAuth(client, auth.secret, () => undefined);
    return false;
  }
  if (channel === "" && auth.publishesTo === topic) return true;
  if (!allows(auth.authorizations, topic, channel)) {
    throw nsqWireErrors.UNAUTHORIZED({ command, topic: quote(topic), channel: quote(channel) });
  }
  if (channel === "") auth.publishesTo = topic;
  return true;
}

/** Asks, keeps the answer and lets the commands go on after `then`; a failure is the last answer. */
export function requestAuth(client: Client, secret: Buffer, then: () => void): void {
  const { authd, clock, logger } = client.context;
  const { tlsState } = client.transport;
  const question = {
    remoteIp: client.remoteAddress.replace(/:\d+$|^@$/, "").replace(/^\[(.*)\]$/, "$1"),
    tls: tlsState !== undefined,
    commonName: tlsState?.commonName ?? "",
    secret,
  };
  client.pause(pauses.authorizing);
  authd!.ask(question).then(
    (authorizations) => {
      if (client.state === connectionStates.closed) return;
      const expiresAtMs = clock.monotonicMs() + authorizations.ttlMs;
      client.auth = { secret, authorizations, expiresAtMs, publishesTo: undefined };
      then();
      client.resume(pauses.authorizing);
    },
    (error: unknown) => {
      // The reason is not for the client, who may be anybody.
      logger.warn("a client could not be authorised", { remote: client.remoteAddress, error });
      client.fail(nsqWireErrors.AUTH_FAILED());
    },
  );
}

function quote(name: string): string {
  const bytes = Buffer.from(name, "latin1");
  return goQuote(bytes, 0, bytes.length);
}
