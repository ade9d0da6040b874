/** `/_sql` and `/` of CrateDB, and the process of the database behind them. */

import { createHash } from "node:crypto";
import { hostname } from "node:os";
import { join } from "node:path";
import type { Clock } from "@polylog/base/clock";
import type { Logger } from "@polylog/base/telemetry";
import type { Access } from "@polylog/broker/access";
import { CrateEndpoint, type NodeIdentity, SqlProcess } from "@polylog/crate";
import { version } from "../version.ts";
import type { HttpRoute } from "./routes.ts";

export interface SqlRoutesOptions {
  readonly dataDir: string;
  readonly access: Access;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The release of CrateDB whose contract the endpoint follows; clients compare it with what they need. */
const contractVersion = "6.0.0";

export function sqlRoutes({ dataDir, access, clock, logger }: SqlRoutesOptions): {
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
  const process = new SqlProcess({ directory: join(dataDir, "sql"), node, clock, logger: logger.child("sql") });
  const endpoint = new CrateEndpoint({ process, node, access, clock });
  const routes: HttpRoute[] = [
    {
      path: "/_sql",
      methods: [],
      handle: (request, response, principal) => endpoint.handleSql(request, response, principal),
    },
    { path: "/", methods: ["GET", "HEAD"], handle: (request, response) => endpoint.handleInfo(request, response) },
  ];
  return { process, routes };
}
