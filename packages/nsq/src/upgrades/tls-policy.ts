/** What a server that requires TLS lets through without it. */

import { nsqWireErrors, type Verb, verbs } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import type { NsqTls } from "./tls-settings.ts";

/** Throws TLS_REQUIRED for any word but IDENTIFY, commands or not. */
export function checkTlsPolicy({ reader, transport }: Client, { required }: NsqTls, verb: Verb): void {
  if (required === "false" || verb === verbs.IDENTIFY || transport.tlsState !== undefined) return;
  throw nsqWireErrors.TLS_REQUIRED({ command: reader.verbText() });
}
