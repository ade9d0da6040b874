/** Every vector of this package, in the order of the packet types. */

import { connectVectors } from "./connect-vectors.ts";
import { connectionVectors } from "./connection-vectors.ts";
import { publishVectors } from "./publish-vectors.ts";
import { subscribeVectors } from "./subscribe-vectors.ts";
import type { Vector } from "./vector.ts";

export const vectors: readonly Vector[] = [
  ...connectionVectors,
  ...connectVectors,
  ...publishVectors,
  ...subscribeVectors,
];
