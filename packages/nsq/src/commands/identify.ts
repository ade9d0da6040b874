/**
 * IDENTIFY: who the client is and what it would like. It may come several times before SUB; the last one counts.
 *
 * There is no TLS and no compression here yet, so the reply grants none and nothing is upgraded.
 */

import {
  decodeIdentify,
  encodeIdentifyResponse,
  negotiate,
  negotiatedResponse,
  responseFrameSize,
  verbs,
  writeResponse,
} from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import type { Command } from "./command.ts";

export const identify: Command = { carryOut };

function carryOut(client: Client): boolean {
  const { reader, context } = client;
  const { limits, features } = context;
  const asked = decodeIdentify(reader.bytes, reader.bodyStart, reader.bodyEnd, limits);
  client.identity = {
    clientId: asked.client_id,
    hostname: asked.hostname,
    userAgent: asked.user_agent,
    topologyRegion: asked.topology_region,
    topologyZone: asked.topology_zone,
  };
  client.applySettings(negotiate(asked, limits, client.settings));
  if (!asked.feature_negotiation) {
    client.answers.ok(verbs.IDENTIFY);
    return true;
  }
  const body = encodeIdentifyResponse(negotiatedResponse(asked, client.settings, limits, features));
  const frame = Buffer.allocUnsafe(responseFrameSize(body.length));
  writeResponse(frame, 0, body);
  client.answers.answer(verbs.IDENTIFY, frame);
  return true;
}
