/**
 * IDENTIFY: who the client is and what it would like. It may come several times before SUB; the last one counts.
 *
 * With feature_negotiation the reply says what is granted, and the upgrades follow. Without it there are none.
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
import { type Client, pauses } from "../connection/client.ts";
import { grantUpgrades } from "../upgrades/grant-upgrades.ts";
import type { Command } from "./command.ts";

export const identify: Command = { carryOut };

function carryOut(client: Client): boolean {
  const { reader, context } = client;
  const { limits, features } = context;
  if (client.answers.size > 0) {
    client.pause(pauses.answers);
    return false;
  }
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
  const granted = negotiatedResponse(asked, client.settings, limits, features);
  const body = encodeIdentifyResponse(granted);
  const frame = Buffer.allocUnsafe(responseFrameSize(body.length));
  writeResponse(frame, 0, body);
  client.answers.answer(verbs.IDENTIFY, frame);
  if (granted.tls_v1 || granted.snappy || granted.deflate) grantUpgrades(client, granted);
  return true;
}
