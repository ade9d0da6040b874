/** AUTH: a secret, which authorisation servers are asked about. Once per connection, unless they knew nothing of it. */

import {
  decodeAuth,
  encodeAuthResponse,
  nsqWireErrors,
  responseFrameSize,
  verbs,
  writeResponse,
} from "@polylog/nsq-wire";
import { requestAuth } from "../auth/check-auth.ts";
import type { Client } from "../connection/client.ts";
import type { Command } from "./command.ts";

export const auth: Command = { carryOut };

function carryOut(client: Client): boolean {
  if (client.auth !== undefined) throw nsqWireErrors.AUTH_ALREADY_SET();
  if (client.context.authd === undefined) throw nsqWireErrors.AUTH_DISABLED();
  requestAuth(client, Buffer.from(decodeAuth(client.reader)), () => answer(client));
  return true;
}

function answer(client: Client): void {
  const { identity, identityUrl, entries } = client.auth!.authorizations;
  if (entries.length === 0) {
    client.fail(nsqWireErrors.AUTH_NOT_FOUND());
    return;
  }
  const body = encodeAuthResponse({ identity, identity_url: identityUrl, permission_count: entries.length });
  const frame = Buffer.allocUnsafe(responseFrameSize(body.length));
  writeResponse(frame, 0, body);
  client.answers.answer(verbs.AUTH, frame);
}
