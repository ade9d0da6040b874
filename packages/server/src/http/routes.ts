/**
 * The main HTTP listener's paths, as a table: each belongs to one part of the server. Who asks is found out before a route
 * is called, unless it is open.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { anonymous, type Principal } from "@polylog/broker";
import type { HttpAuthentication } from "./http-authentication.ts";
import { refuseUpgrade } from "./refuse-upgrade.ts";

export interface HttpRoute {
  readonly path: string;
  /** Methods answered; others get 405 with an Allow header. Empty: the handler decides. */
  readonly methods: readonly string[];
  /** Called for everybody, with the anonymous principal. */
  readonly open?: boolean;
  readonly handle: (request: IncomingMessage, response: ServerResponse, principal: Principal) => void;
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer, principal: Principal) => void;
}

export class HttpRouter {
  readonly #routes: ReadonlyMap<string, HttpRoute>;
  readonly #authentication: HttpAuthentication;

  constructor(routes: readonly HttpRoute[], authentication: HttpAuthentication) {
    this.#authentication = authentication;
    this.#routes = new Map(routes.map((route) => [route.path, route]));
  }

  readonly onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    const route = this.#routes.get(pathOf(request));
    if (route === undefined) {
      const paths = [...this.#routes.keys()].join(", ");
      sendJson(response, 404, { error: `there is nothing at ${pathOf(request)}; there is: ${paths}` });
    } else if (route.methods.length > 0 && !route.methods.includes(request.method ?? "")) {
      response.setHeader("allow", route.methods.join(", "));
      sendJson(response, 405, { error: `${route.path} answers ${route.methods.join(" and ")}` });
    } else if (route.open === true) {
      route.handle(request, response, anonymous);
    } else {
      this.#authentication.check(request, response, (principal) => route.handle(request, response, principal));
    }
  };

  readonly onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const route = this.#routes.get(pathOf(request));
    const upgrade = route?.upgrade;
    if (upgrade === undefined) refuseUpgrade(socket, 404, "there is no WebSocket here");
    else if (route?.open === true) upgrade(request, socket, head, anonymous);
    else this.#authentication.checkUpgrade(request, socket, (principal) => upgrade(request, socket, head, principal));
  };
}

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  const text = `${JSON.stringify(body)}\n`;
  response.writeHead(status, { "content-type": "application/json; charset=utf-8" });
  response.end(text);
}

function pathOf(request: IncomingMessage): string {
  const url = request.url ?? "/";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}
