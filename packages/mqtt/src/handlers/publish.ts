/** PUBLISH: the hot one; see `publish-path.ts`. */

import type { ClientConnection } from "../client-connection.ts";

export function handlePublish(connection: ClientConnection): void {
  connection.parts.publishPath.receive(connection);
}
