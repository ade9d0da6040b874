/** The methods there are. */

import { consume } from "./consume.ts";
import { logCreate } from "./log-create.ts";
import { logList } from "./log-list.ts";
import type { Method } from "./method.ts";
import { produce } from "./produce.ts";
import { subscribe } from "./subscribe.ts";
import { subscriptionCredit } from "./subscription-credit.ts";
import { unsubscribe } from "./unsubscribe.ts";

export const methods: readonly Method[] = [
  logCreate,
  logList,
  produce,
  consume,
  subscribe,
  subscriptionCredit,
  unsubscribe,
];
