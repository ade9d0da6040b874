/**
 * The upgrades that follow an IDENTIFY, one after another, each said with an OK through what it made:
 *
 *     JSON ─▶ TLS handshake ─▶ OK ─▶ snappy or deflate ─▶ OK
 *
 * The client's commands wait meanwhile. As in nsqd what it sent behind the IDENTIFY is thrown away: it must wait for the JSON.
 */

import { type IdentifyResponse, nsqWireErrors, verbs } from "@polylog/nsq-wire";
import { type Client, pauses } from "../connection/client.ts";
import { connectionStates } from "../connection/connection-state.ts";
import { failureReason } from "../connection/publish-failed.ts";
import { DeflateCodec } from "./deflate-codec.ts";
import { SnappyCodec } from "./snappy-codec.ts";

/** The answer to IDENTIFY must be in the output. */
export function grantUpgrades(client: Client, granted: IdentifyResponse): void {
  const { tls, clock } = client.context;
  client.pause(pauses.upgrading);
  client.reader.discard();
  client.output.flush();
  if (!granted.tls_v1 || tls === undefined) {
    startCompression(client, granted);
    return;
  }
  client.transport.startTls(tls, clock, (error) => {
    if (client.state === connectionStates.closed) return;
    if (error !== undefined) {
      client.fail(nsqWireErrors.IDENTIFY_FAILED({ reason: failureReason(error) }, error));
      return;
    }
    sayOk(client);
    startCompression(client, granted);
  });
}

function startCompression(client: Client, granted: IdentifyResponse): void {
  const { transport } = client;
  if (granted.snappy) transport.startCodec((owner) => new SnappyCodec(owner));
  if (granted.deflate) transport.startCodec((owner) => new DeflateCodec(owner, granted.deflate_level));
  if (granted.snappy || granted.deflate) sayOk(client);
  client.compression = granted.snappy ? "snappy" : granted.deflate ? "deflate" : "none";
  // Not from within the command: it has not returned yet.
  queueMicrotask(() => client.resume(pauses.upgrading));
}

function sayOk(client: Client): void {
  client.answers.ok(verbs.IDENTIFY);
  client.output.flush();
}
