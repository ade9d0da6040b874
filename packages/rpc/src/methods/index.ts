/** The methods there are. */

import { channelConfigure } from "./channel-configure.ts";
import { channelCreate } from "./channel-create.ts";
import { channelDelete } from "./channel-delete.ts";
import { channelList } from "./channel-list.ts";
import { channelPause } from "./channel-pause.ts";
import { channelPeek } from "./channel-peek.ts";
import { channelReplayDeadLetters } from "./channel-replay-dead-letters.ts";
import { channelSeek } from "./channel-seek.ts";
import { channelUnpause } from "./channel-unpause.ts";
import { consume } from "./consume.ts";
import { logAlter } from "./log-alter.ts";
import { logCreate } from "./log-create.ts";
import { logDelete } from "./log-delete.ts";
import { logDescribe } from "./log-describe.ts";
import { logEmpty } from "./log-empty.ts";
import { logList } from "./log-list.ts";
import type { Method } from "./method.ts";
import { mqttBridges } from "./mqtt-bridges.ts";
import { mqttCancelDelayed } from "./mqtt-cancel-delayed.ts";
import { mqttClients } from "./mqtt-clients.ts";
import { mqttDelayed } from "./mqtt-delayed.ts";
import { mqttKick } from "./mqtt-kick.ts";
import { mqttRetained } from "./mqtt-retained.ts";
import { mqttSessions } from "./mqtt-sessions.ts";
import { mqttSubscriptions } from "./mqtt-subscriptions.ts";
import { produce } from "./produce.ts";
import { producerOpen } from "./producer-open.ts";
import { subscribe } from "./subscribe.ts";
import { subscriptionCredit } from "./subscription-credit.ts";
import { unsubscribe } from "./unsubscribe.ts";

export const methods: readonly Method[] = [
  logCreate,
  logList,
  logDescribe,
  logAlter,
  logEmpty,
  logDelete,
  producerOpen,
  produce,
  consume,
  subscribe,
  subscriptionCredit,
  unsubscribe,
  channelCreate,
  channelList,
  channelConfigure,
  channelPause,
  channelUnpause,
  channelSeek,
  channelPeek,
  channelReplayDeadLetters,
  channelDelete,
  mqttClients,
  mqttSessions,
  mqttSubscriptions,
  mqttRetained,
  mqttKick,
  mqttDelayed,
  mqttCancelDelayed,
  mqttBridges,
];
