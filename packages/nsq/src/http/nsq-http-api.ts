/**
 * nsqd's HTTP API as a route table, with the manners of the router nsqd uses: a path that is right but for its letter
 * case, a trailing slash or superfluous slashes and dots is redirected (301 for GET, else 307), OPTIONS answers which methods
 * a path has, another method is 405, HEAD is no GET, anything else is 404.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import { posix } from "node:path";
import type { Principal } from "@polylog/broker";
import type { NsqContext } from "../nsq-context.ts";
import { channelActions } from "./channel-actions.ts";
import { HttpExchange, type HttpNode, HttpRefusal, type HttpRoute } from "./http-exchange.ts";
import { info } from "./info.ts";
import { mpub } from "./mpub.ts";
import { ping } from "./ping.ts";
import { pub } from "./pub.ts";
import { discardBody, RequestAborted } from "./request-body.ts";
import { respondHeaders, respondPlain, respondRedirect, respondRefusal } from "./responses.ts";
import { stats } from "./stats.ts";
import { topicActions } from "./topic-actions.ts";

const routes: readonly HttpRoute[] = [ping, info, stats, pub, mpub, ...topicActions, ...channelActions];

/** Method → path → route. */
const routesByMethod = new Map<string, Map<string, HttpRoute>>();
for (const route of routes) {
  const paths = routesByMethod.get(route.method) ?? new Map<string, HttpRoute>();
  routesByMethod.set(route.method, paths.set(route.path, route));
}

export class NsqHttpApi {
  readonly #context: NsqContext;
  readonly #node: HttpNode;

  constructor(context: NsqContext, node: HttpNode) {
    this.#context = context;
    this.#node = node;
  }

  handle(request: IncomingMessage, response: ServerResponse, principal: Principal): void {
    this.#context.metrics.httpRequests.value++;
    const url = request.url ?? "/";
    const mark = url.indexOf("?");
    const path = mark < 0 ? url : url.slice(0, mark);
    const query = mark < 0 ? "" : url.slice(mark + 1);
    const route = findRoute(request.method ?? "", path);
    if (route === undefined) this.#handleUnknown(request, response, path, query);
    else void this.#answer(route, new HttpExchange(this.#context, this.#node, { request, response, query, principal }));
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

  #handleUnknown(request: IncomingMessage, response: ServerResponse, rawPath: string, query: string): void {
    discardBody(request, this.#context.clock);
    const method = request.method ?? "";
    const path = decodePath(rawPath);
    if (path === undefined) {
      this.#context.metrics.httpErrors.value++;
      respondPlain(response, 400, "400 Bad Request");
      return;
    }
    const fixed = findFixedPath(method, path);
    if (fixed !== undefined) {
      respondRedirect(response, method === "GET" ? 301 : 307, query === "" ? fixed : `${fixed}?${query}`);
      return;
    }
    const allow = allowedMethods(path);
    if (allow !== "" && method === "OPTIONS") {
      respondHeaders(response, { Allow: allow });
      return;
    }
    this.#context.metrics.httpErrors.value++;
    if (allow !== "") respondRefusal(response, 405, "METHOD_NOT_ALLOWED", { Allow: allow });
    else respondRefusal(response, 404, "NOT_FOUND");
  }
}

/** By the path as it is, or else as its percent escapes mean it. */
function findRoute(method: string, path: string): HttpRoute | undefined {
  const paths = routesByMethod.get(method);
  return paths?.get(path) ?? (path.includes("%") ? paths?.get(decodePath(path) ?? "") : undefined);
}

/** Undefined when its percent escapes are broken. */
function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

/** The path of the method's route that `path` means, when it is not that path itself. */
function findFixedPath(method: string, path: string): string | undefined {
  if (path === "/") return undefined;
  const wanted = posix.normalize(`/${path}`).replace(/\/$/, "").toLowerCase();
  for (const each of routesByMethod.get(method)?.keys() ?? []) if (each === wanted) return each;
  return undefined;
}

/** As the header Allow lists them; empty when the path has no route at all. */
function allowedMethods(path: string): string {
  const methods = [...routesByMethod].filter(([, paths]) => paths.has(path)).map(([method]) => method);
  return methods.length === 0 ? "" : [...methods, "OPTIONS"].sort().join(", ");
}
