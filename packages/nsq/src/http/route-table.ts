/**
 * Routes with the manners of the router that NSQ's daemons use: a path that is right but for its letter case, a trailing
 * slash or superfluous slashes and dots is redirected (301 for GET, else 307), OPTIONS answers which methods a path has,
 * another method is 405, HEAD is no GET, anything else is 404.
 */

import type { ServerResponse } from "node:http";
import { posix } from "node:path";
import { respondHeaders, respondPlain, respondRedirect, respondRefusal } from "./responses.ts";

export interface Route {
  readonly method: string;
  readonly path: string;
}

export class RouteTable<R extends Route> {
  /** Method → path → route. */
  readonly #routes = new Map<string, Map<string, R>>();

  readonly #findMore: (method: string, path: string) => R | undefined;

  /** `findMore` knows paths that are not written down: one to each name. */
  constructor(routes: readonly R[], findMore: (method: string, path: string) => R | undefined = () => undefined) {
    this.#findMore = findMore;
    for (const route of routes) {
      const paths = this.#routes.get(route.method) ?? new Map<string, R>();
      this.#routes.set(route.method, paths.set(route.path, route));
    }
  }

  /** By the path as it is, or else as its percent escapes mean it. */
  find(method: string, path: string): R | undefined {
    const paths = this.#routes.get(method);
    const found = paths?.get(path) ?? (path.includes("%") ? paths?.get(decodePath(path) ?? "") : undefined);
    return found ?? this.#findMore(method, path);
  }

  /** Answers a request that has no route. True: it was an error. */
  answerUnknown(response: ServerResponse, method: string, rawPath: string, query: string): boolean {
    const path = decodePath(rawPath);
    if (path === undefined) {
      respondPlain(response, 400, "400 Bad Request");
      return true;
    }
    const fixed = this.#fixedPath(method, path);
    if (fixed !== undefined) {
      respondRedirect(response, method === "GET" ? 301 : 307, query === "" ? fixed : `${fixed}?${query}`);
      return false;
    }
    const allow = this.#allowedMethods(path);
    if (allow !== "" && method === "OPTIONS") {
      respondHeaders(response, { Allow: allow });
      return false;
    }
    if (allow !== "") respondRefusal(response, 405, "METHOD_NOT_ALLOWED", { Allow: allow });
    else respondRefusal(response, 404, "NOT_FOUND");
    return true;
  }

  /** The path of the method's route that `path` means, when it is not that path itself. */
  #fixedPath(method: string, path: string): string | undefined {
    if (path === "/") return undefined;
    const wanted = posix.normalize(`/${path}`).replace(/\/$/, "").toLowerCase();
    for (const each of this.#routes.get(method)?.keys() ?? []) if (each === wanted) return each;
    return undefined;
  }

  /** As the header Allow lists them; empty when the path has no route at all. */
  #allowedMethods(path: string): string {
    const has = (method: string): boolean => this.find(method, path) !== undefined;
    const methods = [...this.#routes.keys()].filter(has);
    return methods.length === 0 ? "" : [...methods, "OPTIONS"].sort().join(", ");
  }
}

/** Undefined when its percent escapes are broken. */
function decodePath(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}
