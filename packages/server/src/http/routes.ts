/** The main HTTP listener's paths, as a table: each belongs to one part of the server. */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

export interface HttpRoute {
  readonly path: string;
  /** Methods answered; others get 405 with an Allow header. Empty: the handler decides. */
  readonly methods: readonly string[];
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  readonly upgrade?: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
}

export class HttpRouter {
  readonly #routes: ReadonlyMap<string, HttpRoute>;

  constructor(routes: readonly HttpRoute[]) {
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
    } else {
      route.handle(request, response);
    }
  };

  readonly onUpgrade = (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
    const route = this.#routes.get(pathOf(request));
    if (route?.upgrade !== undefined) route.upgrade(request, socket, head);
    else socket.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\n\r\n");
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
