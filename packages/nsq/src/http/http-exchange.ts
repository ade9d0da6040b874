/** One request and its answer, as the handlers see it; and what the API refuses with. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { BrokerLog, Principal } from "@polylog/broker";
import { isTopicOrChannelNameString } from "@polylog/nsq-wire";
import type { Client } from "../connection/client.ts";
import type { NsqContext } from "../nsq-context.ts";
import type { LookupdPeers } from "../peers/lookupd-peers.ts";
import { parseQuery } from "./go-query.ts";

/** What the API knows of its node beyond the context. */
export interface HttpNode {
  readonly clients: Iterable<Client>;
  /** The TCP listener's port; -1 when it is not known. */
  readonly tcpPort: () => number;
  /** Under which others reach it. */
  readonly broadcastAddress: () => string;
  /** Undefined: it knows of no nsqlookupd and cannot be told. */
  readonly lookupds: LookupdPeers | undefined;
  /** That of the HTTP listener with TLS. */
  readonly httpsPort: () => number;
}

/** A request that is refused: `{"message": code}` under `status`. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(code);
    this.status = status;
    this.code = code;
  }
}

export class HttpExchange {
  readonly context: NsqContext;
  readonly node: HttpNode;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly #principal: Principal;
  readonly #query: string;
  #arguments: ReadonlyMap<string, string> | undefined;

  constructor(
    context: NsqContext,
    node: HttpNode,
    {
      request,
      response,
      query,
      principal,
    }: Pick<HttpExchange, "request" | "response"> & { query: string; principal: Principal },
  ) {
    this.context = context;
    this.node = node;
    this.request = request;
    this.response = response;
    this.#query = query;
    this.#principal = principal;
  }

  /** The query's argument `name`, the first when there are several. Refuses with INVALID_REQUEST. */
  argument(name: string): string | undefined {
    this.#arguments ??= parseQuery(this.#query);
    if (this.#arguments === undefined) throw new HttpRefusal(400, "INVALID_REQUEST");
    return this.#arguments.get(name);
  }

  /** An argument that must be there. Refuses with MISSING_ARG_NAME. */
  require(name: "topic" | "channel"): string {
    const value = this.argument(name);
    if (value === undefined) throw new HttpRefusal(400, `MISSING_ARG_${name.toUpperCase()}`);
    return value;
  }

  /** An argument that must be there and be a name. `invalid` is the code for one that is not. */
  requireName(name: "topic" | "channel", invalid: string): string {
    const value = this.require(name);
    if (!isTopicOrChannelNameString(value)) throw new HttpRefusal(400, invalid);
    return value;
  }

  /** True for `true` and `1`, false for `false` and `0`; `otherwise` for any other text and for none. */
  flag(name: string, otherwise: boolean): boolean {
    const value = this.argument(name) ?? "";
    if (value === "true" || value === "1") return true;
    return value === "false" || value === "0" ? false : otherwise;
  }

  /** Refuses with FORBIDDEN; nsqd, which guards nothing over HTTP, has no such code. */
  checkAccess(action: "produce" | "consume" | "manage", topic: string): void {
    if (!this.context.broker.access.allows(this.#principal, action, topic)) throw new HttpRefusal(403, "FORBIDDEN");
  }

  /** The topic's log, which must exist. Refuses with TOPIC_NOT_FOUND. */
  existingLog(topic: string): BrokerLog {
    const log = this.context.broker.catalog.get(topic);
    if (log === undefined) throw new HttpRefusal(404, "TOPIC_NOT_FOUND");
    return log;
  }
}

export interface HttpRoute {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** Answers, or throws an HttpRefusal. */
  readonly handle: (exchange: HttpExchange) => void | Promise<void>;
}
