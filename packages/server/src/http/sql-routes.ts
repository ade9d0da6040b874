/** `/_sql` and `/` of CrateDB, and the process of the database behind them. */

import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { Access } from "@polylog/broker/access";
import { CrateEndpoint, type NodeIdentity, SqlProcess } from "@polylog/crate";
import { isOriginAllowed } from "@polylog/rpc";
import { version } from "../version.ts";
import { type HttpRoute, sendJson } from "./routes.ts";

export interface SqlRoutesOptions {
  readonly dataDir: string;
  /** As of `SqlProcessOptions`. */
  readonly timeoutMs: number;
  readonly memoryBytesMax: number;
  readonly access: Access;
  /** Origins of web pages that may use it, besides its own. */
  readonly origins: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The release of CrateDB whose contract the endpoint follows; clients compare it with what they need. */
const contractVersion = "6.0.0";

export function sqlRoutes({ dataDir, access, origins, ...options }: SqlRoutesOptions): {
  process: SqlProcess;
  routes: HttpRoute[];
} {
  const node: NodeIdentity = {
    id: createHash("sha256").update(`${hostname()}\n${dataDir}`).digest("base64url").slice(0, 22),
    name: "polylog",
    hostname: hostname(),
    version: `${contractVersion}+polylog.${version}`,
    clusterName: "polylog",
  };
  const logger = options.logger.child("sql");
  const process = new SqlProcess({ ...options, directory: join(dataDir, "sql"), node, logger });
  const endpoint = new CrateEndpoint({ process, node, access, clock: options.clock });
  const routes: HttpRoute[] = [
    {
      path: "/_sql",
      methods: [],
      handle: (request, response, principal) => {
        if (isOriginAllowed(request, origins)) endpoint.handleSql(request, response, principal);
        else sendJson(response, 403, originRefusal(request.headers.origin ?? ""));
      },
    },
    { path: "/", methods: ["GET", "HEAD"], handle: (request, response) => endpoint.handleInfo(request, response) },
  ];
  return { process, routes };
}

/** As CrateDB says that something is forbidden. A browser sends a statement of any page without asking first. */
function originRefusal(origin: string): object {
  const message = `web pages of ${origin} may not use this server; --web-origin names those that may`;
  return { error: { message, code: 4030 } };
}
