/** nsqd's HTTP API as a route table: a request to its route, and what a route throws to an answer. */

import type { IncomingMessage, ServerResponse } from "node:http";
import { TLSSocket } from "node:tls";
import type { Principal } from "@polylog/broker";
import type { NsqContext } from "../nsq-context.ts";
import { lookupdAddressRoutes } from "../peers/lookupd-address-routes.ts";
import { browseRoutes } from "./browse.ts";
import { channelActions } from "./channel-actions.ts";
import { findConfigRoute } from "./config.ts";
import { debugActions } from "./debug.ts";
import { HttpExchange, type HttpNode, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { info } from "./info.ts";
import { mpub } from "./mpub.ts";
import { ping } from "./ping.ts";
import { pub } from "./pub.ts";
import { discardBody, RequestAborted } from "./request-body.ts";
import { respondRefusal, respondTlsRequired } from "./responses.ts";
import { RouteTable } from "./route-table.ts";
import { stats } from "./stats.ts";
import { topicActions } from "./topic-actions.ts";

const ownRoutes: readonly HttpRoute[] = [
  ping,
  info,
  stats,
  pub,
  mpub,
  ...topicActions,
  ...channelActions,
  ...browseRoutes,
  ...lookupdAddressRoutes,
  ...debugActions,
];
const routes = new RouteTable<HttpRoute>(ownRoutes, findConfigRoute);

export class NsqHttpApi {
  readonly #context: NsqContext;
  readonly #node: HttpNode;

  constructor(context: NsqContext, node: HttpNode) {
    this.#context = context;
    this.#node = node;
  }

  handle(request: IncomingMessage, response: ServerResponse, principal: Principal): void {
    this.#context.metrics.httpRequests.value++;
    if (this.#context.tls?.required === "true" && !(request.socket instanceof TLSSocket)) {
      this.#refuseWithoutTls(request, response);
      return;
    }
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? "" : url.slice(mark + 1);
    const route = routes.find(request.method ?? "", path);
    if (route === undefined) this.#handleUnknown(request, response, path, query);
    else void this.#answer(route, new HttpExchange(this.#context, this.#node, { request, response, query, principal }));
  }

  #refuseWithoutTls(request: IncomingMessage, response: ServerResponse): void {
    discardBody(request, this.#context.clock);
    this.#context.metrics.httpErrors.value++;
    respondTlsRequired(response, this.#node.httpsPort());
  }

  async #answer(route: HttpRoute, exchange: HttpExchange): Promise<void> {
    try {
      await route.handle(exchange);
    } catch (error) {
      this.#refuse(exchange, error);
    }
    discardBody(exchange.request, this.#context.clock);
  }

  #refuse({ request, response }: HttpExchange, error: unknown): void {
    if (error instanceof RequestAborted) return;
    if (!(error instanceof HttpRefusal)) {
      this.#context.logger.error("an HTTP request failed", { method: request.method, url: request.url, error });
    }
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, code } = error instanceof HttpRefusal ? error : { status: 500, code: "INTERNAL_ERROR" };
    this.#context.metrics.httpErrors.value++;
    respondRefusal(response, status, code);
  }

  #handleUnknown(request: IncomingMessage, response: ServerResponse, path: string, query: string): void {
    discardBody(request, this.#context.clock);
    if (routes.answerUnknown(response, request.method ?? "", path, query)) this.#context.metrics.httpErrors.value++;
  }
}
