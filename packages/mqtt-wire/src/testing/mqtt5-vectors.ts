/** Every vector of MQTT 5. */

import { ack5Vectors } from "./mqtt5-ack-vectors.ts";
import { connectProperty5Vectors } from "./mqtt5-connect-property-vectors.ts";
import { connect5Vectors } from "./mqtt5-connect-vectors.ts";
import { connection5Vectors } from "./mqtt5-connection-vectors.ts";
import { publish5Vectors } from "./mqtt5-publish-vectors.ts";
import { subscribe5Vectors } from "./mqtt5-subscribe-vectors.ts";
import type { Vector5 } from "./mqtt5-vector.ts";

export const vectors5: readonly Vector5[] = [
  ...connection5Vectors,
  ...connect5Vectors,
  ...connectProperty5Vectors,
  ...publish5Vectors,
  ...ack5Vectors,
  ...subscribe5Vectors,
];
