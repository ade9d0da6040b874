import * as v from "valibot";
import { rpcErrors } from "../errors.ts";
import { defineMethod } from "./method.ts";
import { countSchema } from "./params.ts";

export const unsubscribe = defineMethod({
  name: "unsubscribe",
  summary: "Ends a subscription; nothing of it comes after the answer.",
  params: v.strictObject({ subscription: countSchema }),
  result: "{}",
  handle({ peer }, { subscription }) {
    if (peer.subscriptions === undefined) throw rpcErrors.WEBSOCKET_ONLY({ method: "unsubscribe" });
    peer.subscriptions.require(subscription).close();
    return {};
  },
});
